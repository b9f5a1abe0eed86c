//! What a journal's row says of whether a statement has run: one verdict for all engines. Pure.

use super::journal_failure::{Begun, needs_review, run_otherwise};
use super::stored_trace::StoredTrace;
use crate::engine::Attempt;
use crate::migration::Checksum;
use crate::plan::StatementState;
use crate::report::Failure;

/// The row of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journaled<'a> {
    pub(crate) state: StatementState,
    /// Of the statement that was run.
    pub(crate) checksum: &'a Checksum,
    pub(crate) trace: StoredTrace,
    pub(crate) begun: Begun<'a>,
}

/// What is to be done with a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It has not run: run it.
    Run,
    HasRun,
    /// The catalog knows; its answer goes to [`settled`].
    Ask,
    Refuse(Failure),
}

/// What the catalog says about a statement whose end was not recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Settlement {
    Done,
    NotDone,
    /// It does not show that.
    Unknown,
}

/// The verdict on a statement, whose index counts from 0, by its row.
pub(crate) fn verdict(attempt: Attempt<'_>, index: usize, row: Option<Journaled<'_>>) -> Verdict {
    let Some(row) = row else { return Verdict::Run };
    match (row.state, row.trace) {
        (StatementState::Finished, _) => settled(attempt, index, row, Settlement::Done),
        // What it may have left of an index is looked for, too.
        (
            StatementState::Started | StatementState::Failed,
            StoredTrace::CreatedIndex | StoredTrace::DroppedIndex | StoredTrace::RebuiltIndexes,
        )
        | (
            StatementState::Started,
            StoredTrace::Appears | StoredTrace::Disappears | StoredTrace::LastDisappears | StoredTrace::Renamed,
        ) => Verdict::Ask,
        (StatementState::Started, StoredTrace::Repeatable) | (StatementState::Failed, _) => Verdict::Run,
        // A row that is written with its statement is never without its end.
        (
            StatementState::Started,
            StoredTrace::Parts | StoredTrace::Unknown | StoredTrace::Transaction | StoredTrace::Setting,
        ) => settled(attempt, index, row, Settlement::Unknown),
    }
}

/// The verdict after the catalog's answer.
pub(crate) fn settled(attempt: Attempt<'_>, index: usize, row: Journaled<'_>, found: Settlement) -> Verdict {
    match found {
        Settlement::Done if *row.checksum == attempt.migration.statement_checksum(index) => Verdict::HasRun,
        Settlement::Done => Verdict::Refuse(run_otherwise(attempt, index, row.begun.excerpt)),
        Settlement::NotDone => Verdict::Run,
        Settlement::Unknown => Verdict::Refuse(needs_review(attempt, index, &row.begun)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::engine::{Fence, stop_signal};
    use crate::migration::{MigrationSet, SourceFile};
    use crate::plan::Kind;
    use crate::report::Reason;
    use crate::sql::Dialect;

    /// Run, has run, ask, or the reason of the refusal.
    fn word(state: StatementState, trace: StoredTrace, sql: &str, found: Option<Settlement>) -> String {
        let file = SourceFile { name: "001_a.sql".into(), bytes: b"select 1;".to_vec() };
        let set = MigrationSet::read([file], Dialect::Mysql).unwrap();
        let (_sender, stop) = stop_signal();
        let attempt = Attempt {
            migration: set.migrations().next().unwrap(),
            kind: Kind::Migration,
            run: "r",
            fence: Fence(1),
            stop: &stop,
        };
        let checksum = Checksum::of_tokens(sql, Dialect::Mysql);
        let begun = Begun { excerpt: sql, run: "earlier", started_at: "2026-01-01T00:00:00Z" };
        let row = Journaled { state, checksum: &checksum, trace, begun };
        let verdict = match found {
            None => verdict(attempt, 0, Some(row)),
            Some(found) => settled(attempt, 0, row, found),
        };
        match verdict {
            Verdict::Run => "run".to_owned(),
            Verdict::HasRun => "has run".to_owned(),
            Verdict::Ask => "ask".to_owned(),
            Verdict::Refuse(failure) if failure.reason == Reason::MigrationEdited => "edited".to_owned(),
            Verdict::Refuse(failure) => format!("{:?}", failure.reason),
        }
    }

    use StatementState::{Failed, Finished, Started};
    use StoredTrace::*;

    #[rstest]
    fn a_finished_statement_has_run_unless_the_file_has_another_there(
        #[values(Transaction, Setting, Appears, CreatedIndex, Repeatable, Parts, Unknown)] trace: StoredTrace,
    ) {
        assert_eq!(word(Finished, trace, "select 1", None), "has run");
        assert_eq!(word(Finished, trace, "select 2", None), "edited");
    }

    #[rstest]
    #[case(Started, &[Appears, Disappears, LastDisappears, Renamed, CreatedIndex, DroppedIndex, RebuiltIndexes], "ask")]
    #[case(Started, &[Repeatable], "run")]
    #[case(Started, &[Parts, Unknown, Transaction, Setting], "NeedsReview")]
    #[case(Failed, &[CreatedIndex, DroppedIndex, RebuiltIndexes], "ask")]
    #[case(Failed, &[Appears, Disappears, LastDisappears, Renamed, Repeatable, Parts, Unknown, Transaction], "run")]
    fn by_its_state_and_trace(#[case] state: StatementState, #[case] traces: &[StoredTrace], #[case] expected: &str) {
        for trace in traces {
            assert_eq!(word(state, *trace, "select 1", None), expected, "{trace:?}");
        }
    }

    #[rstest]
    #[case(Settlement::Done, "select 1", "has run")]
    #[case(Settlement::Done, "select 2", "edited")]
    #[case(Settlement::NotDone, "select 2", "run")]
    #[case(Settlement::Unknown, "select 1", "NeedsReview")]
    fn by_the_catalog_s_answer(#[case] found: Settlement, #[case] sql: &str, #[case] expected: &str) {
        assert_eq!(word(Started, Appears, sql, Some(found)), expected);
    }
}
