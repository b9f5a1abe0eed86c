//! What a statement may change in its session, judged by its text alone. If in doubt, a change is assumed: that only
//! means keeping the value of a variable that has not changed.
//!
//! Source: `MySQL`'s manual, "User-Defined Variables", "SET Syntax for Variable Assignment", "PREPARE Statement".

use super::super::cursor::Cursor;
use super::super::tokens::{Parsed, Token};
use super::super::transaction::{Execution, Trace};

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionChange {
    /// User variables that it names, without `@` and quotes, in lower case.
    pub user_variables: Vec<String>,
    /// Session variables that it sets, in lower case.
    pub session_variables: Vec<String>,
    pub role: bool,
    /// `SET TRANSACTION` without `SESSION`, which holds for one transaction.
    pub next_transaction: bool,
    pub sight: Sight,
    pub source: Source,
    pub prepares: Option<Prepared>,
    /// The prepared statement that it deallocates.
    pub deallocates: Option<String>,
    /// The prepared statement that it executes.
    pub executes: Option<String>,
}

/// Whether a statement's effects can be seen in its text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sight {
    #[default]
    Open,
    /// They cannot: `CALL`, `EXECUTE`.
    Hidden,
    /// It creates or alters something that others run: the names in its body are set by whoever runs it.
    Stored,
}

/// Where the values that a statement sets come from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// Other variables, or unknown.
    #[default]
    Session,
    /// The statement's own text: repeating it gives the same.
    Literal,
    /// A query or a function, which may write.
    Evaluated,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prepared {
    /// In lower case, without quotes.
    pub name: String,
    pub text: PreparedText,
}

/// Where a prepared statement's text comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PreparedText {
    /// The file.
    Literal,
    /// A user variable, as the file names it.
    Variable(String),
    Expression,
}

impl SessionChange {
    pub const NONE: Self = Self {
        user_variables: Vec::new(),
        session_variables: Vec::new(),
        role: false,
        next_transaction: false,
        sight: Sight::Open,
        source: Source::Session,
        prepares: None,
        deallocates: None,
        executes: None,
    };

    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: SessionChange = SessionChange::NONE;
        &NONE
    }

    pub(super) fn of(statement: Parsed<'_>, execution: &Execution) -> Self {
        let Parsed { sql, tokens: all, .. } = statement;
        let is_plain = match execution {
            Execution::Transaction => true,
            Execution::Alone(trace) => !trace.tells_nothing(),
            _ => false,
        };
        // The common case, and that of the longest statements.
        if is_plain && !sql.contains('@') {
            return Self::NONE;
        }
        let first = all.iter().find(|token| !token.is_parenthesis()).map(|token| token.text.to_ascii_lowercase());
        let first = first.unwrap_or_default();
        let stored = matches!(first.as_str(), "create" | "alter") && !matches!(execution, Execution::Transaction);
        let hidden = *execution == Execution::Alone(Trace::Parts)
            || matches!(execution, Execution::Alone(Trace::Unknown) if !stored);
        let dynamic = hidden || *execution == Execution::Setting;
        let sight = match (hidden, stored) {
            (true, _) => Sight::Hidden,
            (_, true) => Sight::Stored,
            _ => Sight::Open,
        };
        let user_variables = user_variables(sql, all, dynamic || stored);
        let mut change = Self { user_variables, sight, ..Self::NONE };
        match first.as_str() {
            "set" if !hidden => change.read_set(statement.words()),
            "prepare" => change.read_prepare(statement.words()),
            "select" | "with" | "values" | "table" if *execution == Execution::Setting => {
                change.source = Source::Evaluated;
            }
            "deallocate" | "drop" if *execution == Execution::Setting => change.deallocates = name_at(statement, 2),
            "execute" => change.executes = name_at(statement, 1).filter(|name| name != "immediate"),
            _ => {}
        }
        change
    }

    /// Whether the session is unchanged afterwards, as far as can be seen.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let sight = if self.hidden() { Sight::Open } else { self.sight };
        *self == Self { sight, source: self.source, ..Self::NONE }
    }

    #[must_use]
    pub fn hidden(&self) -> bool {
        self.sight == Sight::Hidden
    }

    /// Whether it creates or alters something that others run.
    #[must_use]
    pub fn stored(&self) -> bool {
        self.sight == Sight::Stored
    }

    fn read_set(&mut self, words: Cursor<'_>) {
        const CLOCKS: [&str; 4] = ["current_", "local", "utc_", "nextval"];
        let is_value = |token: &Token<'_>| {
            let word = token.text.to_ascii_lowercase();
            word != "local" && CLOCKS.iter().any(|clock| word.starts_with(clock)) || word.starts_with('@')
        };
        // The first word of each part is what is set.
        let reads =
            |part: Cursor<'_>| part.rest().iter().skip_while(|token| !matches!(token.text, "=" | ":")).any(is_value);
        self.source = match (words.rest().iter().any(Token::is_parenthesis), words.parts(0).any(reads)) {
            (true, _) => Source::Evaluated,
            (false, true) => Source::Session,
            (false, false) => Source::Literal,
        };
        for mut part in words.parts(0) {
            // SET GLOBAL a = 1, b = 2 sets a global a, and a b of the session.
            let scope = part;
            let global = part.eat(&["global", "persist", "persist_only"]);
            let session = part.eat(&["session", "local"]);
            if part.sees(&["transaction"]) {
                self.next_transaction = !global && !session;
                if session {
                    let names = ["transaction_isolation", "tx_isolation", "transaction_read_only", "tx_read_only"];
                    self.session_variables.extend(names.map(str::to_owned));
                }
                // After a comma there is another characteristic of the transaction.
                return;
            }
            if part.eat(&["names", "charset"]) || part.eat_all(&["character", "set"]) || part.eat_all(&["char", "set"])
            {
                self.session_variables.extend(CHARACTER_SETS.map(str::to_owned));
                continue;
            }
            if part.sees(&["role"]) && scope.sees(&["role"]) {
                self.role = true;
                return;
            }
            if global {
                continue;
            }
            let name = part.next().and_then(|token| session_variable(token.text));
            let freed = part.eat_all(&["=", "default"]) || part.eat_all(&["=", "0"]);
            let is_clock = name.as_deref() == Some("timestamp");
            self.session_variables.extend(if is_clock && freed { Some(CLOCK_FREED.to_owned()) } else { name });
        }
    }

    fn read_prepare(&mut self, mut words: Cursor<'_>) {
        let Some(name) = words.identifier() else { return };
        words.eat(&["from"]);
        let text = match words.rest() {
            [text] if text.text.starts_with(['\'', '"']) => PreparedText::Literal,
            [text] if text.text.starts_with('@') && !text.text.starts_with("@@") => {
                PreparedText::Variable(text.text.to_owned())
            }
            [at, name] if at.text == "@" => PreparedText::Variable(format!("@{}", name.text)),
            _ => PreparedText::Expression,
        };
        self.prepares = Some(Prepared { name: name.as_str().to_lowercase(), text });
    }
}

