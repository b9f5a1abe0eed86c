//! One attempt of one migration as the ledger has it, and the two forms in which programs are given it.

use serde::{Serialize, Serializer};

use crate::plan::{Kind, LedgerRow};
use crate::report::HistoryEntry;

/// One attempt of one migration as the ledger has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordedAttempt {
    /// At what, and which way.
    pub row: LedgerRow,
    /// Whether a rollback has undone it since.
    pub undone: bool,
    /// When it was recorded: RFC 3339, UTC, whole seconds.
    pub applied_at: String,
    pub execution_time_ms: i64,
    /// Whether it was committed.
    pub success: bool,
    /// SQLSTATE, where the server gave one.
    pub error_code: Option<String>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// How many of the file's statements had run.
    pub statements_done: i32,
    /// How many the file has.
    pub statements_total: i32,
    pub run: String,
    pub applied_by: String,
    pub tool_version: String,
}

/// As `schemaward history` and `schemaward status` give it to programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptJson<'a> {
    /// As its file name writes it; `R` of a repeatable file.
    version: &'a str,
    /// `migration`, `repeatable`, `rollback`, `baseline` or `adopted`.
    kind: &'static str,
    undone: bool,
    file: &'a str,
    /// The first 16 hex digits of the SHA-256 of the file's bytes.
    checksum: &'a str,
    applied_at: &'a str,
    execution_time_ms: i64,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    statements_done: i32,
    statements_total: i32,
    run: &'a str,
    applied_by: &'a str,
    tool_version: &'a str,
}

impl Serialize for RecordedAttempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = AttemptJson {
            version: self.row.version.as_str(),
            kind: self.row.kind.word(),
            undone: self.undone,
            file: &self.row.file,
            checksum: self.row.checksum.short(),
            applied_at: &self.applied_at,
            execution_time_ms: self.execution_time_ms,
            success: self.success,
            error_code: self.error_code.as_deref(),
            error_message: self.error_message.as_deref(),
            statements_done: self.statements_done,
            statements_total: self.statements_total,
            run: &self.run,
            applied_by: &self.applied_by,
            tool_version: &self.tool_version,
        };
        json.serialize(serializer)
    }
}

/// As a run's summary gives it to the operator.
impl From<&RecordedAttempt> for HistoryEntry {
    fn from(attempt: &RecordedAttempt) -> Self {
        let row = &attempt.row;
        Self {
            version: row.version.to_string(),
            file: row.file.clone(),
            checksum: row.checksum.short().to_owned(),
            applied_at: attempt.applied_at.clone(),
            execution_time_ms: attempt.execution_time_ms,
            success: attempt.success,
            kind: (row.kind != Kind::Migration).then(|| row.kind.word().to_owned()),
            undone: attempt.undone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{Checksum, Version};

    #[test]
    fn programs_are_given_the_same_fields_as_ever() {
        let row = LedgerRow {
            id: 3,
            kind: Kind::Repeatable,
            version: Version::of_repeatable(),
            file: "R__v.sql".to_owned(),
            checksum: Checksum::stored("0123456789abcdef0123".to_owned()),
            token_checksum: Checksum::of(b"x"),
        };
        let mut attempt = RecordedAttempt {
            row,
            undone: false,
            applied_at: "2026-11-23T00:00:00Z".to_owned(),
            execution_time_ms: 7,
            success: false,
            error_code: Some("42P01".to_owned()),
            error_message: Some("no".to_owned()),
            statements_done: 1,
            statements_total: 2,
            run: "r".to_owned(),
            applied_by: "u".to_owned(),
            tool_version: "0".to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&attempt).unwrap(),
            r#"{"version":"R","kind":"repeatable","undone":false,"file":"R__v.sql","checksum":"0123456789abcdef","#
                .to_owned()
                + r#""appliedAt":"2026-11-23T00:00:00Z","executionTimeMs":7,"success":false,"errorCode":"42P01","#
                + r#""errorMessage":"no","statementsDone":1,"statementsTotal":2,"run":"r","appliedBy":"u","toolVersion":"0"}"#
        );
        let entry = |attempt: &RecordedAttempt| serde_json::to_string(&HistoryEntry::from(attempt)).unwrap();
        let common = r#""checksum":"0123456789abcdef","appliedAt":"2026-11-23T00:00:00Z","executionTimeMs":7"#;
        let expected = format!(r#"{{"version":"R","file":"R__v.sql",{common},"success":false,"kind":"repeatable"}}"#);
        assert_eq!(entry(&attempt), expected);
        attempt.row = LedgerRow { kind: Kind::Migration, version: "001".parse().unwrap(), ..attempt.row };
        (attempt.success, attempt.undone, attempt.error_code, attempt.error_message) = (true, true, None, None);
        let expected = format!(r#"{{"version":"001","file":"R__v.sql",{common},"success":true,"undone":true}}"#);
        assert_eq!(entry(&attempt), expected);
        assert!(!serde_json::to_string(&attempt).unwrap().contains("error"));
    }
}
