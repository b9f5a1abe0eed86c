//! A file's own transactions: what stands between `BEGIN` and `COMMIT`. A file that is one such block, with only
//! settings around it, is one transaction as any other file. In all others each block is committed as a whole, and what
//! stands outside the blocks is committed separately, as the engine's own client does.
//!
//! Source: PostgreSQL, BEGIN ("each individual SQL statement is executed in its own transaction" without it), COMMIT
//! ("no harm, but it will provoke a warning message" where no transaction is open).

use std::ops::Range;

use super::fit::Fit;
use super::refusals::Wrapper;

/// What is known of a file's `BEGIN`s and `COMMIT`s.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Blocks {
    /// For each statement, whether it is not sent.
    pub(crate) left_out: Vec<bool>,
    pub(crate) shape: Shape,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Shape {
    /// There are none, or their halves do not match.
    #[default]
    None,
    /// The file is one block.
    Whole,
    /// Each block by its statements, counted without those that are left out.
    Several(Vec<Range<usize>>),
}

/// Finds a file's blocks. `no_transaction`: the file begins outside a transaction; otherwise one that has `COMMIT`s alone
/// begins inside one. `commits_alone`: whether the engine accepts a `COMMIT` where nothing is open.
pub(crate) fn blocks<'a>(
    fits: impl Iterator<Item = &'a Fit> + Clone,
    no_transaction: bool,
    commits_alone: bool,
) -> Blocks {
    let has = |wrapper: Wrapper| fits.clone().any(|fit| fit.wrapper == Some(wrapper));
    let (begins, commits) = (has(Wrapper::Begin), has(Wrapper::Commit));
    let begins_inside = commits && commits_alone && !begins && !no_transaction;
    let mut finder = Finder { open: begins_inside.then_some(0), ..Finder::default() };
    for fit in fits {
        match fit.wrapper {
            Some(Wrapper::Begin) if finder.open.is_none() => finder.open = Some(finder.kept),
            Some(Wrapper::Commit) if finder.close() => {}
            Some(Wrapper::CommitAndBegin) if finder.close() => finder.open = Some(finder.kept),
            // Nothing is open: a warning.
            Some(Wrapper::Commit) if commits_alone => {}
            Some(_) => return Blocks::default(),
            None => finder.keep(fit),
        }
        finder.left_out.push(fit.wrapper.is_some());
    }
    if finder.open.is_some() {
        return Blocks::default();
    }
    finder.finish(begins)
}

#[derive(Default)]
struct Finder {
    left_out: Vec<bool>,
    /// How many statements have been kept.
    kept: usize,
    /// The first statement of the open block.
    open: Option<usize>,
    found: Vec<Range<usize>>,
    /// Whether anything but settings stands outside the blocks.
    has_others: bool,
}

impl Finder {
    /// Ends the open block; false if none is open.
    fn close(&mut self) -> bool {
        let Some(start) = self.open.take() else { return false };
        self.found.push(start..self.kept);
        true
    }

    fn keep(&mut self, fit: &Fit) {
        self.kept += 1;
        self.has_others = self.has_others || self.open.is_none() && !fit.is_same_outside;
    }

    /// `begins`: whether the file has a `BEGIN`. A file that only ends with `COMMIT` is as it would be without it.
    fn finish(self, begins: bool) -> Blocks {
        let shape = match self.found.len() {
            0 => Shape::None,
            1 if !self.has_others => {
                if begins {
                    Shape::Whole
                } else {
                    Shape::None
                }
            }
            _ => Shape::Several(self.found.into_iter().filter(|block| !block.is_empty()).collect()),
        };
        Blocks { left_out: self.left_out, shape }
    }
}
