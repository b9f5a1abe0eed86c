//! Which of a folder's files another tool has applied.

use std::fmt::Write as _;

use super::checksum::ForeignChecksum;
use super::history::{ForeignHistory, ForeignMigration};
use super::problem::{AdoptProblem, ChangedFile};
use super::tool::Tool;
use crate::migration::{Migration, MigrationFiles, MigrationSet, Version};

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
    let versions = Versions::of(history);
    let mut found: Vec<(&Migration, Option<&ForeignChecksum>)> = Vec::new();
    let mut missing = Vec::new();
    if let Some(up_to) = &history.up_to {
        match versions.migration(up_to, set) {
            Some(last) => {
                found.extend(set.migrations().filter(|m| m.version <= last.version).map(|m| (m, None)));
            }
            None => missing.push(up_to.clone()),
        }
    }
    for ForeignMigration { version, checksum, may_be_its_own } in &history.each {
        match versions.migration(version, set) {
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

/// How a tool's versions are written as ours.
struct Versions {
    /// The most numbers that a version of the history has; 1 where all are whole numbers.
    parts: usize,
}

impl Versions {
    fn of(history: &ForeignHistory) -> Self {
        let all = history.each.iter().map(|migration| &migration.version).chain(&history.up_to);
        Self { parts: all.map(|version| parts(version).count()).max().unwrap_or(1) }
    }

    /// The file of a version. Where a history has versions of several numbers (Flyway's 2.1), the files are named with
    /// four digits for each number after the first and three numbers at least: 2.1 is 200010000, and 2 is 200000000 then.
    fn migration<'a>(&self, version: &str, set: &'a MigrationSet) -> Option<&'a Migration> {
        let joined = (self.parts > 1).then(|| {
            let mut numbers = parts(version);
            let mut digits = numbers.next().unwrap_or_default().to_owned();
            for _ in 1..self.parts.max(3) {
                let _ = write!(digits, "{:0>4}", numbers.next().unwrap_or("0"));
            }
            digits
        });
        let candidates = joined.into_iter().chain([version.to_owned()]);
        candidates.filter_map(|text| text.parse::<Version>().ok()).find_map(|version| set.get(&version))
    }
}

/// The numbers of a version. Flyway takes `_` for `.`.
fn parts(version: &str) -> impl Iterator<Item = &str> {
    version.split(['.', '_'])
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
    fn versions_of_several_numbers_become_one() {
        let history = ForeignHistory::versions(["1".into(), "2".into(), "2.1".into()]);
        let (found, _) =
            adopted(&history, &["100000000_a.sql", "200000000_b.sql", "200010000_c.sql", "200020000_d.sql"]).unwrap();
        assert_eq!(found, ["100000000_a.sql", "200000000_b.sql", "200010000_c.sql"]);
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
}
