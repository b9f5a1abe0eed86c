//! The ordered steps from a ledger's state to a target.

use sha2::{Digest, Sha256};

use super::goal::{PlanOptions, RollbackTarget};
use super::kind::Kind;
use super::ledger_row::LedgerRow;
use super::ledger_state::{LedgerState, StatementState};
use super::problem::PlanProblem;
use super::step::Step;
use super::target::Target;
use crate::migration::{Checksum, Migration, MigrationFile, MigrationFiles, Problem, Version, invalid_files};
use crate::policy::OutOfOrder;
use crate::sql::TransactionMode;

/// The ordered steps from a ledger's state to a target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan<'a> {
    /// What is to be run, in this order; empty where the database is there already.
    pub steps: Vec<Step<'a>>,
    /// The newest version applied; absent where none is.
    pub from: Option<Version>,
    /// The version asked for, `latest` resolved to the source's last; absent where everything is to be undone.
    pub to: Option<Version>,
    /// Applied versions newer than all of the source. Nothing is undone.
    pub ahead: Vec<Version>,
    /// What a person should know and what stops nothing.
    pub warnings: Vec<PlanWarning>,
}

/// What a person should know and what stops nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanWarning {
    /// Statements of a file for `MySQL` or `MariaDB` are not sent.
    #[error(
        "{file}:{line}: {count} of the file's statements begin or end a transaction or lock tables, this one first; \
         they are left out: each statement is committed separately"
    )]
    LeftOut {
        file: String,
        /// Where the first one is.
        line: usize,
        /// How many there are.
        count: usize,
    },
    /// A pending file has no content at all.
    #[error(
        "{file}: the file is empty; if its content was lost, put it back: it will be recorded as is, and must not \
         change afterwards"
    )]
    Empty { file: String },
    /// A pending file has nothing in it but what a new file has.
    #[error(
        "{file}: the file is as schemaward new wrote it, without a statement; write it before it is applied: it \
         will be recorded as is, and must not change afterwards"
    )]
    Unwritten { file: String },
    /// A file whose statements are each committed by themselves uses a temporary table in several of them.
    #[error(
        "{file}:{line}: {what}, made here, is used by later statements, and each statement of this file is \
         committed separately: a run that is interrupted between them cannot be resumed, and ends with \
         NeedsReview; a table that is dropped at the end can be"
    )]
    TemporaryTable {
        file: String,
        /// Where it is made.
        line: usize,
        /// Its name, with what it is.
        what: String,
    },
    /// Comments or white space of an applied file were changed.
    #[error(
        "{file}: comments or white space of version {version} were changed after it was applied; its SQL is the same"
    )]
    CosmeticEdit {
        version: Version,
        /// The file as it is named now.
        file: String,
    },
    /// An applied file has another name now.
    #[error("{file}: version {version} was applied from a file named {applied_file}; its SQL is the same")]
    Renamed {
        version: Version,
        /// The file as it is named now.
        file: String,
        /// The file's name when it was applied.
        applied_file: String,
    },
}

impl Plan<'_> {
    /// SHA-256 over the version it starts from, the version it leads to, and each step's kind, version, file and checksum,
    /// each with its length.
    #[must_use]
    pub fn hash(&self) -> Checksum {
        let mut hash = Sha256::new();
        let mut feed = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        feed(self.from.as_ref().map_or("", Version::as_str));
        feed(&self.to_text());
        for Step { kind, migration } in &self.steps {
            feed(kind.word());
            feed(migration.version.as_str());
            feed(&migration.file);
            feed(migration.checksum.as_str());
        }
        Checksum::stored(format!("{:x}", hash.finalize()))
    }

    /// The version it leads to, or the word for none.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to.as_ref().map_or_else(|| RollbackTarget::EMPTY.to_owned(), ToString::to_string)
    }
}

