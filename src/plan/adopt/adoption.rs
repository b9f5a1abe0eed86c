//! Which of a folder's files another tool has applied.

use super::checksum::ForeignChecksum;
use super::history::{ForeignHistory, ForeignMigration};
use super::problem::{AdoptProblem, ChangedFile};
use super::tool::Tool;
use crate::migration::{Migration, MigrationFiles, MigrationSet, Version, diesel_version};

/// What is to be recorded as adopted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adoption<'a> {
    pub migrations: Vec<&'a Migration>,
    /// How many of their files were compared with the tool's checksums.
    pub checked: usize,
    /// The method; None where nothing was checked.
    pub method: Option<&'static str>,
    /// Files older than the newest that the tool has applied, which it has not: they come out of order.
    pub late: Vec<&'a Migration>,
}

/// Finds the files that a tool's history names.
///
/// # Errors
///
/// Where one is missing in the folder, or is another than when it was applied and `ignore_checksums` does not say that
/// this is right.
pub fn adoption<'a>(
    tool: Tool,
    history: &ForeignHistory,
    set: &'a MigrationSet,
    ignore_checksums: bool,
) -> Result<Adoption<'a>, AdoptProblem> {
    let mut found: Vec<(&Migration, Option<&ForeignChecksum>)> = Vec::new();
    let mut missing = Vec::new();
    if let Some(up_to) = &history.up_to {
        // A baseline says what existed before; its version needs no file.
        match version_of(up_to).filter(|version| tool.keeps_baselines() || set.get(version).is_some()) {
            Some(last) => found.extend(set.migrations().filter(|m| m.version <= last).map(|m| (m, None))),
            None => missing.push(up_to.clone()),
        }
    }
    for ForeignMigration { version, checksum, may_be_its_own } in &history.each {
        match migration(tool, version, set) {
            Some(migration) => found.push((migration, checksum.as_ref())),
            None if *may_be_its_own => {}
            None => missing.push(version.clone()),
        }
    }
    if !missing.is_empty() {
        return Err(AdoptProblem::Missing { tool, versions: missing });
    }
    let (checked, method) = if ignore_checksums { (0, None) } else { check(tool, &found, set.files())? };
    let mut migrations: Vec<&Migration> = found.into_iter().map(|(migration, _)| migration).collect();
    migrations.sort_by(|a, b| a.version.cmp(&b.version));
    migrations.dedup_by(|a, b| a.version == b.version);
    let newest = migrations.last().map(|migration| &migration.version);
    let is_late = |migration: &&Migration| {
        newest > Some(&migration.version) && !migrations.iter().any(|known| known.version == migration.version)
    };
    let late = set.migrations().filter(is_late).collect();
    Ok(Adoption { migrations, checked, method, late })
}

fn check(
    tool: Tool,
    found: &[(&Migration, Option<&ForeignChecksum>)],
    files: &MigrationFiles,
) -> Result<(usize, Option<&'static str>), AdoptProblem> {
    let (mut checked, mut method, mut changed) = (0, None, Vec::new());
    for (migration, checksum) in found {
        let Some(checksum) = checksum else { continue };
        let Some(file) = files.get(&migration.version) else { continue };
        method = Some(checksum.method());
        checked += 1;
        if !checksum.is_of(file.bytes()) {
            changed.push(ChangedFile { file: file.file().to_owned() });
        }
    }
    match (changed.is_empty(), method) {
        (false, Some(method)) => Err(AdoptProblem::Changed { tool, method, files: changed }),
        _ => Ok((checked, method)),
    }
}

/// The file of another tool's version.
fn migration<'a>(tool: Tool, version: &str, set: &'a MigrationSet) -> Option<&'a Migration> {
    match tool {
        // A folder is read as diesel reads it; a file in the folder may have diesel's digits as its number.
        Tool::Diesel => {
            let versions = [diesel_version(version), version_of(version)];
            versions.iter().flatten().find_map(|version| set.get(version))
        }
        // Several may share a time: only the name identifies one.
        Tool::Prisma => {
            let key = as_key(version);
            let file = set.files().migrations().iter().find(|file| as_key(file.stem()) == key)?;
            file.parsed().ok()
        }
        _ => set.get(&version_of(version)?),
    }
}

