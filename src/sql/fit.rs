//! How a statement fits into its file: in which transactions it can run, why it is refused there, and whether it is
//! sent at all. Decisions about a file combine these, without parsing its statements again.

use super::refusals::{Refusals, Wrapper};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fit {
    /// Whether the server refuses it, or ignores it, inside a transaction.
    pub(crate) demands_none: bool,
    pub(crate) is_setting: bool,
    /// Whether it is a setting that means the same outside and inside a transaction.
    pub(crate) is_same_outside: bool,
    pub(crate) wrapper: Option<Wrapper>,
    pub(crate) omission: Omission,
    pub(crate) foreign_keys: ForeignKeys,
    pub(crate) refusals: Refusals,
}

/// What it means to a statement whether foreign keys are enforced, where a file may decide that (`SQLite`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum ForeignKeys {
    /// Nothing.
    #[default]
    Indifferent,
    /// It may be refused, or change other rows.
    Obeys,
    /// It ends their enforcement.
    SwitchesOff,
}

/// Whether a statement is left out may depend on those after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Omission {
    Never,
    /// Begins or ends a transaction, although each statement is committed separately.
    Always,
    /// Left out if only [`Self::Fill`] follows, up to the next [`Self::Unlock`].
    Lock,
    Unlock,
    /// What mysqldump writes between the two.
    Fill,
}

/// Whether each statement of a file is left out. A lock around anything else than a dump's rows stays, and is then
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
