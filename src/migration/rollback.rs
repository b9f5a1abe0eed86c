//! Rollback SQL at the end of a migration's own file: a line `-- rollback:` followed by comment lines.

use crate::sql::Dialect;
use crate::sql::lexeme::{Kind, lexemes};
use crate::sql::position::Position;
use crate::sql::scan::has_mark;

/// Prefix of the name under which a rollback is reported. No file can have such a name.
pub const ROLLBACK_OF: &str = "rollback of ";
const MARKER: &str = "rollback:";

/// The remark in the block of a new file.
pub(super) const UNWRITTEN: &str =
    "-- What undoes the above, each line after two dashes. Remove this block if nothing can.";

#[derive(Debug, Eq, PartialEq)]
pub(super) enum Block {
    None,
    /// The block's SQL; empty if there is nothing to undo.
    Sql(String),
    /// The marker is on a line of its own, so a block was intended, but SQL follows at this byte.
    SqlFollows(usize),
}

/// Finds the rollback block. A comment that only begins with `rollback:` and has SQL somewhere after it is an ordinary
/// comment. A marker on a line of its own always counts.
pub(super) fn rollback_block(sql: &str, dialect: Dialect) -> Block {
    // Most files have no block: skip the scan for them.
    if !has_mark(sql, MARKER) {
        return Block::None;
    }
    let mut block: Option<Reader> = None;
    for lexeme in lexemes(sql, 0, dialect) {
        let text = sql.get(lexeme.start..lexeme.end).unwrap_or_default();
        match (&mut block, lexeme.kind) {
            (_, Kind::Space) => {}
            (Some(reader), Kind::LineComment) => reader.line(text),
            (None, Kind::LineComment) => {
                block = marker(text).filter(|_| begins_line(sql, lexeme.start)).map(|first| {
                    let mut reader = Reader { alone: first.is_empty(), sql: String::new() };
                    if !first.is_empty() {
                        reader.push(first);
                    }
                    reader
                });
            }
            (Some(reader), _) if reader.alone => return Block::SqlFollows(lexeme.start),
            _ => block = None,
        }
    }
    // An unedited block of a new file counts as none.
    let written = block.filter(|reader| reader.sql.trim() != UNWRITTEN);
    written.map_or(Block::None, |reader| Block::Sql(reader.sql))
}

struct Reader {
    alone: bool,
    sql: String,
}

impl Reader {
    fn line(&mut self, comment: &str) {
        let text = comment.strip_prefix("--").unwrap_or(comment);
        self.push(text.strip_prefix(' ').unwrap_or(text).trim_end());
    }

    fn push(&mut self, line: &str) {
        self.sql.push_str(line);
        self.sql.push('\n');
    }
}

/// The position in a file of a position in its rollback block, whose lines are the file's last ones, perhaps with more
/// before them.
pub(super) fn in_source(source: &str, block: &str, at: Position) -> Position {
    let mut above = source.lines().enumerate().collect::<Vec<_>>().into_iter().rev();
    let lines: Vec<&str> = block.lines().collect();
    for (number, line) in lines.iter().map(|line| line.trim()).enumerate().rev() {
        if line.is_empty() {
            continue;
        }
        let Some((found, text)) = above.find(|(_, text)| text.trim_end().ends_with(line)) else { break };
        if number + 1 == at.line {
            let before = text.trim_end().strip_suffix(line).unwrap_or_default().chars().count();
            let indent = lines.get(number).map_or(0, |line| line.chars().count() - line.trim_start().chars().count());
            return Position { line: found + 1, column: (before + at.column).saturating_sub(indent) };
        }
    }
    at
}

/// The rest of the marker's line, if the comment is a marker.
fn marker(comment: &str) -> Option<&str> {
    let text = comment.strip_prefix("--")?.trim();
    let head = text.get(..MARKER.len())?;
    head.eq_ignore_ascii_case(MARKER).then(|| text.get(MARKER.len()..).unwrap_or_default().trim_start())
}

fn begins_line(sql: &str, offset: usize) -> bool {
    let before = sql.get(..offset).unwrap_or_default();
    // PostgreSQL ends a line at a carriage return, too.
    before.rsplit(['\n', '\r']).next().is_none_or(|line| line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Block, rollback_block};
    use crate::sql::Dialect;

    fn sql(text: &str) -> Option<String> {
        match rollback_block(text, Dialect::Postgres) {
            Block::Sql(sql) => Some(sql),
            _ => None,
        }
    }

    #[rstest]
    #[case::plain("select 1;\n-- rollback:\n-- drop table b;\n-- drop table a;\n", "drop table b;\ndrop table a;\n")]
    #[case::in_capitals("-- ROLLBACK:\n--x", "x\n")]
    #[case::no_space("--rollback:\n--x", "x\n")]
    #[case::indented_lines("-- rollback:\n--   x", "  x\n")]
    #[case::crlf("select 1;\r\n-- rollback:\r\n-- x\r\n", "x\n")]
    #[case::cr_alone("select 1;\r-- rollback:\r-- drop table a;\r", "drop table a;\n")]
    #[case::blank_lines("-- rollback:\n\n-- x\n\n-- y\n\n", "x\ny\n")]
    #[case::on_the_marker_s_line(
        "select 1;\n-- rollback: drop table a;\n-- drop table b;",
        "drop table a;\ndrop table b;\n"
    )]
    #[case::below_the_remark_of_a_new_file(
        "-- rollback:\n-- -- What undoes the above, each line after two dashes. Remove this block if nothing \
         can.\n-- x",
        "-- What undoes the above, each line after two dashes. Remove this block if nothing can.\nx\n"
    )]
    #[case::nothing_to_undo("select 1;\n-- rollback:\n", "")]
    #[case::comments_in_it("-- rollback:\n-- -- why\n-- x", "-- why\nx\n")]
    #[case::after_a_remark("-- rollback: see below\nselect 1;\n-- rollback:\n-- x", "x\n")]
    fn blocks(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(sql(text).as_deref(), Some(expected));
    }

    #[rstest]
    #[case::no_marker("select 1; -- a comment")]
    #[case::in_a_string("select '\n-- rollback:\n-- x'")]
    #[case::in_a_body("do $$\n-- rollback:\n-- x\n$$")]
    #[case::a_remark("-- rollback: is not possible\nselect 1;")]
    #[case::after_a_statement("select 1; -- rollback:")]
    #[case::other_words("-- rollbacks:\n-- x")]
    fn no_block(#[case] text: &str) {
        assert_eq!(rollback_block(text, Dialect::Postgres), Block::None);
    }

    #[rstest]
    #[case("-- rollback:\n-- x\nselect 1;", 18)]
    #[case("-- rollback:\n-- x\n/* y */", 18)]
    fn sql_after_the_marker(#[case] text: &str, #[case] byte: usize) {
        assert_eq!(rollback_block(text, Dialect::Postgres), Block::SqlFollows(byte));
    }
}