/// Finds the steps from a ledger's state to a target.
///
/// # Errors
///
/// Every [`PlanProblem`] there is, by version, those of the target last. Where a file that has to be looked into is
/// invalid, only what is wrong with the files: the rest cannot be told.
pub fn plan<'a>(
    set: &'a MigrationFiles,
    ledger: &LedgerState,
    options: &PlanOptions,
) -> Result<Plan<'a>, Vec<PlanProblem>> {
    let last = set.newest();
    check_files_to_run(set, ledger)?;
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let (ahead, known): (Vec<&LedgerRow>, _) = ledger.applied().iter().partition(|row| row.version > *last);
    let mut files = set.migrations().iter().peekable();
    for row in known {
        while files.next_if(|file| *file.version() < row.version).is_some() {}
        match files.next_if(|file| *file.version() == row.version) {
            None => problems.push(missing(row, last)),
            Some(file) => match compare(row, file) {
                Ok(found) => warnings.extend(found),
                Err(problem) => problems.push(problem),
            },
        }
    }
    let to = reachable(set, ledger, &options.target, last).map_err(|problem| problems.push(problem));
    let pending = with_rows(set, ledger).filter(|(_, row)| row.is_none()).filter_map(|(file, _)| file.parsed().ok());
    let (late, pending): (Vec<_>, Vec<_>) = pending.partition(|migration| {
        options.out_of_order == OutOfOrder::Reject && ledger.current() > Some(&migration.version)
    });
    let steps: Vec<Step<'a>> = pending.into_iter().map(Step::forward).chain(repeatables(set, ledger)).collect();
    problems.extend(steps.iter().filter_map(|step| edited_while_begun(step, ledger)));
    warnings.extend(steps.iter().filter_map(empty));
    warnings.extend(steps.iter().filter_map(unwritten));
    warnings.extend(steps.iter().filter_map(left_out));
    warnings.extend(steps.iter().filter_map(temporary_table));
    problems.extend(late.into_iter().filter_map(|migration| out_of_order(migration, ledger)));
    problems.extend(rollback_unfinished(ledger));
    problems.extend(missing_while_begun(set, ledger));
    match to {
        Ok(to) if problems.is_empty() => Ok(Plan {
            // A repeatable file is written for the newest schema: on the way there it may not find what it needs.
            steps: steps
                .into_iter()
                .filter(|step| match step.kind {
                    Kind::Repeatable => to >= *last,
                    _ => step.migration.version <= to,
                })
                .collect(),
            from: ledger.current().cloned(),
            to: Some(to),
            ahead: ahead.into_iter().map(|row| row.version.clone()).collect(),
            warnings,
        }),
        _ => Err(problems),
    }
}

/// As an upload that was cut off leaves one; what is left out of a file is blank, too.
fn empty(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    let is_empty = migration.sql.trim().is_empty() && migration.left_out.is_empty();
    is_empty.then(|| PlanWarning::Empty { file: migration.file.clone() })
}

fn unwritten(step: &Step<'_>) -> Option<PlanWarning> {
    step.migration.is_unwritten().then(|| PlanWarning::Unwritten { file: step.migration.file.clone() })
}

/// On the other engines it is the `BEGIN` and `COMMIT` around a whole file, which is a transaction without them.
fn left_out(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    if !migration.dialect.grammar().warns_of_left_out() {
        return None;
    }
    let line = migration.left_out.first()?.position.line;
    Some(PlanWarning::LeftOut { file: migration.file.clone(), line, count: migration.left_out.len() })
}

/// A run that is interrupted while it is in use cannot be resumed.
fn temporary_table(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    if migration.mode == TransactionMode::PerFile {
        return None;
    }
    let bound = migration.temporary_table_over_statements()?;
    let line = migration.statements.get(bound.made_by)?.span.position.line;
    Some(PlanWarning::TemporaryTable { file: migration.file.clone(), line, what: bound.what })
}

fn missing(row: &LedgerRow, last: &Version) -> PlanProblem {
    PlanProblem::Missing { version: row.version.clone(), file: row.file.clone(), last: last.clone() }
}

