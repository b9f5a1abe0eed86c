//! Migration sets for tests.

use std::collections::BTreeMap;

use schemaward::migration::{SourceFile, source_hash};
use serde_json::{Value, json};

/// File names and their SQL.
pub type Files = BTreeMap<String, String>;

pub fn files<const N: usize>(entries: [(&str, &str); N]) -> Files {
    entries.into_iter().map(|(name, sql)| (name.to_owned(), sql.to_owned())).collect()
}

pub fn inline<const N: usize>(entries: [(&str, &str); N]) -> Value {
    json!({"inline": {"files": files(entries)}})
}

pub fn config_maps(names: &[&str]) -> Value {
    json!({"configMaps": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()})
}

/// The hash that the status must show for these files.
pub fn hash(files: &Files) -> String {
    let files: Vec<SourceFile> =
        files.iter().map(|(name, sql)| SourceFile { name: name.clone(), bytes: sql.clone().into() }).collect();
    source_hash(&files).as_str().to_owned()
}

/// Migrations that each insert a row into a table and then sleep: one that ran twice shows in the table, whatever the
/// ledger says.
pub fn marking(count: usize, sleeping: usize, seconds: u32) -> Files {
    let mut files = Files::new();
    files.insert(
        "001_marks.sql".into(),
        "create table marks (version int, at timestamptz default clock_timestamp());\n".into(),
    );
    for version in 2..=count {
        let sleep = if version == sleeping { format!("select pg_sleep({seconds});\n") } else { String::new() };
        let sql =
            format!("create table step_{version} (id int);\ninsert into marks (version) values ({version});\n{sleep}");
        files.insert(format!("{version:03}_step.sql"), sql);
    }
    files
}
