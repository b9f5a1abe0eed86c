//! A ledger of which a part is hidden is never taken for one in which less is applied.

use rstest::rstest;

use crate::postgres::bed::Bed;

/// As Supabase's advisor suggests, and others after it.
const ON_EVERY_TABLE: &str = "do $$ declare t record; begin for t in select schemaname, tablename from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema') loop
    execute format('alter table %I.%I enable row level security', t.schemaname, t.tablename); end loop; end $$;";
const FORCED: &str = "do $$ declare t record; begin for t in select tablename from pg_tables where schemaname = 'schemaward' loop
    execute format('alter table schemaward.%I enable row level security, force row level security', t.tablename); end loop; end $$;";

/// A role for one test, dropped with this value.
struct Role<'a> {
    bed: &'a Bed<'static>,
    name: String,
}

impl<'a> Role<'a> {
    fn new(bed: &'a Bed<'static>, grants: &str) -> Self {
        let name = format!("role_{}", bed.database);
        bed.psql(&format!("create role {name} login; {}", grants.replace("ROLE", &name)));
        Self { bed, name }
    }

    fn url(&self) -> String {
        self.bed.server.url_as(&self.name, &self.bed.database)
    }

    /// Exit code and complete output of a command as this role.
    fn said(&self, arguments: &[&str]) -> (Option<i32>, String) {
        self.bed.said_to(&self.url(), arguments)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let name = &self.name;
            self.bed.psql(&format!("drop owned by {name} cascade; drop role {name}"));
        }
    }
}

const MAY_READ: &str =
    "grant usage on schema schemaward to ROLE; grant select on all tables in schema schemaward to ROLE";
const OWNS: &str = "grant all on database DATABASE to ROLE; grant all on schema public to ROLE";

fn applied(files: &[(&str, &str)]) -> Bed<'static> {
    let bed = Bed::with(files);
    assert_eq!(bed.run().applied(), i64::try_from(files.len()).unwrap());
    bed
}

fn assert_refused(role: &Role<'_>, commands: &[&str]) {
    for command in commands {
        let (code, said) = role.said(&[command]);
        assert_eq!(code, Some(1), "{command}: {said}");
        assert!(said.contains("row level security hides rows of the ledger"), "{command}: {said}");
        assert!(said.contains("DISABLE ROW LEVEL SECURITY") && said.contains("BYPASSRLS"), "{command}: {said}");
        assert!(!said.contains("none applied") && !said.contains("Nothing was ever"), "{command}: {said}");
    }
}

#[test]
fn a_reader_from_whom_rows_are_hidden_learns_that_and_not_that_nothing_is_applied() {
    let bed = applied(&[("001_a.sql", "create table a (x int)"), ("002_rls.sql", ON_EVERY_TABLE)]);
    let role = Role::new(&bed, MAY_READ);
    assert_refused(&role, &["status", "verify", "history", "plan", "migrate"]);
    let (code, said) = role.said(&["doctor"]);
    assert!(
        code == Some(1) && said.contains("not ok  ledger rights") && said.contains("row level security hides"),
        "{said}"
    );
    bed.psql(&format!("alter role {} bypassrls", role.name));
    let (code, said) = role.said(&["status", "--check"]);
    assert!(code == Some(0) && said.contains("002"), "{said}");
    bed.file("003_b.sql", b"create table b (x int)");
    assert_eq!(bed.run().applied(), 1, "the owner, a superuser here, sees all rows");
}

#[rstest]
fn one_table_that_hides_its_rows_is_enough(
    #[values("schemaward_ledger", "schema_migrations", "statement_journal")] table: &str,
) {
    let bed = applied(&[("001_a.sql", "create table a (x int)")]);
    let role = Role::new(&bed, MAY_READ);
    assert_eq!(role.said(&["status"]).0, Some(0));
    bed.psql(&format!(
        "alter table schemaward.{table} enable row level security; create policy none on schemaward.{table} using (false)"
    ));
    assert_refused(&role, &["status", "verify"]);
}

#[test]
fn an_owner_from_whom_rows_are_hidden_runs_nothing() {
    let bed = Bed::with(&[("001_a.sql", "create table a (x int)\n-- rollback:\n-- drop table a;\n")]);
    let role = Role::new(&bed, &OWNS.replace("DATABASE", &bed.database));
    assert_eq!(role.said(&["migrate"]).0, Some(0));
    bed.psql(FORCED);
    bed.file("002_b.sql", b"create table b (x int)");
    assert_refused(&role, &["status", "migrate", "verify"]);
    let (code, said) = role.said(&["rollback", "--to", "0", "--yes"]);
    assert!(code == Some(1) && said.contains("row level security hides"), "{said}");
    let (code, said) = role.said(&["doctor"]);
    assert!(code == Some(1) && said.contains("row level security hides"), "{said}");
    assert!(bed.has("a") && !bed.has("b"));
}

