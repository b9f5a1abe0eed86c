//! Files far larger than anybody writes by hand: dumps with their rows. Ten times the file may take ten times as long and
//! no more, and memory stays within a few times the file.

#![expect(clippy::expect_used, reason = "a file that cannot be read fails the test, which is right")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use schemaward::migration::{Dialect, MigrationSet, SourceFile};

const MEGABYTE: usize = 1024 * 1024;

/// The larger file's size: `cargo test --release --test large_files` reads 50 MB, a build without optimisation, which
/// takes twenty times as long for each, 2.5 MB.
const LARGE: usize = if cfg!(debug_assertions) { 5 * MEGABYTE / 2 } else { 50 * MEGABYTE };

/// A file of at least so many bytes, with what each dialect's lexer has to look at twice.
fn file(dialect: Dialect, bytes: usize) -> SourceFile {
    let mut sql = String::with_capacity(bytes + 4096);
    let mut row = 0_u64;
    while sql.len() < bytes {
        row += 1;
        let _ = match dialect {
            Dialect::Postgres => write!(
                sql,
                "INSERT INTO t VALUES ({row}, 'it''s; größer', E'a\\';'\n'b\\';', $q$ ; $q$); -- row; {row}\n\
                 do $$ begin perform {row}; end $$;\n"
            ),
            Dialect::Mysql | Dialect::Mariadb => write!(
                sql,
                "INSERT INTO `t` VALUES ({row}, 'it\\'s; größer', \"a\"\";\"); # row; {row}\n/*!40000 ALTER TABLE `t` \
                 DISABLE KEYS */;\nDELIMITER $$\nCREATE PROCEDURE p{row}() BEGIN SELECT {row}; END$$\nDELIMITER ;\n"
            ),
            Dialect::Sqlite => write!(
                sql,
                "INSERT INTO t VALUES ({row}, 'it''s; größer', [a;], \"b;\"); -- row; {row}\n\
                 CREATE TRIGGER t{row} AFTER INSERT ON t BEGIN SELECT {row}; END;\n"
            ),
        };
    }
    SourceFile { name: "001_rows.sql".to_owned(), bytes: sql.into_bytes() }
}

/// How long a file takes to be read, the best of some tries.
fn reading(file: &SourceFile, dialect: Dialect, tries: usize) -> (Duration, usize) {
    let mut best = (Duration::MAX, 0);
    for _ in 0..tries {
        let began = Instant::now();
        let set = MigrationSet::read(std::slice::from_ref(file), dialect).expect("a valid file");
        best = (best.0.min(began.elapsed()), set.migrations()[0].statements.len());
    }
    best
}

/// The most memory this process has had, in bytes.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

#[test]
fn ten_times_the_file_takes_about_ten_times_as_long() {
    for dialect in Dialect::ALL {
        let (small, large) = (file(dialect, LARGE / 10), file(dialect, LARGE));
        let ((short, few), (long, many)) = (reading(&small, dialect, 3), reading(&large, dialect, 1));
        let ratio = long.as_secs_f64() / short.as_secs_f64();
        println!("{dialect}, {LARGE} bytes: {few} statements in {short:?}, {many} in {long:?}: {ratio:.1} times");
        assert!(many > 9 * few, "{dialect}: {few} and {many} statements");
        // A cost that grows with the square of the file would make it a hundred; the rest is the machine's other work.
        assert!(ratio < 20.0, "{dialect}: ten times the file took {ratio:.1} times as long");
    }
    match peak_memory() {
        Some(peak) => assert!(peak < 12 * LARGE + 100 * MEGABYTE, "{peak} bytes of memory for {LARGE} of file"),
        None => println!("the peak of memory is not looked at: there is no /proc/self/status"),
    }
}
