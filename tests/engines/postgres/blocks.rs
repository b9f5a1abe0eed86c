//! Files with transactions of their own, `BEGIN … COMMIT`: what they leave is what psql leaves of them.

use schemaward::report::Reason;

use crate::postgres::bed::Bed;
use crate::postgres::skipping::{SKIP, skipped};

/// Everything that ends with a transaction, between two statements that no transaction allows.
const MIXED: &str =
    "create table log (at timestamptz default now(), n int, w text default current_setting('work_mem'));
vacuum log;
BEGIN;
set local work_mem = '3MB';
set constraints all deferred;
create temp table k (i int) on commit drop;
insert into k values (1);
savepoint s;
insert into k values (8);
rollback to s;
declare c cursor for select 1;
insert into log (n) select i from k;
COMMIT AND CHAIN;
create type e as enum ('a');
alter type e add value 'b';
insert into log (n) values (2);
insert into log (n) values (3);
END TRANSACTION;
create table used (e e default 'b');
create index concurrently log_n on log (n);
";

const SEEN: &str = "select string_agg(n || ' ' || w || ' ' || dense, ',' order by n) from \
                    (select n, w, dense_rank() over (order by at) as dense from log) l";

#[test]
fn what_ends_with_a_transaction_ends_with_each_of_the_file_s_own() {
    let bed = Bed::with(&[("001_a.sql", MIXED)]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql(SEEN), "1 3MB 1,2 4MB 2,3 4MB 2");
    let journal = "select count(*), count(*) filter (where state = 'finished') from schemaward.statement_journal";
    assert_eq!(bed.psql(journal), "17|17");
    assert_eq!(bed.run().applied(), 0);
    bed.psql("drop table log, used; drop type e");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), MIXED).unwrap();
    assert!(bed.server.psql_of(&bed.database).arg("-f").arg(file.path()).status().unwrap().success());
    assert_eq!(bed.psql(SEEN), "1 3MB 1,2 4MB 2,3 4MB 2");
}

#[test]
fn a_statement_that_fails_takes_its_block_along_and_nothing_before_it() {
    let file = "create table t (n int);\nbegin;\ninsert into t values (1);\ninsert into t values (1 / 0);\ncommit;\n\
                begin;\ninsert into t values (3);\ncommit;\n";
    let bed = Bed::with(&[("001_a.sql", file)]);
    let ended = bed.run();
    let place = ended.failure().place.clone().unwrap();
    assert_eq!((place.line, place.statement), (Some(4), Some(3)));
    assert_eq!(bed.psql("select count(*) from t"), "0");
    assert_eq!(bed.psql("select string_agg(statement::text, ',') from schemaward.statement_journal"), "1");
    bed.file("001_a.sql", file.replace("1 / 0", "2").as_bytes());
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select string_agg(n::text, ',' order by n) from t"), "1,2,3");
}

#[test]
fn what_a_block_defers_to_its_commit_fails_there_and_is_rolled_back() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "create table p (id int primary key);\n\
         create table c (p int references p deferrable initially deferred);\n\
         begin;\ninsert into c values (1);\ncommit;\nbegin;\ninsert into p values (1);\ncommit;\n",
    )]);
    let ended = bed.run();
    assert_eq!(ended.failure().reason, Reason::StatementFailed);
    assert!(ended.failure().message.starts_with("at COMMIT: "), "{}", ended.failure().message);
    assert_eq!(bed.psql("select count(*) from c"), "0");
}

#[test]
fn what_exists_alike_is_skipped_in_a_block() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "vacuum;\nbegin;\ncreate table t (a int);\ncreate index i on t (a);\ninsert into t values (1);\ncommit;\n",
    )]);
    bed.psql("create table t (a int); create index i on t (a)");
    let ended = bed.run_with(&SKIP);
    assert_eq!(skipped(&ended), ["001_a.sql:3, statement 2", "001_a.sql:4, statement 3"]);
    assert_eq!((ended.applied(), bed.psql("select count(*) from t")), (1, "1".to_owned()));
    bed.file("002_b.sql", b"vacuum;\nbegin;\ncreate table t (b int);\ncommit;\n");
    assert!(bed.run_with(&SKIP).failure().message.contains("with another definition"));
}

/// Each file as it is in a public repository, shortened: its tool runs it without a transaction around it.
#[test]
fn files_that_say_in_other_tools_words_that_they_are_no_transaction() {
    let index = |n: u8| format!("create index concurrently i{n} on t (a);\n");
    let files = [
        ("002_sqlx.sql", format!("-- no-transaction\ninsert into t values (1);\n{}", index(2))),
        ("003_atlas.sql", format!("-- atlas:txmode none\n\n-- Modify\nalter table t add b int;\n{}", index(3))),
        ("004_evolve.sql", format!("-- evolve-tx-off\n-- Why.\ninsert into t values (2);\n{}", index(4))),
        (
            "005_tern.sql",
            format!(
                "---- tern: disable-tx ----\nselect 1;\n{}---- create above / drop below ----\nselect 2;\ndrop index concurrently i5;\n",
                index(5)
            ),
        ),
        (
            "006_dbmate.sql",
            "-- migrate:up transaction:false\nalter type e add value 'b';\n\nBEGIN;\n\
                            create table u (e e default 'b');\nCOMMIT;\n-- migrate:down\ndrop table u;\n"
                .to_owned(),
        ),
        (
            "007_dbmate.sql",
            "-- migrate:up transaction:false\nBEGIN;\ncreate table v ();\nCOMMIT;\n\
                            -- migrate:down transaction:false\nBEGIN;\ndrop table v;\nCOMMIT;\n"
                .to_owned(),
        ),
        ("008_graphile.sql", format!("--! Previous: sha1:5f\n--! Hash: sha1:86\n\n--! no-transaction\n{}", index(8))),
        (
            "009_plain.sql",
            "create type f as enum ('a');\nalter type f add value 'b';\nselect 'x';\ncommit;\n\
                           create table w (f f default 'b');\nselect 'delimiter end';\ncommit;\n"
                .to_owned(),
        ),
        ("010_node.sql", "-- Up Migration\ncreate table x ();\n\n-- Down Migration\ndrop table x;\n".to_owned()),
    ];
    let bed = Bed::with(&[("001_a.sql", "create table t (a int); create type e as enum ('a');")]);
    for (name, text) in &files {
        bed.file(name, text.as_bytes());
    }
    let ended = bed.run();
    assert_eq!(ended.applied(), 10, "{:?}", ended.summary);
    assert_eq!(bed.psql("select count(*) from pg_index where indrelid = 't'::regclass and indisvalid"), "5");
    assert!(["u", "v", "w", "x"].iter().all(|table| bed.has(table)));
    let (code, said) = bed.said_to(&bed.url, &["rollback", "--steps", "1", "--yes"]);
    assert_eq!((code, bed.has("x")), (Some(0), false), "{said}");
}
