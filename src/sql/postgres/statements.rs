//! Splits SQL into statements as psql and the server do. What a statement does is not looked at, except for `COPY …
//! FROM stdin`, whose data are not SQL.

use super::super::lexeme::{Kind, Lexeme};
use super::super::position::Cursor;
use super::super::statements::{Fault, Span, Split};
use super::lexeme::lexemes;
use super::refusals::{Stream, copy_stream};
use super::tokens;

/// Splits at the semicolons outside quotes, comments, parentheses (`CREATE RULE … DO (a; b)`) and `BEGIN ATOMIC … END`
/// (the body of an SQL-standard function). Source: `PostgreSQL`, `src/fe_utils/psqlscan.l`.
pub(in super::super) fn split(sql: &str) -> Split {
    let mut splitter = Splitter::new(sql);
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
    parentheses: usize,
    body: Body,
}

impl<'a> Splitter<'a> {
    fn new(sql: &'a str) -> Self {
        let cursor = Cursor::new(sql);
        Self { sql, split: Split::default(), cursor, span: None, parentheses: 0, body: Body::default() }
    }

    /// Reads from a byte on. Returns where to continue: at the end of the text, or after something that is not SQL.
    fn read(&mut self, from: usize) -> usize {
        for lexeme in lexemes(self.sql, from) {
            if let Some(construct) = lexeme.unterminated {
                self.split.faults.push((lexeme.start, Fault::Unterminated(construct)));
            }
            match lexeme.kind {
                kind if kind.is_trivia() => {}
                Kind::Backslash => return self.client_line(lexeme.start),
                Kind::Semicolon if self.parentheses == 0 && !self.body.is_open() => {
                    if self.finish() {
                        return self.end_of_copy_data(lexeme.end);
                    }
                }
                _ => self.take(&lexeme),
            }
        }
        self.finish();
        self.sql.len()
    }

    /// A line for psql. Returns where the next one begins.
    fn client_line(&mut self, start: usize) -> usize {
        let behind = self.end_of_line(start);
        let end = start + self.sql.get(start..behind).unwrap_or_default().trim_end().len();
        if self.span.is_none() && means_nothing(self.sql.get(start..end).unwrap_or_default()) {
            self.split.client_lines.push(Span { start, end, position: self.cursor.advance(start) });
        } else {
            self.split.faults.push((start, Fault::MetaCommand));
            self.forget();
        }
        behind
    }

    fn take(&mut self, lexeme: &Lexeme) {
        let first = self.span.map_or(lexeme.start, |(first, _)| first);
        self.span = Some((first, lexeme.end));
        match lexeme.kind {
            Kind::Word if self.parentheses == 0 => {
                self.body.word(self.sql.get(lexeme.start..lexeme.end).unwrap_or_default());
            }
            Kind::Semicolon if self.parentheses == 0 => self.body.next_statement(),
            kind => {
                self.parentheses += usize::from(kind == Kind::Open);
                self.parentheses = self.parentheses.saturating_sub(usize::from(kind == Kind::Close));
                self.body.other();
            }
        }
    }

    /// Ends the statement being read. Returns whether data for `COPY … FROM stdin` follow.
    fn finish(&mut self) -> bool {
        let Some((start, end)) = self.span else {
            return false;
        };
        let statement = Span { start, end, position: self.cursor.advance(start) };
        self.split.statements.push(statement);
        self.forget();
        copy_stream(tokens(statement.text(self.sql))) == Some(Stream::Stdin)
    }

    fn forget(&mut self) {
        self.span = None;
        self.parentheses = 0;
        self.body = Body::default();
    }

    fn end_of_line(&self, from: usize) -> usize {
        let rest = self.sql.get(from..).unwrap_or_default();
        rest.find('\n').map_or(self.sql.len(), |newline| from + newline + 1)
    }

    /// The byte after the line `\.` that ends the data, or the end of the text.
    fn end_of_copy_data(&self, from: usize) -> usize {
        let mut at = self.end_of_line(from);
        while at < self.sql.len() {
            let end = self.end_of_line(at);
            if self.sql.get(at..end).unwrap_or_default().trim_end() == "\\." {
                return end;
            }
            at = end;
        }
        at
    }
}

