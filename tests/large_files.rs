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

/// How many times as long ten times the file may take: a cost that grows with its square would make it a hundred.
const MOST_TIMES: u32 = 13;

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

/// The processor's time that this thread has had, which other work on the machine does not add to; where there is no
/// `/proc/thread-self/schedstat`, the time since `start`.
fn time_used(start: Instant) -> Duration {
    let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = on_cpu.and_then(|stat| stat.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// How long a file takes to be read, the best of three tries unless one is good enough, and its statements.
fn reading(file: &SourceFile, dialect: Dialect, good_enough: Duration) -> (Duration, usize) {
    let mut best = (Duration::MAX, 0);
    for _ in 0..3 {
        let start = Instant::now();
        let before = time_used(start);
        let set = MigrationSet::read(std::slice::from_ref(file), dialect).expect("a valid file");
        let took = time_used(start).saturating_sub(before);
        best = (best.0.min(took), set.migrations()[0].statements.len());
        if best.0 < good_enough {
            break;
        }
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
        let (short, few) = reading(&small, dialect, Duration::ZERO);
        let (long, many) = reading(&large, dialect, MOST_TIMES * short);
        let ratio = long.as_secs_f64() / short.as_secs_f64();
        println!(
            "{dialect}, {LARGE} bytes: {few} statements in {short:?} on a processor, {many} in {long:?}: {ratio:.1} times"
        );
        assert!(many > 9 * few, "{dialect}: {few} and {many} statements");
        assert!(long < MOST_TIMES * short, "{dialect}: ten times the file took {ratio:.1} times as long");
    }
    match peak_memory() {
        Some(peak) => assert!(peak < 12 * LARGE + 100 * MEGABYTE, "{peak} bytes of memory for {LARGE} of file"),
        None => println!("the peak of memory is not looked at: there is no /proc/self/status"),
    }
}
