//! Names in Flyway's and refinery's form.
//! Source: Flyway, `ResourceNameParser` and `MigrationVersion`: underscores in a version are dots.

use super::{Direction, FileName, NameError, Naming, are_numbers, is_free, names_a_direction};
use crate::migration::Version;

/// `V1__name`, `V1.2__name`, `V1_2__name`, `U1__name` or `R__name`; None for any other name. The description may contain
/// everything that the tools accept, even what a ConfigMap's key cannot, and may be missing where there is a version:
/// `V1__`, `V1`.
pub(super) fn flyway(stem: &str) -> Option<Result<FileName, NameError>> {
    let (head, description) = stem.split_once("__").unwrap_or((stem, ""));
    let (prefix, numbers) = head.split_at_checked(1)?;
    let direction = match prefix {
        "V" => Direction::Up,
        "U" => Direction::Down,
        "R" => Direction::Repeatable,
        _ => return None,
    };
    let numbers = numbers.replace('_', ".");
    let is_version = are_numbers(&numbers);
    let is_right = is_version == (direction != Direction::Repeatable) && (is_version || numbers.is_empty());
    if !is_right || !is_version && description.is_empty() || !is_free(description) {
        return None;
    }
    if let Some(part) =
        description.split('.').find(|part| names_a_direction(part)).filter(|_| description.contains('.'))
    {
        let suggestion = format!("{head}__{}.sql", description.replace('.', "_"));
        return Some(Err(NameError::Direction { part: part.to_owned(), suggestion }));
    }
    let version = if is_version { numbers.parse() } else { Ok(Version::of_repeatable()) };
    let has_parts = numbers.contains('.');
    let name = |version| FileName {
        version,
        has_parts,
        naming: Naming::Flyway,
        description: description.to_owned(),
        direction,
        stem: stem.to_owned(),
    };
    Some(version.map(name).map_err(NameError::from))
}
