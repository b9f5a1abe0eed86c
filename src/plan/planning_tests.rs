//! Plans from sets and ledgers, as the rest of the program asks for them.

use rstest::rstest;

use super::{
    BegunStatement, Kind, LedgerRow, LedgerState, Plan, PlanOptions, PlanProblem, PlanWarning, StatementState, Step,
    Target, edited, needed, plan, plan_failure,
};
use crate::migration::{Checksum, MigrationFile, MigrationFiles, SourceFile, Version};
use crate::report::Reason;
use crate::sql::Dialect;

fn set(files: &[(&str, &str)]) -> MigrationFiles {
    let files: Vec<SourceFile> =
        files.iter().map(|(name, sql)| SourceFile { name: (*name).into(), bytes: (*sql).into() }).collect();
    MigrationFiles::sorted(files, Dialect::Postgres).unwrap()
}

/// A set `001_m.sql`, `002_m.sql` … whose files hold the given SQL.
pub(super) fn numbered(sql: &[&str]) -> MigrationFiles {
    let names: Vec<String> = (1..=sql.len()).map(|n| format!("{n:03}_m.sql")).collect();
    set(&names.iter().map(String::as_str).zip(sql.iter().copied()).collect::<Vec<_>>())
}

/// The row that a file leaves.
pub(super) fn row(file: &MigrationFile, kind: Kind) -> LedgerRow {
    let m = file.parsed().unwrap();
    let (version, file) = (m.version.clone(), m.file.clone());
    LedgerRow { id: 0, kind, version, file, checksum: m.checksum.clone(), token_checksum: m.token_checksum.clone() }
}

/// The ledger after the given versions of the set were applied.
pub(super) fn applied(set: &MigrationFiles, versions: &[&str]) -> LedgerState {
    let files = set.migrations().iter().filter(|file| versions.contains(&file.version().as_str()));
    LedgerState::new(files.map(|file| row(file, Kind::Migration)))
}

