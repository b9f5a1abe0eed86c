//! What a run says, taken over into the status; and the smallest patch from one status to another. Pure.
//! What comes from a pod is believed no further than its types, its lengths and what can be: it is a namespace's word.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::conditions::Owned;
use super::text::{shorten, whole_second};
use super::why::Why;
use crate::api::{LastError, PendingStatus, Progress, SchemaMigrationStatus};
use crate::report::{Event, Failure, HistoryEntry, Place, Summary, WARNING_LIMIT, WARNINGS_LIMIT};

/// How many rows of the ledger a status shows.
const HISTORY_LIMIT: usize = 20;
/// The longest version, file name or checksum taken from a pod.
const WORD_LIMIT: usize = 300;
/// The longest message taken from a pod.
const MESSAGE_LIMIT: usize = 1200;
/// The most files that a source can hold, and so the most that a run can apply or leave pending.
pub const FILES_LIMIT: i64 = 5_000;
/// The longest SQLSTATE or errno.
const CODE_LIMIT: usize = 16;
/// The longest hint taken from a pod.
const HINT_LIMIT: usize = 500;
/// The most lines, columns or statements possible: the largest source has no more bytes.
const PLACES_LIMIT: i64 = 16 * 1024 * 1024;
/// The longest that a migration can have taken, in milliseconds: a year.
const TIME_LIMIT: i64 = 366 * 24 * 3600 * 1000;

/// Takes over what the ledger held when a run of a source of this many files ended. Where the run could not read it, what
/// was known before stays.
pub fn take_summary(status: &mut SchemaMigrationStatus, summary: &Summary, files: i64) {
    if !summary.ledger_read {
        return;
    }
    status.current_version = summary.current_version.as_deref().map(word_of);
    if let Some(target) = &summary.target_version {
        status.target_version = Some(word_of(target));
    }
    status.pending = Some(PendingStatus {
        count: summary.pending.count.clamp(0, files),
        first: summary.pending.first.as_deref().map(word_of),
        last: summary.pending.last.as_deref().map(word_of),
    });
    status.history = summary.history.iter().take(HISTORY_LIMIT).map(history_entry).collect();
    status.warnings = warnings(summary);
    if let Some(run) = &mut status.run {
        run.plan_hash = summary.plan_hash.as_deref().map(word_of).or(run.plan_hash.take());
    }
}

/// What a run warned of, of which a pod can have written anything.
#[must_use]
pub fn warnings(summary: &Summary) -> Vec<String> {
    let texts = summary.warnings.iter().filter(|text| !text.trim().is_empty());
    texts.take(WARNINGS_LIMIT).map(|text| shorten(&printable(text), WARNING_LIMIT)).collect()
}

/// A row, of which a pod can have written anything.
fn history_entry(row: &HistoryEntry) -> HistoryEntry {
    HistoryEntry {
        version: word_of(&row.version),
        file: word_of(&row.file),
        checksum: word_of(&row.checksum),
        applied_at: word_of(&row.applied_at),
        execution_time_ms: row.execution_time_ms.clamp(0, TIME_LIMIT),
        success: row.success,
        kind: row.kind.as_deref().filter(|kind| *kind != "migration").map(word_of),
        undone: row.undone,
    }
}

/// Takes over how far a run is from the newest lines of its log; earlier ones may be missing.
pub fn take_events(status: &mut SchemaMigrationStatus, events: &[Event]) {
    for event in events {
        match event {
            Event::RunStarted { plan_hash, to, .. } => {
                status.target_version = Some(word_of(to));
                if let Some(run) = &mut status.run {
                    run.plan_hash = Some(word_of(plan_hash));
                }
            }
            Event::MigrationStarted { version, statements, .. } => progress(status, version, 0, *statements),
            Event::StatementFinished { version, statement, statements } => {
                progress(status, version, *statement, *statements);
            }
            Event::MigrationApplied { version, kind, .. } if kind == "migration" => {
                status.current_version = Some(word_of(version));
            }
            // The summary says what it leaves as the current version.
            Event::MigrationApplied { .. }
            | Event::WaitingForLock { .. }
            | Event::LockTimedOut { .. }
            | Event::StatementProgress { .. }
            | Event::StatementSkipped { .. }
            | Event::Warning { .. }
            | Event::RunFailed { .. }
            | Event::RunFinished { .. } => {}
        }
    }
}

