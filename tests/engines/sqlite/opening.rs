//! Files that cannot be used, and invalid URLs.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rstest::rstest;

use crate::sqlite::bed::{Bed, text};

const FILES: &[(&str, &str)] = &[("001_a.sql", "CREATE TABLE a (x);")];

/// Exit code and output of a subcommand with another URL.
fn on(bed: &Bed, url: &str, subcommand: &str) -> (Option<i32>, String) {
    let output = bed.command(&[subcommand]).env("DATABASE_URL", url).output().unwrap();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn a_file_that_is_not_a_database_is_named() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    std::fs::write(bed.database(), "this is a text and surely no database, long enough to have a header of its own")
        .unwrap();
    let output = bed.run(&["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("app.db"), "{}", text(&output.stderr));
    let output = bed.command(&["migrate"]).env("DATABASE_URL", "sqlite:none/app.db").output().unwrap();
    assert!(text(&output.stderr).contains("none/app.db"), "{}", text(&output.stderr));
}

#[rstest]
#[case::unknown("sqlite:app.db?journal=wal", "its parameter journal is not known")]
#[case::a_key_is_not_repeated("sqlite:app.db?mode=rwc&key=secret", "its parameter key is not known")]
#[case::memory("sqlite::memory:", "a database in memory")]
#[case::nothing("sqlite:", "it names no file")]
#[case::a_folder("sqlite:migrations/", "it names no file")]
fn a_url_that_is_not_usable_is_reported(#[case] url: &str, #[case] why: &str) {
    let bed = Bed::with(FILES);
    for subcommand in ["migrate", "status", "doctor"] {
        let (code, said) = on(&bed, url, subcommand);
        assert!(code != Some(0) && said.contains(why) && !said.contains("secret"), "{subcommand}: {said}");
    }
    assert_eq!(on(&bed, url, "migrate").0, Some(2));
    assert_eq!(std::fs::read_dir(bed.folder()).unwrap().count(), 1, "no file was made");
}

#[test]
fn a_folder_that_is_missing_is_named_and_not_made() {
    let bed = Bed::with(FILES);
    let (code, said) = on(&bed, "sqlite:none/app.db", "migrate");
    assert!(code == Some(2) && said.contains("the folder of none/app.db cannot be used"), "{said}");
    assert!(said.contains("make the folder"), "{said}");
    assert!(!bed.folder().join("none").exists());
    let (code, said) = on(&bed, "sqlite:migrations", "migrate");
    assert!(code == Some(1) && said.contains("cannot open migrations: unable to open database file"), "{said}");
}

/// A command that obeys file permissions, which root does not.
fn obeying(command: &Command) -> Command {
    let mut obeying = Command::new("setpriv");
    if is_root() {
        obeying.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    obeying.arg(command.get_program()).args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    obeying.envs(command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    obeying
}

fn is_root() -> bool {
    text(&Command::new("id").arg("-u").output().unwrap().stdout).trim() == "0"
}

fn said_obeying(bed: &Bed, subcommand: &str) -> (Option<i32>, String) {
    let output = obeying(&bed.command(&[subcommand])).output().unwrap();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn a_write_protected_file_is_read_and_its_migration_refused() {
    let bed = Bed::with(FILES);
    bed.migrate();
    let rights = |mode| std::fs::set_permissions(bed.database(), std::fs::Permissions::from_mode(mode)).unwrap();
    rights(0o444);
    assert!(said_obeying(&bed, "status").1.contains("001"));
    assert_eq!(said_obeying(&bed, "migrate").0, Some(0), "nothing is pending, nothing is written");
    bed.file("002_b.sql", "CREATE TABLE b (x);");
    let (code, said) = said_obeying(&bed, "migrate");
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot write app.db: attempt to write a readonly database"), "{said}");
    assert!(said.contains("the right to write to the file"), "{said}");
    let (code, said) = said_obeying(&bed, "doctor");
    assert!(code == Some(1) && said.contains("not ok  writable"), "{said}");
    rights(0o644);
    assert_eq!(said_obeying(&bed, "doctor").0, Some(0));
    assert_eq!(said_obeying(&bed, "migrate").0, Some(0));
    assert!(bed.query("SELECT name FROM sqlite_master WHERE name LIKE '%examination%'").is_empty());
}

#[test]
fn a_folder_in_which_no_lock_can_be_created_is_reported() {
    let bed = Bed::with(FILES);
    bed.query("CREATE TABLE theirs (x)");
    let rights = |mode| std::fs::set_permissions(bed.folder(), std::fs::Permissions::from_mode(mode)).unwrap();
    rights(0o555);
    let (code, said) = said_obeying(&bed, "migrate");
    let (examined, doctor) = said_obeying(&bed, "doctor");
    rights(0o755);
    assert!(code == Some(1) && said.contains("the lock beside app.db cannot be used"), "{said}");
    assert!(said.contains("make a file in the database's folder"), "{said}");
    assert!(examined == Some(1) && doctor.contains("not ok  writable"), "{doctor}");
    assert!(!bed.has("a"));
}

#[test]
fn doctor_says_that_the_file_cannot_be_created_and_leaves_none_where_it_can() {
    let bed = Bed::with(FILES);
    let rights = |mode| std::fs::set_permissions(bed.folder(), std::fs::Permissions::from_mode(mode)).unwrap();
    let before = std::fs::read_dir(bed.folder()).unwrap().count();
    rights(0o555);
    let (code, said) = said_obeying(&bed, "doctor");
    rights(0o755);
    assert!(code == Some(1) && said.contains("not ok  writable") && said.contains("right to make files"), "{said}");
    assert_eq!(said_obeying(&bed, "doctor").0, Some(0));
    assert_eq!(std::fs::read_dir(bed.folder()).unwrap().count(), before);
}

#[test]
fn doctor_reports_a_newer_ledger() {
    let bed = Bed::with(FILES);
    bed.migrate();
    let (code, said) = said_obeying(&bed, "doctor");
    assert!(code == Some(0) && said.contains("can be read"), "{said}");
    bed.query("UPDATE schemaward_ledger SET version = 99");
    let (code, said) = said_obeying(&bed, "doctor");
    assert!(code == Some(1) && said.contains("not ok  ledger rights") && said.contains("newer Schemaward"), "{said}");
}

#[test]
fn what_names_the_database_and_the_folder_is_named_where_it_is_wrong() {
    let bed = Bed::with(FILES);
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let file = bed.folder().join("url");
    let url_file = |content: &str| {
        std::fs::write(&file, content).unwrap();
        let mut command = bed.command(&["status", "--url-file"]);
        command.arg(&file);
        said(&mut command)
    };
    assert_eq!(url_file("\u{feff}sqlite:app.db\n").0, Some(0), "a byte order mark is no part of the URL");
    let (code, output) = url_file("sqlite:app.db\nsqlite:other.db\n");
    assert!(code == Some(2) && output.contains("has 2 lines") && output.contains("url"), "{output}");
    let (code, output) = url_file("\n");
    assert!(code == Some(2) && output.contains("is empty"), "{output}");
    // An empty variable counts as unset.
    let (code, output) = said(bed.command(&["status"]).env("SCHEMAWARD_URL", ""));
    assert_eq!(code, Some(0), "{output}");
    let (code, output) = said(bed.command(&["status", "--dir", "nowhere"]).env_remove("SCHEMAWARD_DIR"));
    assert!(code == Some(2) && output.contains("--dir FOLDER, or SCHEMAWARD_DIR"), "{output}");
    assert!(output.contains(&bed.folder().join("nowhere").display().to_string()), "{output}");
    let (code, output) = said(bed.command(&["status", "--url", "foo"]).env_remove("DATABASE_URL"));
    assert!(code == Some(2) && output.contains("sqlite:"), "{output}");
}

#[test]
fn an_invalid_time_is_wrong_usage() {
    let bed = Bed::with(FILES);
    for flags in [["--deadline", "0s"], ["--lock-timeout", "1000h"]] {
        let output = bed.command(&["migrate", flags[0], flags[1]]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {output:?}");
    }
    assert!(!bed.has("a"));
}

#[test]
fn a_result_that_cannot_be_written_is_not_a_success() {
    let bed = Bed::with(FILES);
    for format in ["text", "json"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bed.command(&["status", "--format", format]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains("could not be written"), "{output:?}");
    }
}

/// As in the README.
#[test]
fn the_example_is_applied_and_rolled_back() {
    let bed = Bed::with(&[]);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sqlite/migrations");
    for command in
        [&["plan", "--dir", example][..], &["migrate", "--dir", example], &["rollback", "--to", "empty", "--yes"]]
    {
        let output = bed.command(command).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {output:?}");
        assert_eq!(bed.has("order_items"), command[0] == "migrate");
    }
}

#[test]
fn only_files_that_are_pending_have_to_be_valid() {
    let bed = Bed::with(FILES);
    bed.migrate();
    // As if an older Schemaward, or another tool, had accepted it.
    bed.file("001_a.sql", "CREATE TABLE a (x);\n-- schemaward: later\n");
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("was changed after it was applied"), "{said}");
    let sum = Command::new("sha256sum").arg("migrations/001_a.sql").current_dir(bed.folder()).output().unwrap();
    let sum = text(&sum.stdout)[..64].to_owned();
    bed.query(&format!("UPDATE schemaward_schema_migrations SET checksum = '{sum}'"));
    for arguments in [&["migrate"][..], &["plan"], &["status", "--check"]] {
        let (code, said) = bed.said(arguments);
        assert_eq!(code, Some(0), "it is applied as it is: {arguments:?}: {said}");
    }
    let (code, said) = bed.said(&["verify"]);
    assert!(code == Some(4) && said.contains("001_a.sql:2:1"), "verify looks into all: {said}");

    // All problems of the pending files are reported, and nothing runs.
    bed.files(&[
        ("002_b.sql", "CREATE TABLE b (x);"),
        ("003_c.sql", "SELECT 1;\nSELECT 'c;\n"),
        ("004_d.sql", "SELECT 'd;"),
    ]);
    for arguments in [&["migrate"][..], &["plan"], &["status"]] {
        let (_, said) = bed.said(arguments);
        let names = |place: &str| {
            said.contains(&format!("{place}: a string that begins here never ends"))
                || said.contains(&format!("migrations/{place}"))
        };
        assert!(names("003_c.sql:2") && names("004_d.sql:1"), "{arguments:?}: {said}");
        assert!(!said.contains("001_a.sql"), "{arguments:?}: {said}");
    }
    assert!(!bed.has("b"));
}
