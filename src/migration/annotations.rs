//! Files that comment lines divide into an up part and a down part, as goose, dbmate, tern and node-pg-migrate do. They
//! are parsed by those tools' rules. Similar lines of other tools are recognised and refused: ignoring them would run
//! both parts, and so apply and undo at once.

use super::annotation_line::{
    Line, NODE_PG_MIGRATE, NodeLine, TERN, foreign, line, may_have_annotations, name, node_line,
};
use crate::sql::Dialect;
use crate::sql::lexeme::{Kind, lexemes};
use crate::sql::statements::{Split, split, split_blocks};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Annotated {
    /// The whole text, with everything but the up part replaced by spaces, so that byte offsets stay those of the file.
    pub(super) up: String,
    /// Byte ranges in `up` that marks declare to be one statement.
    pub(super) blocks: Vec<(usize, usize)>,
    /// The down part. Its statement marks are kept only where the text would be split differently without them.
    pub(super) down: Option<String>,
    /// The up part's statements are committed one by one.
    pub(super) no_transaction: bool,
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadAnnotation {
    #[error("a {0} line in a file that uses {1}'s; use only one of the two")]
    TwoTools(&'static str, &'static str),
    #[error("a second line `{0}`; a file has one of each, first what goes forward, then what goes back")]
    Twice(&'static str),
    #[error("`{0}` must come after the part that goes forward, which starts with `{1}`; put that first")]
    Order(&'static str, &'static str),
    #[error("SQL before the line `{0}` belongs to neither part; move it after that line")]
    SqlBefore(&'static str),
    #[error("`-- +goose {0}` without its other half; each StatementBegin needs a StatementEnd after it")]
    Unpaired(&'static str),
    #[error("`{0}` is not a {1} annotation that is valid here; remove it")]
    Unknown(String, &'static str),
    #[error("`{0}` is a line for {1}, which is not supported here; write {2}")]
    Foreign(String, &'static str, &'static str),
}

/// Splits a file at its annotations; None if it has none. With `goes_back`, `sql` is a down part that was stored on its
/// own, so statement marks need no part around them.
pub(super) fn annotated(
    sql: &str,
    dialect: Dialect,
    goes_back: bool,
) -> Result<Option<Annotated>, Vec<(usize, BadAnnotation)>> {
    // Most files have no annotations: skip the scan for them.
    if !may_have_annotations(sql) {
        return Ok(None);
    }
    let part = Part { mark: (0, 0), no_transaction: false };
    let mut reader = Reader { sql, goes_back, up: goes_back.then_some(part), ..Reader::default() };
    for lexeme in lexemes(sql, 0, dialect) {
        let text = sql.get(lexeme.start..lexeme.end).unwrap_or_default();
        if lexeme.kind == Kind::LineComment && begins_line(sql, lexeme.start) {
            reader.comment(text.trim_end(), lexeme.start, lexeme.end);
        } else if !lexeme.kind.is_trivia() {
            reader.first_sql.get_or_insert(lexeme.start);
        }
    }
    reader.finish(dialect)
}

fn begins_line(sql: &str, offset: usize) -> bool {
    let before = sql.get(..offset).unwrap_or_default();
    before.bytes().rev().take_while(|byte| *byte != b'\n').all(|byte| byte.is_ascii_whitespace())
}

#[derive(Clone, Copy)]
struct Part {
    /// The mark's first byte, and the byte after it.
    mark: (usize, usize),
    no_transaction: bool,
}

/// Marks inside a part.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Mark {
    Begin,
    End,
    Plain,
}

#[derive(Default)]
struct Reader<'a> {
    sql: &'a str,
    /// The text is a down part on its own.
    goes_back: bool,
    tool: Option<&'static str>,
    up: Option<Part>,
    down: Option<Part>,
    first_sql: Option<usize>,
    whole_file: bool,
    /// A comment that is node-pg-migrate's mark if one of the other half follows.
    node_up: Option<(usize, usize)>,
    /// A comment that can only be such a mark, without the half before it.
    node_down: Option<(usize, usize)>,
    /// Start of an open statement mark.
    statement: Option<usize>,
    /// Marks inside the parts. They are not SQL.
    others: Vec<(usize, usize, Mark)>,
    bad: Vec<(usize, BadAnnotation)>,
}

impl Reader<'_> {
    fn comment(&mut self, text: &str, start: usize, end: usize) {
        if let Some((tool, instead)) = foreign(text) {
            self.bad.push((start, BadAnnotation::Foreign(shortened(text), tool, instead)));
        }
        let Some((tool, line)) = line(text) else { return self.node_comment(text, (start, end)) };
        if tool == TERN {
            // Whatever is above the dividing line goes forward.
            self.up.get_or_insert(Part { mark: (0, 0), no_transaction: false });
        }
        let first = *self.tool.get_or_insert(tool);
        if first != tool {
            self.bad.push((start, BadAnnotation::TwoTools(tool, first)));
            return;
        }
        if let Err(bad) = self.line(&line, tool, (start, end), text) {
            self.bad.push((start, bad));
        }
    }

    /// Takes a comment that may be a mark of node-pg-migrate's.
    fn node_comment(&mut self, text: &str, mark: (usize, usize)) {
        match (node_line(text), self.node_up) {
            _ if self.tool.is_some() || self.goes_back => {}
            (Some(NodeLine::Up), None) if self.first_sql.is_none() => self.node_up = Some(mark),
            (Some(NodeLine::Down { .. }), Some(up)) => {
                self.tool = Some(NODE_PG_MIGRATE);
                self.up = Some(Part { mark: up, no_transaction: false });
                self.down = Some(Part { mark, no_transaction: false });
            }
            (Some(NodeLine::Down { is_exact: true }), None) => self.node_down = self.node_down.or(Some(mark)),
            _ => {}
        }
    }

    fn line(&mut self, line: &Line, tool: &'static str, mark: (usize, usize), text: &str) -> Result<(), BadAnnotation> {
        match *line {
            Line::Down { .. } if self.goes_back => return Err(BadAnnotation::Twice(name(tool, false))),
            Line::Up { .. } if self.up.is_some() => return Err(BadAnnotation::Twice(name(tool, true))),
            Line::Up { .. } if self.first_sql.is_some() => return Err(BadAnnotation::SqlBefore(name(tool, true))),
            Line::Up { no_transaction } => self.up = Some(Part { mark, no_transaction }),
            Line::Down { .. } if self.down.is_some() => return Err(BadAnnotation::Twice(name(tool, false))),
            Line::Down { .. } if self.up.is_none() => {
                return Err(BadAnnotation::Order(name(tool, false), name(tool, true)));
            }
            Line::Down { .. } | Line::StatementBegin if self.statement.is_some() => {
                return Err(BadAnnotation::Unpaired("StatementBegin"));
            }
            Line::Down { no_transaction } => self.down = Some(Part { mark, no_transaction }),
            Line::StatementBegin => {
                self.statement = Some(mark.0);
                self.others.push((mark.0, mark.1, Mark::Begin));
            }
            Line::StatementEnd if self.statement.is_none() => return Err(BadAnnotation::Unpaired("StatementEnd")),
            Line::StatementEnd => {
                self.statement = None;
                self.others.push((mark.0, mark.1, Mark::End));
            }
            Line::NoTransaction => {
                self.whole_file = true;
                self.others.push((mark.0, mark.1, Mark::Plain));
            }
            Line::Unknown => return Err(BadAnnotation::Unknown(shortened(text), tool)),
        }
        Ok(())
    }

    fn finish(mut self, dialect: Dialect) -> Result<Option<Annotated>, Vec<(usize, BadAnnotation)>> {
        let has_sql_from = |from: usize| lexemes(self.sql, from, dialect).any(|lexeme| !lexeme.kind.is_trivia());
        if self.tool == Some(NODE_PG_MIGRATE) && !self.down.is_some_and(|down| has_sql_from(down.mark.1)) {
            // Nothing to divide: a comment, perhaps with what goes back in comments after it.
            return Ok(None);
        }
        if let (None, Some(down)) = (self.tool, self.node_down.filter(|down| has_sql_from(down.1))) {
            let order = BadAnnotation::Order(name(NODE_PG_MIGRATE, false), name(NODE_PG_MIGRATE, true));
            self.bad.push((down.0, order));
        }
        if let Some(start) = self.statement {
            self.bad.push((start, BadAnnotation::Unpaired("StatementBegin")));
        }
        if let (Some(tool), None, true) = (self.tool, self.up, self.bad.is_empty()) {
            let start = self.first_sql.unwrap_or_default();
            self.bad.push((start, BadAnnotation::SqlBefore(name(tool, true))));
        }
        if !self.bad.is_empty() {
            return Err(self.bad);
        }
        let Some(up) = self.up else { return Ok(None) };
        if self.tool.is_none() {
            return Ok(None);
        }
        let text = self.without_others();
        let end = self.down.map_or(text.len(), |down| down.mark.0);
        let down = self.down.map(|down| {
            let alone = self.whole_file || down.no_transaction;
            let directive = if alone { "-- schemaward: no-transaction\n" } else { "" };
            format!("{directive}{}", self.going_back(&text, down.mark.1, dialect))
        });
        let no_transaction = self.whole_file || up.no_transaction;
        let blocks = self.blocks(up.mark.1, end);
        Ok(Some(Annotated { up: only(&text, up.mark.1, end), blocks, down, no_transaction }))
    }

    /// The down part, from a byte on. Statement marks are left out where the split is the same without them, so that
    /// what the ledger stores can also be read by earlier versions.
    fn going_back(&self, text: &str, from: usize, dialect: Dialect) -> String {
        let plain = text.get(from..).unwrap_or_default();
        let blocks: Vec<(usize, usize)> =
            self.blocks(from, self.sql.len()).iter().map(|(start, end)| (start - from, end - from)).collect();
        let statements = |split: Split| -> Vec<(usize, usize)> {
            split.statements.iter().map(|statement| (statement.start, statement.end)).collect()
        };
        let divided = split(plain, dialect);
        let is_alike =
            divided.faults.is_empty() && statements(divided) == statements(split_blocks(plain, &blocks, dialect));
        let mut kept = plain.to_owned();
        if !is_alike {
            for (start, end, _) in self.others.iter().filter(|(start, _, mark)| *start >= from && *mark != Mark::Plain)
            {
                kept.replace_range(start - from..end - from, self.sql.get(*start..*end).unwrap_or_default());
            }
        }
        kept.trim_start_matches(['\r', '\n']).to_owned()
    }

    /// The byte ranges between pairs of statement marks, within a range.
    fn blocks(&self, from: usize, to: usize) -> Vec<(usize, usize)> {
        let within = self.others.iter().filter(|(start, _, mark)| (from..to).contains(start) && *mark != Mark::Plain);
        let marks: Vec<(usize, usize)> = within.map(|(start, end, _)| (*start, *end)).collect();
        let between = |pair: &[(usize, usize)]| Some((pair.first()?.1, pair.get(1)?.0));
        marks.chunks(2).filter_map(between).collect()
    }

    /// The text without the marks inside its parts. A `StatementEnd` becomes a semicolon, since goose allows a statement
    /// there without one and the down part is parsed again as a file of its own.
    fn without_others(&self) -> String {
        let mut text = String::with_capacity(self.sql.len());
        let mut at = 0;
        for (start, end, mark) in &self.others {
            text.push_str(self.sql.get(at..*start).unwrap_or_default());
            text.push(if *mark == Mark::End { ';' } else { ' ' });
            text.extend(std::iter::repeat_n(' ', end - start - 1));
            at = *end;
        }
        text.push_str(self.sql.get(at..).unwrap_or_default());
        text
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The text with everything outside the range replaced by spaces.
fn only(text: &str, from: usize, to: usize) -> String {
    let blank = |part: Option<&str>| -> String {
        let spaces = |byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { ' ' };
        part.unwrap_or_default().bytes().map(spaces).collect()
    };
    format!("{}{}{}", blank(text.get(..from)), text.get(from..to).unwrap_or_default(), blank(text.get(to..)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::annotation_line::{DBMATE, GOOSE, TERN_DIVIDES};
    use super::*;

    fn read(sql: &str) -> Option<Annotated> {
        annotated(sql, Dialect::Postgres, false).unwrap()
    }

    #[rstest]
    #[case::goose(
        "-- +goose Up\na;\n-- +goose Down\nb;\n",
        "            \na;\n              \n  \n",
        Some("b;\n"),
        false
    )]
    #[case::in_lower_case("--  +goose  up\r\na;", "              \r\na;", None, false)]
    #[case::dbmate(
        "-- why\n-- migrate:up\na;\n-- migrate:down\n",
        "      \n             \na;\n               \n",
        Some(""),
        false
    )]
    #[case::tern(
        "a;\n---- create above / drop below ----\nb;\n",
        "a;\n                                   \n  \n",
        Some("b;\n"),
        false
    )]
    #[case::tern_alone(
        "---- tern: disable-tx ----\na;\n---- create above / drop below ----\nb;",
        "                          \na;\n                                   \n  ",
        Some("-- schemaward: no-transaction\nb;"),
        true
    )]
    #[case::tern_only_up("---- tern: disable-tx ----\na;", "                          \na;", None, true)]
    #[case::node_pg_migrate(
        "-- Up Migration\na;\n\n-- Down Migration: b\nb;\n",
        "               \na;\n\n                    \n  \n",
        Some("b;\n"),
        false
    )]
    #[case::node_pg_migrate_otherwise(
        "-- Why.\n---- up  migration\na;\n--down migration\nb;",
        "       \n                  \na;\n                \n  ",
        Some("b;"),
        false
    )]
    #[case::goose_alone(
        "-- +goose NO TRANSACTION\n-- +goose Up\na;",
        "                        \n            \na;",
        None,
        true
    )]
    #[case::dbmate_alone("-- migrate:up transaction:false\na", "                               \na", None, true)]
    #[case::only_up_alone(
        "-- migrate:up transaction:false\na\n-- migrate:down\nb",
        "                               \na\n               \n ",
        Some("b"),
        true
    )]
    #[case::down_alone(
        "-- migrate:up\na\n-- migrate:down transaction:false\nb",
        "             \na\n                                 \n ",
        Some("-- schemaward: no-transaction\nb"),
        false
    )]
    #[case::statements_back(
        "-- +goose Up\n-- +goose Down\n-- +goose StatementBegin\na\n-- +goose StatementEnd\n",
        "            \n              \n                        \n \n                      \n",
        Some("                        \na\n;                     \n"),
        false
    )]
    #[case::statements(
        "-- +goose Up\n-- +goose StatementBegin\na\n-- +goose StatementEnd\nb;",
        "            \n                        \na\n;                     \nb;",
        None,
        false
    )]
    fn parts(#[case] sql: &str, #[case] up: &str, #[case] down: Option<&str>, #[case] no_transaction: bool) {
        let blocks = read(sql).unwrap().blocks;
        let expected = Annotated { up: up.to_owned(), blocks, down: down.map(ToOwned::to_owned), no_transaction };
        assert_eq!(read(sql), Some(expected));
        assert_eq!(up.len(), sql.len());
    }

    #[test]
    fn the_marks_of_one_statement_are_kept_going_back_where_they_say_more_than_the_text() {
        let file = |back: &str| {
            format!("-- +goose Up\n-- +goose Down\n-- +goose  StatementBegin\n{back}\n-- +goose StatementEnd\n")
        };
        let understood = "create procedure p() begin a; b; end;";
        let package = "create package p as procedure a(); end;";
        for (back, is_kept) in [(understood, false), (package, true)] {
            let down = annotated(&file(back), Dialect::Mariadb, false).unwrap().unwrap().down.unwrap();
            assert_eq!(down.contains("StatementBegin"), is_kept, "{down}");
            let again = annotated(&down, Dialect::Mariadb, true).unwrap();
            assert_eq!(again.is_some(), is_kept);
            let (up, blocks) = again.map_or((down, vec![]), |annotated| (annotated.up, annotated.blocks));
            let divided = split_blocks(&up, &blocks, Dialect::Mariadb);
            let texts: Vec<&str> = divided.statements.iter().map(|s| s.text(&up)).collect();
            assert_eq!((texts, divided.faults.len()), (vec![back.trim_end_matches(';')], 0));
        }
    }

    /// Without the marks this is two statements, and nothing is wrong with either.
    #[test]
    fn the_marks_are_kept_going_back_where_the_text_alone_is_divided() {
        let back = "-- +goose StatementBegin\ncreate procedure p is begin a; end;\n-- +goose StatementEnd\n";
        let up = "-- +goose Up\n-- +goose StatementBegin\na;\n-- +goose StatementEnd\n";
        assert_eq!(read(&format!("{up}-- +goose Down\n{back}")).unwrap().down.as_deref(), Some(back));
    }

    #[rstest]
    #[case("select 1")]
    #[case("-- like -- +goose Up\nselect 1")]
    #[case("select '\n-- +goose Up\n'")]
    #[case("select 1; -- migrate:up")]
    #[case("-- up migration\nselect 1")]
    #[case("-- Up migration\nselect 1;\n-- Down migration:\n-- select 2;\n")]
    #[case("-- Down migration: drop it by hand\nselect 1")]
    #[case("select 1;\n-- rollback:\n-- -- Down migration\n")]
    #[case("select 1;\n-- Down migration\n-- rollback:\n-- select 2;\n")]
    fn none(#[case] sql: &str) {
        assert_eq!(read(sql), None);
    }

    #[rstest]
    #[case::two_tools("-- +goose Up\n-- migrate:down", 13, BadAnnotation::TwoTools(DBMATE, GOOSE))]
    #[case::twice("-- +goose Up\n-- +goose Up", 13, BadAnnotation::Twice("-- +goose Up"))]
    #[case::order("-- migrate:down\na", 0, BadAnnotation::Order("-- migrate:down", "-- migrate:up"))]
    #[case::before("a;\n-- migrate:up\n", 3, BadAnnotation::SqlBefore("-- migrate:up"))]
    #[case::no_up("a;\n-- +goose NO TRANSACTION", 0, BadAnnotation::SqlBefore("-- +goose Up"))]
    #[case::begin("-- +goose Up\n-- +goose StatementBegin\na", 13, BadAnnotation::Unpaired("StatementBegin"))]
    #[case::end("-- +goose Up\n-- +goose StatementEnd\na", 13, BadAnnotation::Unpaired("StatementEnd"))]
    #[case::unknown("-- +goose Up\n-- +goose ENVSUB ON", 13, BadAnnotation::Unknown("-- +goose ENVSUB ON".into(), GOOSE))]
    #[case::two_dividing_lines(
        "a;\n---- create above / drop below ----\nb;\n---- create above / drop below ----\n",
        42,
        BadAnnotation::Twice(TERN_DIVIDES)
    )]
    #[case::only_down("a;\n-- Down Migration\nb;", 3, BadAnnotation::Order("-- Down Migration", "-- Up Migration"))]
    #[case::option("-- migrate:up transaction:no", 0, BadAnnotation::Unknown("-- migrate:up transaction:no".into(), DBMATE))]
    fn bad(#[case] sql: &str, #[case] byte: usize, #[case] expected: BadAnnotation) {
        assert_eq!(annotated(sql, Dialect::Postgres, false), Err(vec![(byte, expected)]));
    }

    #[rstest]
    #[case("-- +migrate Up\na")]
    #[case("-- rambler up\na")]
    #[case("a;\n-- //@UNDO\nb;")]
    #[case("-- !Ups\na;\n-- !Downs\nb;")]
    #[case("-- atlas:txtar\n\n-- migration.sql --\na;\n-- down.sql --\nb;")]
    fn lines_of_other_tools_are_refused(#[case] sql: &str) {
        let bad = annotated(sql, Dialect::Postgres, false).unwrap_err();
        assert!(matches!(bad.as_slice(), [(_, BadAnnotation::Foreign(..))]));
        assert!(annotated("# --- !Ups\na;\n\n# --- !Downs\nb;", Dialect::Mysql, false).is_err());
    }
}
