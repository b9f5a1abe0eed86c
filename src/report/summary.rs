//! What a run says at its end.

use serde::{Deserialize, Serialize};

use super::Failure;
use super::history_entry::HistoryEntry;

/// What a pod's termination message can hold, in bytes.
/// Source: Kubernetes, "Customizing the termination message": 4096 bytes.
pub const SUMMARY_LIMIT: usize = 4096;

/// How many warnings a summary has at most.
pub const WARNINGS_LIMIT: usize = 5;
/// The longest that one is there, in bytes.
pub const WARNING_LIMIT: usize = 240;

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// The ledger is at the target version.
    Succeeded {
        /// How many files this run applied, or rollbacks; 0 where nothing was pending.
        applied: i64,
        /// Applied versions that the source no longer has, newer than all it has.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ahead: Vec<String>,
    },
    /// Something stopped it. What was committed before stays.
    Failed {
        /// How many files this run applied before, or rollbacks.
        applied: i64,
        /// What and where.
        failure: Failure,
    },
}

/// The whole outcome of a run, small enough for a termination message.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The run's name.
    pub run: String,
    /// SHA-256 of the plan, in hex; absent where the run did not get as far as a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the run has read the ledger. Where it has not, `current_version`, `pending` and `history` say nothing.
    #[serde(default = "ledger_read")]
    pub ledger_read: bool,
    /// The ledger's version after the run; absent where no migration is applied or the ledger was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<String>,
    /// The version the run was to reach, `latest` resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// Versions still to be applied, in order; empty after success, and where the run did not get as far as a plan.
    pub pending: Pending,
    /// The ledger's newest rows, newest first. Trimmed, oldest away first, until the summary fits.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
    /// What the run warned of, where it is one of a cluster. The first [`WARNINGS_LIMIT`], each cut to
    /// [`WARNING_LIMIT`]; absent where it was nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether the run was a rollback: what it has applied is rollback SQL then; absent where not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
}

/// What a summary means that does not say it: those of earlier versions were about a ledger.
fn ledger_read() -> bool {
    true
}

/// What is still to be applied.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// How many steps.
    pub count: i64,
    /// The first one's version, or a repeatable file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last one's version, or a repeatable file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl Summary {
    /// The summary as JSON of at most [`SUMMARY_LIMIT`] bytes. What is dispensable goes first: the
    /// history, oldest away first, then warnings, then the list of versions ahead of the source, then the ends of
    /// the failure's hint, excerpt and message.
    #[must_use]
    pub fn to_message(&self) -> String {
        let mut summary = self.clone();
        loop {
            let json = serde_json::to_string(&summary).unwrap_or_default();
            if json.len() <= SUMMARY_LIMIT || !summary.shorten(json.len() - SUMMARY_LIMIT) {
                return json;
            }
        }
    }

    /// Notes a warning, if there is room for another one and it is not there yet.
    pub fn warn(&mut self, message: &str) {
        let mut text = message.to_owned();
        let excess = text.len().saturating_sub(WARNING_LIMIT);
        if excess > 0 {
            cut_end(&mut text, excess);
        }
        if self.warnings.len() < WARNINGS_LIMIT && !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    /// Takes the most dispensable thing away. False where nothing is left to take.
    fn shorten(&mut self, excess: usize) -> bool {
        if self.history.pop().is_some() || self.warnings.pop().is_some() {
            return true;
        }
        match &mut self.outcome {
            Outcome::Succeeded { ahead, .. } => ahead.pop().is_some(),
            Outcome::Failed { failure, .. } => {
                let Failure { message, hint, place, .. } = failure;
                let excerpt = place.as_mut().and_then(|place| place.excerpt.as_mut());
                [hint.as_mut(), excerpt, Some(message)].into_iter().flatten().any(|text| cut_end(text, excess))
            }
        }
    }
}

/// Cuts `excess` bytes off, or half of the text where that is less: JSON's escapes count in the
/// excess, so that it may be more than need be. At a character's boundary, and marked. False where
/// the text is too short to give anything.
fn cut_end(text: &mut String, excess: usize) -> bool {
    const MARK: &str = "…";
    let Some(mut end) = text.len().checked_sub(MARK.len() + 1) else { return false };
    end = end.min(text.len().saturating_sub(excess + MARK.len()).max(text.len() / 2));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(MARK);
    true
}

