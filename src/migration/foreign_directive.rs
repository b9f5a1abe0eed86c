//! Comment lines of other tools that say, before a file's first statement, that the file is not to be one transaction.
//!
//! Source: sqlx, `sqlx-core/src/migrate/source.rs` (`no_tx`); Atlas, "File directives", `txmode`; Evolve, "Special
//! comments"; graphile-migrate's README, "Disable Transaction". goose's, dbmate's and tern's are in
//! [`super::annotations`].

use crate::sql::Dialect;
use crate::sql::lexeme::{Kind, lexemes};

/// Texts that occur only in files with such a line.
const MARKS: [&str; 3] = ["no-transaction", "atlas:txmode", "evolve-tx-off"];

/// An Atlas directive whose value Atlas does not know either.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct UnknownMode {
    /// Its first byte.
    pub(super) start: usize,
    pub(super) value: String,
}

/// Whether a line of another tool's says that the statements are committed separately.
pub(super) fn says_no_transaction(sql: &str, dialect: Dialect) -> Result<bool, UnknownMode> {
    // Most files have no such line: skip the scan for them.
    if !MARKS.iter().any(|mark| sql.contains(mark)) {
        return Ok(false);
    }
    // sqlx looks at the file's first bytes alone.
    if sql.strip_prefix("-- no-transaction").is_some_and(ends_word) {
        return Ok(true);
    }
    for lexeme in lexemes(sql, 0, dialect).take_while(|lexeme| lexeme.kind.is_trivia()) {
        let text = sql.get(lexeme.start..lexeme.end).unwrap_or_default().trim_end();
        if lexeme.kind != Kind::LineComment {
            continue;
        }
        if text == "--! no-transaction" || text.strip_prefix("--").is_some_and(|text| text.trim() == "evolve-tx-off") {
            return Ok(true);
        }
        match text.strip_prefix("--").and_then(|text| text.trim_start().strip_prefix("atlas:txmode")).map(str::trim) {
            Some("none") => return Ok(true),
            Some("file" | "all") | None => {}
            Some(value) => {
                let value = value.chars().take(40).collect();
                return Err(UnknownMode { start: lexeme.start, value });
            }
        }
    }
    Ok(false)
}

fn ends_word(rest: &str) -> bool {
    !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn says(sql: &str) -> Result<bool, UnknownMode> {
        says_no_transaction(sql, Dialect::Postgres)
    }

    #[rstest]
    #[case::sqlx("-- no-transaction\nvacuum")]
    #[case::sqlx_with_a_reason("-- no-transaction: the index is built concurrently\r\nvacuum")]
    #[case::sqlx_alone("-- no-transaction")]
    #[case::atlas("-- atlas:txmode none\n\nvacuum")]
    #[case::atlas_later("-- atlas:nolint\n--atlas:txmode  none \n\n-- Create index\nvacuum")]
    #[case::evolve("-- evolve-tx-off\nvacuum")]
    #[case::graphile("--! Previous: -\n--! Hash: sha1:1\n\n--! no-transaction\nvacuum")]
    fn no_transaction(#[case] sql: &str) {
        assert_eq!(says(sql), Ok(true));
    }

    #[rstest]
    #[case::not_first("\n-- no-transaction\nvacuum")]
    #[case::without_a_space("--no-transaction\nvacuum")]
    #[case::another_word("-- no-transactions here\nvacuum")]
    #[case::after_a_statement("select 1;\n-- atlas:txmode none\nvacuum")]
    #[case::atlas_as_usual("-- atlas:txmode file\nvacuum")]
    #[case::in_a_string("select '\n-- evolve-tx-off\n'")]
    #[case::evolve_in_a_sentence("-- evolve-tx-off is not needed here\nvacuum")]
    #[case::nothing("vacuum")]
    fn one_transaction(#[case] sql: &str) {
        assert_eq!(says(sql), Ok(false));
    }

    #[test]
    fn a_mode_that_atlas_does_not_know_is_reported() {
        let expected = UnknownMode { start: 9, value: "never".to_owned() };
        assert_eq!(says("-- Why.\n\n-- atlas:txmode never\n\nvacuum"), Err(expected));
    }
}
