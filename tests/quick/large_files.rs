//! Files far larger than anybody writes by hand, such as dumps with rows. A file ten times as large may take ten times
//! as long, but not more, and memory stays within a few times the file's size.

#![expect(clippy::expect_used, reason = "a file that cannot be read fails the test, which is right")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use schemaward::migration::{MigrationSet, SourceFile};
use schemaward::sql::Dialect;

const MEGABYTE: usize = 1024 * 1024;

/// The larger file's size: `cargo test --release --test quick -- large_files` reads 50 MB. A debug build, which takes
/// twenty times as long for each megabyte, reads 2.5 MB.
const LARGE: usize = if cfg!(debug_assertions) { 5 * MEGABYTE / 2 } else { 50 * MEGABYTE };

/// How many times as long a file ten times as large may take. Quadratic costs would make it a hundred.
const MOST_TIMES: u32 = 13;

/// A file of at least this many bytes, with constructs that are difficult for each dialect's lexer.
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

/// This thread's CPU time, which other work on the machine does not increase; without `/proc/thread-self/schedstat`,
/// the time since `start`.
fn time_used(start: Instant) -> Duration {
    let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = on_cpu.and_then(|stat| stat.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// How long it takes to parse a file, and how many statements it has.
fn reading(file: &SourceFile, dialect: Dialect) -> (Duration, usize) {
    let file = file.clone();
    let start = Instant::now();
    let before = time_used(start);
    let set = MigrationSet::read([file], dialect).expect("a valid file");
    let took = time_used(start).saturating_sub(before);
    (took, set.migrations().map(|migration| migration.statements.len()).sum())
}

/// Whether the larger file takes at most [`MOST_TIMES`] as long as the smaller one. Both are read in succession, so
/// that other work on the machine affects both or neither.
fn grows_with_the_file(small: &SourceFile, large: &SourceFile, dialect: Dialect) -> bool {
    let ((short, few), (long, many)) = (reading(small, dialect), reading(large, dialect));
    let ratio = long.as_secs_f64() / short.as_secs_f64();
    println!(
        "{dialect}, {LARGE} bytes: {few} statements in {short:?} on a processor, {many} in {long:?}: {ratio:.1} times"
    );
    assert!(many > 9 * few, "{dialect}: {few} and {many} statements");
    long < MOST_TIMES * short
}

/// The process's peak memory, in bytes.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

/// Set in the process that measures.
const ALONE: &str = "SCHEMAWARD_TEST_ALONE";

/// Runs in a process of its own: the peak is the process's, and other tests run in this one.
#[test]
fn ten_times_the_file_takes_about_ten_times_as_long() {
    if std::env::var_os(ALONE).is_none() {
        let own = std::env::current_exe().expect("the path of this test");
        let name = "large_files::ten_times_the_file_takes_about_ten_times_as_long";
        let status = std::process::Command::new(own).args(["--exact", name, "--nocapture"]).env(ALONE, "1").status();
        assert!(status.expect("the test's own process").success());
        return;
    }
    for dialect in Dialect::ALL {
        let (small, large) = (file(dialect, LARGE / 10), file(dialect, LARGE));
        // Other work can spoil a measurement, but not five times.
        let grows = (0..5).any(|_| grows_with_the_file(&small, &large, dialect));
        assert!(grows, "{dialect}: ten times the file took more than {MOST_TIMES} times as long");
    }
    match peak_memory() {
        Some(peak) => assert!(peak < 12 * LARGE + 100 * MEGABYTE, "{peak} bytes of memory for {LARGE} of file"),
        None => println!("the peak of memory is not looked at: there is no /proc/self/status"),
    }
}