/// The name after this many words, in lower case.
fn name_at(statement: Parsed<'_>, behind: usize) -> Option<String> {
    statement.words_from(behind).identifier().map(|name| name.as_str().to_lowercase())
}

/// Recorded instead of `timestamp` once it is set to its default, which lets the session's clock run: restoring a value
/// would stop it.
pub const CLOCK_FREED: &str = "timestamp = default";

const CHARACTER_SETS: [&str; 4] =
    ["character_set_client", "character_set_connection", "character_set_results", "collation_connection"];

/// A session variable that is set, as `sql_mode`, `@@sql_mode` or `@@session.sql_mode`.
fn session_variable(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase().replace('`', "");
    let name = match lower.strip_prefix("@@") {
        Some(scoped) => match scoped.split_once('.') {
            Some(("session" | "local", name)) => name,
            Some(_) => return None,
            None => scoped,
        },
        None => lower.as_str(),
    };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| name.to_owned())
}

/// The user variables that a statement names. `dynamic`: also in its strings, which may be SQL.
fn user_variables(sql: &str, all: &[Token<'_>], dynamic: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = false;
    for token in all {
        let text = token.text;
        if at {
            // @`name`, @'name'
            let quote = text.chars().next().filter(|first| matches!(first, '`' | '\'' | '"'));
            if let Some(quote) = quote {
                let inner = text.trim_matches(quote);
                found.push(inner.replace(&format!("{quote}{quote}"), &quote.to_string()).to_lowercase());
            }
        } else if dynamic && text.starts_with(['\'', '"']) {
            found.extend(variables_in_text(text));
        } else if text.starts_with('@') && !text.starts_with("@@") && text.len() > 1 {
            found.push(text.trim_start_matches('@').to_lowercase());
        }
        at = text == "@" && sql.get(token.start + 1..).is_some_and(|rest| rest.starts_with(['`', '\'', '"']));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The user variables named anywhere in a text that may be SQL, such as a routine's body.
#[must_use]
pub fn variables_in_text(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let before = text.get(..at).unwrap_or_default();
        let rest = text.get(at + 1..).unwrap_or_default();
        let end = match rest.chars().next() {
            Some('`') => rest.get(1..).and_then(|inner| inner.find('`')).map_or(0, |end| end + 1),
            _ => rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.'))).unwrap_or(rest.len()),
        };
        let name = rest.get(..end).unwrap_or_default().trim_start_matches('`');
        if !before.ends_with('@') && !name.is_empty() {
            found.push(name.to_lowercase());
        }
    }
    found
}

/// What a routine does with prepared statements, which belong to the session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PreparedInBody {
    /// Those that it prepares and does not deallocate, in lower case.
    pub leaves: Vec<String>,
    /// Those that it executes or deallocates without preparing them first.
    pub needs: Vec<String>,
}

impl PreparedInBody {
    /// Reads a routine's body word by word. Comments and strings count, too.
    #[must_use]
    pub fn of(body: &str) -> Self {
        let lower = body.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$' | '@'));
        let mut found = Self::default();
        let mut before = "";
        while let Some(word) = words.find(|word| !word.is_empty()) {
            if matches!(word, "prepare" | "execute")
                && let Some(name) = words.find(|word| !word.is_empty())
            {
                let gives_up = matches!(before, "deallocate" | "drop");
                let is_here = found.leaves.iter().any(|left| left == name);
                match (word, gives_up) {
                    ("prepare", false) if !is_here => found.leaves.push(name.to_owned()),
                    ("prepare", false) => {}
                    _ if !is_here && name != "immediate" => found.needs.push(name.to_owned()),
                    ("prepare", true) => found.leaves.retain(|left| left != name),
                    _ => {}
                }
            }
            before = word;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::{Dialect, Facts};

    fn of(sql: &str) -> SessionChange {
        Facts::of(sql, Dialect::Mysql).session_change().clone()
    }

    #[rstest]
    #[case("set @a = 1, @@sql_mode = '', @`b c` := @d.e", &["a", "b c", "d.e"])]
    #[case("call p(@X, @y)", &["x", "y"])]
    #[case("select count(*) into @n from t", &["n"])]
    #[case("update t set a = (@i := @i + 1)", &["i"])]
    #[case("set @sql = 'select 1 into @z'", &["sql", "z"])]
    #[case("insert into t values ('a@b.org')", &[])]
    #[case("get diagnostics condition 1 @m = message_text", &["m"])]
    #[case("create procedure p() set @inner = 1", &["inner"])]
    fn user_variables_are_found(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(of(sql).user_variables, expected);
    }

    #[rstest]
    #[case("set sql_mode = '', session time_zone = '+00:00', global x = 1", &["sql_mode", "time_zone"])]
    #[case("set @@session.sql_mode = '', @@global.x = 2, @@y = 3", &["sql_mode", "y"])]
    #[case("set @old = @@sql_mode, sql_mode = concat(@old, ',x')", &["sql_mode"])]
    #[case("set names latin1", &CHARACTER_SETS)]
    #[case("set character set latin1", &CHARACTER_SETS)]
    #[case("set persist x = 1", &[])]
    #[case("/*!40101 SET SQL_MODE='' */", &["sql_mode"])]
    fn session_variables_are_found(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(of(sql).session_variables, expected);
    }

    #[rstest]
    #[case("prepare s from @sql", PreparedText::Variable("@sql".into()))]
    #[case("prepare S from @`my sql`", PreparedText::Variable("@`my sql`".into()))]
    #[case("prepare s from 'select 1'", PreparedText::Literal)]
    #[case("prepare s from concat('a', 'b')", PreparedText::Expression)]
    fn what_is_prepared(#[case] sql: &str, #[case] text: PreparedText) {
        assert_eq!(of(sql).prepares, Some(Prepared { name: "s".into(), text }));
    }

    #[rstest]
    #[case("begin prepare s from @a; execute s; deallocate prepare s; end", &[], &[])]
    #[case("BEGIN PREPARE `S` FROM @a; EXECUTE s; END", &["s"], &[])]
    #[case("begin execute s using @a; drop prepare t; end", &[], &["s", "t"])]
    #[case("begin execute immediate 'select 1'; end", &[], &[])]
    fn what_a_body_prepares_and_needs(#[case] body: &str, #[case] leaves: &[&str], #[case] needs: &[&str]) {
        let found = PreparedInBody::of(body);
        assert_eq!(
            (found.leaves, found.needs),
            (leaves.iter().map(|n| (*n).to_owned()).collect(), needs.iter().map(|n| (*n).to_owned()).collect())
        );
    }

    #[test]
    fn what_else_changes_a_session() {
        assert!(of("set role r").role);
        assert!(!of("set default role r to u").role);
        assert!(of("set transaction read only").next_transaction);
        assert!(!of("set session transaction isolation level serializable, read only").next_transaction);
        assert!(of("create procedure p() set @inner = 1").stored());
        assert!(!of("set @outer = 1").stored());
        assert!(of("call p()").hidden());
        assert!(of("execute s").hidden());
        assert_eq!(of("execute `S` using @a").executes.as_deref(), Some("s"));
        assert_eq!(Facts::of("execute immediate @a", Dialect::Mariadb).session_change().executes, None);
        assert_eq!(of("deallocate prepare S").deallocates.as_deref(), Some("s"));
        assert!(of("set sql_mode = ''").source == Source::Literal);
        assert!(of("set @a = 1, session x = 2").source == Source::Literal);
        assert!(of("set @t = current_timestamp").source != Source::Literal);
        assert!(of("set @old = @@sql_mode, sql_mode = ''").source != Source::Literal);
        assert!(of("set @old = @@sql_mode").source != Source::Evaluated);
        assert!(of("set @old = f()").source == Source::Evaluated);
        assert!(of("select a into @a from t").source == Source::Evaluated);
        assert!(of("set sql_mode = @old").source != Source::Literal);
        assert!(of("set @a = (select 1)").source != Source::Literal);
        assert!(of("insert into t values (1)").is_none());
        assert!(of("create table t (a int)").is_none());
    }
}
