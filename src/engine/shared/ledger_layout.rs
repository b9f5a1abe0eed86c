//! Which ledgers this program may write to. Pure, and the same for every engine.
//!
//! A ledger has two numbers, on one scale: its layout, which grows with every change, and the oldest program that may write
//! to it, by the layout that program makes. Changes that only add leave the latter as it is, so that an older program works
//! on beside a newer one. Programs that make layout 5 and earlier know the second number alone, and take it for the first.

use super::ledger_rows::newer_ledger;
use crate::engine::SessionError;

/// The layout that this program makes and understands, on every engine.
pub(crate) const LAYOUT: i32 = 7;

/// What a ledger says of itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct FoundLayout {
    /// The oldest program that may write to it. None where it does not say, as of one whose making was interrupted.
    pub(crate) oldest_writer: Option<i64>,
    /// None before layout 6.
    pub(crate) layout: Option<i64>,
}

impl FoundLayout {
    /// Whether to upgrade the ledger before this program writes to it. `oldest_writer`: the value that this program's
    /// own SQL writes. A higher layout is as good as this program's own.
    pub(crate) fn is_due(self, oldest_writer: i32) -> bool {
        self.oldest_writer.is_none_or(|found| found < i64::from(oldest_writer))
            || self.layout.is_none_or(|found| found < i64::from(LAYOUT))
    }
}

/// That this program may read and write the ledger.
///
/// # Errors
///
/// Where a newer program has changed it in such a way that this one may not.
pub(crate) fn check_writer(oldest_writer: Option<i64>) -> Result<(), SessionError> {
    match oldest_writer {
        Some(newer) if newer > i64::from(LAYOUT) => Err(newer_ledger(newer, LAYOUT)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{FoundLayout, LAYOUT, check_writer};

    #[rstest]
    #[case::not_even_started(None, None, true)]
    #[case::before_layouts(Some(5), None, true)]
    #[case::an_older_one(Some(4), Some(7), true)]
    #[case::an_older_layout(Some(5), Some(6), true)]
    #[case::its_own(Some(5), Some(7), false)]
    #[case::of_a_newer_program_that_only_added(Some(5), Some(9), false)]
    #[case::of_a_newer_program_that_this_one_still_suits(Some(6), Some(9), false)]
    fn a_ledger_is_upgraded_where_it_lacks_something(
        #[case] oldest_writer: Option<i64>,
        #[case] layout: Option<i64>,
        #[case] due: bool,
    ) {
        assert_eq!(FoundLayout { oldest_writer, layout }.is_due(5), due);
    }

    #[test]
    fn only_what_asks_for_a_newer_program_is_refused() {
        assert!(check_writer(None).is_ok());
        assert!(check_writer(Some(i64::from(LAYOUT))).is_ok());
        let refused = check_writer(Some(8)).unwrap_err().failure;
        assert!(refused.message.contains('8') && refused.hint.unwrap().contains("newer"), "{}", refused.message);
    }
}
