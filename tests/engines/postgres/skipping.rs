//! `--already-exists skip-if-identical`: what exists is compared with what the statement would create, and nothing of
//! the comparison is left.

use schemaward::report::ErrorClass;

use crate::postgres::bed::{Bed, Ended};

pub const SKIP: [&str; 2] = ["--already-exists", "skip-if-identical"];

/// One kind of object: what it needs, how it was created outside, the same in other words, and a different one.
pub struct Case {
    pub what: &'static str,
    pub before: &'static str,
    pub there: &'static str,
    pub same: &'static str,
    pub other: &'static str,
    /// What the error shows of each.
    pub shown: [&'static str; 2],
}

/// The statements that a run has reported as skipped.
pub fn skipped(ended: &Ended) -> Vec<String> {
    let events = ended.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let skipped = events.filter(|event| event["event"] == "statementSkipped");
    skipped
        .map(|event| format!("{}:{}, statement {}", event["file"].as_str().unwrap(), event["line"], event["statement"]))
        .collect()
}

const CASES: [Case; 13] = [
    Case {
        what: "a table with keys, checks, defaults and a sequence",
        before: "create schema s; create table s.parent (id int primary key);",
        there: "create table s.t (id serial primary key, a text not null default 'x' check (a <> ''), p int references s.parent)",
        same: "CREATE TABLE s.t (\n  id serial PRIMARY KEY,\n  a text DEFAULT 'x'::text NOT NULL CHECK (a <> ''),\n  p integer REFERENCES s.parent (id)\n)",
        other: "create table s.t (id serial primary key, a text not null default 'y' check (a <> ''), p int references s.parent)",
        shown: ["DEFAULT 'x'::text", "DEFAULT 'y'::text"],
    },
    Case {
        what: "a table found by the search path",
        before: "",
        there: "create table \"Odd name\" (\"Größe\" numeric(10, 2))",
        same: "create table \"Odd name\" (\"Größe\" decimal(10,2))",
        other: "create table \"Odd name\" (\"Größe\" numeric(10, 3))",
        shown: ["numeric(10,2)", "numeric(10,3)"],
    },
    Case {
        what: "a column with a foreign key",
        before: "create table a (id int primary key); create table b (id int primary key); create table t (x int); insert into t values (1);",
        there: "alter table t add column p int references a on delete cascade",
        same: "alter table t add p integer references a (id) on delete cascade",
        other: "alter table t add column p int references b on delete cascade",
        shown: ["REFERENCES public.a(id)", "REFERENCES public.b(id)"],
    },
    Case {
        what: "a column",
        before: "create table t (x int);",
        there: "alter table t add column c varchar(10) default 'a'",
        same: "alter table only t add c character varying(10) default 'a'",
        other: "alter table t add column c varchar(20) default 'a'",
        shown: ["character varying(10)", "character varying(20)"],
    },
    Case {
        what: "an index",
        before: "create table t (a int, b text);",
        there: "create index i on t (a, lower(b)) where a > 0",
        same: "create index i on public.t using btree (a, lower(b)) where (a > 0)",
        other: "create unique index i on t (a, lower(b)) where a > 0",
        shown: ["CREATE INDEX i ON public.t", "CREATE UNIQUE INDEX i ON public.t"],
    },
    Case {
        what: "a constraint",
        before: "create table t (a int);",
        there: "alter table t add constraint k check (a > 0)",
        same: "alter table t add constraint k check ((a > 0))",
        other: "alter table t add constraint k check (a > 1)",
        shown: ["CHECK ((a > 0))", "CHECK ((a > 1))"],
    },
    Case {
        what: "an enum",
        before: "",
        there: "create type mood as enum ('sad', 'happy')",
        same: "create type public.mood as enum ('sad', 'happy')",
        other: "create type mood as enum ('happy', 'sad', 'ok')",
        shown: ["there is:", "label 'ok'"],
    },
    Case {
        what: "a composite type",
        before: "",
        there: "create type pair as (a int, b text)",
        same: "create type pair as (a integer, b text)",
        other: "create type pair as (a int, b int)",
        shown: ["column b text", "column b integer"],
    },
    Case {
        what: "a domain",
        before: "",
        there: "create domain positive as int check (value > 0)",
        same: "create domain positive as integer check (value > 0)",
        other: "create domain positive as int check (value > 1)",
        shown: ["VALUE > 0", "VALUE > 1"],
    },
    Case {
        what: "a view",
        before: "create table t (a int, b int);",
        there: "create view v as select a from t",
        same: "create view v as select t.a from public.t",
        other: "create view v as select b from t",
        shown: ["column a integer", "column b integer"],
    },
    Case {
        what: "a materialized view",
        before: "create table t (a int, b int);",
        there: "create materialized view v as select a as n from t",
        same: "create materialized view v as select t.a as n from public.t",
        other: "create materialized view v as select b as n from t",
        // With the table's name before the column or, since version 16, without.
        shown: ["a AS n", "b AS n"],
    },
    Case {
        what: "a function among others of its name",
        before: "create function f(text) returns int language sql as 'select 0';",
        there: "create function f(a int) returns int language sql as 'select 1'",
        same: "create function public.f(a integer) returns integer language sql as 'select 1'",
        other: "create function f(a int) returns int language sql as 'select 2'",
        shown: ["select 1", "select 2"],
    },
    Case {
        what: "a sequence",
        before: "",
        there: "create sequence q increment 2",
        same: "create sequence q increment by 2 start 1",
        other: "create sequence q increment 3",
        shown: ["increment 2", "increment 3"],
    },
];

#[test]
fn what_exists_identically_is_skipped_and_the_rest_of_the_file_runs() {
    for case in CASES {
        let bed = Bed::new();
        bed.psql(&format!("{} {}", case.before, case.there));
        let sql = format!("create table before_it ();\n{};\ncreate table after_it ();", case.same);
        bed.files(&[("001_same.sql", &sql)]);
        let ended = bed.run_with(&SKIP);
        assert_eq!(ended.applied(), 1, "{}", case.what);
        assert!(bed.has("before_it") && bed.has("after_it"), "{}", case.what);
        assert_eq!(skipped(&ended), ["001_same.sql:2, statement 2"], "{}", case.what);
        nothing_is_left(&bed);
    }
}

#[test]
fn what_exists_with_another_definition_is_an_error_that_shows_both() {
    for case in CASES {
        let bed = Bed::new();
        bed.psql(&format!("{} {}", case.before, case.there));
        bed.files(&[("001_other.sql", &format!("create table before_it ();\n{};", case.other))]);
        let ended = bed.run_with(&SKIP);
        let failure = ended.failure();
        assert_eq!(failure.class, ErrorClass::AlreadyExists, "{}", case.what);
        for shown in case.shown {
            assert!(failure.message.contains(shown), "{}: {shown}: {}", case.what, failure.message);
        }
        assert_eq!(failure.place.as_ref().unwrap().line, Some(2), "{}", case.what);
        assert!(!bed.has("before_it"), "{}", case.what);
        nothing_is_left(&bed);
    }
}

#[test]
fn what_was_skipped_is_reported_to_people_on_standard_error_and_to_programs_as_an_event() {
    let bed = Bed::with(&[("001_same.sql", "select 1;\n\ncreate table t (a int);")]);
    bed.psql("create table t (a int)");
    let text = bed.migrate(&SKIP);
    let said = String::from_utf8(text.stderr).unwrap();
    assert!(text.status.success() && said.contains("001_same.sql:3: skipped: create table t (a int)"), "{said}");
    bed.psql("drop schema schemaward cascade");
    let json = bed.migrate(&[&SKIP[..], &["--format", "json"]].concat());
    assert_eq!(String::from_utf8(json.stderr).unwrap(), "", "all of it is events");
    let expected = r#"{"event":"statementSkipped","version":"001","file":"001_same.sql","statement":2,"line":3,"excerpt":"create table t (a int)"}"#;
    let events = String::from_utf8(json.stdout).unwrap();
    assert_eq!(events.lines().filter(|line| *line == expected).count(), 1, "{events}");
}

#[test]
fn without_the_flag_what_is_there_alike_is_an_error() {
    let bed = Bed::with(&[("001_same.sql", "create table t (a int)")]);
    bed.psql("create table t (a int)");
    assert_eq!(bed.run().failure().class, ErrorClass::AlreadyExists);
}

#[test]
fn an_index_built_outside_is_skipped_in_a_file_without_a_transaction() {
    let bed =
        Bed::with(&[("001_index.sql", "create index concurrently i on t (a);\ncreate index concurrently j on t (a);")]);
    bed.psql("create table t (a int); create index i on t (a)");
    let ended = bed.run_with(&SKIP);
    assert_eq!(ended.applied(), 1);
    assert_eq!(skipped(&ended), ["001_index.sql:1, statement 1"]);
    assert!(bed.has("j"));
    assert_eq!(
        bed.psql("select string_agg(settled_by, ' ' order by statement) from schemaward.statement_journal"),
        "catalog server"
    );
    bed.file("002_other.sql", b"create unique index concurrently i on t (a);");
    let ended = bed.run_with(&SKIP);
    assert!(ended.failure().message.contains("CREATE UNIQUE INDEX i"), "{:?}", ended.failure());
    nothing_is_left(&bed);
}

#[test]
fn what_cannot_be_compared_is_an_error_that_says_so() {
    let bed = Bed::with(&[("001_two.sql", "alter table t add a int, add b int")]);
    bed.psql("create table t (a int)");
    let ended = bed.run_with(&SKIP);
    assert!(ended.failure().message.contains("could not be checked"), "{:?}", ended.failure());
}

#[test]
fn savepoints_of_the_file_itself_keep_their_meaning() {
    let bed = Bed::with(&[(
        "001_savepoints.sql",
        "create table t (a int);\nsavepoint a;\ncreate table gone ();\nrollback to savepoint a;\nrelease savepoint a;\n\
         create table kept ();",
    )]);
    bed.psql("create table t (a int)");
    assert_eq!(bed.run_with(&SKIP).applied(), 1);
    assert!(bed.has("kept") && !bed.has("gone"));
}

fn nothing_is_left(bed: &Bed) {
    assert_eq!(bed.psql("select count(*) from pg_namespace where nspname like 'schemaward\\_scratch%'"), "0");
}
