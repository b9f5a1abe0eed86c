//! Suggests a valid name for an invalid one.

use super::{flyway::flyway, is_allowed, split_ending};
use crate::migration::Version;

/// `1_a.Down.pg` → `1_a.pg.down.sql`.
pub(super) fn reordered(numbers: &str, description: &str, part: &str) -> String {
    let kept: Vec<&str> = description.split('.').filter(|p| *p != part).collect();
    let ending = if part.eq_ignore_ascii_case("up") { "up" } else { "down" };
    format!("{numbers}_{}.{ending}.sql", kept.join("."))
}

/// The valid name closest to an invalid one: Flyway's prefix in lower case, another separator, invalid characters.
pub(super) fn suggestion(name: &str) -> Option<String> {
    let (stem, _) = split_ending(name)?;
    if let Some(capital) = in_capitals(stem) {
        return Some(capital);
    }
    let undo = stem.starts_with(['U', 'u']);
    let rest = stem.trim_start_matches(['V', 'v', 'U', 'u']);
    let (numbers, rest) = with_dates(rest);
    numbers.parse::<Version>().ok()?;
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
    Some(format!("{numbers}_{description}{ending}"))
}

/// `v1_2__x` → `V1_2__x.sql`.
fn in_capitals(stem: &str) -> Option<String> {
    let (prefix, rest) = stem.split_at_checked(1)?;
    let capital = format!("{}{rest}", prefix.to_ascii_uppercase());
    flyway(&capital)?.is_ok().then(|| format!("{capital}.sql"))
}

/// The numbers at the start of a text, and the rest. A date with dashes, with the digits that follow it, is one number.
fn with_dates(text: &str) -> (String, &str) {
    if !begins_with_a_date(text) {
        let numbers = numbers_of(text);
        return (numbers.to_owned(), text.get(numbers.len()..).unwrap_or_default());
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '_')).unwrap_or(text.len());
    let numbers = text.get(..end).unwrap_or_default().trim_end_matches(['-', '_']);
    (numbers.replace(['-', '_'], ""), text.get(numbers.len()..).unwrap_or_default())
}

/// Splits a text that starts with a date with dashes at its first underscore; None for other texts.
pub(super) fn dates_with_dashes(text: &str) -> Option<(&str, &str)> {
    let (version, description) = text.split_once('_')?;
    let is_date = begins_with_a_date(version) && version.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_date.then_some((version, description))
}

/// Whether a text starts with a date such as `2024-03-06`.
fn begins_with_a_date(text: &str) -> bool {
    let is_right = |(at, b): (usize, &u8)| if matches!(at, 4 | 7) { *b == b'-' } else { b.is_ascii_digit() };
    text.as_bytes().get(..10).is_some_and(|date| date.iter().enumerate().all(is_right))
}

/// The numbers at the start of a text, with the dots between them.
fn numbers_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end).unwrap_or_default().trim_end_matches('.')
}
