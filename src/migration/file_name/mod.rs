//! Parses file names into version, description and direction.

mod flyway;
mod folder;
mod own;
mod suggestion;

use flyway::flyway;
pub use folder::diesel_version;
use own::own;
use suggestion::suggestion;

use super::{InvalidVersion, Version};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    Up,
    /// `001_name.down.sql` or Flyway's `U1__name.sql`: the rollback of that version.
    Down,
    /// `R__name.sql`: has no version, and runs again whenever it has changed.
    Repeatable,
}

/// Which tool's rules apply to a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Naming {
    /// Any other.
    Own,
    Flyway,
    Diesel,
    /// Several files may share a version, and are ordered by their names.
    Prisma,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileName {
    /// What precedes the first underscore (in Flyway's names the first two), or [`Version::of_repeatable`]. diesel's and
    /// Prisma's are converted; see `folder.rs`.
    pub version: Version,
    /// Whether the version is written as several numbers, such as `1.0`. Gaps between such versions are normal.
    pub has_parts: bool,
    pub naming: Naming,
    /// The rest of the name, without the ending.
    pub description: String,
    pub direction: Direction,
    /// The name without its ending, or the name of the migration's own folder. The same for up and down files.
    pub stem: String,
}

/// A name that ends in `.sql` but is not a valid migration name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    #[error(
        "not a valid migration name; a name is digits, an underscore, a description of letters, digits and _ . -, and \
         the ending .sql, .up.sql or .down.sql, such as {example}; or Flyway's V1__name.sql, U1__name.sql, R__name.sql",
        example = .suggestion.as_deref().unwrap_or("001_core_tables.sql")
    )]
    Form {
        /// A valid name close to this one, if there is one.
        suggestion: Option<String>,
    },
    /// A folder that contains a migration but is not named as diesel or Prisma name them.
    #[error(
        "the folder {0:?} does not have a migration's name, which is digits (diesel's may have dashes between them, \
         Prisma's are 14 at most), an underscore and a description, such as 2024-03-06-170000_add_users or \
         20240306170000_add_users; rename it"
    )]
    Folder(String),
    /// The version is too long, or has too many numbers.
    #[error(transparent)]
    Version(#[from] InvalidVersion),
    /// Looks like another tool's rollback file, which would otherwise be applied as a migration.
    #[error("ambiguous: {part:?} does not say whether this file goes up or down; name it {suggestion}")]
    Direction {
        /// The part of the name that is ambiguous.
        part: String,
        suggestion: String,
    },
}

/// Parses a file name, or the path of a file in a migration's own folder: `NAME/up.sql`. None if the file is not a
/// migration: it does not end in `.sql`, or is another file in such a folder.
///
/// # Errors
///
/// [`NameError`] if the name ends in `.sql`, in any case, but is not a valid migration name.
pub fn parse(name: &str) -> Result<Option<FileName>, NameError> {
    if let Some((folder, file)) = name.rsplit_once('/') {
        return folder::in_folder(folder, file).transpose();
    }
    let Some((stem, ending)) = split_ending(name) else {
        return Ok(None);
    };
    if ending != ".sql" {
        return Err(NameError::Form { suggestion: suggestion(name) });
    }
    if let Some(prisma) = folder::beside_others(stem) {
        return Ok(Some(prisma));
    }
    match flyway(stem) {
        Some(flyway) => flyway.map(Some),
        None => own(name, stem).map(Some),
    }
}

/// The name of a migration without its ending, or the name of its own folder; None if it is not a migration's.
#[must_use]
pub fn stem(name: &str) -> Option<String> {
    parse(name).ok().flatten().map(|name| name.stem)
}

