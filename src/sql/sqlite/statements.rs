//! Splits SQL into statements as `SQLite` and its shell do: at semicolons, except for those in a trigger, which ends
//! with `; END ;`.
//!
//! Source: `SQLite`, `src/complete.c`; `src/shell.c.in` for the commands that begin with a dot.

use super::super::lexeme::{Kind, Lexeme};
use super::super::position::Cursor;
use super::super::scan::line;
use super::super::statements::{Fault, Span, Split};
use super::lexeme::Lexer;

pub(in super::super) fn split(sql: &str) -> Split {
    let mut splitter =
        Splitter { sql, split: Split::default(), cursor: Cursor::new(sql), span: None, trigger: Trigger::default() };
    let mut from = 0;
    while from < sql.len() {
        from = splitter.read(from);
    }
    splitter.split
}

struct Splitter<'a> {
    sql: &'a str,
    split: Split,
    cursor: Cursor<'a>,
    /// First and last byte of the statement being read.
    span: Option<(usize, usize)>,
    trigger: Trigger,
}

/// How much of a trigger has been read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Trigger {
    #[default]
    Nothing,
    /// `EXPLAIN`, with or without `QUERY PLAN`.
    Explain,
    /// `CREATE`, with or without `TEMP`.
    Create,
    Inside,
    /// Inside, after a semicolon.
    Semicolon,
    /// Inside, after a semicolon and `END`.
    End,
    /// Any other statement.
    Other,
}

impl Trigger {
    fn token(self, kind: Kind, text: &str) -> Self {
        let is = |keyword: &str| kind == Kind::Word && text.eq_ignore_ascii_case(keyword);
        match self {
            Self::Nothing if is("explain") => Self::Explain,
            Self::Explain if is("query") || is("plan") => Self::Explain,
            Self::Nothing | Self::Explain if is("create") => Self::Create,
            Self::Create if is("temp") || is("temporary") => Self::Create,
            Self::Create if is("trigger") => Self::Inside,
            Self::Inside | Self::Semicolon | Self::End if kind == Kind::Semicolon => Self::Semicolon,
            Self::Semicolon if is("end") => Self::End,
            Self::Inside | Self::Semicolon | Self::End => Self::Inside,
            _ => Self::Other,
        }
    }

    /// Whether a semicolon here is part of the statement.
    fn holds_semicolon(self) -> bool {
        matches!(self, Self::Inside | Self::Semicolon)
    }
}

impl Splitter<'_> {
    /// Reads from a byte on. Returns where to continue: at the end of the text, or after something that is not SQL.
    fn read(&mut self, from: usize) -> usize {
        for lexeme in Lexer::new(self.sql, from) {
            if let Some(construct) = lexeme.unterminated {
                self.split.faults.push((lexeme.start, Fault::Unterminated(construct)));
            }
            let text = self.sql.get(lexeme.start..lexeme.end).unwrap_or_default();
            match lexeme.kind {
                kind if kind.is_trivia() => {}
                Kind::Semicolon if !self.trigger.holds_semicolon() => self.finish(),
                Kind::Semicolon => self.trigger = self.trigger.token(lexeme.kind, text),
                _ if text == "." && self.span.is_none() && self.begins_line(lexeme.start) => {
                    self.split.faults.push((lexeme.start, Fault::MetaCommand));
                    return line(self.sql, lexeme.start);
                }
                _ => self.take(&lexeme, text),
            }
        }
        self.finish();
        self.sql.len()
    }

    fn take(&mut self, lexeme: &Lexeme, text: &str) {
        let first = self.span.map_or(lexeme.start, |(first, _)| first);
        self.span = Some((first, lexeme.end));
        self.trigger = self.trigger.token(lexeme.kind, text);
    }

    fn finish(&mut self) {
        if let Some((start, end)) = self.span.take() {
            self.split.statements.push(Span { start, end, position: self.cursor.advance(start) });
        }
        self.trigger = Trigger::default();
    }

    fn begins_line(&self, offset: usize) -> bool {
        let before = self.sql.get(..offset).unwrap_or_default();
        before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::lexeme::Construct;

    fn texts(sql: &str) -> Vec<&str> {
        split(sql).statements.iter().map(|s| s.text(sql)).collect()
    }

    const TRIGGER: &str = "create temp trigger t after insert on x begin update y set a = case when b then 1 end; end";

    #[rstest]
    #[case::nothing(" ;; -- a;\n/* b; */ ;", &[])]
    #[case::strings("select ';', 'it''s;'; x", &["select ';', 'it''s;'", "x"])]
    #[case::no_escapes(r"select '\'; x", &[r"select '\'", "x"])]
    #[case::identifiers("select \"a;\"\"\", [b;], `c;``` ; x", &["select \"a;\"\"\", [b;], `c;```", "x"])]
    #[case::comment_at_the_end("a; /* ; closed */", &["a"])]
    #[case::trigger(TRIGGER, &[TRIGGER])]
    #[case::trigger_and_more(&format!("{TRIGGER};\nx"), &[TRIGGER, "x"])]
    #[case::trigger_with_comments("create trigger t begin a; -- ;\n end /* ; */ ; x", &["create trigger t begin a; -- ;\n end", "x"])]
    #[case::explained("explain query plan create trigger t begin a; end; x", &["explain query plan create trigger t begin a; end", "x"])]
    #[case::a_table_called_trigger("create table trigger (a); x", &["create table trigger (a)", "x"])]
    #[case::crlf("a -- ;\r\n;\r\nb;\r\n", &["a", "b"])]
    #[case::no_dot_command("select 1\n.5; x", &["select 1\n.5", "x"])]
    fn boundaries(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(texts(sql), expected);
        assert_eq!(split(sql).faults, []);
    }

    #[rstest]
    #[case::string("a; 'b", 3, Fault::Unterminated(Construct::String))]
    #[case::comment("a; /* never ; closed", 3, Fault::Unterminated(Construct::Comment))]
    #[case::brackets("select [a", 7, Fault::Unterminated(Construct::BracketIdentifier))]
    #[case::backtick("`a", 0, Fault::Unterminated(Construct::BacktickIdentifier))]
    #[case::dot_command("a;\n.mode it's\nb;", 3, Fault::MetaCommand)]
    fn faults(#[case] sql: &str, #[case] byte: usize, #[case] fault: Fault) {
        assert_eq!(split(sql).faults, [(byte, fault)]);
    }

    #[test]
    fn a_command_of_the_shell_ends_with_its_line() {
        assert_eq!(texts("a;\n.mode it's\nb;"), ["a", "b"]);
    }
}
