//! Why a resource is as it is, in one word: the reasons of conditions, of `status.lastError` and of the metrics. Pure.
//!
//! Each has its line here, and `docs/resource.md` begins its row with that line: a test compares the two.

use crate::report::Reason;

/// Makes the enum, the list of its variants, their words and their lines from one table.
macro_rules! reasons {
    ($($name:ident: $line:literal,)*) => {
        /// A reason. The word is the variant's name.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Why {
            $(#[doc = $line] $name,)*
        }

        impl Why {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word, as conditions have it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means, in a line.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $line,)* }
            }
        }
    };
}

reasons! {
    // The operator's own.
    Verified: "the database is at the version asked for",
    Starting: "a run is being started; its pod does not run yet",
    Running: "the run's pod is running",
    Stopping: "a run's Job was deleted and its pod is ending, or a run that had not started is withdrawn because \
               the spec now asks for something else",
    WaitingForDatabase: "another resource with the same Secret and key has a run",
    SourceNotFound: "a ConfigMap of the source does not exist",
    Changed: "the spec or the files changed while a run was going on; another run follows",
    RefusedByCluster: "the API server refused what the run or the deletion needs, twice or more",
    PodLost: "the run's pod ended without saying how, or its runner reported success and then ended with an error",
    Evicted: "the cluster took the run's pod away: an eviction, a preemption, a node that was drained or failed",
    RetryLimitReached: "all attempts that `retry.limit` allows have failed",
    Suspended: "nothing is started while `spec.suspend` is true",
    Terminating: "the resource is being deleted, and a Job is still stopping",
    // A run's.
    StatementFailed: "the database refused a statement",
    ConnectionFailed: "the database could not be reached, or the connection was lost",
    AuthenticationFailed: "the database refused the user, the password or the database name",
    LockTimedOut: "a table's lock was not granted in any of the tries",
    LockHeld: "another run held the database's lock",
    Fenced: "a newer run has taken over the database's lock",
    MigrationEdited: "the file of an applied migration has changed, or another file has its version",
    MigrationMissing: "the file of an applied migration is missing",
    OutOfOrder: "a pending migration is older than one that is applied",
    NeedsReview: "a run was cut off during a statement outside a transaction, and the catalog does not show whether it ran",
    TargetUnreachable: "`targetVersion` is not in the source, or is lower than the database's version",
    ForeignHistory: "the ledger is empty, and another tool has a history in the database",
    InvalidSource: "the files are not a valid set of migrations",
    SourceChanged: "the files that the pod found are not those that the run was started for",
    LedgerUnusable: "the ledger cannot be read or created",
    Cancelled: "the run was asked to stop, and has rolled back",
    DeadlineExceeded: "the run took longer than `activeDeadline`, or its pod did not start in that time",
    InvalidSettings: "the URL in the Secret, or another setting of the run, cannot be used",
}

impl From<Reason> for Why {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::StatementFailed => Self::StatementFailed,
            Reason::ConnectionFailed => Self::ConnectionFailed,
            Reason::AuthenticationFailed => Self::AuthenticationFailed,
            Reason::LockHeld => Self::LockHeld,
            Reason::LockTimedOut => Self::LockTimedOut,
            Reason::Fenced => Self::Fenced,
            Reason::MigrationEdited => Self::MigrationEdited,
            Reason::MigrationMissing => Self::MigrationMissing,
            Reason::OutOfOrder => Self::OutOfOrder,
            Reason::NeedsReview => Self::NeedsReview,
            Reason::TargetUnreachable => Self::TargetUnreachable,
            Reason::ForeignHistory => Self::ForeignHistory,
            Reason::InvalidSource => Self::InvalidSource,
            Reason::SourceChanged => Self::SourceChanged,
            Reason::LedgerUnusable => Self::LedgerUnusable,
            Reason::Cancelled => Self::Cancelled,
            Reason::DeadlineExceeded => Self::DeadlineExceeded,
            Reason::InvalidSettings => Self::InvalidSettings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Why;
    use crate::report::Reason;

    const PAGE: &str = include_str!("../../docs/resource.md");

    /// The rows of the page's table of reasons: the words of a row, and its text.
    fn rows() -> Vec<(&'static str, &'static str)> {
        let table = PAGE.split_once("## Reasons\n").unwrap().1.lines().skip_while(|line| !line.starts_with("| ---"));
        let rows = table.skip(1).take_while(|line| line.starts_with('|'));
        rows.map(|row| row.trim_matches(['|', ' ']).split_once('|').unwrap()).collect()
    }

    #[test]
    fn the_page_of_reasons_has_a_row_for_each_and_begins_it_with_its_line() {
        let words: Vec<String> = Why::ALL.iter().map(|why| format!("`{}`", why.as_str())).collect();
        let on_page: Vec<&str> = rows().iter().map(|(word, _)| word.trim()).collect();
        assert_eq!(on_page, words, "docs/resource.md lists each reason once, in this order");
        for (why, (_, text)) in Why::ALL.iter().zip(rows()) {
            let more = text.trim().strip_prefix(why.meaning());
            let more = more.unwrap_or_else(|| panic!("{why:?}: {text:?} does not begin with {:?}", why.meaning()));
            assert!(more.is_empty() || more.starts_with([';', ':', '.']), "{why:?}: {more}");
        }
    }

    #[test]
    fn a_runs_reason_keeps_its_word() {
        let of_runs: Vec<(Why, Reason)> =
            Why::ALL.iter().filter_map(|why| Some((*why, serde_json::from_value(why.as_str().into()).ok()?))).collect();
        assert_eq!(of_runs.len(), 18);
        for (why, reason) in of_runs {
            assert_eq!(Why::from(reason), why);
        }
    }

    #[test]
    fn every_reason_is_a_word_that_a_condition_may_have() {
        for why in Why::ALL {
            assert!(why.as_str().chars().all(|letter| letter.is_ascii_alphabetic()), "{why:?}");
            assert!(!why.meaning().ends_with('.') && why.meaning().len() < 160, "{why:?}");
        }
    }
}
