//! The file for a new migration: its version, in the style of the folder, and its initial content.

use super::Version;
use super::file_name::{Direction, FileName, NameError, Naming, parse};
use super::rollback::UNWRITTEN;

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

/// Names and fills the file that follows those of a folder, in the style of the newest: Flyway's, diesel's and Prisma's
/// too.
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
    let Some((newest, found)) = ups.max_by(|(_, a), (_, b)| a.version.cmp(&b.version)) else {
        return new_file(&Style::default(), "001", None, description);
    };
    let style = Style::of(newest, &found);
    let is_date = !found.has_parts && found.version.is_date();
    // Today's date may be taken already; the number after it is still free.
    let candidates = is_date.then(|| stamp(style.version, now)).into_iter().chain(raised(style.version));
    let mut error = NewFileError::NoVersionAbove(found.version.clone());
    for version in candidates {
        match new_file(&style, &version, Some(&found.version), description) {
            Ok(file) => return Ok(file),
            Err(why) => error = why,
        }
    }
    Err(error)
}

fn new_file(style: &Style, version: &str, above: Option<&Version>, description: &str) -> Result<NewFile, NewFileError> {
    let slug = slug(description);
    let name = format!("{}{version}{}{slug}{}", style.prefix, style.separator, style.ending);
    let no_version = || above.cloned().map(NewFileError::NoVersionAbove);
    let unusable = || NewFileError::Description(description.to_owned());
    match parse(&name) {
        Ok(Some(found)) if above.is_some_and(|above| found.version <= *above) => {
            Err(no_version().unwrap_or_else(unusable))
        }
        Ok(Some(found)) if found.direction == Direction::Up && found.description == slug => {
            Ok(NewFile { name, text: template(description) })
        }
        Err(NameError::Version(_)) => Err(no_version().unwrap_or_else(unusable)),
        _ => Err(unusable()),
    }
}

/// How a file is named.
struct Style<'a> {
    prefix: &'a str,
    /// As written.
    version: &'a str,
    separator: &'a str,
    ending: &'a str,
}

impl Default for Style<'_> {
    fn default() -> Self {
        Self { prefix: "", version: "", separator: "_", ending: ".sql" }
    }
}

impl<'a> Style<'a> {
    fn of(name: &'a str, found: &FileName) -> Self {
        let endings: &[&str] = if found.naming == Naming::Prisma {
            &["/migration.sql", ".migration.sql"]
        } else {
            &["/up.sql", ".up.sql"]
        };
        let ending = endings.iter().find(|ending| name.ends_with(**ending)).unwrap_or(&".sql");
        let rest = name.strip_suffix(ending).unwrap_or(name);
        let (prefix, rest) = rest.split_at(usize::from(rest.starts_with('V')));
        let flyway = rest.split_once("__").filter(|_| !prefix.is_empty());
        let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-')).unwrap_or(rest.len());
        let digits = rest.get(..end).unwrap_or_default().trim_end_matches(['.', '-']);
        let after = rest.get(digits.len()..).and_then(|after| after.get(..1));
        let (version, separator) = flyway.map_or((digits, after.unwrap_or("_")), |(version, _)| (version, "__"));
        Self { prefix, version, separator, ending }
    }
}

/// The time now, with as many digits as a version has, and dashes in the same places.
fn stamp(version: &str, now: &str) -> String {
    let mut digits = now.chars();
    version.chars().map(|c| if c == '-' { c } else { digits.next().unwrap_or('0') }).collect()
}

/// A version with its last number raised by one; None if that number is too large. The digits of a date with dashes are
/// one number.
fn raised(version: &str) -> Option<String> {
    let (others, last) = version.split_at(version.rfind(['.', '_']).map_or(0, |separator| separator + 1));
    let digits = last.replace('-', "");
    let (width, number) = (digits.len(), digits.parse::<u128>().ok()?.checked_add(1)?);
    let next = format!("{number:0width$}");
    Some(format!("{others}{}", if digits.len() < last.len() { stamp(last, &next) } else { next }))
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
    #[case::diesel(&["2024-03-06-170000_a/up.sql", "2024-03-06-170000_a/down.sql"], "2026-11-22-180000_add_phone/up.sql")]
    #[case::diesel_with_a_count(&["2025-11-19-091444-0000_a/up.sql"], "2026-11-22-180000-0000_add_phone/up.sql")]
    #[case::diesel_ahead(&["2027-01-01-000000_a.up.sql"], "2027-01-01-000001_add_phone.up.sql")]
    #[case::prisma(&["20240306170000_a/migration.sql", "20240306170000_b/migration.sql"], "20261122180000_add_phone/migration.sql")]
    #[case::prisma_as_keys(&["20240306170000_a.migration.sql"], "20261122180000_add_phone.migration.sql")]
    #[case::authelia(&["V0026.StorageAAD.up.sql"], "V0027.add_phone.up.sql")]
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
    fn a_new_file_is_refused_until_it_is_written_and_its_rollback_counts_once_that_is_written() {
        let new = next_file([], "line one\n'; drop table t", NOW).unwrap();
        let read = |text: &str| {
            let file = SourceFile { name: new.name.clone(), bytes: text.into() };
            let set = MigrationSet::read([file], Dialect::Postgres);
            set.map(|set| set.migrations().next().unwrap().clone())
        };
        assert!(read(&new.text).is_err());
        let written = new.text.replacen("\n\n", "\ncreate table t ();\n", 1);
        let migration = read(&written).unwrap();
        assert_eq!(migration.statements.len(), 1);
        assert_eq!(migration.rollback_sql, None, "nobody has said what undoes it");
        let undone = read(&format!("{written}-- drop table t;\n")).unwrap();
        assert!(undone.rollback_sql.unwrap().contains("drop table t"));
    }
}
