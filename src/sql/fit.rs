//! How a statement fits into its file: in which transactions it can run, what refuses it there, and whether it is sent at
//! all. What a file's statements come to together is decided from these, without reading any of them again.

use super::refusals::{Refusals, Wrapper};

/// How a statement fits into its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fit {
    /// Whether the server refuses it, or leaves it without effect, inside a transaction.
    pub(crate) demands_none: bool,
    /// Whether it changes the session's settings and nothing else.
    pub(crate) is_setting: bool,
    pub(crate) wrapper: Option<Wrapper>,
    pub(crate) omission: Omission,
    pub(crate) refusals: Refusals,
}

/// Which part a statement has in what is not sent: that some are left out depends on those after them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Omission {
    Never,
    /// It begins or ends a transaction, where each statement is committed by itself.
    Always,
    /// Up to the next [`Self::Unlock`] it guards only what a dump fills.
    Lock,
    Unlock,
    /// What a dump writes between the two.
    Fill,
}

/// Whether each statement of a file is left out. A lock that guards anything else than what a dump fills is kept, and
/// refused.
pub(crate) fn left_out(all: &[Omission]) -> Vec<bool> {
    let fills_only = |from: usize| {
        let mut guarded = all.iter().skip(from + 1).take_while(|omission| **omission != Omission::Unlock);
        guarded.all(|omission| matches!(omission, Omission::Fill | Omission::Always | Omission::Lock))
    };
    let is_left_out = |(index, omission): (usize, &Omission)| match omission {
        Omission::Always | Omission::Unlock => true,
        Omission::Lock => fills_only(index),
        Omission::Fill | Omission::Never => false,
    };
    all.iter().enumerate().map(is_left_out).collect()
}
