//! A rollback lists what it will undo, and asks for confirmation. script(1) provides the terminals.

use std::io::Write;
use std::process::{Output, Stdio};

use rstest::rstest;

use crate::sqlite::bed::{Bed, text};

const FILES: &[(&str, &str)] = &[
    ("001_a.sql", "CREATE TABLE a (x);\n-- rollback: DROP TABLE a;"),
    ("002_b.sql", "CREATE VIEW b AS SELECT 1;\n-- rollback: DROP VIEW b;"),
    ("003_c.sql", "ALTER TABLE a ADD COLUMN y;\n-- rollback:\n-- UPDATE a SET x = 1;\n-- ALTER TABLE a DROP COLUMN y;"),
];

fn applied() -> Bed {
    let bed = Bed::with(FILES);
    bed.migrate();
    bed
}

/// With a person's answer on a terminal.
fn asked(bed: &Bed, arguments: &str, answer: &str) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_schemaward");
    let mut terminal = std::process::Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &format!("{program} {arguments}"), "/dev/null"]);
    terminal.current_dir(bed.folder()).env("DATABASE_URL", "sqlite:app.db").env("NO_COLOR", "1");
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = terminal.spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    (status.code(), text(&stdout))
}

#[test]
fn what_goes_is_listed_with_what_loses_data_and_done_where_the_answer_is_yes() {
    let bed = applied();
    let (code, said) = asked(&bed, "rollback --to 1", "y\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 migrations of app.db to undo, from version 003 to version 001"), "{said}");
    for part in [
        "003  rollback of 003_c.sql",
        "line 1: loses data: overwrites values in a",
        "line 2: loses data: drops column y of a",
        "002  rollback of 002_b.sql",
        "no statement that takes data away",
        "Go on? [y/N]",
        "from version 003 to version 001:",
        "at version 001; 2 migrations rolled back.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!bed.has("b"));
}

#[rstest]
#[case::no("n\n")]
#[case::nothing("\n")]
#[case::something_else("yes please\n")]
#[case::the_end_of_input("\u{4}")]
fn any_other_answer_is_no(#[case] answer: &str) {
    let bed = applied();
    let before = bed.versions();
    let (code, said) = asked(&bed, "rollback --to empty", answer);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("Nothing was undone."), "{said}");
    assert_eq!(bed.versions(), before);
}

#[rstest]
#[case::to(&["--to", "1"], "schemaward rollback --to 1 --yes")]
#[case::steps(&["--steps", "2"], "schemaward rollback --steps 2 --yes")]
#[case::json(&["--to", "1", "--format", "json"], "schemaward rollback --to 1 --format json --yes")]
fn without_a_terminal_it_is_refused_with_the_line_to_write(#[case] flags: &[&str], #[case] line: &str) {
    let bed = applied();
    let before = bed.versions();
    let (code, said) = bed.said(&[&["rollback"], flags].concat());
    assert!(code == Some(2) && said.contains(line), "{said}");
    assert_eq!(bed.versions(), before);
    // Refused before connecting to anything.
    let mut command = bed.command(&[&["rollback"], flags].concat());
    let output = command.env("DATABASE_URL", "postgres://u:p@192.0.2.1/d").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn steps_are_counted_from_the_newest_version() {
    let bed = applied();
    let (code, said) = bed.said(&["rollback", "--steps", "1", "--yes"]);
    assert!(code == Some(0) && said.contains("at version 002; 1 migration rolled back."), "{said}");
    let (code, said) = bed.said(&["rollback", "--steps", "3", "--yes"]);
    assert!(code == Some(4) && said.contains("3 steps back cannot be taken: 2 migrations are in force"), "{said}");
    let (code, said) = bed.said(&["rollback", "--steps", "2", "--dry-run", "--format", "json"]);
    assert!(code == Some(0) && said.contains("\"toVersion\": \"empty\"") && said.contains("drops table a"), "{said}");
    assert_eq!(bed.said(&["rollback", "--steps", "0", "--yes"]).0, Some(2));
    assert_eq!(bed.said(&["rollback", "--yes"]).0, Some(2), "all of them is never meant by nothing");
    assert_eq!(bed.said(&["rollback", "--steps", "2", "--yes"]).0, Some(0));
    assert!(!bed.has("a"));
}
