//! The run's events out of its pod's log. Pure.

use crate::report::Event;

/// The events in a piece of a log. Other lines are skipped: the first may be cut off, and a runner newer than this
/// operator may say more.
#[must_use]
pub fn events(log: &str) -> Vec<Event> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::events;
    use crate::report::Event;

    #[test]
    fn whole_events_are_read_and_everything_else_is_skipped() {
        let log = "ent\":\"runStarted\"}\nplain text\n{\"event\":\"of the future\"}\n\
                   {\"event\":\"statementFinished\",\"version\":\"008\",\"statement\":3,\"statements\":9}\n";
        let expected = Event::StatementFinished { version: "008".into(), statement: 3, statements: 9 };
        assert_eq!(events(log), [expected]);
    }
}
