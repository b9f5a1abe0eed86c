//! Parses file names into version, description and direction.

use super::{InvalidVersion, Version};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    Up,
    /// `001_name.down.sql` or Flyway's `U1__name.sql`: the rollback of that version.
    Down,
    /// `R__name.sql`: has no version, and runs again whenever it has changed.
    Repeatable,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileName {
    /// The digits before the first underscore, or [`Version::of_repeatable`].
    pub version: Version,
    /// The rest of the name, without the ending.
    pub description: String,
    pub direction: Direction,
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
    /// A version with several parts. How it orders against others would depend on files that do not exist yet.
    #[error(
        "the version {version} has several parts, but a version must be a single whole number; name the file \
         {suggestion}, and all others the same way: four digits for each part after the first, and the same number \
         of parts in every file"
    )]
    Parts {
        version: String,
        /// The name with a single number as its version.
        suggestion: String,
    },
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

/// Parses a file name. None if it does not end in `.sql`, so the file is not a migration.
///
/// # Errors
///
/// [`NameError`] if the name ends in `.sql`, in any case, but is not a valid migration name.
pub fn parse(name: &str) -> Result<Option<FileName>, NameError> {
    let Some((stem, ending)) = split_ending(name) else {
        return Ok(None);
    };
    if ending != ".sql" {
        return Err(NameError::Form { suggestion: suggestion(name) });
    }
    if let Some(refused) = parts(stem) {
        return Err(refused);
    }
    if let Some(flyway) = flyway(stem) {
        return flyway.map(Some);
    }
    let (rest, direction) = if let Some(rest) = stem.strip_suffix(".down") {
        (rest, Direction::Down)
    } else {
        (stem.strip_suffix(".up").unwrap_or(stem), Direction::Up)
    };
    let form = || NameError::Form { suggestion: suggestion(name) };
    let (digits, description) = rest.split_once('_').ok_or_else(form)?;
    let right = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !right || description.is_empty() || !description.chars().all(is_allowed) {
        return Err(form());
    }
    let version = digits.parse()?;
    if let Some(part) = description.split('.').skip(1).find(|part| names_a_direction(part)) {
        return Err(NameError::Direction { part: part.to_owned(), suggestion: reordered(digits, description, part) });
    }
    Ok(Some(FileName { version, description: description.to_owned(), direction }))
}

/// A name in Flyway's and refinery's form: `V1__name`, `U1__name` or `R__name`; None for any other.
fn flyway(stem: &str) -> Option<Result<FileName, NameError>> {
    let (head, description) = stem.split_once("__")?;
    let (prefix, digits) = head.split_at_checked(1)?;
    let direction = match prefix {
        "V" => Direction::Up,
        "U" => Direction::Down,
        "R" => Direction::Repeatable,
        _ => return None,
    };
    let is_version = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let is_right = is_version == (direction != Direction::Repeatable) && (is_version || digits.is_empty());
    if !is_right || description.is_empty() || !description.chars().all(is_allowed) {
        return None;
    }
    if let Some(part) =
        description.split('.').find(|part| names_a_direction(part)).filter(|_| description.contains('.'))
    {
        let suggestion = format!("{head}__{}.sql", description.replace('.', "_"));
        return Some(Err(NameError::Direction { part: part.to_owned(), suggestion }));
    }
    let version = if is_version { digits.parse() } else { Ok(Version::of_repeatable()) };
    let name = |version| FileName { version, description: description.to_owned(), direction };
    Some(version.map(name).map_err(NameError::from))
}

fn parts(stem: &str) -> Option<NameError> {
    let prefix: String = stem.chars().take_while(|c| matches!(c, 'V' | 'U')).take(1).collect();
    let rest = stem.get(prefix.len()..)?;
    let end = if prefix.is_empty() { rest.find('_')? } else { rest.find("__")? };
    let (version, description) = rest.split_at_checked(end)?;
    let numbers: Vec<&str> = version.split(['.', '_']).collect();
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if numbers.len() < 2 || !numbers.iter().all(is_number) {
        return None;
    }
    let first = numbers.first()?;
    let padded = |index: usize| format!("{:0>4}", numbers.get(index).copied().unwrap_or_default());
    let others: String = (1..numbers.len().max(3)).map(padded).collect();
    Some(NameError::Parts {
        version: version.to_owned(),
        suggestion: format!("{prefix}{first}{others}{description}.sql"),
    })
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

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn names_a_direction(part: &str) -> bool {
    ["up", "down", "undo", "rollback", "revert"].iter().any(|word| part.eq_ignore_ascii_case(word))
}

fn reordered(digits: &str, description: &str, part: &str) -> String {
    let kept: Vec<&str> = description.split('.').filter(|p| *p != part).collect();
    let ending = if part.eq_ignore_ascii_case("up") { "up" } else { "down" };
    format!("{digits}_{}.{ending}.sql", kept.join("."))
}

/// A valid name close to an invalid one: `1_core_tables.sql` for `v1__core tables.sql`.
fn suggestion(name: &str) -> Option<String> {
    let (stem, _) = split_ending(name)?;
    let undo = stem.starts_with(['U', 'u']);
    let rest = stem.trim_start_matches(['V', 'v', 'U', 'u']);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<Version>().ok()?;
    let rest = rest.get(digits.len()..)?;
    let lower = rest.to_ascii_lowercase();
    let (rest, ending) = if let Some(kept) = lower.strip_suffix(".down") {
        (rest.get(..kept.len())?, ".down.sql")
    } else if let Some(kept) = lower.strip_suffix(".up") {
        (rest.get(..kept.len())?, ".up.sql")
    } else {
        (rest, if undo { ".down.sql" } else { ".sql" })
    };
    let words: Vec<&str> = rest.split(|c| !is_allowed(c)).filter(|word| !word.is_empty()).collect();
    let description = words.join("_");
    let description = description.trim_start_matches(['_', '.', '-']);
    let description = if description.is_empty() { "name" } else { description };
    Some(format!("{digits}_{description}{ending}"))
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
    fn right_names(#[case] name: &str, #[case] version: &str, #[case] description: &str, #[case] direction: Direction) {
        let found = parse(name).unwrap().unwrap();
        assert_eq!((found.version.as_str(), found.description.as_str()), (version, description));
        assert_eq!(found.direction, direction);
    }

    #[rstest]
    #[case::flyway_in_lower_case("v1__core_tables.sql", "1_core_tables.sql")]
    #[case::flyway_with_a_space("V1__core tables.sql", "1_core_tables.sql")]
    #[case::flyway_with_a_direction("V1__a.down.sql", "V1__a_down.sql")]
    #[case::flyway_with_parts("V1.2__a.sql", "V100020000__a.sql")]
    #[case::flyway_with_underscores("U1_2_3__a.sql", "U100020003__a.sql")]
    #[case::parts("1.2.3.4_a.sql", "1000200030004_a.sql")]
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
    #[case::digits_of_another_script("٣_a.sql")]
    fn wrong_names(#[case] name: &str) {
        assert!(parse(name).is_err());
    }

    #[rstest]
    #[case("README.md")]
    #[case("001_a.sql.bak")]
    #[case("sql")]
    #[case("é.s")]
    fn other_files(#[case] name: &str) {
        assert_eq!(parse(name), Ok(None));
    }
}
