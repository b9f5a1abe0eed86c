//! Where in a file an error is. The server gives no position, but a syntax error's message says near which text it is,
//! and in which line of the statement. Only the place is read from it, and shown text that is not the file's is cut off;
//! its number says what the error means.

use crate::migration::Migration;
use crate::report::Place;

/// What a syntax error's message begins its quotation with, and ends it.
const NEAR: &str = " near '";
const AT_LINE: &str = "' at line ";

/// The place of an error in a statement, counted from 0, and the message without what follows the statement: the
/// server quotes up to 80 characters of all that was sent.
pub(super) fn place_of(migration: &Migration, index: usize, message: &str) -> (Place, String) {
    let statement = migration.place_of_statement(index);
    let sql = migration.statement_sql(index);
    let Some(found) = Quotation::find(message) else { return (statement, message.to_owned()) };
    let start = migration.statements.get(index).map_or(0, |statement| statement.span.start);
    let Some(byte) = found.byte_in(sql) else {
        // The server has put other characters for some of the file's, so that nothing of it could be hidden as a password.
        let place = found.line_in(sql).map_or(statement, |byte| migration.place_of_byte(start + byte));
        return (place, format!("{}, in line {} of the statement", found.before, found.line));
    };
    let behind = sql.get(byte..).unwrap_or_default();
    let shown = if found.quoted.len() > behind.len() { behind } else { found.quoted };
    let message = format!("{}{NEAR}{shown}'", found.before);
    // At the statement's end there is no character to point to; the last one will do.
    let byte = if behind.is_empty() { sql.char_indices().last().map_or(0, |(at, _)| at) } else { byte };
    (migration.place_of_byte(start + byte), message)
}

struct Quotation<'a> {
    before: &'a str,
    quoted: &'a str,
    /// Of the statement, from 1.
    line: usize,
}

impl<'a> Quotation<'a> {
    fn find(message: &'a str) -> Option<Self> {
        let (before, rest) = message.split_once(NEAR)?;
        let (quoted, line) = rest.rsplit_once(AT_LINE)?;
        Some(Self { before, quoted, line: line.trim().parse().ok()? })
    }

    /// Where in the statement the quotation begins: in the line that the server names, as its beginning or to the
    /// statement's end.
    fn byte_in(&self, sql: &str) -> Option<usize> {
        // MariaDB says by three dots that it has cut the text off. Source: its format %T, in strings/my_vsnprintf.c.
        let cut_off = self.quoted.strip_suffix("...").and_then(|quoted| self.byte_of(sql, quoted.trim_end()));
        cut_off.or_else(|| self.byte_of(sql, self.quoted.trim_end()))
    }

    /// Where the line begins; None where the statement has fewer.
    fn line_in(&self, sql: &str) -> Option<usize> {
        match self.line.checked_sub(2) {
            None => Some(0),
            Some(breaks) => sql.match_indices('\n').nth(breaks).map(|(at, _)| at + 1),
        }
    }

    fn byte_of(&self, sql: &str, quoted: &str) -> Option<usize> {
        let is_here = |at: usize| {
            let rest = sql.get(at..).unwrap_or_default();
            // After the end there is only our own text, which begins with the delimiter.
            let is_elsewhere = rest.is_empty() && !matches!(quoted.trim_start().chars().next(), None | Some(';'));
            !is_elsewhere && (rest.starts_with(quoted) || quoted.starts_with(rest))
        };
        // The delimiter after the statement, on a line that the statement does not have: its end.
        let from = self.line_in(sql).unwrap_or(sql.len());
        (from..=sql.len()).filter(|at| sql.is_char_boundary(*at)).find(|at| is_here(*at))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::place_of;
    use crate::migration::{MigrationSet, SourceFile};
    use crate::sql::Dialect;

    const FILE: &str = "select 1;\n\n  create table t (\n  a int,\n  b ünt\n);\nselect 2";

    #[rstest]
    #[case::in_a_line(
        "You have an error near 'ünt\n)\n;\nINSERT INTO `shop`.`schemaward_statement_jou' at line 3",
        5,
        5,
        "near 'ünt\n)'"
    )]
    #[case::cut_off("You have an error near 'int,\n  b...' at line 2", 4, 5, "near 'int,\n  b...'")]
    #[case::at_the_end("You have an error near '\n;\nINSERT INTO' at line 4", 6, 1, "near ''")]
    #[case::after_the_end("You have an error near ';\nINSERT INTO' at line 5", 6, 1, "near ''")]
    #[case::another_error("Unknown column 'x' in 'field list'", 3, 3, "Unknown column")]
    #[case::not_found("You have an error near 'elsewhere' at line 9", 3, 3, "an error, in line 9 of the statement")]
    #[case::written_differently(
        "You have an error near '?nt\n)' at line 3",
        5,
        1,
        "an error, in line 3 of the statement"
    )]
    fn a_syntax_error_is_shown_where_it_is(
        #[case] message: &str,
        #[case] line: i64,
        #[case] column: i64,
        #[case] says: &str,
    ) {
        let file = SourceFile { name: "001_a.sql".to_owned(), bytes: FILE.as_bytes().to_vec() };
        let set = MigrationSet::read([file], Dialect::Mysql).unwrap();
        let (place, message) = place_of(set.migrations().next().unwrap(), 1, message);
        assert_eq!((place.line, place.column, place.statement), (Some(line), Some(column), Some(2)));
        assert!(message.contains(says) && !message.contains("INSERT"), "{message}");
    }
}
