//! Passwords in SQL. The file contains them, but logs and status need not.

use std::ops::Range;

use super::Dialect;
use super::lexeme::{Kind, lexemes};
use super::scan::mentions_any;

/// Replaces each character of a literal that may contain a password.
const HIDDEN: char = '*';

/// A line of SQL with stars for what may be a password: strings after PASSWORD or IDENTIFIED BY, and strings with
/// connection parameters or a URL. The number of characters stays the same, so columns stay right. The engine need not
/// be known: whatever is secret by any engine's rules is hidden.
#[must_use]
pub fn without_passwords(line: &str) -> String {
    hidden(line, &secrets_of_line(line))
}

/// A line of a file, counted from 0, with stars for what may be a password by this line or by those around it.
#[must_use]
pub fn line_without_passwords(sql: &str, index: usize) -> Option<String> {
    let line = sql.split('\n').nth(index)?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let start: usize = sql.split('\n').take(index).map(|before| before.len() + 1).sum();
    let mut secrets = secrets_of_line(line).into_vec();
    let in_line = secrets_of_line(sql).into_vec().into_iter().filter(|secret| secret.end > start);
    let in_line = in_line.map(|secret| secret.start.saturating_sub(start)..secret.end - start);
    secrets.extend(in_line.filter(|secret| secret.start < line.len()));
    Some(hidden(line, &secrets))
}

/// The line with stars at some byte ranges, except for quotes.
pub(crate) fn hidden(line: &str, secrets: &[Range<usize>]) -> String {
    let is_secret = |at: usize| secrets.iter().any(|secret| secret.contains(&at));
    let is_mark = |c| matches!(c, '\'' | '$' | '"');
    let shown = |(at, c)| if !is_mark(c) && is_secret(at) { HIDDEN } else { c };
    line.char_indices().map(shown).collect()
}

/// The byte ranges of a line that may be passwords.
pub(crate) fn secrets_of_line(line: &str) -> Box<[Range<usize>]> {
    if !may_hold_secret(line) {
        return Box::default();
    }
    RULES.into_iter().flat_map(|dialect| literals(line, dialect, DEEPEST)).collect()
}

/// The longest message of a server that is shown whole, and how much of a longer one's end is, in characters.
const LONGEST_MESSAGE: usize = 1000;
const MESSAGE_END: usize = 300;

/// How many quotations within each other are searched.
const DEEPEST: usize = 8;

const RULES: [Dialect; 2] = [Dialect::Postgres, Dialect::Mysql];

/// Whether a text contains a word that [`literals`] looks for. Most texts do not, and need no lexing.
fn may_hold_secret(text: &str) -> bool {
    text.contains("://") || mentions_any(text, &["password", "identified"])
}

/// A server's message with stars for what [`without_passwords`] hides in the SQL that it is about. Servers quote the
/// text they do not understand, and may cut it off inside a literal.
#[must_use]
pub fn message_without_passwords(message: &str, sql: &str) -> String {
    let mut shown = message.to_owned();
    for secret in secrets(sql) {
        shown = starred(&shown, &secret);
    }
    shortened(shown)
}

/// A long message without its middle: servers quote a token, a row or a statement in full, however long it is.
fn shortened(message: String) -> String {
    let chars = message.chars().count();
    if chars <= LONGEST_MESSAGE {
        return message;
    }
    let head: String = message.chars().take(LONGEST_MESSAGE - MESSAGE_END).collect();
    let tail: String = message.chars().skip(chars - MESSAGE_END).collect();
    format!("{head} … {tail}")
}

/// The contents of literals that may contain a password, as written and as meant; the longest first. The lines are
/// searched on their own, too, since a function's body is a single literal.
fn secrets(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    for text in std::iter::once(sql).chain(sql.lines()) {
        let literals = secrets_of_line(text).into_iter().filter_map(|range| text.get(range));
        found.extend(literals.map(content));
    }
    let meant = |written: &String| written.replace("''", "'").replace("\\'", "'");
    found.extend(found.iter().map(meant).collect::<Vec<_>>());
    found.sort_by_key(|secret| (std::cmp::Reverse(secret.len()), secret.clone()));
    found.dedup();
    found.retain(|secret| !secret.is_empty());
    found
}

