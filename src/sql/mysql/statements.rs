//! Splits SQL into statements as the mysql and mariadb clients do: at the delimiter outside quotes and comments, which
//! a DELIMITER line changes.
//!
//! There are two differences. With another delimiter than the semicolon, the clients send several statements as one
//! message. Here they are split at semicolons then, too, except in a body or in a statement whose body is not
//! understood. And without DELIMITER lines, a routine's body is kept whole, which the clients would send in pieces.
//! Source: `MySQL`, `client/mysql.cc`, `add_line`, `com_delimiter`; `MariaDB`'s is the same.

use super::super::Dialect;
use super::super::lexeme::{Construct, Kind, Lexeme};
use super::super::position::Cursor;
use super::super::scan::{byte, line};
use super::super::statements::{Fault, Span, Split};
use super::body::Body;
use super::lexeme::Lexer;

/// The client's own commands. No statement of the server begins with one of them.
const CLIENT_COMMANDS: &[&str] = &[
    "charset",
    "clear",
    "connect",
    "edit",
    "ego",
    "exit",
    "go",
    "nopager",
    "notee",
    "nowarning",
    "pager",
    "print",
    "prompt",
    "quit",
    "rehash",
    "resetconnection",
    "source",
    "status",
    "system",
    "tee",
    "warnings",
];

pub(in super::super) fn split(sql: &str, dialect: Dialect) -> Split {
    divide(sql, dialect, false)
}

/// Splits a text whose end is known to end a statement, like a delimiter: what is not understood extends to the end.
pub(in super::super) fn split_whole(sql: &str, dialect: Dialect) -> Split {
    divide(sql, dialect, true)
}

fn divide(sql: &str, dialect: Dialect, is_whole: bool) -> Split {
    let mut splitter = Splitter {
        sql,
        lexer: Lexer::new(sql, 0, dialect),
        split: Split::default(),
        cursor: Cursor::new(sql),
        span: None,
        body: Body::default(),
        lost: None,
        is_whole,
    };
    splitter.read();
    splitter.split
}

struct Splitter<'a> {
    sql: &'a str,
    lexer: Lexer<'a>,
    split: Split,
    cursor: Cursor<'a>,
    /// First and last byte of the statement being read.
    span: Option<(usize, usize)>,
    body: Body,
    /// Where the statement's body was no longer understood.
    lost: Option<usize>,
    /// The end of the text is known to end a statement.
    is_whole: bool,
}

impl<'a> Splitter<'a> {
    fn read(&mut self) {
        loop {
            if let Some(delimiter) = self.lexer.delimiter.filter(|_| self.lexer.is_at_delimiter()) {
                self.finish();
                self.lexer.at += delimiter.len();
                continue;
            }
            let Some(lexeme) = self.lexer.next() else { break };
            if let Some(construct) = lexeme.unterminated {
                self.split.faults.push((lexeme.start, Fault::Unterminated(construct)));
            }
            self.lexeme(&lexeme);
        }
        if let (Some((start, _)), true, false) = (self.span, self.body.is_open(), self.is_delimited()) {
            let lost = self.lost.take().map(|at| (at, Fault::Body));
            self.split.faults.push(lost.unwrap_or((start, Fault::Unterminated(Construct::Body))));
        }
        self.finish();
    }

    fn lexeme(&mut self, lexeme: &Lexeme) {
        let text = self.text(lexeme.start, lexeme.end);
        match lexeme.kind {
            kind if kind.is_trivia() => {}
            Kind::Backslash => self.backslash(lexeme.start),
            Kind::Semicolon => {
                if self.body.semicolon() && !self.lexer.in_code_comment {
                    self.finish();
                }
            }
            Kind::Word if self.span.is_none() && text.eq_ignore_ascii_case("delimiter") => self.delimiter(lexeme),
            Kind::Word if self.span.is_none() && is_client_command(text) => self.meta_command(lexeme.start),
            _ => {
                let first = self.span.map_or(lexeme.start, |(first, _)| first);
                self.span = Some((first, lexeme.end));
                if lexeme.kind != Kind::CodeMark {
                    // `a := 1` has no label.
                    let assigns = text == ":" && byte(self.sql, lexeme.end) == b'=';
                    self.body.token(lexeme.kind, if assigns { ":=" } else { text });
                }
            }
        }
        if self.body.is_lost() {
            self.lost.get_or_insert(lexeme.start);
        }
    }