/// A folder's name as a ConfigMap's key can have it.
fn as_key(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' }).collect()
}

/// Another tool's version as ours. In Flyway `_` stands for `.`.
fn version_of(version: &str) -> Option<Version> {
    version.replace('_', ".").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::SourceFile;
    use crate::sql::Dialect;

    fn files(names: &[&str]) -> Vec<SourceFile> {
        names.iter().map(|name| SourceFile { name: (*name).to_owned(), bytes: b"select 1".to_vec() }).collect()
    }

    fn adopted(history: &ForeignHistory, names: &[&str]) -> Result<(Vec<String>, Vec<String>), AdoptProblem> {
        let set = MigrationSet::read(files(names), Dialect::Postgres).unwrap();
        let found = adoption(Tool::Flyway, history, &set, false)?;
        let names = |migrations: &[&Migration]| migrations.iter().map(|m| m.file.clone()).collect::<Vec<_>>();
        Ok((names(&found.migrations), names(&found.late)))
    }

    #[test]
    fn one_number_includes_all_below_it() {
        let history = ForeignHistory { up_to: Some("2".to_owned()), each: Vec::new() };
        let (found, late) = adopted(&history, &["001_a.sql", "002_b.sql", "003_c.sql"]).unwrap();
        assert_eq!((found, late), (vec!["001_a.sql".to_owned(), "002_b.sql".to_owned()], Vec::new()));
    }

    #[test]
    fn what_the_tool_left_out_is_out_of_order_and_what_the_folder_lacks_is_reported() {
        let (found, late) =
            adopted(&ForeignHistory::versions(["1".into(), "3".into()]), &["1_a.sql", "2_b.sql", "3_c.sql"]).unwrap();
        assert_eq!((found.len(), late), (2, vec!["2_b.sql".to_owned()]));
        let problem = adopted(&ForeignHistory::versions(["1".into(), "7".into()]), &["1_a.sql"]).unwrap_err();
        assert!(problem.to_string().starts_with("Flyway has applied 7, which the folder does not have"), "{problem}");
    }

    #[test]
    fn versions_of_several_numbers_are_those_of_the_files() {
        let history = ForeignHistory::versions(["1".into(), "2.0".into(), "2.7.0.1".into(), "4_99_1561608282".into()]);
        let names = ["V4_100__e.sql", "V2_7_0_1__c.sql", "V1__a.sql", "V2__b.sql", "V4_99_1561608282__d.sql"];
        let (found, late) = adopted(&history, &names).unwrap();
        assert_eq!(found, ["V1__a.sql", "V2__b.sql", "V2_7_0_1__c.sql", "V4_99_1561608282__d.sql"]);
        assert_eq!(late, Vec::<String>::new());
        let up_to = ForeignHistory { up_to: Some("4.99.1561608282".to_owned()), each: Vec::new() };
        assert_eq!(adopted(&up_to, &names).unwrap().0, found);
    }

    #[test]
    fn diesel_s_versions_are_found_in_its_folders_and_in_files_with_its_digits() {
        let history =
            ForeignHistory::versions(["20240306170000".into(), "20240313".into(), "202511190914440000".into()]);
        let adopted = |names: &[&str]| {
            let set = MigrationSet::read(files(names), Dialect::Postgres).unwrap();
            adoption(Tool::Diesel, &history, &set, false).unwrap().migrations.len()
        };
        assert_eq!(
            adopted(&["2024-03-06-170000_a/up.sql", "2024-03-13_170000_b/up.sql", "2025-11-19-091444-0000_c/up.sql"]),
            3
        );
        assert_eq!(adopted(&["20240306170000_a.up.sql", "20240313_b.up.sql", "202511190914440000_c.up.sql"]), 3);
    }

    #[test]
    fn prisma_s_migrations_are_found_by_their_names() {
        let names = ["20240528214728_i_01", "20240528214728_i_03", "20240126184148_new_models copy"];
        let history = ForeignHistory::versions(names.map(str::to_owned));
        let set = |names: &[&str]| MigrationSet::read(files(names), Dialect::Postgres).unwrap();
        let folders = set(&[
            "20240126184148_new_models copy/migration.sql",
            "20240528214728_i_01/migration.sql",
            "20240528214728_i_02/migration.sql",
            "20240528214728_i_03/migration.sql",
        ]);
        let found = adoption(Tool::Prisma, &history, &folders, false).unwrap();
        let versions: Vec<&str> = found.migrations.iter().map(|m| m.version.as_str()).collect();
        assert_eq!(versions, ["20240126184148", "20240528214728", "20240528214728.2"]);
        assert_eq!(found.late[0].file, "20240528214728_i_02/migration.sql");
        let keys = set(&[
            "20240126184148_new_models_copy.migration.sql",
            "20240528214728_i_01.migration.sql",
            "20240528214728_i_03.migration.sql",
        ]);
        assert_eq!(adoption(Tool::Prisma, &history, &keys, false).unwrap().migrations.len(), 3);
        let missing =
            adoption(Tool::Prisma, &history, &set(&["20240528214728_i_01/migration.sql"]), false).unwrap_err();
        assert!(missing.to_string().contains("20240528214728_i_03, 20240126184148_new_models copy"), "{missing}");
    }

    #[test]
    fn a_baseline_needs_no_file_of_its_version_and_a_tool_s_only_number_does() {
        let names = ["V1.1__a.sql", "V1.2__b.sql", "V2.1__c.sql"];
        let up_to = |version: &str| ForeignHistory { up_to: Some(version.to_owned()), each: Vec::new() };
        assert_eq!(adopted(&up_to("2"), &names).unwrap().0, ["V1.1__a.sql", "V1.2__b.sql"]);
        let set = MigrationSet::read(files(&names), Dialect::Postgres).unwrap();
        assert!(adoption(Tool::GolangMigrate, &up_to("2"), &set, false).is_err());
    }

    #[test]
    fn a_file_that_has_changed_is_reported_unless_that_is_said_to_be_right() {
        let each = vec![ForeignMigration::new("1".into(), Some(ForeignChecksum::Crc32(7)))];
        let history = ForeignHistory { up_to: None, each };
        let problem = adopted(&history, &["1_a.sql"]).unwrap_err();
        assert!(problem.to_string().contains("CRC-32 checksums: 1_a.sql"), "{problem}");
        let set = MigrationSet::read(files(&["1_a.sql"]), Dialect::Postgres).unwrap();
        assert_eq!(adoption(Tool::Flyway, &history, &set, true).unwrap().checked, 0);
    }

    #[test]
    fn files_are_compared_where_the_tool_has_kept_checksums() {
        // CRC-32 of `select 1`.
        let of = |version: &str, crc: Option<i32>| {
            ForeignMigration::new(version.to_owned(), crc.map(ForeignChecksum::Crc32))
        };
        let each = vec![of("1", Some(245_801_405)), of("2", Some(245_801_405)), of("3", None)];
        let set = MigrationSet::read(files(&["1_a.sql", "2_b.sql", "3_c.sql"]), Dialect::Postgres).unwrap();
        let found = adoption(Tool::Flyway, &ForeignHistory { up_to: None, each }, &set, false).unwrap();
        assert_eq!((found.migrations.len(), found.checked, found.method), (3, 2, Some("CRC-32")));
        let unchecked = adoption(Tool::Dbmate, &ForeignHistory::versions(["1".into()]), &set, false).unwrap();
        assert_eq!((unchecked.checked, unchecked.method), (0, None));
    }

    #[test]
    fn what_may_be_the_tool_s_own_needs_no_file_and_is_adopted_where_there_is_one() {
        let mut history = ForeignHistory::versions(["00000000000000".into(), "1".into()]);
        history.each[0].may_be_its_own = true;
        assert_eq!(adopted(&history, &["1_a.sql"]).unwrap().0, ["1_a.sql"]);
        assert_eq!(adopted(&history, &["0_setup.sql", "1_a.sql"]).unwrap().0, ["0_setup.sql", "1_a.sql"]);
    }
}