/// A literal without its quotes.
fn content(literal: &str) -> String {
    let quote = |c| matches!(c, '\'' | '"' | '$');
    let Some(open) = literal.find(quote) else { return literal.to_owned() };
    let quoted = literal.get(open..).unwrap_or_default();
    let mark = match quoted.chars().next() {
        Some('$') => quoted.get(1..).and_then(|rest| rest.find('$')).and_then(|end| quoted.get(..end + 2)),
        _ => quoted.get(..1),
    };
    let mark = mark.unwrap_or_default();
    let inside = quoted.strip_prefix(mark).unwrap_or(quoted);
    let mut inside = inside.strip_suffix(mark).unwrap_or(inside);
    // Within another literal its quotes are doubled.
    while let Some(inner) = inside.strip_prefix(mark).and_then(|inner| inner.strip_suffix(mark)) {
        inside = inner;
    }
    inside.to_owned()
}

/// The text with stars for a secret, or for its beginning where the text was cut off.
fn starred(text: &str, secret: &str) -> String {
    let quote = |c: Option<char>| c.is_none_or(|c| matches!(c, '\'' | '"' | '`'));
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same = rest.chars().zip(secret.chars()).take_while(|(here, there)| here == there);
        let (chars, bytes) = same.fold((0, 0), |(chars, bytes), (c, _)| (chars + 1, bytes + c.len_utf8()));
        let behind = rest.get(bytes..).unwrap_or_default();
        let quoted = quote(shown.chars().last()) && quote(behind.chars().next());
        let is_whole = bytes == secret.len();
        // A few characters may match by chance, but not if they are between quotes.
        let is_shown = chars > 0 && (quoted || chars >= 4 && (is_whole || quote(behind.chars().next())));
        if is_shown {
            shown.extend(std::iter::repeat_n(HIDDEN, chars));
            rest = behind;
        } else {
            shown.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    shown
}

/// The byte ranges of literals that may contain a password. Any other literal may be SQL itself, with quotations of
/// its own: these are searched, `deep` levels down.
fn literals(line: &str, dialect: Dialect, deep: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut after_password = false;
    // SET PASSWORD FOR somebody: the password follows the equals sign.
    let mut of_somebody = false;
    // What follows is put into a text that has a place for a password.
    let mut is_put_together = false;
    let mut previous = "";
    for lexeme in lexemes(line, 0, dialect) {
        let text = line.get(lexeme.start..lexeme.end).unwrap_or_default();
        let is_string = lexeme.kind == Kind::Other && text.contains(['\'', '$', '"']) && !is_identifier(text, dialect);
        if is_string && (after_password || is_put_together || holds_connection(text)) {
            found.push(lexeme.start..lexeme.end);
        } else if is_string && deep > 0 && may_hold_secret(text) {
            let inner = Unquoted::of(text);
            let nested = literals(&inner.text, dialect, deep - 1).into_iter();
            found.extend(nested.map(|range| lexeme.start + inner.at(range.start)..lexeme.start + inner.at(range.end)));
        }
        is_put_together = lexeme.kind != Kind::Semicolon && (is_put_together || is_string && awaits_password(text));
        if of_somebody && text == "=" {
            (of_somebody, after_password) = (false, true);
        }
        if !lexeme.kind.is_trivia() && !matches!(lexeme.kind, Kind::Operator | Kind::Open) {
            let is = |word: &str| lexeme.kind == Kind::Word && text.eq_ignore_ascii_case(word);
            let names_password = ["password", "master_password", "source_password"].into_iter().any(is);
            let plugin = previous.eq_ignore_ascii_case("with") && after_password;
            of_somebody = of_somebody && lexeme.kind != Kind::Semicolon || after_password && is("for");
            let identifies = is("identified")
                || after_password && (is("by") || is("with") || is("as") || is("using") || is("replace"));
            after_password = names_password || identifies || plugin || after_password && is_string;
            previous = text;
        }
    }
    found
}

/// What a literal means, and where in the literal each of its bytes is from.
struct Unquoted {
    text: String,
    from: Vec<usize>,
    end: usize,
}

impl Unquoted {
    fn of(literal: &str) -> Self {
        let open = literal.find(['\'', '"', '$']).unwrap_or_default();
        let quoted = literal.get(open..).unwrap_or_default();
        let quote = quoted.chars().next().unwrap_or_default();
        let mark = match quote {
            '$' => quoted.get(1..).and_then(|rest| rest.find('$')).map_or(1, |end| end + 2),
            _ => 1,
        };
        let from = open + mark;
        let inside = literal.get(from..literal.len().saturating_sub(mark).max(from)).unwrap_or_default();
        let (mut text, mut places) = (String::with_capacity(inside.len()), Vec::with_capacity(inside.len()));
        let mut chars = inside.char_indices().peekable();
        while let Some((at, mut c)) = chars.next() {
            let escapes = quote != '$' && (c == quote || c == '\\');
            if let Some((_, next)) = chars.next_if(|(_, next)| escapes && matches!(next, '\'' | '"' | '\\')) {
                c = next;
            }
            text.push(c);
            places.extend(std::iter::repeat_n(from + at, c.len_utf8()));
        }
        Self { text, from: places, end: from + inside.len() }
    }

    /// The byte of the literal that a byte of the text is from.
    fn at(&self, byte: usize) -> usize {
        self.from.get(byte).copied().unwrap_or(self.end)
    }
}

fn is_identifier(text: &str, dialect: Dialect) -> bool {
    dialect.grammar().double_quotes_names() && text.starts_with('"')
}

/// Whether a literal is the beginning of a statement whose password is put in from elsewhere.
fn awaits_password(literal: &str) -> bool {
    let lower = literal.to_ascii_lowercase();
    let end = |word: &str| lower.rfind(word).map(|at| at + word.len());
    let Some(end) = end("password").max(end("identified by")) else { return false };
    let rest = lower.get(end..).unwrap_or_default().trim_start_matches([' ', '=', '\'', '"', ':', '$']);
    (rest.is_empty() || rest.starts_with('%')) && ["alter ", "create ", "set "].iter().any(|word| lower.contains(word))
}

fn holds_connection(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let parameter = lower.split_once("password").is_some_and(|(_, rest)| rest.trim_start().starts_with('='));
    parameter || lower.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{LONGEST_MESSAGE, line_without_passwords, message_without_passwords, without_passwords};

    #[test]
    fn a_line_is_starred_by_what_is_around_it() {
        let sql = "alter role a\r\n  password\r\n  'canary' login;\r\nselect 'é', 'password';\n\
                   execute 'alter role b\n password ''canary\n2'' ';";
        let lines: Vec<_> = (0..8).map_while(|index| line_without_passwords(sql, index)).collect();
        assert_eq!(
            lines,
            [
                "alter role a",
                "  password",
                "  '******' login;",
                "select 'é', 'password';",
                "execute 'alter role b",
                " password ''******",
                "*'' ';"
            ]
        );
    }

    #[test]
    fn of_a_long_message_the_middle_is_left_out() {
        let message = format!("near \"{}\": syntax error", "é".repeat(2 * LONGEST_MESSAGE));
        let shown = message_without_passwords(&message, "select 1");
        assert!(shown.starts_with("near \"éé") && shown.ends_with("éé\": syntax error") && shown.contains(" … "));
        assert_eq!(shown.chars().count(), LONGEST_MESSAGE + 3);
        assert_eq!(message_without_passwords("short", "select 1"), "short");
    }

    #[rstest]
    #[case("alter role a PASSWORD 'canary' login", "alter role a PASSWORD '******' login")]
    #[case("create role a encrypted password E'can\\'ry'", "create role a encrypted password *'****'**'")]
    #[case("options (user 'a', password $x$canary$x$)", "options (user 'a', password $*$******$*$)")]
    #[case("select dblink('host=h password = canary')", "select dblink('************************')")]
    #[case(
        "create subscription s connection 'postgres://u:canary@h/d'",
        "create subscription s connection '***********************'"
    )]
    #[case(
        "alter user a identified by 'canary' replace 'canary'",
        "alter user a identified by '******' replace '******'"
    )]
    #[case("SET PASSWORD FOR 'a'@'%' = 'canary'", "SET PASSWORD FOR 'a'@'%' = '******'")]
    #[case("set password for a = password('canary')", "set password for a = password('******')")]
    #[case("CREATE USER a IDENTIFIED BY 'canary' REQUIRE SSL", "CREATE USER a IDENTIFIED BY '******' REQUIRE SSL")]
    #[case("alter user a identified with 'p' as \"can\\\"y\"", "alter user a identified with '*' as \"****\"*\"")]
    #[case("set password for a = password('canary')", "set password for a = password('******')")]
    #[case("change master to master_password = 'canary'", "change master to master_password = '******'")]
    #[case("execute 'alter role a password ''canary'''", "execute 'alter role a password ''******'''")]
    #[case("do $$ begin alter role a password 'canary'; end $$", "do $$ begin alter role a password '******'; end $$")]
    #[case(
        "do $$ begin execute 'alter role a password ''canary'''; end $$",
        "do $$ begin execute 'alter role a password ''******'''; end $$"
    )]
    #[case(
        "do $a$ begin execute 'do ''begin execute ''''alter role a password ''''''''canary'''''''' '''' end'''; end $a$",
        "do $a$ begin execute 'do ''begin execute ''''alter role a password ''''''''******'''''''' '''' end'''; end $a$"
    )]
    #[case(
        "execute format('alter role a password %L', 'canary')",
        "execute format('alter role a password %L', '******')"
    )]
    #[case(
        "execute 'alter role a password ' || quote_literal('canary'); select 'b'",
        "execute 'alter role a password ' || quote_literal('******'); select 'b'"
    )]
    #[case(
        "prepare s from 'alter user a identified by \\'canary\\''",
        "prepare s from 'alter user a identified by *'*******''"
    )]
    #[case(
        "prepare s from \"create user a identified by 'canary'\"",
        "prepare s from \"create user a identified by '******'\""
    )]
    #[case(
        "insert into labels values ('your password', 'Kennwort')",
        "insert into labels values ('your password', 'Kennwort')"
    )]
    #[case("password 'canary", "password '******")]
    #[case("comment on column u.password is 'the hash'", "comment on column u.password is 'the hash'")]
    #[case("insert into l values ('https://example.org', 'ü')", "insert into l values ('https://example.org', 'ü')")]
    fn passwords_are_starred_and_nothing_else(#[case] line: &str, #[case] expected: &str) {
        let shown = without_passwords(line);
        assert_eq!(shown, expected);
        assert_eq!(shown.chars().count(), line.chars().count());
    }

    #[rstest]
    #[case::mysql(
        "near 'usr 'x'@'%' identified by 'canary''",
        "create usr 'x'@'%' identified by 'canary'",
        "near 'usr 'x'@'%' identified by '******''"
    )]
    #[case::cut_off("near 'by 'cana'", "create user x identifed, identified by 'canary'", "near 'by '****'")]
    #[case::short("near 'by 'ca'' a", "alter user a identified by 'ca'", "near 'by '**'' a")]
    #[case::postgres(
        "syntax error at or near \"'canary'\"",
        "alter role a password 'canary'",
        "syntax error at or near \"'******'\""
    )]
    #[case::in_a_body(
        "x (in SQL statement \"ALTER ROLE a PASSWORD 'canary'\")",
        "do $$ begin\n  alter role a password 'canary';\nend $$",
        "x (in SQL statement \"ALTER ROLE a PASSWORD '******'\")"
    )]
    #[case::as_it_is_meant("\"can'ry\" is bad", "alter role a password 'can''ry'", "\"******\" is bad")]
    #[case::dollars("near $x$canary$x$", "alter role a password $x$canary$x$", "near $x$******$x$")]
    #[case::none("column \"canary\" is not there", "select 'canary', canary", "column \"canary\" is not there")]
    fn a_server_s_message_is_starred_where_it_quotes_a_password(
        #[case] message: &str,
        #[case] sql: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(message_without_passwords(message, sql), expected);
    }
}