/// The first statement of a file that is half applied, which is `sql`.
fn begun(kind: Kind, version: Option<&str>, file: &str, sql: &str, state: StatementState) -> BegunStatement {
    BegunStatement {
        kind,
        version: version.map(|version| version.parse().unwrap()),
        file: file.to_owned(),
        number: 1,
        checksum: Checksum::of_tokens(sql, Dialect::Postgres),
        state,
        left_a_part: false,
    }
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
    let found = plan(&now, &ledger, &PlanOptions::to(Target::Latest)).map(|plan| plan.warnings.len()).map_err(|_| ());
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
        let why = ": schemaward repair --accept 001, once it is valid, which it is not: 001_m.sql:1: a string that ";
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
fn an_edit_is_reported_with_both_checksums_in_full() {
    let (before, now) = (numbered(&["select 1"]), numbered(&["select 2"]));
    let problems = plan(&now, &applied(&before, &["001"]), &PlanOptions::to(Target::Latest)).unwrap_err();
    let failure = plan_failure(&problems).unwrap();
    assert_eq!(failure.reason, Reason::MigrationEdited);
    assert_eq!(failure.place.map(|place| place.file), Some("001_m.sql".to_owned()));
    for set in [&before, &now] {
        assert!(failure.message.contains(set.migrations()[0].checksum().as_str()), "{}", failure.message);
    }
}

/// Such as of another team, whose resource has the same ledger.
#[test]
fn another_file_of_an_applied_version_is_not_an_edit_and_is_not_to_be_accepted() {
    let theirs = set(&[("001_a.sql", "select 1"), ("002_b.sql", "select 2")]);
    let ours = set(&[("001_orders.sql", "select 3"), ("002_b.sql", "select 4")]);
    let ledger = applied(&theirs, &["001", "002"]);
    let problems = plan(&ours, &ledger, &PlanOptions::to(Target::Latest)).unwrap_err();
    let failure = problems[0].failure();
    assert_eq!(failure.reason, Reason::MigrationEdited);
    let said = "001_orders.sql: version 001 is applied already, as 001_a.sql, which is another file; if two resources";
    assert!(failure.message.starts_with(said), "{}", failure.message);
    assert!(failure.message.contains("spec.history.schema") && !failure.message.contains("--accept"), "{failure:?}");
    let [PlanProblem::AnotherFile { .. }, PlanProblem::Edited { file, .. }] = &edited(&ours, &ledger)[..] else {
        panic!("both are found")
    };
    assert_eq!(file, "002_b.sql", "the same name and other SQL is an edit");
}

#[test]
fn another_file_in_the_place_of_a_half_applied_one_is_named_as_such() {
    let theirs = begun(Kind::Migration, Some("001"), "001_a.sql", "vacuum a", StatementState::Finished);
    let ledger = LedgerState::default().with_begun(vec![theirs]);
    let problems =
        plan(&set(&[("001_orders.sql", "vacuum c")]), &ledger, &PlanOptions::to(Target::Latest)).unwrap_err();
    let said = problems[0].to_string();
    let expected = "001_orders.sql: version 001 is half applied already, as 001_a.sql, which is another file; if two";
    assert!(said.starts_with(expected) && !said.contains("--as done"), "{said}");
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
    let begun = begun(Kind::Migration, Some("001"), "001_m.sql", "vacuum a", state);
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
fn a_begun_file_that_is_gone_is_refused(#[case] version: &str, #[case] state: StatementState, #[case] allowed: bool) {
    let first = begun(Kind::Migration, Some(version), &format!("{version}_m.sql"), "vacuum a", state);
    let begun = |number| BegunStatement { number, ..first.clone() };
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
fn transactions_of_a_file_s_own_are_a_warning_unless_it_is_one() {
    let set =
        set(&[("001_a.sql", "begin;\nselect 1;\ncommit;"), ("002_b.sql", "select 1;\nbegin;\nselect 2;\ncommit;")]);
    let warnings = plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap().warnings;
    assert_eq!(warnings, [PlanWarning::OwnTransactions { file: "002_b.sql".into(), line: 2 }]);
}

#[test]
fn an_empty_file_is_a_warning_and_one_of_comments_is_not() {
    let set = set(&[("001_a.sql", " \n"), ("002_b.sql", "-- nothing")]);
    let warnings = plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap().warnings;
    assert_eq!(warnings, [PlanWarning::Empty { file: "001_a.sql".into() }]);
}

#[test]
fn a_new_file_that_nobody_has_written_is_refused_before_it_is_applied() {
    let template = crate::migration::next_file([], "a", "20261123000000").unwrap().text;
    let written = format!("{template}-- drop table b;\n").replace("\n\n", "\ncreate table b ();\n");
    let set = set(&[("001_a.sql", &template), ("002_b.sql", &written)]);
    let options = PlanOptions::to(Target::Latest);
    let problems = plan(&set, &LedgerState::default(), &options).unwrap_err();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("001_a.sql:1: the file is as schemaward new wrote it"), "{problems:?}");
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

#[test]
fn only_what_is_pending_or_has_changed_is_looked_into() {
    let before = set(&[
        ("001_m.sql", "select 1"),
        ("002_m.sql", "select 2"),
        ("R__a.sql", "select 3"),
        ("R__b.sql", "select 4"),
    ]);
    let numbered = before.migrations().iter().map(|file| row(file, Kind::Migration));
    let ledger = LedgerState::new(numbered.chain(before.repeatables().iter().map(|file| row(file, Kind::Repeatable))));
    let names = |set: &MigrationFiles| needed(set, &ledger).map(|file| file.file().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&before), [""; 0]);
    let after = set(&[
        ("001_m.sql", "select 1"),
        ("002_m.sql", "select 5"),
        ("003_m.sql", "select 6"),
        ("R__a.sql", "select 3"),
        ("R__b.sql", "select 7"),
        ("R__c.sql", "select 8"),
    ]);
    assert_eq!(names(&after), ["002_m.sql", "003_m.sql", "R__b.sql", "R__c.sql"]);
    let [PlanProblem::Edited { file, .. }] = &edited(&after, &ledger)[..] else { panic!("one is edited") };
    assert_eq!(file, "002_m.sql");
    // The ledger has a version below those of the set.
    let gone = set(&[("001_m.sql", "select 1"), ("002_m.sql", "select 2"), ("003_m.sql", "select 6")]);
    let all = LedgerState::new(gone.migrations().iter().map(|file| row(file, Kind::Migration)));
    let without = set(&[("002_m.sql", "select 2"), ("003_m.sql", "select 9")]);
    assert_eq!(needed(&without, &all).map(MigrationFile::file).collect::<Vec<_>>(), ["003_m.sql"]);
    assert_eq!(edited(&without, &all).len(), 1);
}

#[rstest]
#[case::has_run(StatementState::Finished, true)]
#[case::nobody_knows(StatementState::Started, false)]
fn what_was_begun_by_statements_cannot_go_on_as_one_transaction(#[case] state: StatementState, #[case] ran: bool) {
    let begun = begun(Kind::Migration, Some("001"), "001_m.sql", "create table a ()", state);
    let ledger = LedgerState::default().with_begun(vec![begun]);
    let problems = plan(&numbered(&["create table a ()"]), &ledger, &PlanOptions::to(Target::Latest)).unwrap_err();
    let [PlanProblem::EditedWhileBegun { statement, has_run, .. }] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!((*statement, *has_run), (1, ran));
}

#[test]
fn a_begun_repeatable_file_is_known_by_its_name() {
    let begun = |file: &str| begun(Kind::Repeatable, None, file, "vacuum a", StatementState::Finished);
    let set = set(&[("001_m.sql", "select 1"), ("R__a.sql", "vacuum a; vacuum b"), ("R__b.sql", "select 1")]);
    let outcome = |file| outcome(&set, &LedgerState::default().with_begun(vec![begun(file)]), "latest");
    assert!(outcome("R__a.sql").is_ok(), "{:?}", outcome("R__a.sql"));
    assert_eq!(outcome("R__gone.sql"), Err(vec![Reason::MigrationMissing]));
}

#[test]
fn a_version_that_is_half_undone_stops_a_plan() {
    let begun = begun(Kind::Rollback, Some("001"), "001_m.down.sql", "vacuum a", StatementState::Finished);
    let set = numbered(&["select 1"]);
    let ledger = applied(&set, &["001"]).with_begun(vec![begun]);
    let problems = plan(&set, &ledger, &PlanOptions::to(Target::Latest)).unwrap_err();
    let [PlanProblem::RollbackUnfinished { version, file }] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!((version.as_str(), file.as_str()), ("001", "001_m.down.sql"));
}

#[rstest]
#[case::never_run(&[], "latest", "select 3", &["001_m.sql", "002_m.sql", "R__a.sql", "R__b.sql"])]
#[case::on_the_way_to_the_newest_version(&[], "001", "select 3", &["001_m.sql"])]
#[case::as_they_last_ran(&["001", "002"], "latest", "select 3", &[])]
#[case::with_other_comments(&["001", "002"], "latest", "select 3 -- c", &[])]
#[case::one_has_changed(&["001", "002"], "latest", "select 4", &["R__b.sql"])]
#[case::one_has_changed_and_a_version_is_pending(&["001"], "latest", "select 4", &["002_m.sql", "R__b.sql"])]
fn repeatable_files_run_at_the_newest_version_where_they_have_changed(
    #[case] done: &[&str],
    #[case] target: &str,
    #[case] now: &str,
    #[case] steps: &[&str],
) {
    let files =
        |b| set(&[("001_m.sql", "select 1"), ("002_m.sql", "select 2"), ("R__a.sql", "select 3"), ("R__b.sql", b)]);
    let before = files("select 3");
    let versions = before.migrations().iter().filter(|file| done.contains(&file.version().as_str()));
    let repeatables = before.repeatables().iter().filter(|_| !done.is_empty());
    let rows =
        versions.map(|file| row(file, Kind::Migration)).chain(repeatables.map(|file| row(file, Kind::Repeatable)));
    let ledger = LedgerState::new(rows);
    let now = files(now);
    let plan = plan(&now, &ledger, &PlanOptions::to(target.parse().unwrap())).unwrap();
    assert_eq!(plan.steps.iter().map(|step| step.migration.file.as_str()).collect::<Vec<_>>(), steps);
}

#[test]
fn a_file_out_of_order_is_told_with_the_next_newer_one_and_the_current_version() {
    let set = numbered(&["select 1", "select 2", "select 3", "select 4"]);
    let ledger = applied(&set, &["001", "003", "004"]);
    let problems = plan(&set, &ledger, &PlanOptions::to(Target::Latest)).unwrap_err();
    let [PlanProblem::OutOfOrder { version, file, newer_file, current }] = &problems[..] else {
        panic!("{problems:?}")
    };
    assert_eq!((version.as_str(), file.as_str()), ("002", "002_m.sql"));
    assert_eq!((newer_file.as_str(), current.as_str()), ("003_m.sql", "004"));
}

#[test]
fn a_step_is_known_by_its_version_and_a_repeatable_one_by_its_file() {
    let set = set(&[("001_m.sql", "select 1"), ("R__a.sql", "select 2")]);
    let plan = plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap();
    assert_eq!(plan.steps.iter().map(Step::name).collect::<Vec<_>>(), ["001", "R__a.sql"]);
}

#[test]
fn a_target_is_written_as_it_is_read() {
    for text in ["latest", "007"] {
        assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
    }
}

#[test]
fn down_files_without_content_are_one_warning_and_one_that_cannot_be_used_is_another() {
    let warnings = |files: &[(&str, &str)]| {
        let set = set(files);
        let plan = plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap();
        plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let golang = warnings(&[("1_a.up.sql", "a"), ("1_a.down.sql", ""), ("2_b.up.sql", "b"), ("2_b.down.sql", " \n")]);
    let expected = "1_a.down.sql and 1 other down file are empty; a rollback would change nothing, and record the version as undone; ";
    assert!(golang.len() == 1 && golang[0].starts_with(expected), "{golang:?}");
    let diesel = warnings(&[
        ("2024-01-01-000000_a/up.sql", "a"),
        ("2024-01-01-000000_a/down.sql", ""),
        ("2024-01-02-000000_b/up.sql", "b"),
        ("2024-01-02-000000_b/down.sql", "\\d"),
    ]);
    assert_eq!(diesel.len(), 2, "{diesel:?}");
    assert!(diesel[0].starts_with("2024-01-02-000000_b/down.sql:1: `\\d` is a command of psql"), "{diesel:?}");
    assert!(diesel[0].ends_with("the migration is applied without a rollback"), "{diesel:?}");
    let expected = "2024-01-01-000000_a/down.sql is empty; the migration is applied without a rollback; ";
    assert!(diesel[1].starts_with(expected), "{diesel:?}");
    assert_eq!(warnings(&[("1_a.up.sql", "a"), ("1_a.down.sql", "-- nothing to undo")]), [""; 0]);
    assert_eq!(warnings(&[("1_a.sql", "a;\n-- rollback:\n")]), [""; 0], "a block without SQL is meant so");
}
