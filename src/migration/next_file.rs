//! The file for a new migration: its version, in the style of the folder, and its initial content.

use super::Version;
use super::file_name::{Direction, FileName, parse};
use super::rollback::UNWRITTEN;

/// The digits of a time stamp such as `20261122180000`.
const TIME_STAMP_DIGITS: usize = 14;

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewFile {
    pub name: String,
    /// Comments and an empty rollback block.
    pub text: String,
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NewFileError {
    #[error("{0:?} cannot be a migration's name; use letters, digits, _ and -, such as add_customer_phone")]
    Description(String),
    #[error("no valid version is left above {0}")]
    NoVersionAbove(Version),
}

/// Names and fills the file that follows those of a folder.
///
/// Its version is the newest one plus one, with the same number of digits; if that has several numbers, the last one is
/// raised. If the newest is a date or a time stamp, it is the current time with that many digits. `now` is the current
/// UTC time, fourteen digits from the year to the second.
///
/// # Errors
///
/// [`NewFileError`] if the description or the newest version leaves no valid name.
pub fn next_file<'a>(
    names: impl IntoIterator<Item = &'a str>,
    description: &str,
    now: &str,
) -> Result<NewFile, NewFileError> {
    let read = |name: &'a str| Some((name, parse(name).ok().flatten()?));
    let ups = names.into_iter().filter_map(read).filter(|(_, name)| name.direction == Direction::Up);
    let newest = ups.max_by(|(_, a), (_, b)| a.version.cmp(&b.version));
    let ending = if newest.as_ref().is_some_and(|(name, _)| name.ends_with(".up.sql")) { ".up.sql" } else { ".sql" };
    let slug = slug(description);
    let is_flyway = newest.as_ref().is_some_and(|(name, _)| name.starts_with('V'));
    let version = match newest {
        None => "001".to_owned(),
        Some((name, found)) => {
            let (name, end) = if is_flyway { (name.trim_start_matches('V'), "__") } else { (name, "_") };
            let written = name.split(end).next().unwrap_or_default();
            next_version(written, &found, now).ok_or(NewFileError::NoVersionAbove(found.version))?
        }
    };
    let name = if is_flyway { format!("V{version}__{slug}.sql") } else { format!("{version}_{slug}{ending}") };
    let unusable = || NewFileError::Description(description.to_owned());
    let found = parse(&name).ok().flatten().ok_or_else(unusable)?;
    if found.direction != Direction::Up || found.description != slug {
        return Err(unusable());
    }
    Ok(NewFile { name, text: template(description) })
}

/// `written`: the version as it appears in the newest file's name.
fn next_version(written: &str, newest: &FileName, now: &str) -> Option<String> {
    if !newest.has_parts && newest.version.is_date() {
        let stamp = now.get(..written.len().min(TIME_STAMP_DIGITS)).unwrap_or(now);
        if stamp.parse::<Version>().is_ok_and(|version| version > newest.version) {
            return Some(stamp.to_owned());
        }
    }
    // Today's date may be taken already; the number after it is still free.
    let (others, last) = written.split_at(written.rfind(['.', '_']).map_or(0, |separator| separator + 1));
    let (width, number) = (last.len(), last.parse::<u128>().ok()?.checked_add(1)?);
    let next = format!("{others}{number:0width$}");
    next.replace('_', ".").parse::<Version>().is_ok().then_some(next)
}

fn slug(description: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let words: Vec<&str> = description.split(|c| !allowed(c)).filter(|word| !word.is_empty()).collect();
    words.join("_").to_ascii_lowercase()
}