/// Whether two names of one version can be the same migration's, perhaps in another tool's form: their descriptions are
/// the same. Of a name that is not a migration's nothing is known.
#[must_use]
pub fn are_alike(one: &str, other: &str) -> bool {
    let words = |name: &str| {
        let description = parse(name).ok().flatten()?.description.to_ascii_lowercase();
        Some(description.replace(['-', '.', ' '], "_"))
    };
    match (words(one), words(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// Whether the ending says that this is a migration; [`parse`] ignores all other files.
#[must_use]
pub fn ends_as_migration(name: &str) -> bool {
    split_ending(name).is_some()
}

fn split_ending(name: &str) -> Option<(&str, &str)> {
    let (stem, ending) = name.split_at_checked(name.len().checked_sub(".sql".len())?)?;
    ending.eq_ignore_ascii_case(".sql").then_some((stem, ending))
}

/// Whether a text consists of digits, or of several numbers separated by dots.
fn are_numbers(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether another tool's name may have this description.
fn is_free(description: &str) -> bool {
    !description.chars().any(char::is_control)
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn names_a_direction(part: &str) -> bool {
    ["up", "down", "undo", "rollback", "revert"].iter().any(|word| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("001_core_tables.sql", "001", "core_tables", Direction::Up)]
    #[case("1_a.up.sql", "1", "a", Direction::Up)]
    #[case("001_a.down.sql", "001", "a", Direction::Down)]
    #[case("20150100000001000000_networks.postgres.up.sql", "20150100000001000000", "networks.postgres", Direction::Up)]
    #[case("20201201161451_a-b.c.sql", "20201201161451", "a-b.c", Direction::Up)]
    #[case("7_up.sql", "7", "up", Direction::Up)]
    #[case("000_00.sql", "000", "00", Direction::Up)]
    #[case::flyway("V1__core_tables.sql", "1", "core_tables", Direction::Up)]
    #[case::flyway_undo("U007__core.tables.sql", "007", "core.tables", Direction::Down)]
    #[case::repeatable("R__views.sql", "R", "views", Direction::Repeatable)]
    #[case::flyway_without_a_description("V1__.sql", "1", "", Direction::Up)]
    #[case::flyway_a_version_alone("V2_1.sql", "2.1", "", Direction::Up)]
    #[case::flyway_undo_alone("U3.sql", "3", "", Direction::Down)]
    #[case::flyway_with_dots("V13.1__a.sql", "13.1", "a", Direction::Up)]
    #[case::flyway_with_underscores("U2_7_0_1__a_b.sql", "2.7.0.1", "a_b", Direction::Down)]
    #[case::flyway_with_zeros("V01_02_0__a.sql", "01.2", "a", Direction::Up)]
    #[case::flyway_with_a_time("V4_99_1561608282__NOOP.sql", "4.99.1561608282", "NOOP", Direction::Up)]
    #[case::flyway_with_what_no_config_map_takes("V1__größe (of a box).sql", "1", "größe (of a box)", Direction::Up)]
    #[case::a_date_with_dashes("2024-01-01-000001_orders.sql", "20240101000001", "orders", Direction::Up)]
    #[case::a_date_alone("2024-01-01_orders.sql", "20240101000000", "orders", Direction::Up)]
    #[case::of_diesel("2024-03-06-170000_a-b/up.sql", "20240306170000", "a-b", Direction::Up)]
    #[case::of_diesel_with_a_count("2024-03-06-170000-0000_a/down.sql", "20240306170000.1", "a", Direction::Down)]
    #[case::of_diesel_with_a_count_above("2024-03-06-170000-0012_a/up.sql", "20240306170000.13", "a", Direction::Up)]
    #[case::of_diesel_cut_short("2024-03-13_170000_b/up.sql", "20240313000000", "170000_b", Direction::Up)]
    #[case::of_diesel_as_a_key("2024-03-13_170000_b.up.sql", "20240313000000", "170000_b", Direction::Up)]
    #[case::of_diesel_the_first(
        "00000000000000_diesel_initial_setup/up.sql",
        "00000000000000",
        "diesel_initial_setup",
        Direction::Up
    )]
    #[case::of_prisma("20240306170000_a copy/migration.sql", "20240306170000", "a copy", Direction::Up)]
    #[case::of_prisma_as_a_key("20240306170000_a.migration.sql", "20240306170000", "a", Direction::Up)]
    #[case::of_prisma_a_date("20250625_a/migration.sql", "20250625999999", "a", Direction::Up)]
    #[case::of_prisma_the_first("0_init/migration.sql", "0", "init", Direction::Up)]
    #[case::a_number_in_front_of_the_same_word("001_a.migration.sql", "001", "a.migration", Direction::Up)]
    #[case::of_authelia("V0001.Initial_Schema.up.sql", "0001", "Initial_Schema", Direction::Up)]
    #[case::of_authelia_back("V0001.Initial_Schema.down.sql", "0001", "Initial_Schema", Direction::Down)]
    #[case::a_dash_where_the_way_is_said("001-core.up.sql", "001", "core", Direction::Up)]
    #[case::parts("1.2.3.4_a.down.sql", "1.2.3.4", "a", Direction::Down)]
    #[case::a_number_and_parts_behind_it("0002_1.7.0_schema.up.sql", "0002", "1.7.0_schema", Direction::Up)]
    fn right_names(#[case] name: &str, #[case] version: &str, #[case] description: &str, #[case] direction: Direction) {
        let found = parse(name).unwrap().unwrap();
        assert_eq!((found.version.as_str(), found.description.as_str()), (version, description));
        assert_eq!(found.direction, direction);
    }

    #[rstest]
    #[case::the_same("001_a_b.sql", "001_a_b.sql", true)]
    #[case::another_tools_form("V1__A_b.sql", "001_a-b.up.sql", true)]
    #[case::a_folder("2024-03-06-170000_a/up.sql", "20240306170000_a.sql", true)]
    #[case::another_description("001_a.sql", "001_orders.sql", false)]
    #[case::one_more_word("001_a.sql", "001_a_b.sql", false)]
    #[case::of_a_tool_whose_files_are_not_sql("20240306170000_a.rb", "20240306170000_b.sql", true)]
    #[case::no_name_at_all("baseline", "001_b.sql", true)]
    fn names_of_one_migration_have_one_description(#[case] one: &str, #[case] other: &str, #[case] alike: bool) {
        assert_eq!((are_alike(one, other), are_alike(other, one)), (alike, alike));
    }

    #[rstest]
    #[case::flyway_in_lower_case("v1_2__core_tables.sql", "V1_2__core_tables.sql")]
    #[case::flyway_with_a_direction("V1__a.down.sql", "V1__a_down.sql")]
    #[case::flyway_with_one_underscore("V1.2_a.sql", "1.2_a.sql")]
    #[case::parts("1.2.3-a.sql", "1.2.3_a.sql")]
    #[case::a_date_and_a_number("2017-08-19_00_core.sql", "2017081900_core.sql")]
    #[case::dashes_throughout("2017-08-19-core.sql", "20170819_core.sql")]
    #[case::a_date_and_a_direction("2017-08-19-120000_a.undo.sql", "20170819120000_a.down.sql")]
    #[case::no_underscore("001.sql", "001_name.sql")]
    #[case::only_an_underscore("001_.sql", "001_name.sql")]
    #[case::dash("001-core-tables.sql", "001_core-tables.sql")]
    #[case::dot("001.core.sql", "001_core.sql")]
    #[case::space("001 core tables.sql", "001_core_tables.sql")]
    #[case::characters("001_größe.sql", "001_gr_e.sql")]
    #[case::brackets("001_a(b).up.sql", "001_a_b.up.sql")]
    #[case::upper_case_ending("001_a.SQL", "001_a.sql")]
    #[case::upper_case_down("001_a.DOWN.SQL", "001_a.down.sql")]
    #[case::direction_in_capitals("001_a.Down.sql", "001_a.down.sql")]
    #[case::direction_not_last("001_a.down.postgres.sql", "001_a.postgres.down.sql")]
    #[case::another_word("001_a.rollback.sql", "001_a.down.sql")]
    fn wrong_names_with_a_right_one_near(#[case] name: &str, #[case] right: &str) {
        let message = parse(name).unwrap_err().to_string();
        assert!(message.contains(right), "{message}");
        assert!(parse(right).unwrap().is_some());
    }

    #[rstest]
    #[case::no_digits("core_tables.sql")]
    #[case::baseline("B1__a.sql")]
    #[case::repeatable_with_a_version("R1__views.sql")]
    #[case::only_the_ending("x.sql")]
    #[case::too_many_digits("123456789012345678901234567890123_a.sql")]
    #[case::too_many_parts("V1.2.3.4.5.6.7.8.9__a.sql")]
    #[case::a_part_without_digits("V1..2__a.sql")]
    #[case::a_folder_without_a_number("initial/up.sql")]
    #[case::a_folder_with_a_word("2024-03-06a_x/up.sql")]
    #[case::a_folder_of_prisma_with_dashes("2024-03-06_x/migration.sql")]
    #[case::a_folder_of_prisma_with_more("202403061700000_x/migration.sql")]
    #[case::a_direction_alone("001.undo.sql")]
    #[case::only_a_direction("V1.down.sql")]
    #[case::repeatable_without_a_name("R__.sql")]
    #[case::repeatable_alone("R.sql")]
    #[case::flyway_without_a_version("V__a.sql")]
    #[case::a_control_character("V1__a\u{7}b.sql")]
    #[case::digits_of_another_script("٣_a.sql")]
    fn wrong_names(#[case] name: &str) {
        assert!(parse(name).is_err());
    }

    #[test]
    fn a_version_of_several_numbers_is_one_however_it_is_written() {
        let parts = ["V1.0__a.sql", "V1_0__a.sql", "1.0_a.sql", "V1__0__a.sql", "001_0_a.sql"];
        assert_eq!(parts.map(|name| parse(name).unwrap().unwrap().has_parts), [true, true, true, false, false]);
    }

    #[test]
    fn what_goes_forward_and_what_goes_back_have_the_same_stem() {
        for (up, down) in [
            ("1_a.up.sql", "1_a.down.sql"),
            ("1_a/up.sql", "1_a/down.sql"),
            ("1_a.sql", "1_a.down.sql"),
            ("20240101000000_a/migration.sql", "20240101000000_a/down.sql"),
            ("20240101000000_a.migration.sql", "20240101000000_a.down.sql"),
        ] {
            assert_eq!(parse(up).unwrap().unwrap().stem, parse(down).unwrap().unwrap().stem);
        }
    }

    #[rstest]
    #[case("README.md")]
    #[case("1_a/notes.sql")]
    #[case("001_a.sql.bak")]
    #[case("sql")]
    #[case("é.s")]
    fn other_files(#[case] name: &str) {
        assert_eq!(parse(name), Ok(None));
    }
}
