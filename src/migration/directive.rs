//! Directives: comment lines `-- schemaward: …` before the first statement that say how to run the file.

use crate::sql::Dialect;
use crate::sql::lexeme::{Kind, lexemes};
use crate::sql::scan::has_mark;

const MARK: &str = "schemaward:";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Directive {
    /// Each statement is committed separately.
    NoTransaction,
}

/// A line that looks like a directive but is not a valid one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum BadDirective {
    Unknown(String),
    /// After a statement, where nobody would look for it.
    TooLate,
}

/// The file's directive, and the invalid ones with the byte where each begins.
pub(super) fn directive(sql: &str, dialect: Dialect) -> (Option<Directive>, Vec<(usize, BadDirective)>) {
    // Most files have no directive: skip the scan for them.
    if !has_mark(sql, MARK) {
        return (None, Vec::new());
    }
    let (mut found, mut bad, mut in_head) = (None, Vec::new(), true);
    for lexeme in lexemes(sql, 0, dialect) {
        let text = sql.get(lexeme.start..lexeme.end).unwrap_or_default();
        match asked(text).filter(|_| lexeme.kind == Kind::LineComment) {
            Some(_) if !in_head => bad.push((lexeme.start, BadDirective::TooLate)),
            Some(asked) if asked.eq_ignore_ascii_case("no-transaction") => found = Some(Directive::NoTransaction),
            Some(asked) => bad.push((lexeme.start, BadDirective::Unknown(asked.chars().take(40).collect()))),
            None => in_head = in_head && lexeme.kind.is_trivia(),
        }
    }
    (found, bad)
}

/// The text after the mark.
fn asked(comment: &str) -> Option<&str> {
    let text = comment.strip_prefix("--")?.trim();
    let head = text.get(..MARK.len())?;
    head.eq_ignore_ascii_case(MARK).then(|| text.get(MARK.len()..).unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("-- schemaward: no-transaction\nvacuum")]
    #[case("--SCHEMAWARD:no-transaction\r\nvacuum")]
    #[case("-- why\n\n/* and more */ -- schemaward:  no-transaction \nvacuum")]
    fn found(#[case] sql: &str) {
        assert_eq!(directive(sql, Dialect::Postgres), (Some(Directive::NoTransaction), vec![]));
    }

    #[rstest]
    #[case("vacuum")]
    #[case("-- schemaward is told: no-transaction")]
    #[case("select '\n-- schemaward: no-transaction'")]
    #[case("-- rollback:\n-- -- schemaward: no-transaction")]
    fn none(#[case] sql: &str) {
        assert_eq!(directive(sql, Dialect::Postgres), (None, vec![]));
    }

    #[rstest]
    #[case("-- schemaward: no-transactions\nvacuum", 0, BadDirective::Unknown("no-transactions".into()))]
    #[case("vacuum;\n-- schemaward: no-transaction\n", 8, BadDirective::TooLate)]
    fn bad(#[case] sql: &str, #[case] byte: usize, #[case] expected: BadDirective) {
        assert_eq!(directive(sql, Dialect::Postgres), (None, vec![(byte, expected)]));
    }
}
