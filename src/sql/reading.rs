//! A file's statements and what is known about each: which are not sent, in which transactions the others run, and
//! which cannot run.

use super::Dialect;
use super::facts::Facts;
use super::fit::{Fit, Omission, left_out};
use super::refusals::{Refusal, Wrapper};
use super::secret::hidden;
use super::statements::Span;
use super::tokens::Parser;
use super::transaction::TransactionMode;

/// The longest excerpt of a statement, in characters.
const EXCERPT_LIMIT: usize = 80;

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    pub span: Span,
    pub facts: Facts,
}

impl Statement {
    /// Its SQL, in the text that it was parsed from.
    #[must_use]
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        self.span.text(sql)
    }

    /// Its first line, without passwords and cut to 80 characters.
    #[must_use]
    pub fn excerpt(&self, sql: &str) -> String {
        let line = self.text(sql).lines().next().unwrap_or_default().trim_end();
        let line = hidden(line, &self.facts.secrets);
        match line.char_indices().nth(EXCERPT_LIMIT) {
            None => line,
            Some(_) => line.chars().take(EXCERPT_LIMIT - 1).chain(['…']).collect(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) statements: Vec<Statement>,
    /// Statements that are not sent.
    pub(crate) left_out: Vec<Span>,
    pub(crate) mode: TransactionMode,
    /// Statements that cannot run, each by its first byte.
    pub(crate) refused: Vec<(usize, Refusal)>,
}

impl Reading {
    /// Reads the statements of a text. `no_transaction`: the file asks for each to be committed separately.
    pub(crate) fn of(sql: &str, spans: &[Span], no_transaction: bool, dialect: Dialect) -> Self {
        let mut parser = Parser::new(dialect);
        let mut all: Vec<(Statement, Fit)> = Vec::with_capacity(spans.len());
        for span in spans.iter().copied() {
            let (facts, fit) = Facts::read(parser.parse(span.text(sql)), dialect);
            all.push((Statement { span, facts }, fit));
        }
        let wrapped = !no_transaction && is_wrapped(&all);
        let mut is_left_out = if wrapped { ends(all.len()) } else { left_out(&omissions(&all)) }.into_iter();
        let gone = all.extract_if(.., |_| is_left_out.next().unwrap_or_default());
        let left_out = gone.map(|(statement, _)| statement.span).collect();
        let mode = mode(all.iter().map(|(_, fit)| fit), wrapped, no_transaction, dialect);
        let (mut statements, mut refused) = (Vec::with_capacity(all.len()), Vec::new());
        for (statement, fit) in all {
            let why = fit.refusals.of(mode).filter(|why| matters(why, sql, statement.span));
            refused.extend(why.map(|why| (statement.span.start, why)));
            statements.push(statement);
        }
        Self { statements, left_out, mode, refused }
    }
}

/// The mode of a file. The directive `no_transaction` decides. Without it, the file is
/// [`TransactionMode::PerStatement`] if at least one statement cannot run in a transaction and all others only change
/// the session's settings. A file that is `wrapped` in `BEGIN` and `COMMIT` wants a transaction. On `MySQL` and
/// `MariaDB`, whose DDL commits implicitly, it is always [`TransactionMode::PerStatement`].
fn mode<'a>(
    mut statements: impl Iterator<Item = &'a Fit> + Clone,
    wrapped: bool,
    no_transaction: bool,
    dialect: Dialect,
) -> TransactionMode {
    if no_transaction || dialect.grammar().ddl_commits() {
        return TransactionMode::PerStatement;
    }
    let is_alone = |fit: &'a Fit| fit.demands_none || fit.is_setting;
    if !wrapped && statements.clone().any(|fit| fit.demands_none) && statements.all(is_alone) {
        TransactionMode::PerStatement
    } else {
        TransactionMode::PerFile
    }
}

fn is_wrapped(all: &[(Statement, Fit)]) -> bool {
    match all {
        [(_, first), .., (_, last)] => first.wrapper == Some(Wrapper::Begin) && last.wrapper == Some(Wrapper::Commit),
        _ => false,
    }
}

fn omissions(all: &[(Statement, Fit)]) -> Vec<Omission> {
    all.iter().map(|(_, fit)| fit.omission).collect()
}

/// Marks the first and the last one.
fn ends(count: usize) -> Vec<bool> {
    (0..count).map(|index| index == 0 || index + 1 == count).collect()
}

/// How strings are read only matters if one that follows has a backslash.
fn matters(why: &Refusal, sql: &str, span: Span) -> bool {
    *why != Refusal::StringsOtherwise || sql.get(span.end..).is_some_and(|rest| rest.contains('\\'))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::statements::split;
    use super::super::tokens::Parsed;
    use super::super::transaction::{CatalogObject, Execution, ObjectName, Trace};
    use super::*;

    pub(in super::super) fn mode(
        sql: &str,
        statements: &[Span],
        wrapped: bool,
        no_transaction: bool,
        dialect: Dialect,
    ) -> TransactionMode {
        let fit = |span: &Span| Parsed::ask(span.text(sql), dialect, |statement| Facts::read(statement, dialect).1);
        let fits: Vec<Fit> = statements.iter().map(fit).collect();
        super::mode(fits.iter(), wrapped, no_transaction, dialect)
    }

    fn read(sql: &str, no_transaction: bool, dialect: Dialect) -> Reading {
        Reading::of(sql, &split(sql, dialect).statements, no_transaction, dialect)
    }

    #[test]
    fn what_is_known_stays_with_its_statement() {
        let sql = "begin; insert into t values (1); create table u (a int); commit; set @a = 1";
        let reading = read(sql, false, Dialect::Mysql);
        assert_eq!(reading.left_out.iter().map(|span| span.text(sql)).collect::<Vec<_>>(), ["begin", "commit"]);
        let [insert, create, set] = &reading.statements[..] else { panic!("{reading:#?}") };
        assert_eq!(create.text(sql), "create table u (a int)");
        let table = CatalogObject::Table(ObjectName { database: None, name: "u".into() });
        assert_eq!(create.facts.execution, Execution::Alone(Trace::Appears(table)));
        assert_eq!(insert.facts.execution, Execution::Transaction);
        assert_eq!(
            (insert.facts.session_change().is_none(), &set.facts.session_change().user_variables[..]),
            (true, &["a".into()][..])
        );
    }

    #[test]
    fn what_refuses_a_statement_depends_on_the_whole_file() {
        let sql = "begin; vacuum; commit";
        let wrapped = read(sql, false, Dialect::Postgres);
        assert_eq!((wrapped.mode, wrapped.left_out.len()), (TransactionMode::PerFile, 2));
        assert_eq!(wrapped.refused, [(7, Refusal::MixedFile("VACUUM"))]);
        let divided = read(sql, true, Dialect::Postgres);
        assert_eq!((divided.mode, divided.left_out.len()), (TransactionMode::PerStatement, 0));
        let refused = [(0, Refusal::WithoutTransaction("BEGIN")), (15, Refusal::WithoutTransaction("COMMIT"))];
        assert_eq!(divided.refused, refused);
    }

    #[test]
    fn an_excerpt_hides_what_may_be_a_password() {
        let sql = "select 1;\ncreate role r password 'secret'\n login; select 'password'";
        let excerpts: Vec<_> = read(sql, false, Dialect::Postgres).statements.iter().map(|s| s.excerpt(sql)).collect();
        assert_eq!(excerpts, ["select 1", "create role r password '******'", "select 'password'"]);
    }
}