fn progress(status: &mut SchemaMigrationStatus, version: &str, statement: i64, statements: i64) {
    if let Some(run) = &mut status.run {
        let statements = statements.clamp(0, PLACES_LIMIT);
        run.progress =
            Some(Progress { version: word_of(version), statement: statement.clamp(0, statements), statements });
    }
}

/// A failure as the status shows it, and why the run counts as failed.
#[must_use]
pub fn last_error(failure: &Failure, why: Why, retry_at: Option<Timestamp>) -> LastError {
    let place = failure.place.as_ref();
    LastError {
        class: word(&failure.class),
        reason: why.as_str().to_owned(),
        code: failure.code.as_deref().map(word_of),
        message: shorten(&failure.message, MESSAGE_LIMIT),
        version: place.map(|place| word_of(&place.version)),
        file: place.map(|place| word_of(&place.file)),
        line: place.and_then(|place| place.line).and_then(number),
        column: place.and_then(|place| place.column).and_then(number),
        statement: place.and_then(|place| place.statement).and_then(number),
        retry_at: retry_at.map(moment),
    }
}

/// A status without what the ledger or another field holds, too, and with short texts: for an object that has no room.
#[must_use]
pub fn slim(status: &SchemaMigrationStatus) -> SchemaMigrationStatus {
    const TEXT_LIMIT: usize = 400;
    let mut slim = SchemaMigrationStatus { history: Vec::new(), warnings: Vec::new(), ..status.clone() };
    for condition in slim.conditions.iter_mut().filter(|condition| Owned::of(&condition.type_).is_some()) {
        condition.message = shorten(&condition.message, TEXT_LIMIT);
    }
    if let Some(error) = &mut slim.last_error {
        error.message = shorten(&error.message, TEXT_LIMIT);
    }
    if let Some(run) = &mut slim.run {
        run.warnings = Vec::new();
    }
    slim
}

