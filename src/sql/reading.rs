//! A file's statements and what is known about each: which are not sent, in which transactions the others run, and
//! which cannot run.

use std::ops::Range;

use super::Dialect;
use super::blocks::{Blocks, Shape, blocks};
use super::facts::Facts;
use super::fit::{Fit, ForeignKeys, Omission, left_out};
use super::refusals::Refusal;
use super::secret::hidden;
use super::statements::Span;
use super::tokens::Parser;
use super::transaction::TransactionMode;

/// How a refusal names it.
const VACUUM: &str = "VACUUM";
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
    /// The file's own transactions in [`TransactionMode::PerStatement`], each by its statements.
    pub(crate) blocks: Vec<Range<usize>>,
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
        let grammar = dialect.grammar();
        let Blocks { left_out: of_blocks, shape } =
            blocks(all.iter().map(|(_, fit)| fit), no_transaction, grammar.commits_alone());
        let by_omission = left_out(&omissions(&all));
        let mut index = 0;
        let gone = all.extract_if(.., |_| {
            index += 1;
            let is_marked = |all: &[bool]| all.get(index - 1).copied().unwrap_or_default();
            is_marked(&of_blocks) || is_marked(&by_omission)
        });
        let left_out = gone.map(|(statement, _)| statement.span).collect();
        let mode = mode(all.iter().map(|(_, fit)| fit), &shape, no_transaction, dialect);
        let blocks = if let Shape::Several(blocks) = shape { blocks } else { Vec::new() };
        let (mut statements, mut refused) = (Vec::with_capacity(all.len()), Vec::new());
        let (mut rest, mut index) = (all.into_iter(), 0);
        while let Some((statement, fit)) = rest.next() {
            let is_in_block = blocks.iter().any(|block| block.contains(&index));
            let why = if is_in_block { fit.refusals.in_block() } else { fit.refusals.of(mode) };
            let why = why.filter(|why| matters(why, sql, statement.span, rest.as_slice()));
            index += 1;
            refused.extend(why.map(|why| (statement.span.start, why)));
            statements.push(statement);
        }
        Self { statements, left_out, mode, blocks, refused }
    }
}

/// The mode of a file. The directive `no_transaction` decides. Without it, the file is
/// [`TransactionMode::PerStatement`] if at least one statement cannot run in a transaction and all others only change
/// the session's settings. A file that is wrapped in `BEGIN` and `COMMIT` wants a transaction, and one that has several
/// such blocks wants several. On `MySQL` and `MariaDB`, whose DDL commits implicitly, it is always
/// [`TransactionMode::PerStatement`].
fn mode<'a>(
    mut statements: impl Iterator<Item = &'a Fit> + Clone,
    shape: &Shape,
    no_transaction: bool,
    dialect: Dialect,
) -> TransactionMode {
    match shape {
        _ if dialect.grammar().ddl_commits() => return TransactionMode::PerStatement,
        Shape::Whole => return TransactionMode::PerFile,
        Shape::Several(_) => return TransactionMode::PerStatement,
        Shape::None if no_transaction => return TransactionMode::PerStatement,
        Shape::None => {}
    }
    let is_alone = |fit: &'a Fit| fit.demands_none || fit.is_setting;
    if statements.clone().any(|fit| fit.demands_none) && statements.all(is_alone) {
        TransactionMode::PerStatement
    } else {
        TransactionMode::PerFile
    }
}

fn omissions(all: &[(Statement, Fit)]) -> Vec<Omission> {
    all.iter().map(|(_, fit)| fit.omission).collect()
}

