//! Which of a plan's steps are handed to a session at once. Pure.

use crate::plan::Step;
use crate::sql::TransactionMode;

/// The most SQL in a batch, in bytes, unless one file alone has more. An engine may hold a batch in memory a few times.
const MOST_BYTES: usize = 512 * 1024;
/// The most files in a batch. A stop ends a batch at the file that runs.
const MOST_FILES: usize = 512;

/// How many of the steps make the next batch: at least one where there is one. What is committed statement by statement
/// is a batch of its own. What reads the time of its transaction begins one, and has a time of its own then.
pub(super) fn batch_len(steps: &[Step<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |(index, step): &(usize, &Step<'_>)| {
        let migration = &step.migration;
        bytes += migration.sql.len();
        let fits = migration.mode == TransactionMode::PerFile && bytes <= MOST_BYTES;
        fits && (*index == 0 || !migration.reads_transaction_time())
    };
    steps.iter().take(MOST_FILES).enumerate().take_while(fits).count().max(1).min(steps.len())
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, MOST_FILES, batch_len};
    use crate::migration::{MigrationSet, SourceFile};
    use crate::plan::Step;
    use crate::sql::Dialect;

    fn lens(sqls: &[&str]) -> Vec<usize> {
        let file = |(n, sql): (usize, &&str)| SourceFile { name: format!("{n:04}_a.sql"), bytes: (*sql).into() };
        let files: Vec<SourceFile> = sqls.iter().enumerate().map(file).collect();
        let set = MigrationSet::read(files, Dialect::Postgres).unwrap();
        let mut steps: &[Step<'_>] = &set.migrations().map(Step::forward).collect::<Vec<_>>();
        let mut lens = Vec::new();
        while !steps.is_empty() {
            let len = batch_len(steps);
            lens.push(len);
            steps = &steps[len..];
        }
        lens
    }

    #[test]
    fn a_file_of_single_statements_is_a_batch_of_its_own() {
        assert_eq!(lens(&["select 1", "select 2", "vacuum", "vacuum", "select 3", "select 4"]), [2, 1, 1, 2]);
    }

    #[test]
    fn a_file_that_reads_the_transaction_s_time_begins_a_batch() {
        let default = "create table t (at timestamptz default now())";
        assert_eq!(lens(&["select now()", "select 2", "select now()", default, "select 'now'"]), [2, 2, 1]);
    }

    #[test]
    fn a_batch_has_bounds_and_a_long_file_its_own() {
        let half = format!("select '{}'", "x".repeat(MOST_BYTES / 2));
        let long = format!("select '{}'", "x".repeat(MOST_BYTES));
        assert_eq!(lens(&["select 1", &half, &half, &long, &long, "select 1"]), [2, 1, 1, 1, 1]);
        assert_eq!(lens(&vec!["select 1"; MOST_FILES + 1]), [MOST_FILES, 1]);
    }
}