/// Variables of psql about what it shows.
const SHOWN: [&str; 6] = ["ECHO", "ECHO_HIDDEN", "QUIET", "VERBOSITY", "SHOW_CONTEXT", "PAGER"];

/// Whether a line for psql changes neither what the file does nor how it is read: `\restrict` of a dump, what shows
/// something, and what a run does anyway. Not if another command follows in the line, or one of the shell.
///
/// Source: `PostgreSQL`, psql, "Meta-Commands" and "Variables".
fn means_nothing(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (command, rest) = (words.next().unwrap_or_default(), words.collect::<Vec<_>>());
    if command.get(1..).is_none_or(|name| name.contains('\\')) || rest.iter().any(|word| word.contains(['\\', '`'])) {
        return false;
    }
    let shows_only = |name: &&str| SHOWN.contains(name);
    match command {
        "\\restrict" | "\\unrestrict" | "\\echo" | "\\qecho" | "\\warn" | "\\timing" | "\\pset" => true,
        "\\encoding" => ["utf8", "utf-8", "unicode"].iter().any(|name| rest.concat().eq_ignore_ascii_case(name)),
        "\\set" if rest.first() == Some(&"ON_ERROR_STOP") => {
            matches!(rest.as_slice(), [_] | [_, "on" | "ON" | "1" | "true" | "yes"])
        }
        "\\set" | "\\unset" => rest.first().is_some_and(shows_only),
        _ => false,
    }
}

/// Recognises the body `BEGIN ATOMIC … END` of `CREATE [OR REPLACE] {FUNCTION | PROCEDURE}`.
///
/// The grammar requires a semicolon after each statement of a body, so END closes the body only as the first word of a
/// statement. Anywhere else END, CASE, BEGIN and ATOMIC belong to an expression, or are names. A body can contain such
/// a CREATE again. Source: `PostgreSQL`, `routine_body_stmt_list` and `bare_label_keyword` in gram.y.
#[derive(Default)]
struct Body {
    header: Header,
    after_begin: bool,
    depth: usize,
}

/// How much of a routine's header has been read, in a statement of the file or of a body.
#[derive(Clone, Copy, Default)]
enum Header {
    #[default]
    Nothing,
    Create,
    CreateOr,
    CreateOrReplace,
    Routine,
    /// Any other statement.
    Other,
}

impl Header {
    fn word(self, is: impl Fn(&str) -> bool) -> Self {
        match self {
            Self::Nothing if is("create") => Self::Create,
            Self::Create if is("or") => Self::CreateOr,
            Self::CreateOr if is("replace") => Self::CreateOrReplace,
            Self::Create | Self::CreateOrReplace if is("function") || is("procedure") => Self::Routine,
            Self::Routine => Self::Routine,
            _ => Self::Other,
        }
    }
}

impl Body {
    fn is_open(&self) -> bool {
        self.depth > 0
    }