#[rstest]
#[case::in_one_transaction("")]
#[case::statement_by_statement("-- schemaward: no-transaction\n")]
fn a_file_that_would_hide_the_ledger_from_its_own_owner_fails_and_leaves_nothing(#[case] annotation: &str) {
    let bed = Bed::with(&[("001_a.sql", "create table a (x int)")]);
    let role = Role::new(&bed, &OWNS.replace("DATABASE", &bed.database));
    assert_eq!(role.said(&["migrate"]).0, Some(0));
    bed.file("002_rls.sql", format!("{annotation}{FORCED}").as_bytes());
    let (code, said) = role.said(&["migrate"]);
    assert!(code == Some(1) && said.contains("row-level security"), "{said}");
    let (code, said) = role.said(&["status"]);
    assert!(code == Some(0) && said.contains("002_rls.sql"), "{said}");
}

/// Only the ledger is read with the setting off: what a file's own statements see is up to the role.
#[rstest]
#[case::as_set_on_the_server("", "on")]
#[case::as_set_for_the_role("alter role ROLE set row_security = off", "off")]
fn a_file_s_own_statements_see_the_role_s_setting(#[case] setting: &str, #[case] expected: &str) {
    let note = "insert into seen select current_setting('row_security');";
    let alone = format!("-- schemaward: no-transaction\n{note}\nvacuum;\n{note}\n");
    let bed = Bed::with(&[
        ("001_a.sql", "create table seen (setting text)"),
        ("002_b.sql", note),
        ("003_c.sql", &alone),
        ("004_d.sql", note),
        ("005_e.sql", &format!("set row_security = on; {note}")),
        ("006_f.sql", note),
    ]);
    let role = Role::new(&bed, &format!("{}; {setting}", OWNS.replace("DATABASE", &bed.database)));
    let (code, said) = role.said(&["migrate"]);
    assert_eq!(code, Some(0), "{said}");
    let others = format!("select count(*) from seen where setting <> '{expected}'");
    assert_eq!(bed.psql(&others), if expected == "on" { "0" } else { "1" }, "{}", bed.psql("table seen"));
    assert_eq!(bed.psql("select count(*) from seen"), "6");
}

#[rstest]
fn a_view_in_a_table_s_place_is_not_believed(
    #[values("schemaward_ledger", "schema_migrations", "statement_journal")] table: &str,
) {
    let bed = applied(&[("001_a.sql", "create table a (x int)")]);
    bed.psql(&format!(
        "alter table schemaward.{table} rename to hidden; create view schemaward.{table} as select * from schemaward.hidden where false"
    ));
    bed.file("002_b.sql", b"create table b (x int)");
    for command in ["status", "verify", "migrate"] {
        let output = bed.command(command, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains("is not as Schemaward makes it") && said.contains("view"), "{command}: {said}");
    }
    let output = bed.command("doctor", &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("something else is in the place") && said.contains(table), "{said}");
    assert!(!bed.has("b"));
}

#[rstest]
#[case::one_table_alone("grant select on schemaward.schema_migrations to ROLE")]
#[case::all_but_the_journal(
    "grant select on schemaward.schema_migrations to ROLE; grant select on schemaward.schemaward_ledger to ROLE"
)]
#[case::some_columns(
    "grant select on all tables in schema schemaward to ROLE; revoke select on schemaward.schema_migrations from ROLE;
     grant select (version, filename, kind) on schemaward.schema_migrations to ROLE"
)]
fn a_ledger_that_can_be_read_in_part_is_not_read_at_all(#[case] grants: &str) {
    let bed = applied(&[("001_a.sql", "create table a (x int)")]);
    let role = Role::new(&bed, &format!("grant usage on schema schemaward to ROLE; {grants}"));
    for command in ["status", "verify"] {
        let (code, said) = role.said(&[command]);
        let is_reported = said.contains("may not read the ledger") && said.contains("GRANT SELECT");
        assert!(code == Some(1) && is_reported, "{command}: {said}");
    }
}

#[test]
fn who_may_read_a_ledger_may_read_what_an_upgrade_adds_to_it() {
    let bed = applied(&[("001_a.sql", "create table a (x int)")]);
    bed.psql(crate::postgres::upgrading::AS_VERSION_5);
    let role = Role::new(&bed, MAY_READ);
    assert_eq!(role.said(&["status"]).0, Some(0), "before the upgrade");
    bed.file("002_b.sql", b"create table b (x int)");
    assert_eq!(bed.run().applied(), 1);
    let (code, said) = role.said(&["status", "--format", "json"]);
    assert!(code == Some(0) && said.contains("ledgerId") && said.contains("\"layout\": 7"), "{said}");
    bed.psql(&format!("revoke select on schemaward.ledger_identity from {}", role.name));
    let (code, said) = role.said(&["status"]);
    assert!(code == Some(0) && said.contains("002"), "an identity that is hidden keeps nobody from the rest: {said}");
}
