//! A migration's version: one number, or several separated by dots, compared number by number.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version such as `007`, `20150100000001000000` or `4.99.1561608282`. `7` and `007` are equal, and so are `1` and
/// `1.0`, as in Flyway.
///
/// Its text is what the ledger stores. A single number is kept as written. With several numbers, those after the first
/// have no leading zeros, and trailing zeros are dropped. So two texts of one version differ only in leading zeros, which
/// SQL can strip.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a version: digits, or up to {parts} numbers with dots between them, and at most {max} characters",
    parts = Version::MAX_PARTS, max = Version::MAX_CHARACTERS
)]
pub struct InvalidVersion(pub String);

impl Version {
    /// The longest version accepted. Time stamps in nanoseconds have 23 digits.
    pub const MAX_CHARACTERS: usize = 32;
    /// The most numbers in one version. The ledger's views sort by this many.
    pub const MAX_PARTS: usize = 8;

    /// The placeholder for repeatable files, which have no version. It is greater than every real version and equals
    /// none.
    #[must_use]
    pub fn of_repeatable() -> Self {
        Self { text: "R".to_owned() }
    }

    /// The digits of the shortest date, `20261122`.
    const DATE_DIGITS: usize = 8;

    /// The version as the ledger stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The version as a number, if it is one of a sequence 1, 2, 3 …; None if it has several numbers, or eight digits or
    /// more: then it is a date or a time stamp, and has no gaps before it.
    #[must_use]
    pub fn sequential(&self) -> Option<u32> {
        let digits = self.significant();
        match digits.len() {
            _ if self.text.contains('.') => None,
            0 => Some(0),
            1..Self::DATE_DIGITS => digits.parse().ok(),
            _ => None,
        }
    }

    /// Whether it starts with a date such as `20261122`. Other long numbers are just counters.
    #[must_use]
    pub fn is_date(&self) -> bool {
        let number = |from: usize, to: usize| self.text.get(from..to).and_then(|digits| digits.parse::<u32>().ok());
        let is_in = |found: Option<u32>, low, high| found.is_some_and(|found| (low..=high).contains(&found));
        is_in(number(0, 4), 1970, 2199) && is_in(number(4, 6), 1, 12) && is_in(number(6, 8), 1, 31)
    }

    /// The text without leading zeros; empty for zero. Equal versions have equal texts, and SQL compares by this.
    #[must_use]
    pub fn significant(&self) -> &str {
        self.text.trim_start_matches('0')
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let mut parts: Vec<&str> = text.split('.').collect();
        if text.len() > Self::MAX_CHARACTERS
            || parts.len() > Self::MAX_PARTS
            || !parts.iter().all(|part| is_number(part))
        {
            return Err(InvalidVersion(text.to_owned()));
        }
        while parts.len() > 1 && parts.last().is_some_and(|part| without_zeros(part).is_empty()) {
            parts.pop();
        }
        let Some((first, others)) = parts.split_first() else { return Err(InvalidVersion(text.to_owned())) };
        let mut text = (*first).to_owned();
        for part in others.iter().map(|part| without_zeros(part)) {
            text.push('.');
            text.push_str(if part.is_empty() { "0" } else { part });
        }
        Ok(Self { text })
    }
}

fn without_zeros(digits: &str) -> &str {
    digits.trim_start_matches('0')
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

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let is_repeatable = |version: &Self| version.text.starts_with('R');
        // Trailing zeros are dropped, so a version that ends where another continues is the lower one.
        let number = |a: &str, b: &str| {
            let (a, b) = (without_zeros(a), without_zeros(b));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        };
        let (mut ours, mut theirs) = (self.text.split('.'), other.text.split('.'));
        is_repeatable(self).cmp(&is_repeatable(other)).then_with(|| {
            loop {
                match (ours.next(), theirs.next()) {
                    (Some(a), Some(b)) => match number(a, b) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    },
                    (a, b) => return a.is_some().cmp(&b.is_some()),
                }
            }
        })
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
    fn versions_of_several_numbers_compare_number_by_number() {
        let in_order = [
            "1.9",
            "1.10",
            "2",
            "2.0.1",
            "2.7",
            "2.7.0.1",
            "2.7.1",
            "4.0.10",
            "4.99.1561608282",
            "4.100",
            "13.1",
            "14",
        ];
        assert!(in_order.is_sorted_by(|a, b| version(a) < version(b)), "{in_order:?}");
        assert!(version("13") < version("13.1") && version("20240101000000") < version("20240101000000.1"));
        assert!(version("0.1") > version("0") && version("00.1") == version("0.1"));
    }

    #[test]
    fn zeros_make_no_other_version_and_the_text_shows_only_those_in_front() {
        for (written, text) in [
            ("1.0", "1"),
            ("1.0.0", "1"),
            ("01.02.0", "01.2"),
            ("2021.01.02", "2021.1.2"),
            ("0.0", "0"),
            ("2.0.1", "2.0.1"),
            ("007", "007"),
        ] {
            assert_eq!(version(written).as_str(), text);
            assert_eq!(version(written), version(text));
        }
    }

    #[test]
    fn only_a_single_short_number_counts_one_by_one() {
        let counts = ["007", "9999999", "10000000", "13.1", "1.0"].map(|text| version(text).sequential());
        assert_eq!(counts, [Some(7), Some(9_999_999), None, None, Some(1)]);
    }

    #[test]
    fn a_date_is_told_from_a_long_number() {
        for date in
            ["20261122", "20261122180000", "20150100000001000000".replace("0100", "0101").as_str(), "20261122.1"]
        {
            assert!(version(date).is_date(), "{date}");
        }
        for number in ["100000000", "200010000", "1626194317", "20261322", "20261132", "2026112", "007"] {
            assert!(!version(number).is_date(), "{number}");
        }
    }

    #[test]
    fn a_version_is_digits_and_dots_between_them() {
        for bad in ["", "1a", "-1", "1.", ".1", "1..2", "1_2", "1.a", " 1", "٣", &"1".repeat(33), "1.2.3.4.5.6.7.8.9"]
        {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }
}
