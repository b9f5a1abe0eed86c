//! The parts of the command line that need no server: usage, help, new files, completions, manual pages.

#![expect(clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;

fn schemaward(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("schemaward").unwrap();
    for variable in ["DATABASE_URL", "SCHEMAWARD_URL", "SCHEMAWARD_URL_FILE", "SCHEMAWARD_DIR", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

/// Exit code, and both outputs as one text.
fn ended(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

fn new(folder: &Path, name: &str) -> (i32, String) {
    ended(schemaward(&["new", name, "--dir"]).arg(folder))
}

#[test]
fn the_help_lists_the_exit_codes_and_every_subcommand_has_one() {
    let (code, help) = ended(&mut schemaward(&["--help"]));
    assert_eq!(code, 0);
    for line in ["  0  done", "  1  failed", "  2  wrong usage", "  3  something is pending", "  4  refused"] {
        assert!(help.contains(line), "{line}: {help}");
    }
    for subcommand in ["migrate", "plan", "status", "history", "verify", "new", "doctor", "completions", "man"] {
        assert!(help.contains(&format!("\n  {subcommand} ")), "{subcommand}");
        assert_eq!(ended(&mut schemaward(&[subcommand, "--help"])).0, 0, "{subcommand}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_no_url_is_repeated() {
    let url = "postgres://u:canary@h/d";
    let cases: &[&[&str]] = &[
        &[],
        &["statsu"],
        &["status", url],
        &["plan", "--target", url],
        &["plan", "--format", url],
        &["migrate", "--lock-timeout", url],
        &["migrate", "--lock-timeout", "0s"],
        &["migrate", &format!("--deadline={url}")],
        &["history", "--limit", url],
        &["history", "--limit", "0"],
        &["verify", "--url", url, "--url-file", "x"],
        &[url],
    ];
    for arguments in cases {
        let (code, text) = ended(&mut schemaward(arguments));
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(!text.contains("canary"), "{arguments:?}: {text}");
        assert!(text.contains("--help") || text.contains("Usage"), "{arguments:?}: {text}");
    }
}

#[test]
fn a_url_in_place_of_a_path_is_not_repeated_and_the_error_says_where_it_belongs() {
    let url = "postgres://u:canary@h/d";
    let scratch = tempfile::tempdir().unwrap();
    let after_sqlite = format!("sqlite:{url}");
    let refused = |arguments: &[&str], variables: &[(&str, &str)], expected: &str| {
        let mut command = schemaward(arguments);
        let (code, text) = ended(command.envs(variables.iter().copied()).current_dir(scratch.path()));
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(!text.contains("canary"), "{arguments:?}: {text}");
        assert!(text.contains("(a URL)") && text.contains(expected), "{arguments:?}: {text}");
    };
    refused(&["status", "--url-file", url], &[], "by --url");
    refused(&["migrate", "--url-file", url], &[], "by --url");
    refused(&["history"], &[("SCHEMAWARD_URL_FILE", url)], "by --url");
    refused(&["status", "--dir", url, "--url", "sqlite:x.db"], &[], "by --url");
    refused(&["migrate", &format!("--dir={url}"), "--url", "sqlite:x.db"], &[], "by --url");
    refused(&["new", "a", "--dir", url], &[], "by --url");
    refused(&["new", "a"], &[("SCHEMAWARD_DIR", url)], "by --url");
    refused(&["man", "--out", url], &[], "by --url");
    refused(&["history", "--url", &after_sqlite], &[], "sqlite:");
    refused(&["history"], &[("SCHEMAWARD_URL", &after_sqlite)], "sqlite:");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "no folder is made by a URL's name");
}

#[test]
fn no_url_from_the_environment_is_shown() {
    for variable in [
        "SCHEMAWARD_URL",
        "SCHEMAWARD_URL_FILE",
        "DATABASE_URL",
        "SCHEMAWARD_DIR",
        "SCHEMAWARD_TARGET",
        "SCHEMAWARD_FORMAT",
        "SCHEMAWARD_DEADLINE",
    ] {
        for arguments in [&["migrate", "--help"][..], &["status", "--help"], &["migrate"], &["status"]] {
            let (_, text) = ended(schemaward(arguments).env(variable, "postgres://u:canary@127.0.0.1:1/d?x=canary"));
            assert!(!text.contains("canary"), "{variable} {arguments:?}: {text}");
        }
    }
}

#[test]
fn no_database_is_wrong_usage_and_shows_the_ways_to_name_one() {
    for subcommand in ["migrate", "status", "history", "plan", "verify", "doctor"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("001_a.sql"), "select 1").unwrap();
        let (code, text) = ended(schemaward(&[subcommand]).env("SCHEMAWARD_DIR", folder.path()));
        assert_eq!(code, 2, "{subcommand}: {text}");
        assert!(text.contains("--url-file") && text.contains("DATABASE_URL"), "{subcommand}: {text}");
    }
}

#[test]
fn colours_are_for_terminals_and_obey_no_color() {
    let doctor = |variables: &[(&str, &str)]| {
        let mut command = schemaward(&["doctor"]);
        ended(command.env("DATABASE_URL", "no url").envs(variables.iter().copied()))
    };
    let (code, plain) = doctor(&[]);
    assert_eq!(code, 1);
    assert!(plain.starts_with("not ok  URL ") && !plain.contains('\u{1b}'), "{plain:?}");
    let (_, coloured) = doctor(&[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.contains("\u{1b}[31mnot ok\u{1b}[0m"), "{coloured:?}");
    let (_, refused) = doctor(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
    assert_eq!(refused, plain);
}

#[test]
fn new_writes_one_file_after_the_other_and_never_over_one() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("migrations");
    let first = folder.join("001_add_customer_phone.sql");
    assert_eq!(new(&folder, "Add customer phone"), (0, format!("{}\n", first.display())));
    let text = fs::read_to_string(&first).unwrap();
    assert!(text.starts_with("-- Add customer phone\n") && text.contains("\n-- rollback:\n"), "{text}");
    assert_eq!(new(&folder, "Add customer phone").0, 0);
    assert!(folder.join("002_add_customer_phone.sql").exists());
    assert_eq!(fs::read_to_string(&first).unwrap(), text);

    assert_eq!(new(&folder, "?").0, 2, "nothing is left of the name");
    fs::write(folder.join("20260101120000_d.sql"), "").unwrap();
    let (_, path) = new(&folder, "e");
    let name = Path::new(path.trim()).file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.len() == "20260101120000_e.sql".len() && name.ends_with("_e.sql"), "{name}");
}

#[test]
fn completions_know_the_subcommands_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script) = ended(&mut schemaward(&["completions", shell]));
        assert_eq!(code, 0);
        assert!(script.contains("doctor") && script.contains("history-schema"), "{shell}");
    }
    assert_eq!(ended(&mut schemaward(&["completions", "tcsh"])).0, 2);
}

