//! How far a migration is, reported often enough to watch and seldom enough to store.

use std::time::{Duration, Instant};

use crate::migration::Migration;
use crate::report::Event;

/// The shortest time between two reports of one migration.
const INTERVAL: Duration = Duration::from_millis(100);

/// Reports the statements of one migration as they finish.
pub(super) struct Progress<'a> {
    migration: &'a Migration,
    report: &'a mut dyn FnMut(Event),
    reported: Option<Instant>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(migration: &'a Migration, report: &'a mut dyn FnMut(Event)) -> Self {
        Self { migration, report, reported: None }
    }

    /// So many statements have run. The last one is always reported.
    pub(super) fn statements_done(&mut self, done: usize) {
        let total = self.migration.statements.len();
        let early = self.reported.is_some_and(|at| at.elapsed() < INTERVAL);
        if early && done < total {
            return;
        }
        self.reported = Some(Instant::now());
        let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
        (self.report)(Event::StatementFinished {
            version: self.migration.version.to_string(),
            statement: signed(done),
            statements: signed(total),
        });
    }
}
