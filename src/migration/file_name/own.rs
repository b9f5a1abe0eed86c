//! Names in the form that Schemaward, golang-migrate, sqlx and most other tools use, and similar spellings.

use super::suggestion::{dates_with_dashes, reordered, suggestion};
use super::{Direction, FileName, NameError, Naming, are_numbers, folder, is_allowed, names_a_direction};

/// `007_name`, `007_name.up`, `007_name.down`, `2.7.1_name`; a date with dashes, `2024-03-06-170000_name`, as diesel reads
/// it; and, if the ending is `.up` or `.down`, also `V0007.name.up` and `007-name.up`.
pub(super) fn own(name: &str, stem: &str) -> Result<FileName, NameError> {
    let (rest, direction) = match (stem.strip_suffix(".down"), stem.strip_suffix(".up")) {
        (Some(rest), _) => (rest, Some(Direction::Down)),
        (_, Some(rest)) => (rest, Some(Direction::Up)),
        (None, None) => (stem, None),
    };
    let form = || NameError::Form { suggestion: suggestion(name) };
    if let Some((_, description)) = dates_with_dashes(rest) {
        if !is_dated_name(rest, description, direction) {
            return Err(form());
        }
        refuse_direction(&rest.replace('-', ""), description)?;
        return folder::diesel(rest, direction.unwrap_or(Direction::Up));
    }
    let (numbers, description) = divided(rest, direction.is_some()).ok_or_else(form)?;
    if !are_numbers(numbers) || description.is_empty() || !description.chars().all(is_allowed) {
        return Err(form());
    }
    let version = numbers.parse()?;
    refuse_direction(rest, description)?;
    Ok(FileName {
        version,
        has_parts: numbers.contains('.'),
        naming: Naming::Own,
        description: description.to_owned(),
        direction: direction.unwrap_or(Direction::Up),
        stem: rest.to_owned(),
    })
}

/// The version and the description. A dot or a dash may separate them if a letter follows and the ending names the
/// direction.
fn divided(rest: &str, has_direction: bool) -> Option<(&str, &str)> {
    let plain = rest.strip_prefix('V').unwrap_or(rest);
    let digits = plain.bytes().take_while(u8::is_ascii_digit).count();
    let (numbers, behind) = plain.split_at_checked(digits)?;
    let description =
        behind.strip_prefix(['.', '-']).filter(|text| text.starts_with(|c: char| c.is_ascii_alphabetic()));
    match description.filter(|_| has_direction && !numbers.is_empty()) {
        Some(description) => Some((numbers, description)),
        None => rest.split_once('_'),
    }
}

/// Refuses a description that names a direction in another place than the ending.
fn refuse_direction(rest: &str, description: &str) -> Result<(), NameError> {
    let Some(part) = description.split('.').skip(1).find(|part| names_a_direction(part)) else { return Ok(()) };
    let numbers = rest.split('_').next().unwrap_or_default();
    Err(NameError::Direction { part: part.to_owned(), suggestion: reordered(numbers, description, part) })
}

/// Whether a name that starts with a date with dashes is valid. It is not if it is unclear which digits belong to the
/// version, as in `2017-08-19_00_name`.
fn is_dated_name(rest: &str, description: &str, direction: Option<Direction>) -> bool {
    let has_time = rest.split('_').next().is_some_and(|version| version.len() > "2017-08-19".len());
    let is_clear = has_time || direction.is_some() || !description.starts_with(|c: char| c.is_ascii_digit());
    is_clear && !description.is_empty() && description.chars().all(is_allowed)
}