    /// Whether the file itself says where the statement ends, so that it need not be understood.
    fn is_delimited(&self) -> bool {
        self.lexer.delimiter.is_some() || self.is_whole
    }

    fn text(&self, start: usize, end: usize) -> &'a str {
        self.sql.get(start..end).unwrap_or_default()
    }

    fn finish(&mut self) {
        if let Some((start, end)) = self.span {
            self.split.statements.push(Span { start, end, position: self.cursor.advance(start) });
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.span = None;
        self.lost = None;
        self.body = Body::default();
        self.lexer.in_code_comment = false;
        self.lexer.between_statements = true;
    }

    /// `\g` and `\G` end a statement like the delimiter; any other is a command of the client.
    fn backslash(&mut self, at: usize) {
        if matches!(byte(self.sql, at + 1), b'g' | b'G') {
            self.finish();
            self.lexer.at = at + 2;
        } else {
            self.meta_command(at);
        }
    }

    fn meta_command(&mut self, at: usize) {
        self.split.faults.push((at, Fault::MetaCommand));
        self.forget();
        self.lexer.at = line(self.sql, at);
    }

    /// `DELIMITER $$`: the rest of the line up to white space, with or without quotes.
    fn delimiter(&mut self, lexeme: &Lexeme) {
        let end = line(self.sql, lexeme.end);
        let word = self.text(lexeme.end, end).split_whitespace().next().unwrap_or_default();
        let quote = word.chars().next().filter(|first| matches!(first, '\'' | '"' | '`'));
        let word = quote.and_then(|quote| word.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(word);
        if word.is_empty() || word.contains('\\') {
            self.split.faults.push((lexeme.start, Fault::Delimiter));
        }
        self.lexer.delimiter = (word != ";").then_some(word).filter(|word| !word.is_empty());
        self.lexer.at = end;
    }
}

fn is_client_command(word: &str) -> bool {
    CLIENT_COMMANDS.iter().any(|command| word.eq_ignore_ascii_case(command))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::position::position;

    fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
        split(sql, dialect).statements.iter().map(|s| s.text(sql)).collect()
    }

    #[rstest]
    #[case::nothing("", &[])]
    #[case::empty_statements(" ;; -- a;\n/* b; */ ; # c;\n", &[])]
    #[case::two("select 1; select 2", &["select 1", "select 2"])]
    #[case::backslashes(r"select '\';'; select 2", &[r"select '\';'", "select 2"])]
    #[case::doubled("select 'a'';', \"b\"\";\"; x", &["select 'a'';', \"b\"\";\"", "x"])]
    #[case::double_quotes_escape(r#"select "\";"; x"#, &[r#"select "\";""#, "x"])]
    #[case::backticks("select `a``;`, `\\`; x", &["select `a``;`, `\\`", "x"])]
    #[case::dashes("select 1--1; select 2 -- ;\n; x", &["select 1--1", "select 2", "x"])]
    #[case::dashes_alone("--drop a;\nb;\n--drop c;\nd\n--1; e", &["b", "d\n--1", "e"])]
    #[case::hash("a # ;\n; b", &["a", "b"])]
    #[case::comments_do_not_nest("a /* /* ; */ ; b", &["a", "b"])]
    #[case::version_comment("/*!40101 SET NAMES utf8 */; x", &["/*!40101 SET NAMES utf8 */", "x"])]
    #[case::semicolon_in_version_comment("/*!50003 a; b */; x", &["/*!50003 a; b */", "x"])]
    #[case::comment_in_version_comment("/*! a /* b */ c */; x", &["/*! a /* b */ c */", "x"])]
    #[case::vertical("select 1\\G select 2\\g", &["select 1", "select 2"])]
    #[case::null("select \\N; x", &["select \\N", "x"])]
    #[case::crlf("a -- ;\r\n;\r\nb;\r\n", &["a", "b"])]
    #[case::delimiter("DELIMITER //\na//\nb //\ndelimiter ;\nc; d", &["a", "b", "c", "d"])]
    #[case::delimiter_touches_a_word("delimiter $$\nselect a$$select b$$", &["select a", "select b"])]
    #[case::delimiter_in_quotes("delimiter '//'\r\na '//'//b//", &["a '//'", "b"])]
    #[case::semicolons_after_a_delimiter("delimiter //\na; b;\n//", &["a", "b"])]
    #[case::trailing_semicolon(
        "delimiter //\ncreate procedure p() begin a; end;\n//\nx//",
        &["create procedure p() begin a; end", "x"]
    )]
    #[case::no_body("create procedure p() select 1; x", &["create procedure p() select 1", "x"])]
    #[case::plain_begin("begin; a; commit", &["begin", "a", "commit"])]
    #[case::user_statement("create user a identified by 'x'; x", &["create user a identified by 'x'", "x"])]
    #[case::table("create table if not exists event (`begin` int, end int); x", &["create table if not exists event (`begin` int, end int)", "x"])]
    fn boundaries(#[case] sql: &str, #[case] expected: &[&str]) {
        for dialect in [Dialect::Mysql, Dialect::Mariadb] {
            assert_eq!(texts(sql, dialect), expected);
        }
    }

    /// Each is one statement, with and without delimiter lines around it.
    #[rstest]
    #[case("create procedure p() begin a; end")]
    #[case("create definer=`r`@`%` procedure d.p(in a int) begin if a then b; elseif c then d; else e; end if; end")]
    #[case("create or replace procedure p() begin declare continue handler for not found set d = 1; x; end")]
    #[case("create procedure p() begin declare exit handler for sqlexception begin rollback; end; x; end")]
    #[case("create procedure p() begin select if(a, b, c), case a when 1 then 2 else 3 end, repeat('a', 3); x; end")]
    #[case("create procedure p() begin case a when 1 then b; else c; end case; x; end")]
    #[case("create procedure p() l: loop a; if b then leave l; end if; end loop l")]
    #[case("create procedure p() begin r: repeat a; until b end repeat r; while c do d; end while; x; end")]
    #[case("create procedure p() begin repeat a; until b > 1 end repeat; c; end")]
    #[case("create procedure p() begin select begin, end, t.end, t.begin from t; x; end")]
    #[case("create procedure p() begin repeat set a = case when b then c end; until x end repeat; y; end")]
    #[case("create procedure if not exists p() begin a; end")]
    #[case("create procedure begin() begin a; end")]
    #[case("create function f(a int) returns int deterministic if a then return 1; else return 2; end if")]
    #[case("create function f() returns int reads sql data begin return 1; end")]
    #[case("create function f() returns int return if(a, case when b then c end, d)")]
    #[case("create trigger t before insert on x for each row begin set new.a = 1; set new.b = 2; end")]
    #[case("create trigger t before insert on x for each row if new.a then set new.b = 1; end if")]
    #[case("create trigger t before insert on x for each row set new.a = (select case when b then c end)")]
    #[case("create event e on schedule every 1 day do begin a; b; end")]
    #[case("create event e on schedule every 1 day starts current_timestamp comment 'x' do delete from t")]
    #[case(
        "/*!50003 create*/ /*!50020 definer=`a`@`b`*/ /*!50003 trigger t after insert on x for each row begin a; b; end */"
    )]
    #[case("create procedure p() begin for i in 1..3 do a; end for; b; end")]
    #[case("begin not atomic a; b; end")]
    #[case("if @a then b; c; end if")]
    #[case("repeat a; until b end repeat")]
    #[case("set statement max_statement_time=1, x = (select 1) for create procedure p() begin a; b; end")]
    #[case("set statement max_statement_time=1 for begin not atomic a; end")]
    #[case("create procedure p() comment 'c' if 1 then a; end if")]
    #[case(
        "create procedure p() sql security invoker comment 'c' language sql not deterministic modifies sql data while a do b; end while"
    )]
    #[case("create procedure p() comment 'c' case n when 1 then a; end case")]
    #[case("create procedure p() no sql repeat a; until b end repeat")]
    #[case("create function f(a int) returns int if a > 0 then return 1; else return 2; end if")]
    #[case(
        "create function f() returns set('a', 'b') character set utf8mb4 collate utf8mb4_bin deterministic begin return 'a'; end"
    )]
    #[case("create function f() returns decimal(10, 2) unsigned zerofill case 1 when 1 then return 1; end case")]
    #[case("create function if not exists d.f() returns type of t.c begin return 1; end")]
    #[case("create or replace trigger t before insert on x for each row follows t1 if a then b; c; end if")]
    #[case("create trigger if not exists d.t after update on d.x for each row precedes d.t1 begin a; b; end")]
    #[case(
        "create event e on schedule every 1 day starts now() ends now() + interval 1 year on completion not preserve disable on slave comment 'x' do begin a; b; end"
    )]
    #[case("create event do on schedule at now() do do if(a, b, c)")]
    #[case("alter event e do begin a; b; end")]
    #[case("alter definer = `a`@`%` event e on schedule every 1 hour rename to do comment 'x' do if a then b; end if")]
    #[case("alter event e rename to f")]
    #[case("create definer = view@localhost procedure p() begin a; end")]
    #[case("create procedure p() select begin, end from x")]
    #[case("create trigger t after insert on x for each row update y set begin = 1, end = 2")]
    #[case("create procedure p() begin do if(1, 2, 3); select 1; end")]
    #[case("create procedure p() begin select case when end > 0 then if(begin, 1, 2) end from z; x; end")]
    #[case("create procedure p() begin declare continue handler for not found if a then b; end if; c; end")]
    #[case(
        "create procedure p() begin declare exit handler for sqlexception, sqlstate value '23000', 1051, c a: begin b; end a; d; end"
    )]
    #[case("create procedure p() begin declare continue handler for sqlwarning case a when 1 then b; end case; c; end")]
    #[case("create procedure p() begin declare end, begin int default case a when 1 then 2 end; x; end")]
    #[case("create procedure p() begin if case when end > 0 then end end then a; end if; b; end")]
    #[case("create procedure p() begin while do do set do = 0; end while; a; end")]
    #[case("create procedure p() begin repeat a; until until end repeat; b; end")]
    #[case("create procedure p() begin until: loop leave until; end loop until; b; end")]
    #[case("create procedure p() begin repeat until: loop a; end loop; until b end repeat; c; end")]
    #[case("create procedure p() begin declare exit handler for not found until : begin a; end; b; end")]
    #[case("create procedure p() begin case case a when 1 then 2 end when 1 then b; else c; end case; d; end")]
    #[case(
        "create procedure p() begin if if(a, b, c) then d; elseif e then f; else if g then h; end if; end if; i; end"
    )]
    #[case("create procedure p() begin `a b`: begin x; end `a b`; l: loop leave l; end loop l; y; end")]
    #[case(
        "create procedure p() begin for r in (select 1 as a) do select r.a; end for; for i in reverse 1..10 do x; end for; end"
    )]
    #[case("create procedure p() begin declare c cursor for select 1; open c; fetch c into a; close c; end")]
    #[case("create procedure p() begin not atomic begin not atomic a; end; b; end")]
    #[case("create procedure p() begin atomic: loop leave atomic; end loop; a; end")]
    #[case("create procedure p() begin atomic : begin a; end; b; end")]
    #[case("create procedure p() begin start transaction; commit; xa begin 'a'; end")]
    #[case("create procedure p() (select 1)")]
    #[case("create procedure p(in begin int, out end int) begin set end = begin; end")]
    #[case("create procedure p() begin set @end = 1, a.end = 2; a; end")]
    #[case(
        "create aggregate function f(a int) returns int begin declare exit handler for not found return 1; loop fetch group next row; end loop; end"
    )]
    fn bodies_are_whole(#[case] body: &str) {
        let (plain, delimited) = (format!("{body};\nx"), format!("delimiter $$\n{body}$$\ndelimiter ;\nx"));
        for sql in [plain, delimited] {
            assert_eq!(texts(&sql, Dialect::Mariadb), [body, "x"]);
            assert!(split(&sql, Dialect::Mariadb).faults.is_empty());
        }
    }

    /// With a delimiter it is one statement; without one it is refused where it is not understood.
    #[rstest]
    #[case::package("create package p as procedure a(); end", 7)]
    #[case::oracle_s_procedure("create procedure p as begin a; end", 22)]
    #[case::oracle_s_function("create function f(a int) return int as begin return 1; end", 25)]
    #[case::oracle_s_block("begin a; b; end", 6)]
    #[case::oracle_s_declarations("declare a int; begin b; end", 0)]
    #[case::oracle_s_loop("create procedure p() begin while a loop b; end loop; end", 41)]
    #[case::oracle_s_label("create procedure p() begin <<l>> loop a; end loop l; end", 27)]
    #[case::no_semicolon("create procedure p() begin if a then b; end if select 1; end", 47)]
    #[case::a_word_as_the_label_of_a_loop("create procedure p() begin loop a; end loop select 1; end", 51)]
    #[case::a_string_as_the_label_of_a_loop("create procedure p() begin l: loop a; end loop 'l'; end", 47)]
    #[case::a_string_as_a_label("create procedure p() begin a; end 'p'", 34)]
    #[case::another_end("create procedure p() begin if a then b; end while; end", 44)]
    fn what_is_not_understood_needs_a_delimiter(#[case] body: &str, #[case] byte: usize) {
        for dialect in [Dialect::Mysql, Dialect::Mariadb] {
            let delimited = format!("delimiter $$\n{body}$$\ndelimiter ;\nx");
            assert_eq!(texts(&delimited, dialect), [body, "x"]);
            assert_eq!(split(&format!("{body};\nx"), dialect).faults, [(byte, Fault::Body)]);
            let whole = split_whole(&format!("{body};"), dialect);
            assert_eq!((whole.statements.len(), whole.faults.len()), (1, 0));
        }
    }

    #[test]
    fn several_statements_up_to_one_delimiter_are_several() {
        let sql =
            "delimiter //\ncreate procedure p() begin a; b; end;\ninsert 1; insert 2;\n//\nalter event e do c; d//\n";
        let expected = ["create procedure p() begin a; b; end", "insert 1", "insert 2", "alter event e do c", "d"];
        assert_eq!(texts(sql, Dialect::Mariadb), expected);
    }

    #[test]
    fn dollar_quotes_of_mysql_hold_anything() {
        for quote in ["$$", "$js$"] {
            let body = format!("create function f() returns int language javascript as {quote} it's; /* $ {quote}");
            assert_eq!(texts(&format!("{body};\nx"), Dialect::Mysql), [body.as_str(), "x"]);
            let delimited = format!("delimiter //\n{body}//\ndelimiter ;\nx");
            assert_eq!(texts(&delimited, Dialect::Mysql), [body.as_str(), "x"]);
        }
        // As MySQL 8 reads it, and MariaDB.
        assert_eq!(
            texts("select a as $x; select b as $y; c", Dialect::Mysql),
            ["select a as $x", "select b as $y", "c"]
        );
        assert_eq!(texts("select a as $$; select b as $$", Dialect::Mariadb), ["select a as $$", "select b as $$"]);
    }

    #[rstest]
    #[case::mysql("/*!100100 a; */ b; /*M! c; */ d", Dialect::Mysql, &["b", "d"])]
    #[case::mariadb("/*!50701 a; */ b; /*M!100100 c */ d", Dialect::Mariadb, &["b", "/*M!100100 c */ d"])]
    #[case::both("/*!50003 a */ b; /*! c */", Dialect::Mariadb, &["/*!50003 a */ b", "/*! c */"])]
    #[case::mysql_8("/*!80016 a */", Dialect::Mysql, &["/*!80016 a */"])]
    fn comments_for_one_of_the_two(#[case] sql: &str, #[case] dialect: Dialect, #[case] expected: &[&str]) {
        assert_eq!(texts(sql, dialect), expected);
    }

    #[rstest]
    #[case::string("select 1;\n select 'a", 18, Fault::Unterminated(Construct::String))]
    #[case::double("select \"a", 7, Fault::Unterminated(Construct::DoubleQuotedString))]
    #[case::backtick("`a", 0, Fault::Unterminated(Construct::BacktickIdentifier))]
    #[case::comment("a /* b", 2, Fault::Unterminated(Construct::Comment))]
    #[case::body("x; create procedure p() begin a;", 3, Fault::Unterminated(Construct::Body))]
    #[case::source("x;\nsource a.sql\ny", 3, Fault::MetaCommand)]
    #[case::short_source("x;\n\\. a.sql\ny", 3, Fault::MetaCommand)]
    #[case::no_delimiter("DELIMITER\nx", 0, Fault::Delimiter)]
    #[case::bad_delimiter("DELIMITER \\\nx", 0, Fault::Delimiter)]
    fn faults(#[case] sql: &str, #[case] byte: usize, #[case] fault: Fault) {
        assert_eq!(split(sql, Dialect::Mysql).faults, [(byte, fault)]);
    }

    #[test]
    fn positions_are_those_of_the_first_token() {
        let sql = "-- é\n 'é'; /*!40101 select */ 1;\r\ndelimiter //\r\n b//";
        for statement in split(sql, Dialect::Mysql).statements {
            assert_eq!(statement.position, position(sql, statement.start));
        }
    }
}
