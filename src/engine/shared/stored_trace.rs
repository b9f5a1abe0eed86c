//! What the journal writes of how a statement is executed: words that are stored and never change. Pure.

use crate::sql::{Execution, Trace};

/// How the journal's row of a statement was written, and what an interruption leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StoredTrace {
    /// In the statement's own transaction.
    Transaction,
    /// The same, of one that only changes the session: `MySQL` and `MariaDB` distinguish it.
    Setting,
    Appears,
    Disappears,
    LastDisappears,
    Renamed,
    CreatedIndex,
    DroppedIndex,
    RebuiltIndexes,
    Repeatable,
    Parts,
    /// Nothing that could be relied on. So is a word of a later Schemaward.
    Unknown,
}

impl StoredTrace {
    /// Of a statement that runs outside any transaction.
    pub(crate) fn of(trace: &Trace) -> Self {
        match trace {
            Trace::Appears(_) => Self::Appears,
            Trace::Disappears(_) => Self::Disappears,
            Trace::LastDisappears(_) => Self::LastDisappears,
            Trace::Renamed { .. } => Self::Renamed,
            Trace::CreatedIndex { .. } => Self::CreatedIndex,
            Trace::DroppedIndex { .. } => Self::DroppedIndex,
            Trace::ReindexedIndex { .. } | Trace::ReindexedTable { .. } => Self::RebuiltIndexes,
            Trace::Repeatable | Trace::ReindexedMany => Self::Repeatable,
            Trace::Parts | Trace::DetachedPartition { .. } => Self::Parts,
            Trace::Unknown => Self::Unknown,
        }
    }

    /// Of any statement, where settings are distinguished.
    pub(crate) fn of_execution(execution: &Execution) -> Self {
        match execution {
            Execution::Alone(trace) => Self::of(trace),
            Execution::NamelessIndex => Self::Unknown,
            Execution::Transaction => Self::Transaction,
            Execution::Setting | Execution::SettingAlone => Self::Setting,
        }
    }

    /// The stored word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Setting => "setting",
            Self::Appears => "appears",
            Self::Disappears => "disappears",
            Self::LastDisappears => "last disappears",
            Self::Renamed => "renamed",
            Self::CreatedIndex => "created index",
            Self::DroppedIndex => "dropped index",
            Self::RebuiltIndexes => "rebuilt indexes",
            Self::Repeatable => "repeatable",
            Self::Parts => "parts",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a stored word.
    pub(crate) fn read(word: &str) -> Self {
        Self::ALL.into_iter().find(|trace| trace.as_str() == word).unwrap_or(Self::Unknown)
    }

    const ALL: [Self; 12] = [
        Self::Transaction,
        Self::Setting,
        Self::Appears,
        Self::Disappears,
        Self::LastDisappears,
        Self::Renamed,
        Self::CreatedIndex,
        Self::DroppedIndex,
        Self::RebuiltIndexes,
        Self::Repeatable,
        Self::Parts,
        Self::Unknown,
    ];

    /// Whether a statement that the server refused may have left a part of its work; `code` is the error's.
    ///
    /// A procedure may have committed. `MariaDB` drops several objects one by one. An index that is built, rebuilt or dropped
    /// concurrently is left invalid, unless the statement could not even begin.
    ///
    /// Source: `PostgreSQL`, CREATE INDEX, "Building Indexes Concurrently", and Appendix A for the classes of errors;
    /// `MariaDB`, "Atomic DDL".
    pub(crate) fn leaves_a_part(self, code: &str) -> bool {
        // Syntax, a name that does not exist or is taken, no right to it; not supported; the transaction's state; a schema.
        let cannot_begin = || ["42", "0A", "25", "3F"].iter().any(|class| code.starts_with(class));
        match self {
            Self::Parts | Self::LastDisappears => true,
            Self::CreatedIndex | Self::DroppedIndex | Self::RebuiltIndexes => !cannot_begin(),
            Self::Transaction
            | Self::Setting
            | Self::Appears
            | Self::Disappears
            | Self::Renamed
            | Self::Repeatable
            | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_such_table("created index", "42P01", false)]
    #[case::duplicate_key("created index", "23505", true)]
    #[case::of_an_expression("created index", "22012", true)]
    #[case::lock_timeout("dropped index", "55P03", true)]
    #[case::no_such_index("dropped index", "42704", false)]
    #[case::deadlock("rebuilt indexes", "40P01", true)]
    #[case::procedure("parts", "42883", true)]
    #[case::several_tables("last disappears", "1451", true)]
    #[case::one_table("disappears", "1451", false)]
    #[case::syntax("unknown", "1064", false)]
    #[case::database("unknown", "55006", false)]
    #[case::rolled_back("transaction", "23505", false)]
    fn what_the_server_refuses_in_its_middle(#[case] trace: &str, #[case] code: &str, #[case] leaves: bool) {
        assert_eq!(StoredTrace::read(trace).leaves_a_part(code), leaves);
    }

    #[test]
    fn each_word_is_read_as_it_was_written_and_a_new_one_is_not_relied_on() {
        for trace in StoredTrace::ALL {
            assert_eq!(StoredTrace::read(trace.as_str()), trace);
        }
        assert_eq!(StoredTrace::read("a word of 2030"), StoredTrace::Unknown);
    }
}