/// Whether what follows makes a difference: how strings are read matters only if one of them has a backslash, foreign keys
/// only to statements that obey them, and a VACUUM gives the file its new layout.
fn matters(why: &Refusal, sql: &str, span: Span, rest: &[(Statement, Fit)]) -> bool {
    let fits = || rest.iter().map(|(_, fit)| fit);
    match why {
        Refusal::StringsOtherwise => sql.get(span.end..).is_some_and(|rest| rest.contains('\\')),
        Refusal::ForeignKeysOn => {
            let until_off = fits().map(|fit| fit.foreign_keys).take_while(|keys| *keys != ForeignKeys::SwitchesOff);
            until_off.into_iter().any(|keys| keys == ForeignKeys::Obeys)
        }
        Refusal::NeedsVacuum(_) => !fits().any(|fit| fit.refusals.per_file == Some(Refusal::MixedFile(VACUUM))),
        _ => true,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rstest::rstest;

    use super::super::statements::split;
    use super::super::tokens::Parsed;
    use super::super::transaction::{CatalogObject, Execution, ObjectName, Trace};
    use super::*;

    pub(in super::super) fn mode(
        sql: &str,
        statements: &[Span],
        no_transaction: bool,
        dialect: Dialect,
    ) -> TransactionMode {
        let fit = |span: &Span| Parsed::ask(span.text(sql), dialect, |statement| Facts::read(statement, dialect).1);
        let fits: Vec<Fit> = statements.iter().map(fit).collect();
        super::mode(fits.iter(), &Shape::None, no_transaction, dialect)
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
        let refused = |sql: &str, no_transaction| read(sql, no_transaction, Dialect::Postgres).refused;
        for no_transaction in [false, true] {
            assert_eq!(refused("begin; vacuum; commit", no_transaction), [(7, Refusal::MixedFile("VACUUM"))]);
            let in_a_block = "begin; vacuum; commit; select 1";
            assert_eq!(refused(in_a_block, no_transaction), [(7, Refusal::InsideBlock("VACUUM"))]);
            assert_eq!(refused("vacuum; begin; select 1; commit", no_transaction), []);
        }
        assert_eq!(refused("begin; select 1", true), [(0, Refusal::WithoutTransaction("BEGIN"))]);
        assert_eq!(refused("begin; select 1", false), [(0, Refusal::TransactionControl("BEGIN"))]);
        assert_eq!(
            refused("savepoint a; begin; savepoint b; commit; select 1", false),
            [(0, Refusal::WithoutTransaction("SAVEPOINT"))]
        );
    }

    const ONE: TransactionMode = TransactionMode::PerFile;
    const SEPARATE: TransactionMode = TransactionMode::PerStatement;

    #[rstest]
    #[case::one_block("begin; a; b; commit", ONE, &[])]
    #[case::with_settings_around_it("set x = 1; begin; a; end; reset x", ONE, &[])]
    #[case::with_a_setting_of_no_effect_before_it("set local x = 1; begin; a; commit", SEPARATE, &[(1, 2)])]
    #[case::with_more_before_it("a; begin; b; commit", SEPARATE, &[(1, 2)])]
    #[case::with_more_after_it("start transaction; a; b; commit; vacuum", SEPARATE, &[(0, 2)])]
    #[case::two("begin; a; commit; begin; b; c; commit", SEPARATE, &[(0, 1), (1, 3)])]
    #[case::chained("begin; a; commit and chain; b; commit", SEPARATE, &[(0, 1), (1, 2)])]
    #[case::an_empty_one("begin; commit; a; begin; b; commit", SEPARATE, &[(1, 2)])]
    #[case::commit_last("a; b; commit", ONE, &[])]
    #[case::commit_only("commit", ONE, &[])]
    #[case::commit_first("commit; a; b", SEPARATE, &[])]
    #[case::commit_in_the_middle("a; b; commit; c", SEPARATE, &[(0, 2)])]
    #[case::commit_after_a_statement_alone("vacuum; commit", SEPARATE, &[])]
    #[case::one_commit_too_many("begin; a; commit; b; commit", SEPARATE, &[(0, 1)])]
    #[case::several_commits("a; commit; b; commit; c; commit", SEPARATE, &[(0, 1)])]
    fn transactions_of_a_file_s_own(
        #[case] sql: &str,
        #[case] mode: TransactionMode,
        #[case] blocks: &[(usize, usize)],
    ) {
        let reading = read(sql, false, Dialect::Postgres);
        let found: Vec<_> = reading.blocks.iter().map(|block| (block.start, block.end)).collect();
        assert_eq!((reading.mode, &found[..], &reading.refused[..]), (mode, blocks, &[][..]));
    }

    #[rstest]
    #[case::nested("begin; begin; a; commit")]
    #[case::open("a; begin; b")]
    #[case::open_again("begin; a; commit and chain; b")]
    #[case::rolled_back("begin; a; rollback")]
    #[case::open_with_a_mode("begin isolation level serializable; a")]
    fn halves_that_do_not_match_are_refused(#[case] sql: &str, #[values(false, true)] no_transaction: bool) {
        let reading = read(sql, no_transaction, Dialect::Postgres);
        assert!(!reading.refused.is_empty() && reading.blocks.is_empty());
    }

    #[test]
    fn where_each_is_committed_separately_a_commit_alone_does_nothing() {
        let reading = read("a; commit; b; commit", true, Dialect::Postgres);
        assert_eq!((reading.mode, reading.blocks.len(), reading.left_out.len()), (SEPARATE, 0, 2));
        let on_sqlite = read("a; commit; b", false, Dialect::Sqlite);
        assert_eq!(on_sqlite.refused, [(3, Refusal::TransactionControl("COMMIT"))]);
    }

    #[rstest]
    #[case::a_dump("pragma foreign_keys=off; begin transaction; a; commit", ONE, &[])]
    #[case::the_manual_s_procedure(
        "pragma foreign_keys=off; begin; a; pragma foreign_key_check; commit; pragma foreign_keys=on",
        SEPARATE,
        &[(1, 3)]
    )]
    #[case::two("begin immediate; a; commit; begin; b; end transaction", SEPARATE, &[(0, 1), (1, 2)])]
    fn transactions_of_a_file_s_own_on_sqlite(
        #[case] sql: &str,
        #[case] mode: TransactionMode,
        #[case] blocks: &[(usize, usize)],
    ) {
        let reading = read(sql, false, Dialect::Sqlite);
        let found: Vec<_> = reading.blocks.iter().map(|block| (block.start, block.end)).collect();
        assert_eq!((reading.mode, &found[..], &reading.refused[..]), (mode, blocks, &[][..]));
    }

    /// SQLite's own procedure for a new table in another's place, and what drizzle, Prisma and Django make of it.
    #[rstest]
    #[case::at_the_end(
        "pragma foreign_keys=off; drop table t; alter table n rename to t; pragma foreign_keys=on;",
        true
    )]
    #[case::with_a_check(
        "drop table t; pragma foreign_key_check; pragma foreign_keys=on; pragma defer_foreign_keys=off",
        true
    )]
    #[case::twice("pragma foreign_keys=on; pragma foreign_keys=off; drop table t; pragma foreign_keys=on", true)]
    #[case::indexes_after("drop table t; pragma foreign_keys=on; create index i on t (a); select 1", true)]
    #[case::rows_after("pragma foreign_keys=on; create table t (a); insert into t values (1)", false)]
    #[case::a_table_goes_after("select 1; pragma foreign_keys=1; drop table t", false)]
    #[case::layout("pragma page_size = 8192; create table t (a)", false)]
    #[case::layout_alone("pragma page_size = 8192", false)]
    #[case::layout_and_vacuum("pragma page_size = 8192; pragma auto_vacuum = 1; vacuum", true)]
    #[case::vacuum_first("vacuum; pragma page_size = 8192", false)]
    fn a_pragma_of_sqlite_is_refused_where_it_would_have_made_a_difference(#[case] sql: &str, #[case] accepted: bool) {
        let reading = read(sql, false, Dialect::Sqlite);
        assert_eq!(reading.refused.is_empty(), accepted, "{:?}", reading.refused);
        assert_eq!(reading.left_out, []);
    }

    #[test]
    fn an_excerpt_hides_what_may_be_a_password() {
        let sql = "select 1;\ncreate role r password 'secret'\n login; select 'password'";
        let excerpts: Vec<_> = read(sql, false, Dialect::Postgres).statements.iter().map(|s| s.excerpt(sql)).collect();
        assert_eq!(excerpts, ["select 1", "create role r password '******'", "select 'password'"]);
    }
}
