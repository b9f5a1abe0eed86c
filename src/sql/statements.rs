//! A file's statements and their places. Each dialect's splitting is in its own folder.

use super::Dialect;
use super::lexeme::Construct;
use super::position::{Cursor, Position};
use super::tokens::tokens;

/// The place of one statement in its text, without the semicolon that ends it. Empty statements do not count: the
/// server skips them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// The first byte of its first token.
    pub start: usize,
    /// The byte after its last token.
    pub end: usize,
    pub position: Position,
}

impl Span {
    /// The statement's SQL, in the text that it was parsed from.
    #[must_use]
    pub fn text(self, sql: &str) -> &str {
        sql.get(self.start..self.end).unwrap_or_default()
    }
}

/// Why a text cannot be split into statements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Opened and never closed.
    Unterminated(Construct),
    /// A command for the engine's client, not for the server.
    MetaCommand,
    /// `DELIMITER` without a delimiter.
    Delimiter,
    /// A body whose end cannot be found.
    Body,
}

/// A text's statements, and what is wrong with it by the byte where that begins.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) statements: Vec<Span>,
    pub(crate) faults: Vec<(usize, Fault)>,
    /// Lines for the engine's client that mean nothing here, and are not sent.
    pub(crate) client_lines: Vec<Span>,
}

pub(crate) fn split(sql: &str, dialect: Dialect) -> Split {
    dialect.grammar().split(sql)
}

/// Splits SQL into statements. Each block, a range of bytes, is known to end a statement: what is not understood in it
/// extends to its end.
pub(crate) fn split_blocks(sql: &str, blocks: &[(usize, usize)], dialect: Dialect) -> Split {
    if blocks.is_empty() || has_delimiter_lines(sql, dialect) {
        return split(sql, dialect);
    }
    let (mut all, mut cursor, mut at) = (Split::default(), Cursor::new(sql), 0);
    let mut append = |from: usize, part: Split| {
        let mut moved = |span: &Span| {
            let start = from + span.start;
            Span { start, end: from + span.end, position: cursor.advance(start) }
        };
        // In the order of the text.
        let mut spans: Vec<(&Span, bool)> = part.statements.iter().map(|span| (span, true)).collect();
        spans.extend(part.client_lines.iter().map(|span| (span, false)));
        spans.sort_by_key(|(span, _)| span.start);
        for (span, is_statement) in spans {
            let into = if is_statement { &mut all.statements } else { &mut all.client_lines };
            into.push(moved(span));
        }
        all.faults.extend(part.faults.into_iter().map(|(byte, fault)| (from + byte, fault)));
    };
    for (start, end) in blocks.iter().copied() {
        append(at, split(sql.get(at..start).unwrap_or_default(), dialect));
        append(start, split_block(sql.get(start..end).unwrap_or_default(), dialect));
        at = end;
    }
    append(at, split(sql.get(at..).unwrap_or_default(), dialect));
    all
}

/// Whether lines for the client say where statements end. They take precedence over blocks: some files have each of
/// them in a block of its own.
fn has_delimiter_lines(sql: &str, dialect: Dialect) -> bool {
    let is_one = |line: &str| line.trim_start().get(..9).is_some_and(|word| word.eq_ignore_ascii_case("delimiter"));
    dialect.grammar().has_delimiter_lines() && sql.lines().any(is_one)
}

