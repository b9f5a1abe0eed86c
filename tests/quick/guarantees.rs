//! Checks docs/guarantees.md against the sources: every guarantee has an entry for every engine, and every test it
//! names exists.

use std::path::Path;

const PAGE: &str = include_str!("../../docs/guarantees.md");
const ENGINES: [&str; 4] = ["PostgreSQL", "MySQL", "MariaDB", "SQLite"];

/// The rows of the engines' table: a guarantee, and a cell for each engine.
fn rows() -> Vec<Vec<&'static str>> {
    table("| guarantee |")
}

/// The rows of the table that starts with `begin`.
fn table(begin: &str) -> Vec<Vec<&'static str>> {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with(begin));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// The tests that a cell names, as file and name.
fn named(cell: &str) -> Vec<(&str, &str)> {
    cell.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::")).collect()
}

/// A test's attributes and arguments; None if there is no such test.
fn test(file: &str, name: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = if file.starts_with("src/") { root.join(file) } else { root.join("tests").join(file) };
    let source = std::fs::read_to_string(path).ok()?;
    let (before, after) = source.split_once(&format!("fn {name}("))?;
    let attributes = before.rsplit_once("\n\n").map_or(before, |(_, attributes)| attributes);
    let is_test = ["#[test]", "#[tokio::test]", "#[rstest]"].iter().any(|mark| attributes.contains(mark));
    is_test.then(|| format!("{attributes}{}", after.split('{').next().unwrap_or_default()))
}

#[test]
fn every_guarantee_has_a_word_for_every_engine() {
    let rows = rows();
    assert_eq!(rows[0][1..], ENGINES);
    for row in &rows[2..] {
        assert_eq!(row.len(), 1 + ENGINES.len(), "{}", row[0]);
        for (engine, cell) in ENGINES.iter().zip(&row[1..]) {
            let says_why_not = cell.starts_with("no: ") || cell.starts_with("no test");
            let is_same = *engine == "MariaDB" && *cell == "same";
            assert!(says_why_not || is_same || !named(cell).is_empty(), "{}, {engine}: {cell:?}", row[0]);
        }
    }
    assert!(rows.len() > 20, "{} rows", rows.len());
}

#[test]
fn every_test_that_is_named_exists() {
    let in_a_cluster = table("| in a cluster |");
    assert!(in_a_cluster[2..].iter().all(|row| row.len() == 2 && !named(row[1]).is_empty()), "{in_a_cluster:?}");
    let all = rows().into_iter().chain(in_a_cluster).flatten().flat_map(named);
    let missing: Vec<_> = all.filter(|(f, n)| test(f, n).is_none()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(test("quick/guarantees.rs", "no_such_test"), None);
}

#[test]
fn a_test_that_is_said_to_run_on_both_does() {
    for row in rows().iter().filter(|row| row[3] == "same") {
        for (file, name) in named(row[2]) {
            let both = test(file, name).is_some_and(|test| test.contains("Engine::Mysql, Engine::Mariadb"));
            assert!(both, "{}: {file}::{name}", row[0]);
        }
    }
}
