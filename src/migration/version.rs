//! A migration's version: digits as in the file name, compared as a number.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A version such as `007` or `20150100000001000000`. `7` and `007` are equal; each is displayed as written.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a version: digits only, at most {max} of them", max = Version::MAX_DIGITS)]
pub struct InvalidVersion(pub String);

impl Version {
    /// The longest version accepted. Time stamps in nanoseconds have 23 digits.
    pub const MAX_DIGITS: usize = 32;

    /// The placeholder for repeatable files, which have no version. It is greater than every real version and equals
    /// none.
    #[must_use]
    pub fn of_repeatable() -> Self {
        Self { text: "R".to_owned() }
    }

    /// The digits of the shortest date, `20261122`.
    const DATE_DIGITS: usize = 8;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The version as a number, if it is one of a sequence 1, 2, 3 …; None if it has eight digits or more: then it is a
    /// date or a time stamp, and has no gaps before it.
    #[must_use]
    pub fn sequential(&self) -> Option<u32> {
        let digits = self.significant();
        match digits.len() {
            0 => Some(0),
            1..Self::DATE_DIGITS => digits.parse().ok(),
            _ => None,
        }
    }

    /// Without leading zeros; empty for zero.
    fn significant(&self) -> &str {
        self.text.trim_start_matches('0')
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits && text.len() <= Self::MAX_DIGITS {
            Ok(Self { text: text.to_owned() })
        } else {
            Err(InvalidVersion(text.to_owned()))
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.significant().hash(state);
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.significant(), other.significant());
        let is_repeatable = |text: &str| text.starts_with('R');
        is_repeatable(a).cmp(&is_repeatable(b)).then_with(|| a.len().cmp(&b.len())).then_with(|| a.cmp(b))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_compare_as_numbers_whatever_their_width() {
        assert!(version("9") < version("10"));
        assert!(version("009") < version("10"));
        assert_eq!(version("7"), version("007"));
        assert_eq!(version("0"), version("000"));
        assert!(version("20150100000001000000") > version("18446744073709551615"));
    }

    #[test]
    fn what_a_repeatable_file_has_is_no_version() {
        let none = Version::of_repeatable();
        assert!(version(&"9".repeat(32)) < none && none.sequential().is_none());
        assert!(none.as_str().parse::<Version>().is_err());
    }

    #[test]
    fn a_version_is_digits_and_nothing_else() {
        for bad in ["", "1a", "-1", "1.2", " 1", "٣", &"1".repeat(33)] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }
}
