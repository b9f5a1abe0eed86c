//! Generated files without a transaction, interrupted after each of their statements.

use crate::generated::{Ended, Subject, interrupted_everywhere, rows_of};
use crate::sqlite::bed::{Bed, ENDLESS, signal};

const BASE: &str = "CREATE TABLE t0 (id INTEGER PRIMARY KEY, n INT, s TEXT); CREATE TABLE t1 (id INTEGER PRIMARY KEY, n INT);\n\
                    CREATE TABLE seen (k TEXT, v TEXT); CREATE TABLE shadow (n INT); INSERT INTO shadow VALUES (77);\n\
                    INSERT INTO t0 (n, s) VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO t1 (n) VALUES (5), (6);\n";

const POOL: &[&[&str]] = &[
    &["INSERT INTO t0 (n, s) VALUES ({r}, 's{n}')", "UPDATE t0 SET n = n + {r} WHERE id % 2 = 0"],
    &[
        "CREATE TEMP TABLE tmp{n} AS SELECT n FROM t0",
        "INSERT INTO seen SELECT 'tmp{n}', sum(n) FROM tmp{n}",
        "DROP TABLE tmp{n}",
    ],
    &[
        "CREATE TEMP TABLE IF NOT EXISTS shadow (n INT)",
        "INSERT INTO shadow VALUES ({r})",
        "INSERT INTO seen SELECT 'shadow', sum(n) FROM shadow",
    ],
    &["CREATE TABLE temp.v{n} AS SELECT {r} AS n", "INSERT INTO seen SELECT 'v', n FROM v{n}"],
    &[
        "CREATE TEMP TRIGGER r{n} AFTER INSERT ON t1 BEGIN INSERT INTO seen VALUES ('fired', new.n); END",
        "INSERT INTO t1 (n) VALUES ({r})",
        "DROP TRIGGER r{n}",
    ],
    &[
        "ATTACH ':memory:' AS m{n}",
        "CREATE TABLE m{n}.t (a INT)",
        "INSERT INTO m{n}.t VALUES ({r})",
        "INSERT INTO seen SELECT 'm', a FROM m{n}.t",
    ],
    &["INSERT INTO t1 (n) VALUES ({r})", "INSERT INTO seen VALUES ('id', last_insert_rowid())"],
    &["PRAGMA case_sensitive_like = ON", "INSERT INTO seen SELECT 'like', 'A' LIKE 'a'"],
    &["ALTER TABLE t0 ADD COLUMN x{n} INT DEFAULT {r}", "UPDATE t0 SET x{n} = n WHERE id = 1"],
    &["CREATE TABLE w{n} AS SELECT n FROM t1", "INSERT INTO seen SELECT 'w', max(n) FROM w{n}", "DROP TABLE w{n}"],
    &["VACUUM", "DELETE FROM t1 WHERE n > {r}"],
];

struct OnSqlite(Bed);

impl Subject for OnSqlite {
    const STATEMENTS: [&'static str; 3] = ["INSERT INTO nowhere VALUES (1)", ENDLESS, "SELECT 1"];

    fn fresh() -> Self {
        Self(Bed::with(&[("001_base.sql", BASE)]))
    }

    fn put(&self, file: &str) {
        self.0.file("002_file.sql", &format!("-- schemaward: no-transaction\n{file}"));
    }

    fn run(&self) -> Ended {
        match self.0.said(&["migrate"]) {
            (Some(0), _) => Ended::Applied,
            (Some(4), said) if said.contains("cannot be resumed") => Ended::NeedsReview,
            (_, said) => Ended::Failed(said),
        }
    }

    fn cut(&self, done: usize) {
        let mut child = self.0.start("002_file.sql");
        let journaled =
            "SELECT count(*) FROM schemaward_statement_journal WHERE version = '002' AND state = 'finished'";
        while self.0.query(journaled).parse::<usize>().unwrap() < done {
            std::thread::yield_now();
        }
        signal(&child, "-KILL");
        child.wait().unwrap();
    }

    fn state(&self) -> String {
        let state = self.0.query("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'schemaward%' ORDER BY name");
        let tables = self.0.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'schemaward%' AND name NOT LIKE 'sqlite%' ORDER BY 1");
        state + &rows_of(&tables, |query| self.0.query(query))
    }
}

#[test]
fn a_file_interrupted_anywhere_ends_as_if_it_was_not_or_stops() {
    interrupted_everywhere::<OnSqlite>("SQLite", POOL, 4);
}