#[test]
fn manual_pages_are_printed_and_written() {
    let (code, page) = ended(&mut schemaward(&["man"]));
    assert_eq!(code, 0);
    assert!(page.contains(".TH schemaward 1") && page.contains("Exit codes"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ended(schemaward(&["man", "--out"]).arg(folder.path())).0, 0);
    let status = fs::read_to_string(folder.path().join("schemaward-status.1")).unwrap();
    assert!(status.contains("\\-\\-check"), "{status}");
}

#[test]
fn a_url_given_as_an_argument_leaves_the_list_of_processes() {
    // A server that never answers, so that the process stays.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u:canary@{}/d", silent.local_addr().unwrap());
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_schemaward"));
    process.args(["history", "--limit", "1", "--url", &url]).env("SCHEMAWARD_URL_FILE", "/no/such/file");
    let mut process = process.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    // Once it has connected, it has read the URL; before that it may still be starting.
    let (_connection, _) = silent.accept().unwrap();
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", process.id())).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(arguments.ends_with("\0history\0--limit\x001\0"), "{arguments:?}");
}

#[test]
fn a_word_that_is_not_a_version_gets_the_words_that_are_valid() {
    let (code, said) = ended(&mut schemaward(&["rollback", "--to", "latest", "--url", "sqlite:x.db"]));
    assert!(
        code == 2 && said.contains("is not a version") && said.contains("or empty, which undoes everything"),
        "{said}"
    );
    let (code, said) = ended(&mut schemaward(&["migrate", "--target", "newest", "--url", "sqlite:x.db"]));
    assert!(code == 2 && said.contains("is not a version") && said.contains("or latest"), "{said}");
}