/// Splits a block. Many files put several plain statements into one, and these are run one by one. If it contains a
/// body that is not recognised, or not to its end, the whole block is one statement.
fn split_block(sql: &str, dialect: Dialect) -> Split {
    if let Some(whole) = dialect.grammar().split_whole(sql) {
        return whole;
    }
    let divided = split(sql, dialect);
    let is_body = |fault: &Fault| matches!(fault, Fault::Body | Fault::Unterminated(Construct::Body));
    let first_word = |statement: &Span| {
        tokens(statement.text(sql), dialect).next().map(|token| token.text.to_ascii_lowercase()).unwrap_or_default()
    };
    let is_create = divided.statements.first().is_some_and(|first| first_word(first) == "create");
    let mut others = divided.statements.iter().skip(1).map(first_word);
    let is_piece = |word: String| ["end", "else", "elsif", "elseif", "when", "until"].contains(&word.as_str());
    let is_in_pieces = is_create && others.any(is_piece);
    let (Some(first), Some(last)) = (divided.statements.first(), divided.statements.last()) else { return divided };
    if divided.faults.iter().all(|(_, fault)| !is_body(fault)) && !is_in_pieces {
        return divided;
    }
    let whole = Span { start: first.start, end: last.end, position: first.position };
    let faults = divided.faults.into_iter().filter(|(_, fault)| !is_body(fault)).collect();
    Split { statements: vec![whole], faults, client_lines: divided.client_lines }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::lexeme::{Kind, lexemes};
    use super::super::position::position;
    use super::*;

    fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
        split(sql, dialect).statements.iter().map(|s| s.text(sql)).collect()
    }

    pub(crate) fn dialects() -> impl Strategy<Value = Dialect> {
        prop::sample::select(&Dialect::ALL[..])
    }

    /// Pieces that open, close, hide or separate something in one dialect or the other.
    fn piece() -> impl Strategy<Value = String> {
        const MARKS: &[&str] = &[
            ";",
            "'",
            "''",
            "\"",
            "`",
            "[",
            "]",
            "E'",
            "x'",
            "\\",
            "\\'",
            "\\g",
            "\\G",
            "$$",
            "$a$",
            "/*",
            "/*!",
            "/*!50003",
            "/*M!",
            "*/",
            "--",
            "-- ",
            "#",
            "\n",
            "\r\n",
            "(",
            ")",
            "create",
            "procedure",
            "trigger",
            "begin",
            "atomic",
            "case",
            "if",
            "end",
            "repeat",
            "until",
            "loop",
            "delimiter",
            "delimiter //\n",
            "//",
            "source",
            ".read",
            " ",
            "é",
            "1.5e+3",
            "@a",
            ":",
            "\u{feff}",
            "😀",
        ];
        prop_oneof![proptest::sample::select(MARKS).prop_map(ToOwned::to_owned), "\\PC{0,3}"]
    }

    /// A whole statement that its neighbours cannot change.
    pub(crate) fn whole(dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &[
                "select 1",
                "select ';', \";\", E'\\';'\n'\\';'",
                "do $x$ begin; end; $x$",
                "a /* ; /* ; */ */ b",
                "create procedure p() begin atomic a; select case b end; end",
            ],
            Dialect::Mysql | Dialect::Mariadb => &[
                "select 1",
                "select ';', \"\\\";\", 'a\\';', `;``;`",
                "/*!50003 a */ b # ;\n c",
                "create procedure p() begin if a then b; end if; select if(c, d, case e when 1 then 2 end); end",
                "create trigger t before insert on x for each row set new.a = 1",
            ],
            Dialect::Sqlite => &[
                "select 1",
                "select ';', \";\", [;], `;`, 'it''s;'",
                "a /* ; /* ; */ b -- ;\n c",
                "create temp trigger t after insert on x begin a; select case b end; end",
            ],
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_of_one_token(dialect in dialects(), pieces in prop::collection::vec(piece(), 0..40)) {
            let sql = pieces.concat();
            let joined: String = lexemes(&sql, 0, dialect).map(|lexeme| &sql[lexeme.start..lexeme.end]).collect();
            prop_assert_eq!(joined, sql);
        }

        #[test]
        fn statements_and_what_lies_between_give_the_text(
            dialect in dialects(), pieces in prop::collection::vec(piece(), 0..40),
        ) {
            let sql = pieces.concat();
            let (mut joined, mut at) = (String::new(), 0);
            for statement in split(&sql, dialect).statements {
                prop_assert!(at <= statement.start && statement.start < statement.end);
                prop_assert_eq!(statement.position, position(&sql, statement.start));
                joined.push_str(&sql[at..statement.start]);
                joined.push_str(statement.text(&sql));
                at = statement.end;
            }
            joined.push_str(&sql[at..]);
            prop_assert_eq!(joined, sql);
        }

        #[test]
        fn only_what_the_server_skips_lies_between_statements(
            dialect in dialects(), pieces in prop::collection::vec(piece(), 0..12),
        ) {
            // The server does not know the file's delimiter and \g as tokens.
            let own = |piece: &&String| !piece.contains('\\') && !piece.contains("delimiter");
            let sql: String = pieces.iter().filter(own).map(String::as_str).collect();
            let Split { statements, faults, client_lines } = split(&sql, dialect);
            prop_assume!(faults.is_empty() && client_lines.is_empty());
            let mut at = 0;
            for (start, end) in statements.iter().map(|s| (s.start, s.end)).chain([(sql.len(), sql.len())]) {
                let skipped = |kind: Kind| kind.is_trivia() || kind == Kind::Semicolon;
                prop_assert!(lexemes(&sql[at..start], 0, dialect).all(|lexeme| skipped(lexeme.kind)), "{:?}", &sql[at..start]);
                at = end;
            }
        }

        #[test]
        fn joined_statements_come_apart_again(
            dialect in dialects(),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
            between in prop::collection::vec(prop::sample::select(&[";", " ;\r\n", "; -- ;\n", ";;/* ; */"][..]), 12),
        ) {
            let parts: Vec<&str> = picks.iter().map(|pick| *pick.get(whole(dialect))).collect();
            let sql: String = parts.iter().zip(between).flat_map(|(part, mark)| [*part, mark]).collect();
            prop_assert_eq!(texts(&sql, dialect), parts);
        }
    }

    #[rstest]
    #[case::several(Dialect::Mysql, "insert 1; insert 2;", &["insert 1", "insert 2"])]
    #[case::dropped_before(Dialect::Mariadb, "drop package p; create package p as procedure a(); end;", &["drop package p", "create package p as procedure a(); end"])]
    #[case::not_understood(Dialect::Mysql, "create procedure p() begin if a then b; end if select 1; end;", &["create procedure p() begin if a then b; end if select 1; end"])]
    #[case::postgres(Dialect::Postgres, "create function f() returns int as $x$ begin; end; $x$ language plpgsql;", &["create function f() returns int as $x$ begin; end; $x$ language plpgsql"])]
    #[case::sqlite(Dialect::Sqlite, "create trigger t after insert on x begin a; b; end;", &["create trigger t after insert on x begin a; b; end"])]
    fn a_block_ends_a_statement_surely(#[case] dialect: Dialect, #[case] block: &str, #[case] expected: &[&str]) {
        let sql = format!("a;\n{block}\n;b");
        let divided = split_blocks(&sql, &[(3, 4 + block.len())], dialect);
        let texts: Vec<&str> = divided.statements.iter().map(|s| s.text(&sql)).collect();
        assert_eq!(texts, [&["a"], expected, &["b"]].concat());
        assert!(divided.statements.iter().all(|s| s.position == position(&sql, s.start)) && divided.faults.is_empty());
    }

    #[test]
    fn delimiter_lines_count_beyond_a_block() {
        let blocks = ["delimiter |", "create procedure p() begin a; b; end |", "delimiter ;"];
        let sql = blocks.map(|block| format!("{block}\n;\n")).concat();
        let ends: Vec<usize> = sql.match_indices("\n;").map(|(at, _)| at).collect();
        let ranges = [(0, ends[0]), (ends[0] + 3, ends[1]), (ends[1] + 3, ends[2])];
        let divided = split_blocks(&sql, &ranges, Dialect::Mysql);
        let texts: Vec<&str> = divided.statements.iter().map(|s| s.text(&sql)).collect();
        assert_eq!((texts, divided.faults.len()), (vec!["create procedure p() begin a; b; end"], 0));
    }

    #[test]
    fn a_block_with_an_error_is_divided_unless_the_error_is_in_a_body() {
        let sql = "a;\nb; 'c\n;d";
        let divided = split_blocks(sql, &[(3, 8)], Dialect::Sqlite);
        let texts: Vec<&str> = divided.statements.iter().map(|s| s.text(sql)).collect();
        assert_eq!(
            (texts, divided.faults),
            (vec!["a", "b", "'c", "d"], vec![(6, Fault::Unterminated(Construct::String))])
        );
    }
}
