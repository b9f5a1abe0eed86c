//! Migration sets as tests write them.

use std::collections::BTreeMap;

use schemaward::migration::{SourceFile, source_hash};
use serde_json::{Value, json};

/// File names and their SQL.
pub type Files = BTreeMap<String, String>;

pub fn files<const N: usize>(entries: [(&str, &str); N]) -> Files {
    entries.into_iter().map(|(name, sql)| (name.to_owned(), sql.to_owned())).collect()
}

/// A source inside the resource.
pub fn inline<const N: usize>(entries: [(&str, &str); N]) -> Value {
    json!({"inline": {"files": files(entries)}})
}

/// A source of ConfigMaps.
pub fn config_maps(names: &[&str]) -> Value {
    json!({"configMaps": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()})
}

/// The hash the status must show for these files.
pub fn hash(files: &Files) -> String {
    let files: Vec<SourceFile> =
        files.iter().map(|(name, sql)| SourceFile { name: name.clone(), bytes: sql.clone().into() }).collect();
    source_hash(&files).as_str().to_owned()
}

/// A table that gets one row each time a migration runs, and migrations that write into it and then sleep:
/// a migration that ran twice is seen in the table, whatever the ledger says.
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