/// The files that have to be looked into: those that are pending or have changed. What is applied and has not changed
/// needs no statements, not even valid ones: it is not run again, and cannot be put right without being changed.
pub fn needed<'a>(set: &'a MigrationFiles, ledger: &'a LedgerState) -> impl Iterator<Item = &'a MigrationFile> {
    let changed = with_rows(set, ledger)
        .filter(|(file, row)| row.is_none_or(|row| row.checksum != *file.checksum()))
        .map(|(file, _)| file);
    let again =
        |file: &&MigrationFile| ledger.repeatable(file.file()).is_none_or(|row| row.checksum != *file.checksum());
    changed.chain(set.repeatables().iter().filter(again))
}

/// Each file with the row of its version. Both are in version order, so that none of thousands is searched for.
fn with_rows<'a, 'l>(
    set: &'a MigrationFiles,
    ledger: &'l LedgerState,
) -> impl Iterator<Item = (&'a MigrationFile, Option<&'l LedgerRow>)> {
    let mut rows = ledger.applied().iter().peekable();
    set.migrations().iter().map(move |file| {
        while rows.next_if(|row| row.version < *file.version()).is_some() {}
        (file, rows.next_if(|row| row.version == *file.version()))
    })
}

/// Those of them that are going to run. An applied file that has changed is refused as edited, whatever is in it.
pub fn to_run<'a>(set: &'a MigrationFiles, ledger: &'a LedgerState) -> impl Iterator<Item = &'a MigrationFile> {
    needed(set, ledger).filter(|file| ledger.get(file.version()).is_none())
}

/// The applied files whose SQL is another by now, whatever else is in the way.
#[must_use]
pub fn edited(set: &MigrationFiles, ledger: &LedgerState) -> Vec<PlanProblem> {
    with_rows(set, ledger).filter_map(|(file, row)| compare(row?, file).err()).collect()
}

fn check_files_to_run(set: &MigrationFiles, ledger: &LedgerState) -> Result<(), Vec<PlanProblem>> {
    match invalid_files(to_run(set, ledger)) {
        problems if problems.is_empty() => Ok(()),
        problems => Err(problems.into_iter().map(PlanProblem::InvalidFile).collect()),
    }
}

/// What has been read; of the others the bytes are as they were.
fn compare(row: &LedgerRow, found: &MigrationFile) -> Result<Option<PlanWarning>, PlanProblem> {
    let (version, file) = (found.version().clone(), found.file().to_owned());
    if row.checksum == *found.checksum() {
        let renamed = row.file != file;
        return Ok(renamed.then(|| PlanWarning::Renamed { version, file, applied_file: row.file.clone() }));
    }
    let read = found.parsed();
    if read.is_ok_and(|migration| row.token_checksum == migration.token_checksum) {
        return Ok(Some(PlanWarning::CosmeticEdit { version, file }));
    }
    let invalid = read.err().and_then(<[Problem]>::first).cloned().map(Box::new);
    let (applied, found) = (row.checksum.clone(), found.checksum().clone());
    Err(PlanProblem::Edited { version, file, applied, found, invalid })
}

/// The first statement that has run and is not the file's any more. One whose end is not known counts where the file
/// gives it no chance to be looked up.
fn edited_while_begun(step: &Step<'_>, ledger: &LedgerState) -> Option<PlanProblem> {
    let migration = step.migration.as_ref();
    let per_file = migration.mode == TransactionMode::PerFile;
    let changed = ledger.begun_of(step).find(|begun| {
        let same = begun.number.checked_sub(1).is_some_and(|at| migration.statement_checksum(at) == begun.checksum);
        match begun.state {
            StatementState::Finished => per_file || !same,
            StatementState::Started => per_file || begun.number > migration.statements.len(),
            StatementState::Failed => false,
        }
    })?;
    Some(PlanProblem::EditedWhileBegun {
        version: migration.version.clone(),
        file: migration.file.clone(),
        statement: changed.number,
        has_run: changed.state == StatementState::Finished,
    })
}

/// The repeatable files that have never run as they are now, by their tokens.
pub(super) fn repeatables<'a>(set: &'a MigrationFiles, ledger: &LedgerState) -> impl Iterator<Item = Step<'a>> {
    set.repeatables().iter().filter_map(|file| match ledger.repeatable(file.file()) {
        Some(row) if row.checksum == *file.checksum() => None,
        row => {
            let migration = file.parsed().ok()?;
            row.is_none_or(|row| row.token_checksum != migration.token_checksum).then(|| Step::again(migration))
        }
    })
}