    fn word(&mut self, word: &str) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        if self.depth > 0 && matches!(self.header, Header::Nothing) && is("end") {
            self.depth -= 1;
            return self.other();
        }
        self.header = self.header.word(is);
        let is_routine = matches!(self.header, Header::Routine);
        if is_routine && self.after_begin && is("atomic") {
            self.depth += 1;
            return self.next_statement();
        }
        self.after_begin = is_routine && is("begin");
    }

    /// Takes a token that is not a word, or END.
    fn other(&mut self) {
        self.after_begin = false;
        if !matches!(self.header, Header::Routine) {
            self.header = Header::Other;
        }
    }

    /// After a semicolon in the body, or at its start.
    fn next_statement(&mut self) {
        (self.header, self.after_begin) = (Header::Nothing, false);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::sql::Dialect;
    use crate::sql::lexeme::Construct;
    use crate::sql::position::position;
    use crate::sql::reading::Reading;

    fn texts(sql: &str) -> Vec<&str> {
        split(sql).statements.iter().map(|s| s.text(sql)).collect()
    }

    #[rstest]
    #[case(r"\restrict 4bQ7xN1cOf")]
    #[case(r"\unrestrict 4bQ7xN1cOf")]
    #[case(r"\set ON_ERROR_STOP on")]
    #[case(r"\set ON_ERROR_STOP")]
    #[case(r"\set ECHO all")]
    #[case(r"\unset ECHO")]
    #[case(r"\echo it's the second part; go on")]
    #[case(r"\timing on")]
    #[case(r"\pset pager off")]
    #[case(r"\encoding UTF8")]
    fn a_line_for_psql_that_means_nothing_here_is_passed_over(#[case] line: &str) {
        let sql = format!("a;\n{line}\r\nb;\n  {line}");
        let found = split(&sql);
        assert_eq!((found.faults, texts(&sql)), (vec![], vec!["a", "b"]));
        assert_eq!(found.client_lines.iter().map(|span| span.text(&sql)).collect::<Vec<_>>(), [line, line]);
        assert_eq!(found.client_lines[1].position, position(&sql, sql.len() - line.len()));
    }

    #[rstest]
    #[case(r"\connect other")]
    #[case(r"\c other")]
    #[case(r"\set ON_ERROR_STOP off")]
    #[case(r"\set name 'value'")]
    #[case(r"\set ECHO `id`")]
    #[case(r#"\echo Use "CREATE EXTENSION x" to load this file. \quit"#)]
    #[case(r"\echo `id`")]
    #[case(r"\encoding LATIN1")]
    #[case(r"\i other.sql")]
    #[case(r"\")]
    #[case(r"\\")]
    #[case(r"a \restrict b")]
    fn any_other_line_for_psql_is_refused(#[case] line: &str) {
        let sql = format!("a;\n{line}\nb;");
        let byte = sql.find('\\').unwrap();
        let found = split(&sql);
        assert_eq!((found.faults, found.client_lines), (vec![(byte, Fault::MetaCommand)], vec![]));
    }

    #[rstest]
    #[case::nothing("", &[])]
    #[case::empty_statements(" ;; -- a;\n/* b; */ ;", &[])]
    #[case::two("select 1; select 2", &["select 1", "select 2"])]
    #[case::strings("select ';', 'it''s;', E'\\';'; select 2", &["select ';', 'it''s;', E'\\';'", "select 2"])]
    #[case::plain_strings_have_no_escapes(r"select '\'; select 2", &[r"select '\'", "select 2"])]
    #[case::continued("select E'a'\n  -- why;\n 'b\\';c' ; x", &["select E'a'\n  -- why;\n 'b\\';c'", "x"])]
    #[case::continued_twice("select e'a'\r\n'b\\''\n'\\';' ; x", &["select e'a'\r\n'b\\''\n'\\';'", "x"])]
    #[case::not_continued_on_the_line("select E'a' 'b\\'; x", &["select E'a' 'b\\'", "x"])]
    #[case::not_continued_after_a_comment("select E'a' /*\n*/ 'b\\'; x", &["select E'a' /*\n*/ 'b\\'", "x"])]
    #[case::plain_strings_continued("select 'a'\n'b\\'; x", &["select 'a'\n'b\\'", "x"])]
    #[case::identifiers(r#"select ";" ; x"#, &[r#"select ";""#, "x"])]
    #[case::dollar_quotes("do $a$ ; $b$ ; $$ ; $a$; x", &["do $a$ ; $b$ ; $$ ; $a$", "x"])]
    #[case::dollars_in_names("select a$b$; select c$b$", &["select a$b$", "select c$b$"])]
    #[case::nested_comments("a /* ; /* ; */ ; */ b; c", &["a /* ; /* ; */ ; */ b", "c"])]
    #[case::comment_after("a -- ;\n;b", &["a", "b"])]
    #[case::crlf("a -- ;\r\n;\r\nb;\r\n", &["a", "b"])]
    #[case::rule("create rule r as on insert to t do (a; b); c", &["create rule r as on insert to t do (a; b)", "c"])]
    #[case::atomic(
        "create or replace function f(a int) returns int begin atomic select case when true then 1 end; select 2; end; x",
        &["create or replace function f(a int) returns int begin atomic select case when true then 1 end; select 2; end", "x"]
    )]
    #[case::atomic_procedure("CREATE PROCEDURE p() BEGIN ATOMIC a; END; x", &["CREATE PROCEDURE p() BEGIN ATOMIC a; END", "x"])]
    #[case::label_case(
        "create function g() returns int language sql begin atomic select 1 as case; end; x",
        &["create function g() returns int language sql begin atomic select 1 as case; end", "x"]
    )]
    #[case::column_case(
        "create function g() begin atomic select c.id, c.case from cases c; select case when c.case then 1 end end from c; end; x",
        &["create function g() begin atomic select c.id, c.case from cases c; select case when c.case then 1 end end from c; end", "x"]
    )]
    #[case::label_end(
        "create function g() begin atomic select s.end from s; select 1 end; select count(*) end from s; END; x",
        &["create function g() begin atomic select s.end from s; select 1 end; select count(*) end from s; END", "x"]
    )]
    #[case::labels_begin_and_atomic(
        "create function g() begin atomic select 1 as begin, 2 atomic; select a as begin atomic from t; end; x",
        &["create function g() begin atomic select 1 as begin, 2 atomic; select a as begin atomic from t; end", "x"]
    )]
    #[case::quoted_end(
        "create function g() begin atomic select 1; \"end\"; end; x",
        &["create function g() begin atomic select 1; \"end\"; end", "x"]
    )]
    #[case::empty_body("create procedure p() begin atomic end; x", &["create procedure p() begin atomic end", "x"])]
    #[case::empty_statements_in_a_body(
        "create procedure p() begin atomic ;; /* end; */ end; x",
        &["create procedure p() begin atomic ;; /* end; */ end", "x"]
    )]
    #[case::body_in_a_body(
        "create procedure p() begin atomic create or replace function q() begin atomic select 1; end; select 2; end; x",
        &["create procedure p() begin atomic create or replace function q() begin atomic select 1; end; select 2; end", "x"]
    )]
    #[case::rule_in_a_body(
        "create procedure p() begin atomic create rule r as on insert to t do (select 1; end; select 2); end; x",
        &["create procedure p() begin atomic create rule r as on insert to t do (select 1; end; select 2); end", "x"]
    )]
    #[case::body_after_a_setting(
        "create function g() set a.b to begin begin atomic select 1; end; x",
        &["create function g() set a.b to begin begin atomic select 1; end", "x"]
    )]
    #[case::names_before_a_body(
        "create function atomic(begin int, \"atomic\" int) returns table (\"end\" int) begin atomic select 1; end; x",
        &["create function atomic(begin int, \"atomic\" int) returns table (\"end\" int) begin atomic select 1; end", "x"]
    )]
    #[case::return_expression(
        "create function g(a int) returns int return case a when 1 then 2 end; x",
        &["create function g(a int) returns int return case a when 1 then 2 end", "x"]
    )]
    #[case::schema_with_elements(
        "create schema s create table begin (atomic int) create view v as select 1 end; x",
        &["create schema s create table begin (atomic int) create view v as select 1 end", "x"]
    )]
    #[case::plain_begin("begin; create table t (a int); end; x", &["begin", "create table t (a int)", "end", "x"])]
    #[case::function_named_atomic("create function begin() returns int as 'x'; y", &["create function begin() returns int as 'x'", "y"])]
    #[case::too_many_parentheses("a) ; b", &["a)", "b"])]
    fn boundaries(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(texts(sql), expected);
    }

    #[rstest]
    #[case::string("select 1;\n select 'a", 11 + 7, Construct::String)]
    #[case::escape_string(r"select E'a\'", 7, Construct::String)]
    #[case::continuation("select E'a'\n'b\\'", 12, Construct::String)]
    #[case::identifier("\"a", 0, Construct::QuotedIdentifier)]
    #[case::dollar_quote("do $a$ $$ $b$", 3, Construct::DollarQuote)]
    #[case::comment("/* /* */", 0, Construct::Comment)]
    fn never_closed(#[case] sql: &str, #[case] byte: usize, #[case] construct: Construct) {
        assert_eq!(split(sql).faults, [(byte, Fault::Unterminated(construct))]);
    }

    #[test]
    fn a_command_of_psql_ends_with_its_line() {
        let sql = "select 1;\n\\prompt it's\nselect 2;";
        assert_eq!(texts(sql), ["select 1", "select 2"]);
        assert_eq!(split(sql).faults, [(10, Fault::MetaCommand)]);
    }

    #[test]
    fn data_after_copy_are_not_sql() {
        let sql = "copy t from stdin;\nit's; \\N\n\\.\nselect 2;";
        assert_eq!(texts(sql), ["copy t from stdin", "select 2"]);
        assert_eq!(split(sql).faults, []);
        assert_eq!(texts("copy t from stdin;\nit's; never ends"), ["copy t from stdin"]);
    }

    #[test]
    fn positions_count_characters_and_excerpts_are_cut() {
        let sql = format!("-- é\n 'é'; select '{}'\n, 2", "é".repeat(100));
        let statements = split(&sql).statements;
        let at: Vec<_> = statements.iter().map(|s| (s.position.line, s.position.column)).collect();
        assert_eq!(at, [(2, 2), (2, 7)]);
        let read = Reading::of(&sql, &statements, false, Dialect::Postgres).statements;
        assert_eq!(read[1].excerpt(&sql), format!("select '{}…", "é".repeat(71)));
    }

    /// Pieces that open, close, hide or separate something.
    fn piece() -> impl Strategy<Value = String> {
        const MARKS: &[&str] = &[
            ";", "'", "''", "\"", "E'", "\\", "$$", "$a$", "$1", "/*", "*/", "--", "\n", "\r\n", "(", ")", "create",
            "function", "begin", "atomic", "case", "end", "copy", "from", "stdin", " ", "é", "1.5", "\\.", "\u{feff}",
        ];
        prop_oneof![proptest::sample::select(MARKS).prop_map(ToOwned::to_owned), "\\PC{0,3}"]
    }

    /// A whole statement that its neighbours cannot change.
    fn statement() -> impl Strategy<Value = String> {
        const WHOLE: &[&str] = &[
            "select 1",
            "select ';', \";\", E'\\';'",
            "do $x$ begin; end; $x$",
            "a /* ; /* ; */ */ b",
            "c -- ;\n d",
            "create rule r as on insert to t do (a; b)",
            "create procedure p() begin atomic a; select case b end; end",
        ];
        proptest::sample::select(WHOLE).prop_map(ToOwned::to_owned)
    }

    proptest! {
        #[test]
        fn statements_lie_in_order_and_start_where_they_say(pieces in prop::collection::vec(piece(), 0..40)) {
            let sql = pieces.concat();
            let mut end = 0;
            for statement in split(&sql).statements {
                prop_assert!(end <= statement.start && statement.start < statement.end);
                prop_assert!(sql.is_char_boundary(statement.start) && sql.is_char_boundary(statement.end));
                prop_assert_eq!(statement.position, position(&sql, statement.start));
                end = statement.end;
            }
            prop_assert!(end <= sql.len());
        }

        #[test]
        fn only_what_the_server_skips_lies_between_statements(pieces in prop::collection::vec(piece(), 0..40)) {
            let sql = pieces.concat();
            let Split { statements, faults, .. } = split(&sql);
            prop_assume!(faults.is_empty() && statements.iter().all(|s| copy_stream(tokens(s.text(&sql))).is_none()));
            let mut at = 0;
            for (start, end) in statements.iter().map(|s| (s.start, s.end)).chain([(sql.len(), sql.len())]) {
                let gap = &sql[at..start];
                prop_assert!(lexemes(gap, 0).all(|l| l.kind.is_trivia() || l.kind == Kind::Semicolon), "{:?}", gap);
                at = end;
            }
        }

        #[test]
        fn joined_statements_come_apart_again(
            parts in prop::collection::vec(statement(), 0..12),
            between in prop::collection::vec(prop::sample::select(&[";", " ;\n", "; -- ;\n", ";;/* ; */"][..]), 12),
        ) {
            let sql: String = parts.iter().zip(between).flat_map(|(part, mark)| [part.as_str(), mark]).collect();
            prop_assert_eq!(texts(&sql), parts);
        }
    }
}