#[cfg(test)]
mod tests {
    use super::{HistoryEntry, Outcome, Pending, SUMMARY_LIMIT, Summary, WARNING_LIMIT, WARNINGS_LIMIT};
    use crate::report::{ErrorClass, Failure, Place, Reason};

    fn summary(outcome: Outcome, rows: usize) -> Summary {
        let row = |n: usize| HistoryEntry {
            version: format!("{:03}", rows - n),
            file: format!("{:03}_{}.sql", rows - n, "long_name_".repeat(10)),
            checksum: "0123456789abcdef".to_owned(),
            applied_at: "2026-11-22T18:00:00Z".to_owned(),
            execution_time_ms: 12,
            success: true,
            kind: None,
            undone: false,
        };
        Summary {
            run: "shop-1".to_owned(),
            plan_hash: Some("a".repeat(64)),
            outcome,
            ledger_read: true,
            current_version: Some("009".to_owned()),
            target_version: Some("010".to_owned()),
            pending: Pending { count: 1, first: Some("010".to_owned()), last: Some("010".to_owned()) },
            history: (0..rows).map(row).collect(),
            warnings: Vec::new(),
            rollback: false,
        }
    }

    fn failed(message: String) -> Outcome {
        let place = Place { excerpt: Some("ü".repeat(200)), ..Place::default() };
        let (class, reason) = (ErrorClass::Permanent, Reason::StatementFailed);
        let failure = Failure { class, reason, code: None, message, hint: Some("h".repeat(500)), place: Some(place) };
        Outcome::Failed { applied: 0, failure }
    }

    #[test]
    fn a_short_summary_is_kept_whole() {
        let whole = summary(failed("syntax error".to_owned()), 3);
        assert_eq!(serde_json::from_str::<Summary>(&whole.to_message()).unwrap(), whole);
    }

    #[test]
    fn history_goes_first_and_its_oldest_rows_first() {
        let whole = summary(failed("syntax error".to_owned()), 40);
        let message = whole.to_message();
        assert!(message.len() <= SUMMARY_LIMIT);
        let kept: Summary = serde_json::from_str(&message).unwrap();
        assert!(!kept.history.is_empty());
        assert_eq!(kept.history[0], whole.history[0], "the newest row stays");
        assert_eq!(kept.outcome, whole.outcome);
    }

    #[test]
    fn a_long_message_is_cut_between_characters_even_where_json_escapes_it() {
        for letter in ["ü", "\n", "\u{1}", "x"] {
            let message = summary(failed(letter.repeat(20_000)), 2).to_message();
            assert!(message.len() <= SUMMARY_LIMIT, "{letter:?}: {}", message.len());
            let kept: Summary = serde_json::from_str(&message).unwrap();
            let Outcome::Failed { failure, .. } = kept.outcome else { panic!("the outcome changed") };
            assert!(failure.message.starts_with(letter), "{letter:?}: {:?}", failure.message);
        }
    }

    #[test]
    fn warnings_are_few_each_once_and_stay_before_history_does() {
        let mut whole = summary(failed("syntax error".to_owned()), 40);
        for number in [1, 1, 2, 3, 4, 5, 6, 7] {
            whole.warn(&format!("{number}: {}", "ü".repeat(200)));
        }
        assert_eq!(whole.warnings.len(), WARNINGS_LIMIT);
        assert!(whole.warnings[0].starts_with("1: ü") && whole.warnings[1].starts_with("2: ü"));
        assert!(whole.warnings.iter().all(|text| text.len() <= WARNING_LIMIT && text.ends_with('…')));
        let kept: Summary = serde_json::from_str(&whole.to_message()).unwrap();
        assert_eq!(kept.warnings, whole.warnings);
        assert!(kept.history.len() < 40);
    }

    #[test]
    fn a_long_list_of_versions_ahead_is_cut() {
        let ahead = (0..1000).map(|n| format!("{n:032}")).collect();
        let message = summary(Outcome::Succeeded { applied: 0, ahead }, 2).to_message();
        assert!(message.len() <= SUMMARY_LIMIT);
    }
}