/// The files that are half applied, and not in the source any more. What was only tried, and refused, has left nothing.
fn missing_while_begun(set: &MigrationFiles, ledger: &LedgerState) -> Vec<PlanProblem> {
    let mut problems = Vec::new();
    for begun in ledger.half_done() {
        let is_there = match (&begun.version, begun.kind) {
            (Some(version), Kind::Migration) => set.get(version).is_some(),
            (None, Kind::Repeatable) => set.repeatables().iter().any(|file| file.file() == begun.file),
            _ => true,
        };
        let problem = PlanProblem::missing_while_begun(begun);
        if !is_there && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

/// A version that is half undone: whether it is there cannot be said.
fn rollback_unfinished(ledger: &LedgerState) -> Option<PlanProblem> {
    let begun = ledger.half_done().find(|begun| begun.kind == Kind::Rollback)?;
    Some(PlanProblem::RollbackUnfinished { version: begun.version.clone()?, file: begun.file.clone() })
}

fn out_of_order(migration: &Migration, ledger: &LedgerState) -> Option<PlanProblem> {
    let newer = ledger.applied().iter().find(|row| row.version > migration.version)?;
    Some(PlanProblem::OutOfOrder {
        version: migration.version.clone(),
        file: migration.file.clone(),
        newer_file: newer.file.clone(),
        current: ledger.current().unwrap_or(&newer.version).clone(),
    })
}

/// The target as a version, where a way forward leads there.
fn reachable(
    set: &MigrationFiles,
    ledger: &LedgerState,
    target: &Target,
    last: &Version,
) -> Result<Version, PlanProblem> {
    let Target::Version(target) = target else {
        return Ok(last.clone());
    };
    match ledger.current() {
        Some(current) if target < current => {
            return Err(PlanProblem::TargetBelowCurrent { target: target.clone(), current: current.clone() });
        }
        // The database is there, whether or not the source still has the file.
        Some(current) if target == current => return Ok(current.clone()),
        _ => {}
    }
    match set.get(target) {
        Some(file) => Ok(file.version().clone()),
        None => Err(PlanProblem::not_in_source(set.migrations().iter().map(MigrationFile::version), last, target)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::ledger_state::BegunStatement;
    use super::*;
    use crate::migration::SourceFile;
    use crate::report::Reason;
    use crate::sql::Dialect;

    fn set(files: &[(&str, &str)]) -> MigrationFiles {
        let files: Vec<SourceFile> =
            files.iter().map(|(name, sql)| SourceFile { name: (*name).into(), bytes: (*sql).into() }).collect();
        MigrationFiles::sorted(files, Dialect::Postgres).unwrap()
    }

    /// A set `001_m.sql`, `002_m.sql` … whose files hold the given SQL.
    fn numbered(sql: &[&str]) -> MigrationFiles {
        let names: Vec<String> = (1..=sql.len()).map(|n| format!("{n:03}_m.sql")).collect();
        set(&names.iter().map(String::as_str).zip(sql.iter().copied()).collect::<Vec<_>>())
    }

    /// The ledger after the given versions of the set were applied.
    fn applied(set: &MigrationFiles, versions: &[&str]) -> LedgerState {
        let migrations = set.migrations().iter().map(|file| file.parsed().unwrap());
        LedgerState::new(migrations.filter(|m| versions.contains(&m.version.as_str())).map(|m| LedgerRow {
            version: m.version.clone(),
            file: m.file.clone(),
            checksum: m.checksum.clone(),
            token_checksum: m.token_checksum.clone(),
            kind: Kind::Migration,
            id: 0,
        }))
    }

    fn outcome(set: &MigrationFiles, ledger: &LedgerState, target: &str) -> Result<Vec<String>, Vec<Reason>> {
        match plan(set, ledger, &PlanOptions::to(target.parse().unwrap())) {
            Ok(plan) => Ok(plan.steps.iter().map(|step| step.migration.version.to_string()).collect()),
            Err(problems) => Err(problems.iter().map(PlanProblem::reason).collect()),
        }
    }

    #[rstest]
    #[case::empty_ledger_to_latest(&[], "latest", Ok(&["001", "002", "003"][..]))]
    #[case::empty_ledger_to_a_version(&[], "002", Ok(&["001", "002"][..]))]
    #[case::the_target_counts_as_a_number(&[], "2", Ok(&["001", "002"][..]))]
    #[case::some_applied(&["001"], "latest", Ok(&["002", "003"][..]))]
    #[case::all_applied(&["001", "002", "003"], "latest", Ok(&[][..]))]
    #[case::target_is_current(&["001", "002"], "002", Ok(&[][..]))]
    #[case::target_below_current(&["001", "002"], "001", Err(&[Reason::TargetUnreachable][..]))]
    #[case::target_above_the_source(&["001"], "004", Err(&[Reason::TargetUnreachable][..]))]
    #[case::pending_below_applied(&["001", "003"], "latest", Err(&[Reason::OutOfOrder][..]))]
    #[case::pending_below_applied_and_no_target(
        &["001", "003"], "009", Err(&[Reason::TargetUnreachable, Reason::OutOfOrder][..])
    )]
    fn steps_to_a_target(#[case] done: &[&str], #[case] target: &str, #[case] expected: Result<&[&str], &[Reason]>) {
        let set = numbered(&["select 1", "select 2", "select 3"]);
        let expected = expected.map(|v| v.iter().map(ToString::to_string).collect()).map_err(<[Reason]>::to_vec);
        assert_eq!(outcome(&set, &applied(&set, done), target), expected);
    }

    #[rstest]
    #[case::identical("create table t (a int)", Ok(0))]
    #[case::a_comment_more("-- why\ncreate table t (a int);", Ok(1))]
    #[case::case_and_space("CREATE TABLE t\r\n( a INT )", Ok(1))]
    #[case::another_type("create table t (a bigint)", Err(()))]
    fn an_applied_file_may_change_in_looks_only(#[case] now: &str, #[case] expected: Result<usize, ()>) {
        let before = numbered(&["create table t (a int)"]);
        let ledger = applied(&before, &["001"]);
        let now = numbered(&[now]);
        let found =
            plan(&now, &ledger, &PlanOptions::to(Target::Latest)).map(|plan| plan.warnings.len()).map_err(|_| ());
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case::applied_as_it_is(&["select 'a", "select 2"], Ok(vec!["002".to_owned()]))]
    #[case::changed(&["select 1; select 'a", "select 2"], Err(vec!["001_m.sql".to_owned()]))]
    #[case::pending(&["select 'a", "select 2;\nselect 'b"], Err(vec!["002_m.sql:2".to_owned()]))]
    #[case::pending_and_changed(
        &["select 1; select 'a", "select 2;\n\nselect 'b"],
        Err(vec!["002_m.sql:3".to_owned()])
    )]
    fn only_files_that_are_pending_have_to_be_valid_and_those_that_have_changed_are_edited(
        #[case] now: &[&str],
        #[case] expected: Result<Vec<String>, Vec<String>>,
    ) {
        let row = LedgerRow {
            version: "001".parse().unwrap(),
            file: "001_m.sql".to_owned(),
            checksum: Checksum::of(b"select 'a"),
            token_checksum: Checksum::of(b"another program's"),
            kind: Kind::Adopted,
            id: 0,
        };
        let set = numbered(now);
        let ledger = LedgerState::new([row]);
        for edit in edited(&set, &ledger) {
            let told = edit.to_string();
            let why =
                ": schemaward repair --accept 001, once it is valid, which it is not: 001_m.sql:1: a string that ";
            assert!(told.starts_with("001_m.sql: version 001 was changed after") && told.contains(why), "{told}");
        }
        let found = plan(&set, &ledger, &PlanOptions::to(Target::Latest));
        let place = |problem: PlanProblem| problem.to_string().split(": ").next().unwrap_or_default().to_owned();
        let steps = |plan: Plan<'_>| plan.steps.iter().map(|step| step.name().to_owned()).collect();
        assert_eq!(found.map(steps).map_err(|problems| problems.into_iter().map(place).collect()), expected);
    }

    #[rstest]
    #[case::newer_than_the_source("latest", &["003", "004"], Ok(&["004"][..]))]
    #[case::older_than_the_source("latest", &["001", "003"], Err("001_m.sql: version 001 is applied but missing in the source"))]
    #[case::the_target_is_where_the_database_is("004", &["003", "004"], Ok(&["004"][..]))]
    #[case::the_target_lies_between("003", &["003", "004"], Err("the target version 003 is lower than 004, which is applied, and migrate only goes forward"))]
    fn applied_versions_that_the_source_does_not_have(
        #[case] target: &str,
        #[case] done: &[&str],
        #[case] expected: Result<&[&str], &str>,
    ) {
        let all = numbered(&["select 1", "select 2", "select 3", "select 4"]);
        let ledger = applied(&all, done);
        let source = set(&[("003_m.sql", "select 3")]);
        match (plan(&source, &ledger, &PlanOptions::to(target.parse().unwrap())), expected) {
            (Ok(plan), Ok(ahead)) => {
                assert_eq!(plan.ahead.iter().map(Version::as_str).collect::<Vec<_>>(), ahead);
                assert!(plan.steps.is_empty());
            }
            (Err(problems), Err(message)) => {
                assert_eq!(problems.len(), 1);
                assert!(problems[0].to_string().starts_with(message), "{}", problems[0]);
            }
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn a_version_missing_in_the_middle_is_refused() {
        let ledger = applied(&set(&[("20240101_a.sql", ""), ("20240102_b.sql", "")]), &["20240101", "20240102"]);
        let source = set(&[("20240101_a.sql", ""), ("20240103_c.sql", "")]);
        assert_eq!(outcome(&source, &ledger, "latest"), Err(vec![Reason::MigrationMissing]));
    }

    #[test]
    fn an_edit_is_told_with_both_checksums_in_full() {
        let (before, now) = (numbered(&["select 1"]), numbered(&["select 2"]));
        let problems = plan(&now, &applied(&before, &["001"]), &PlanOptions::to(Target::Latest)).unwrap_err();
        let failure = super::super::plan_failure(&problems).unwrap();
        assert_eq!(failure.reason, Reason::MigrationEdited);
        assert_eq!(failure.place.map(|place| place.file), Some("001_m.sql".to_owned()));
        for set in [&before, &now] {
            assert!(failure.message.contains(set.migrations()[0].checksum().as_str()), "{}", failure.message);
        }
    }

    #[rstest]
    #[case::nothing_changed("vacuum a; vacuum b", StatementState::Finished, true)]
    #[case::looks_only("VACUUM  a; vacuum b", StatementState::Finished, true)]
    #[case::what_comes_later("vacuum a; vacuum c", StatementState::Finished, true)]
    #[case::what_has_run("vacuum c; vacuum b", StatementState::Finished, false)]
    #[case::one_before_it("vacuum c; vacuum a; vacuum b", StatementState::Finished, false)]
    #[case::all_gone("", StatementState::Finished, false)]
    #[case::one_transaction_now("create table a ()", StatementState::Finished, false)]
    #[case::open_and_changed("vacuum c; vacuum b", StatementState::Started, true)]
    #[case::open_and_gone("", StatementState::Started, false)]
    #[case::refused_and_changed("create table a ()", StatementState::Failed, true)]
    fn a_begun_file_keeps_what_has_run(#[case] now: &str, #[case] state: StatementState, #[case] allowed: bool) {
        let begun = BegunStatement {
            kind: Kind::Migration,
            version: Some("001".parse().unwrap()),
            file: "001_m.sql".to_owned(),
            number: 1,
            checksum: Checksum::of_tokens("vacuum a", Dialect::Postgres),
            state,
            left_a_part: false,
        };
        let ledger = LedgerState::default().with_begun(vec![begun]);
        let now = numbered(&[now]);
        let found = plan(&now, &ledger, &PlanOptions::to(Target::Latest)).map(|plan| plan.steps.len());
        assert_eq!(found.is_ok(), allowed, "{found:?}");
    }

    #[rstest]
    #[case::has_run("001", StatementState::Finished, false)]
    #[case::nobody_knows("001", StatementState::Started, false)]
    #[case::newer_than_the_source("009", StatementState::Finished, false)]
    #[case::was_refused("001", StatementState::Failed, true)]
    #[case::is_there("002", StatementState::Finished, true)]
    fn a_begun_file_that_is_gone_is_refused(
        #[case] version: &str,
        #[case] state: StatementState,
        #[case] allowed: bool,
    ) {
        let begun = |number| BegunStatement {
            kind: Kind::Migration,
            version: Some(version.parse().unwrap()),
            file: format!("{version}_m.sql"),
            number,
            checksum: Checksum::of_tokens("vacuum a", Dialect::Postgres),
            state,
            left_a_part: false,
        };
        let ledger = LedgerState::default().with_begun(vec![begun(1)]);
        let set = set(&[("002_m.sql", "vacuum a; vacuum b")]);
        let reasons = outcome(&set, &ledger, "latest").err();
        assert_eq!(reasons, (!allowed).then(|| vec![Reason::MigrationMissing]));
        if !allowed {
            let ledger = LedgerState::default().with_begun(vec![begun(1), begun(2)]);
            assert_eq!(outcome(&set, &ledger, "latest").err().map(|all| all.len()), Some(1), "told once");
        }
    }

    #[test]
    fn what_is_left_out_of_a_file_is_a_warning() {
        let file = SourceFile { name: "1_a.sql".into(), bytes: "select 1;\nbegin;\ncommit;".into() };
        let set = MigrationFiles::sorted(vec![file], Dialect::Mysql).unwrap();
        let warnings = plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap().warnings;
        assert_eq!(warnings, [PlanWarning::LeftOut { file: "1_a.sql".into(), line: 2, count: 2 }]);
    }

    #[test]
    fn an_empty_file_is_a_warning_and_one_of_comments_is_none() {
        let set = set(&[("001_a.sql", " \n"), ("002_b.sql", "-- nothing")]);
        let warnings = plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap().warnings;
        assert_eq!(warnings, [PlanWarning::Empty { file: "001_a.sql".into() }]);
    }

    #[test]
    fn a_new_file_that_nobody_has_written_is_a_warning() {
        let template = crate::migration::next_file([], "a", "20261123000000").unwrap().text;
        let written = format!("{template}-- drop table b;\n").replace("\n\n", "\ncreate table b ();\n");
        let set = set(&[("001_a.sql", &template), ("002_b.sql", &written)]);
        let plan = plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap();
        let warnings: Vec<String> = plan.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("001_a.sql: the file is as schemaward new wrote it"), "{warnings:?}");
    }

    #[test]
    fn a_new_name_is_a_warning() {
        let (before, now) = (set(&[("001_a.sql", "x")]), set(&[("001_b.sql", "x")]));
        let ledger = applied(&before, &["001"]);
        let warnings = plan(&now, &ledger, &PlanOptions::to(Target::Latest)).unwrap().warnings;
        assert!(matches!(&warnings[..], [PlanWarning::Renamed { applied_file, .. }] if applied_file == "001_a.sql"));
    }

    #[test]
    fn the_hash_changes_with_start_target_and_steps() {
        let set = numbered(&["select 1", "select 2", "select 3"]);
        let other = numbered(&["select 1", "select 2", "select 4"]);
        let hash = |set: &MigrationFiles, done: &[&str], target: &str| {
            plan(set, &applied(set, done), &PlanOptions::to(target.parse().unwrap())).unwrap().hash()
        };
        let all = [
            hash(&set, &[], "latest"),
            hash(&set, &["001"], "latest"),
            hash(&set, &[], "002"),
            hash(&other, &[], "latest"),
            hash(&set, &["001", "002", "003"], "latest"),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all[0], hash(&set, &[], "003"));
    }
}
