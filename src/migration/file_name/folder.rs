//! Migrations with their own folder, as diesel and Prisma keep them, and the same in a single folder: `NAME/up.sql`, or
//! `NAME.up.sql`, which can be a ConfigMap's key. Both tools compare names as text. Here each name is converted,
//! independently of the others, to a version that compares as a number the way the tools compare the names. So a version
//! never changes when migrations are added.
//!
//! Source: diesel, `migrations_internals`, `version_from_string`; Prisma, `schema-engine`, which sorts folders by name.

use super::{Direction, FileName, NameError, Naming, is_free};
use crate::migration::Version;

/// A time without dashes, such as `20240306170000`. Most names have no more digits than this.
const TIME_DIGITS: usize = 14;
/// A date alone.
const DATE_DIGITS: usize = 8;
/// The digits that diesel appends to the time: `-0000`.
const COUNT_DIGITS: usize = 4;

const MIGRATION: &str = "migration";

/// A file in a migration's own folder; None if it is not one of those that are read.
pub(super) fn in_folder(folder: &str, file: &str) -> Option<Result<FileName, NameError>> {
    match file {
        "up.sql" => Some(diesel(folder, Direction::Up)),
        "down.sql" => Some(diesel(folder, Direction::Down)),
        "migration.sql" => Some(prisma(folder)),
        _ => None,
    }
}

/// `NAME.migration`, if the name starts with at least a date, or is `0_init`. Shorter numbers are not Prisma's.
pub(super) fn beside_others(stem: &str) -> Option<FileName> {
    let name = stem.strip_suffix(MIGRATION)?.strip_suffix('.')?;
    let digits = name.split('_').next().unwrap_or_default();
    (digits.len() >= DATE_DIGITS || digits == "0").then(|| prisma(name).ok()).flatten()
}

/// diesel's version is what is before the first underscore, without dashes: `2024-03-06-170000-0000_add_users`.
pub(super) fn diesel(name: &str, direction: Direction) -> Result<FileName, NameError> {
    let (version, description) = name.split_once('_').unwrap_or((name, name));
    let version = diesel_version(&version.replace('-', "")).filter(|_| is_free(description));
    Ok(FileName {
        version: version.ok_or_else(|| NameError::Folder(name.to_owned()))?,
        has_parts: false,
        naming: Naming::Diesel,
        description: description.to_owned(),
        direction,
        stem: name.to_owned(),
    })
}

/// diesel's version as a number. In text order, a shorter version precedes a longer one that starts with it. So it is
/// padded with zeros to a whole time, and the digits after that become further numbers, counted from 1: `20240313` is
/// `20240313000000`, and `202403131700000000` is `20240313170000.1`, which follows `20240313170000`.
#[must_use]
pub fn diesel_version(digits: &str) -> Option<Version> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (time, mut rest) = digits.split_at_checked(TIME_DIGITS).unwrap_or((digits, ""));
    let mut parts = vec![format!("{time:0<TIME_DIGITS$}")];
    while !rest.is_empty() {
        let (part, after) = rest.split_at_checked(COUNT_DIGITS).unwrap_or((rest, ""));
        let number: u32 = format!("{part:0<COUNT_DIGITS$}").parse().ok()?;
        parts.push((number + 1).to_string());
        rest = after;
    }
    parts.join(".").parse().ok()
}

/// Prisma sorts whole names, and an underscore sorts after digits. So a shorter time, such as a date alone, follows all
/// times that start with it, and is padded with nines. Folders with the same time are ordered by their names.
fn prisma(name: &str) -> Result<FileName, NameError> {
    let wrong = || NameError::Folder(name.to_owned());
    let (digits, description) = name.split_once('_').ok_or_else(wrong)?;
    let is_time = (1..=TIME_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_time || !is_free(description) {
        return Err(wrong());
    }
    // Prisma's documentation names a baseline `0_init`.
    let is_zero = digits.bytes().all(|b| b == b'0');
    let version = if is_zero { "0".to_owned() } else { format!("{digits:9<TIME_DIGITS$}") };
    Ok(FileName {
        version: version.parse()?,
        has_parts: false,
        naming: Naming::Prisma,
        description: description.to_owned(),
        direction: Direction::Up,
        stem: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(name: Result<FileName, NameError>) -> Version {
        name.unwrap().version
    }

    #[test]
    fn diesel_s_versions_compare_as_diesel_compares_them() {
        // Names from vaultwarden and crates.io.
        let names = [
            "00000000000000_initial",
            "2024-02-26-170000_a",
            "2024-03-06-170000_add_sso_users",
            "2024-03-13_170000_sso_userscascade",
            "2024-06-05-131359_a",
            "2025-11-19-091444-0000_a",
            "2026-01-20-162913_a",
            "2026-01-20-162913-0000_a",
            "2026-01-20-162913-0001_a",
            "2026-05-27-120000_add_username_to_users",
            "2026-05-27-120000-0000_semver_ord_v2_not_null",
        ];
        assert!(names.is_sorted_by(|a, b| version(diesel(a, Direction::Up)) < version(diesel(b, Direction::Up))));
    }

    proptest! {
        #[test]
        fn digits_compare_as_text(a in "[0-9]{1,20}", b in "[0-9]{1,20}") {
            let (of_a, of_b) = (diesel_version(&a).unwrap(), diesel_version(&b).unwrap());
            // Texts that differ only in trailing zeros may be one version; such a set is refused for the duplicate.
            prop_assert!(of_a == of_b || (of_a < of_b) == (a < b), "{a} {b}");
            prop_assert!(of_a != of_b || a.trim_end_matches('0') == b.trim_end_matches('0'), "{a} {b}");
        }

        #[test]
        fn names_of_prisma_s_compare_as_text(a in "[1-9][0-9]{0,13}_[a-z0-9_ ]{1,3}", b in "[1-9][0-9]{0,13}_[a-z0-9_ ]{1,3}") {
            let (of_a, of_b) = (version(prisma(&a)), version(prisma(&b)));
            prop_assert!(of_a == of_b || (of_a < of_b) == (a < b), "{a} {b}");
        }
    }
}