fn template(description: &str) -> String {
    let title = description.split(|c: char| c.is_whitespace() || c.is_control()).collect::<Vec<_>>().join(" ");
    format!("-- {title}\n\n\n\n-- rollback:\n-- {UNWRITTEN}\n")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::migration::{MigrationSet, SourceFile};
    use crate::sql::Dialect;

    const NOW: &str = "20261122180000";

    #[rstest]
    #[case::empty(&[], "001_add_phone.sql")]
    #[case::width(&["001_a.sql", "009_b.sql", "README.md"], "010_add_phone.sql")]
    #[case::no_width(&["1_a.sql", "9_b.sql"], "10_add_phone.sql")]
    #[case::width_used_up(&["999_a.sql"], "1000_add_phone.sql")]
    #[case::up_and_down(&["0001_a.up.sql", "0001_a.down.sql"], "0002_add_phone.up.sql")]
    #[case::time_stamps(&["20260101120000_a.sql"], "20261122180000_add_phone.sql")]
    #[case::dates(&["20260101_a.sql"], "20261122_add_phone.sql")]
    #[case::flyway(&["V1__a.sql", "V2__b.sql", "R__views.sql"], "V3__add_phone.sql")]
    #[case::the_same_day(&["20261122_a.sql"], "20261123_add_phone.sql")]
    #[case::a_time_stamp_ahead(&["20270101000000_a.sql"], "20270101000001_add_phone.sql")]
    #[case::longer_than_seconds(&["20150100000001000000_a.sql"], "20150100000001000001_add_phone.sql")]
    #[case::flyway_with_parts(&["V1_9__a.sql", "V1_10__b.sql"], "V1_11__add_phone.sql")]
    #[case::flyway_with_dots(&["V13__a.sql", "V13.1.0__b.sql"], "V13.1.1__add_phone.sql")]
    #[case::flyway_with_times(&["V4_99_1561608282__a.sql"], "V4_99_1561608283__add_phone.sql")]
    #[case::flyway_with_dates(&["V2026_01_02__a.sql"], "V2026_01_03__add_phone.sql")]
    #[case::parts(&["1.0_a.up.sql"], "1.1_add_phone.up.sql")]
    #[case::a_long_number_that_is_no_date(&["V100000000__a.sql"], "V100000001__add_phone.sql")]
    #[case::seconds_since_1970(&["1626194317_a.up.sql"], "1626194318_add_phone.up.sql")]
    #[case::a_number_then_time_stamps(&["1_a.sql", "20260101120000_b.sql"], "20261122180000_add_phone.sql")]
    fn the_next_name_follows_the_folder_s_style(#[case] names: &[&str], #[case] expected: &str) {
        assert_eq!(next_file(names.iter().copied(), "add phone", NOW).unwrap().name, expected);
    }

    #[rstest]
    #[case("add_phone", "001_add_phone.sql")]
    #[case("Add the customer's phone!", "001_add_the_customer_s_phone.sql")]
    #[case("../../etc/passwd", "001_etc_passwd.sql")]
    #[case("down", "001_down.sql")]
    #[case("x.down", "001_x_down.sql")]
    fn a_description_becomes_a_name(#[case] description: &str, #[case] expected: &str) {
        assert_eq!(next_file([], description, NOW).unwrap().name, expected);
    }

    #[test]
    fn what_cannot_be_a_name_or_a_version_is_refused() {
        assert!(next_file([], "größe", NOW).is_ok());
        assert!(matches!(next_file([], "¿?", NOW), Err(NewFileError::Description(_))));
        let last = format!("{}_a.sql", "9".repeat(32));
        assert!(matches!(next_file([last.as_str()], "b", NOW), Err(NewFileError::NoVersionAbove(_))));
    }

    #[test]
    fn a_new_file_is_a_valid_migration_whose_rollback_counts_once_it_is_written() {
        let new = next_file([], "line one\n'; drop table t", NOW).unwrap();
        let read = |text: String| {
            let file = SourceFile { name: new.name.clone(), bytes: text.into() };
            MigrationSet::read([file], Dialect::Postgres).unwrap().migrations().next().unwrap().clone()
        };
        let untouched = read(new.text.clone());
        assert!(untouched.statements.is_empty());
        assert_eq!(untouched.rollback_sql, None, "nobody has said what undoes it");
        let written = read(format!("{}-- drop table t;\n", new.text));
        assert!(written.rollback_sql.unwrap().contains("drop table t"));
    }
}