/// A unit variant's name as it is serialized.
#[must_use]
pub fn word(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A time in a status: RFC 3339, UTC, whole seconds.
#[must_use]
pub fn moment(time: Timestamp) -> String {
    whole_second(time).to_string()
}

/// What a pod waits for, as the status keeps it.
#[must_use]
pub fn complaint(text: &str) -> String {
    word_of(text)
}

/// A failure that a pod reports, with nothing in it that cannot be: its texts go into conditions and events.
#[must_use]
pub fn bounded(failure: Failure) -> Failure {
    let place = failure.place.map(|place| Place {
        version: word_of(&place.version),
        file: word_of(&place.file),
        line: place.line.and_then(number),
        column: place.column.and_then(number),
        statement: place.statement.and_then(number),
        excerpt: place.excerpt.as_deref().map(word_of),
    });
    let code = failure.code.as_deref().map(|code| shorten(&printable(code), CODE_LIMIT));
    let hint = failure.hint.as_deref().map(|hint| shorten(hint, HINT_LIMIT));
    Failure { code, hint, place, ..failure }
}

/// A line, a column or a statement's number; none where none can have it.
fn number(number: i64) -> Option<i64> {
    (1..=PLACES_LIMIT).contains(&number).then_some(number)
}

/// A word of a pod's, such as a version: of one line, and not long.
#[must_use]
pub fn word_of(text: &str) -> String {
    shorten(&printable(text), WORD_LIMIT)
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The JSON merge patch (RFC 7396) that turns one object into another; none where they are equal.
#[must_use]
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    if from == to {
        return None;
    }
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return Some(to.clone()) };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in to {
        match from.get(key) {
            None => {
                patch.insert(key.clone(), value.clone());
            }
            Some(before) => {
                if let Some(change) = merge_patch(before, value) {
                    patch.insert(key.clone(), change);
                }
            }
        }
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        CODE_LIMIT, HINT_LIMIT, PLACES_LIMIT, WORD_LIMIT, Why, bounded, history_entry, merge_patch, slim, take_events,
        take_summary, word,
    };
    use crate::api::{RunStatus, SchemaMigrationStatus};
    use crate::report::{ErrorClass, Event, Failure, Outcome, Pending, Place, Reason, Summary};

    #[test]
    fn a_patch_holds_what_changed_and_nulls_what_is_gone() {
        let from = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1], "f": 4});
        let to = json!({"a": 1, "b": {"c": 2, "d": 5}, "e": [2], "g": 6});
        assert_eq!(merge_patch(&from, &to), Some(json!({"b": {"d": 5}, "e": [2], "f": null, "g": 6})));
        assert_eq!(merge_patch(&from, &from), None);
    }

    #[test]
    fn progress_is_read_from_the_newest_events_even_where_the_first_are_missing() {
        let mut status = SchemaMigrationStatus { run: Some(RunStatus::default()), ..Default::default() };
        take_events(
            &mut status,
            &[
                Event::MigrationApplied {
                    kind: "migration".into(),
                    version: "007".into(),
                    file: "007_x.sql".into(),
                    execution_time_ms: 3,
                },
                Event::StatementFinished { version: "008".into(), statement: 3, statements: 9 },
            ],
        );
        assert_eq!(status.current_version.as_deref(), Some("007"));
        let progress = status.run.unwrap().progress.unwrap();
        assert_eq!((progress.version.as_str(), progress.statement, progress.statements), ("008", 3, 9));
    }

    #[test]
    fn a_run_that_could_not_read_the_ledger_takes_nothing_away() {
        let known = SchemaMigrationStatus { current_version: Some("004".into()), ..Default::default() };
        let summary = |read: bool| Summary {
            run: "shop-1".into(),
            plan_hash: None,
            outcome: Outcome::Succeeded { applied: 0, ahead: Vec::new() },
            ledger_read: read,
            current_version: None,
            target_version: None,
            pending: Pending::default(),
            history: Vec::new(),
            warnings: Vec::new(),
            rollback: false,
        };
        let after = |read| {
            let mut status = known.clone();
            take_summary(&mut status, &summary(read), 2);
            status
        };
        assert_eq!(after(false), known);
        assert_eq!(after(true).current_version, None);
    }

    #[test]
    fn warnings_of_a_pod_are_few_short_and_without_control_characters() {
        let mut warnings = vec!["a\u{1b}[31m\nb".to_owned(), "\n".to_owned(), "ü".repeat(1000)];
        warnings.extend((0..1000).map(|number| number.to_string()));
        let summary = Summary {
            run: "shop-1".into(),
            plan_hash: None,
            outcome: Outcome::Succeeded { applied: 0, ahead: Vec::new() },
            ledger_read: true,
            current_version: None,
            target_version: None,
            pending: Pending::default(),
            history: Vec::new(),
            warnings,
            rollback: false,
        };
        let told = super::warnings(&summary);
        assert_eq!((told.len(), told[0].as_str(), told[2].as_str()), (5, "a [31m b", "0"));
        assert!(told[1].len() <= 240 && told[1].ends_with("ü…"), "{}", told[1]);
    }

    #[test]
    fn what_was_undone_and_what_was_no_migration_is_shown_as_such() {
        let row = |version: &str, kind: &str, undone: bool| crate::report::HistoryEntry {
            version: version.into(),
            file: format!("{version}_a.sql"),
            checksum: "0".into(),
            applied_at: "2026-11-30T12:00:00Z".into(),
            execution_time_ms: -1,
            success: true,
            kind: Some(kind.into()),
            undone,
        };
        let summary = Summary {
            run: "shop-1".into(),
            plan_hash: None,
            outcome: Outcome::Succeeded { applied: 0, ahead: Vec::new() },
            ledger_read: true,
            current_version: Some("001".into()),
            target_version: None,
            pending: Pending::default(),
            history: vec![row("002", "rollback", false), row("002", "migration", true), row("001", "migration", false)],
            warnings: Vec::new(),
            rollback: false,
        };
        let mut status = SchemaMigrationStatus::default();
        take_summary(&mut status, &summary, 2);
        let told: Vec<_> = status.history.iter().map(|row| (row.kind.as_deref(), row.undone)).collect();
        assert_eq!(told, [(Some("rollback"), false), (None, true), (None, false)]);
        assert_eq!(status.history[0].execution_time_ms, 0);
        let plain = serde_json::to_value(&status.history[2]).unwrap();
        assert!(plain.get("kind").is_none() && plain.get("undone").is_none(), "{plain}");
    }

    #[test]
    fn a_status_for_an_object_without_room_keeps_what_only_it_holds() {
        let long = "x".repeat(5000);
        let mut status = SchemaMigrationStatus { current_version: Some("1".into()), ..Default::default() };
        status.history.push(crate::report::HistoryEntry::default());
        status.last_error = Some(crate::api::LastError { message: long.clone(), ..Default::default() });
        let standing = crate::operator::standing::Standing::Stalled;
        crate::operator::standing::write(
            &mut status,
            &standing,
            (Why::StatementFailed, &long),
            (1, jiff::Timestamp::UNIX_EPOCH),
        );
        status.warnings = vec![long.clone()];
        status.run = Some(RunStatus { warnings: vec![long.clone()], ..Default::default() });
        let length = serde_json::to_string(&slim(&status)).unwrap().len();
        assert!(length < 2000, "{length} bytes");
        assert_eq!(slim(&status).history, []);
        let mut theirs = status.conditions[0].clone();
        (theirs.type_, theirs.message) = ("Approved".into(), long);
        status.conditions.push(theirs.clone());
        let slim = slim(&status);
        assert_eq!((slim.current_version.as_deref(), slim.conditions.len()), (Some("1"), 3));
        assert_eq!(slim.conditions[2], theirs, "another controller's words are not ours to cut");
    }

    #[test]
    fn a_failure_that_a_pod_reports_is_bounded_in_each_of_its_texts() {
        let long = "x".repeat(5000);
        let place = Place {
            version: long.clone(),
            file: long.clone(),
            line: Some(0),
            column: Some(PLACES_LIMIT + 1),
            statement: Some(PLACES_LIMIT),
            excerpt: Some(format!("a\n{long}")),
        };
        let failure = Failure::new(Reason::StatementFailed, "m").code(&long).hint(&long).at(place);
        let bounded = bounded(failure);
        let length = |text: Option<&str>| text.map_or(0, str::len);
        assert_eq!(length(bounded.code.as_deref()), CODE_LIMIT);
        assert_eq!(length(bounded.hint.as_deref()), HINT_LIMIT);
        let place = bounded.place.unwrap();
        assert_eq!((length(Some(&place.version)), length(Some(&place.file))), (WORD_LIMIT, WORD_LIMIT));
        assert_eq!((place.line, place.column, place.statement), (None, None, Some(16 * 1024 * 1024)));
        assert!(place.excerpt.as_deref().unwrap().starts_with("a x") && length(place.excerpt.as_deref()) == WORD_LIMIT);
    }

    #[test]
    fn only_a_migration_that_is_applied_is_the_current_version() {
        let after = |kind: &str| {
            let mut status = SchemaMigrationStatus { current_version: Some("007".into()), ..Default::default() };
            let (version, file) = ("006".into(), "006_x.sql".into());
            let applied = Event::MigrationApplied { kind: kind.into(), version, file, execution_time_ms: 3 };
            take_events(&mut status, &[applied]);
            status.current_version.unwrap()
        };
        assert_eq!(["migration", "rollback", "repeatable"].map(after), ["006", "007", "007"]);
    }

    #[test]
    fn a_time_is_believed_up_to_a_year() {
        let year = 366 * 86_400_000;
        let taken = |execution_time_ms| {
            history_entry(&crate::report::HistoryEntry { execution_time_ms, ..Default::default() }).execution_time_ms
        };
        assert_eq!([-1, 5, year, year + 1].map(taken), [0, 5, year, year]);
    }

    #[test]
    fn classes_are_written_as_the_report_writes_them() {
        assert_eq!(word(&ErrorClass::UnknownOutcome), "unknownOutcome");
    }
}
