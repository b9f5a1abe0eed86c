//! The commands that README and docs show must work.
//!
//! A command is a line of a code block, after `$ ` if the block has prompts, or inline code. Those whose first word is
//! a program of this repository are tried here: `schemaward` runs on an SQLite database; the targets of `make` and
//! `cargo test` must exist, and so must paths. Other programs (kubectl, helm, docker, psql, …) need a cluster or a
//! server, and are left alone. The block of README.md in ```` ```console ```` is what `make try` prints.

#![expect(clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_schemaward");
/// Characters that mark placeholders in inline code.
const PLACEHOLDERS: [char; 4] = ['…', '<', '[', '|'];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|is| is == extension)
}

/// Every Markdown file of the repository.
fn pages() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            match entry.file_type().unwrap().is_dir() {
                true if name != "target" && !name.starts_with('.') => walk(&entry.path(), found),
                false if has_extension(&entry.path(), "md") && name != "CHANGELOG.md" => found.push(entry.path()),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), &mut found);
    found
}

/// A command on a page, and where it is.
struct Shown {
    at: String,
    words: Vec<String>,
    is_inline: bool,
}

/// The lines of each code block, fenced or indented, with the number of the first. Lines continued with `\` are joined.
fn blocks(text: &str) -> Vec<Vec<(usize, String)>> {
    let (mut blocks, mut fence, mut goes_on) = (vec![vec![]], None, false);
    for (number, line) in (1..).zip(text.lines()) {
        let is_fence = line.trim_start().starts_with("```");
        let code = if is_fence {
            None
        } else if fence == Some(()) {
            Some(line)
        } else {
            line.strip_prefix("    ")
        };
        if is_fence {
            fence = if fence.is_none() { Some(()) } else { None };
        }
        let block: &mut Vec<(usize, String)> = blocks.last_mut().unwrap();
        match (code, block.last_mut()) {
            (Some(code), Some((_, before))) if goes_on => *before = format!("{} {code}", before.trim_end_matches('\\')),
            (Some(code), _) => block.push((number, code.to_owned())),
            (None, Some(_)) => blocks.push(vec![]),
            (None, None) => {}
        }
        goes_on = code.is_some_and(|code| code.ends_with('\\'));
    }
    blocks
}

/// Splits a line as a shell does, as far as the pages need it: quotes, comments, and `|`, `;` or `&&` between commands.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut word, mut quote) = (vec![vec![]], None::<String>, None);
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(end), _) if c == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => commands.last_mut().unwrap().extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, '|' | ';' | '&') => {
                commands.last_mut().unwrap().extend(word.take());
                commands.push(vec![]);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    for command in &mut commands {
        let is_context =
            |word: &String| word == "time" || word.split_once('=').is_some_and(|(name, _)| is_a_variable(name));
        let before = command.iter().take_while(|word| is_context(word)).count();
        command.drain(..before);
        command.truncate(command.iter().position(|word| word.starts_with(['>', '<'])).unwrap_or(command.len()));
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// Leaves out the optional `[--flag VALUE]`.
fn without_brackets(line: &str) -> String {
    let mut parts = line.split(" [");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once(']').map_or("", |(_, rest)| rest))
}

fn is_a_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// All commands on all pages, including those of other programs.
fn shown() -> Vec<Shown> {
    let mut all = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        let mut add = |number: usize, line: &str, is_inline: bool| {
            let shown = |words| Shown { at: format!("{name}:{number}: {line}"), words, is_inline };
            all.extend(commands(line).into_iter().map(shown));
        };
        for block in blocks(&text) {
            let has_prompts = block.iter().any(|(_, line)| line.starts_with("$ "));
            for (number, line) in &block {
                match line.strip_prefix("$ ") {
                    Some(command) => add(*number, command, false),
                    None if !has_prompts => add(*number, &without_brackets(line), false),
                    None => {}
                }
            }
        }
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with("    ")) {
            for code in line.split('`').skip(1).step_by(2).filter(|code| !code.contains(PLACEHOLDERS)) {
                add(number, code, true);
            }
        }
    }
    all
}

/// An SQLite database with twelve migrations applied, as the pages have it.
fn a_database() -> TempDir {
    let bed = TempDir::new().unwrap();
    let folder = bed.path().join("migrations");
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(root().join("examples/shop/migrations")).unwrap().map(|entry| entry.unwrap().file_name()) {
        let name = file.to_str().unwrap();
        if let (true, Some((version, _))) = (has_extension(Path::new(name), "sql"), name.split_once('_')) {
            let text = format!("CREATE TABLE t{version} (id INTEGER);\n\n-- rollback:\n-- DROP TABLE t{version};\n");
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let (code, said) = run(&bed, &["migrate".to_owned()]);
    assert_eq!(code, Some(0), "{said}");
    bed
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-R").args([from, to]).status().unwrap().success());
}

/// Runs the program there. Paths from the repository's root are resolved.
fn run(bed: &TempDir, arguments: &[String]) -> (Option<i32>, String) {
    let inside =
        |word: &String| word.strip_prefix('/').map_or(word.clone(), |path| bed.path().join(path).display().to_string());
    let mut command = Command::new(PROGRAM);
    for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("SCHEMAWARD_")) {
        command.env_remove(variable);
    }
    command.env("DATABASE_URL", "sqlite:shop.db").current_dir(bed.path()).args(arguments.iter().map(inside));
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn every_command_of_the_program_that_a_page_shows_runs() {
    let bed = a_database();
    copy(&root().join("examples"), &bed.path().join("examples"));
    let is_ours = |shown: &Shown| {
        let is_shape = shown.is_inline && shown.words.iter().any(|word| word.len() > 1 && is_a_variable(word));
        let is_program = shown.words[0] == "schemaward" || shown.words[0].ends_with("/schemaward");
        is_program && shown.words.len() > 1 && !is_shape
    };
    let ours: Vec<_> = shown().into_iter().filter(is_ours).collect();
    let is_wrong = |shown: &&Shown| {
        let fresh = TempDir::new().unwrap();
        copy(&bed.path().join("."), fresh.path());
        let (code, said) = run(&fresh, &shown.words[1..]);
        // In a sentence, `schemaward rollback` may also be just the command's name.
        let is_a_name = shown.is_inline && said.contains("required arguments were not provided");
        let is_understood = code.is_some() && (!said.contains("For more information, try '--help'") || is_a_name);
        (!is_understood).then(|| format!("{}\n  {code:?}: {said}", shown.at))
    };
    let wrong: Vec<_> = ours.iter().filter_map(|shown| is_wrong(&shown)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ours.len(), wrong.join("\n"));
    assert!(ours.len() > 40, "{}", ours.len());
}

#[test]
fn every_target_and_every_path_that_a_page_names_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let is_target = |name: &String| makefile.lines().any(|line| line.starts_with(&format!("{name}:")));
    let is_test = |name: &String| {
        let tests = root().join("tests");
        tests.join(format!("{name}.rs")).exists()
            || tests.join(name).join("main.rs").exists()
            || manifest.contains(&format!("[[test]]\nname = \"{name}\""))
    };
    let folders: Vec<_> =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let is_missing = |path: &str| {
        let begin = path.split_once('/').map_or("", |(begin, _)| begin);
        let is_made = begin.is_empty() || ["target", ".local", ".git"].contains(&begin) || path.contains("::");
        !is_made && !path.contains('*') && folders.iter().any(|folder| folder == begin) && !root().join(path).exists()
    };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for Shown { at, words, .. } in shown().into_iter().filter(|shown| !shown.words[0].starts_with('-')) {
        let after = |flag: &str| words.iter().skip_while(|word| *word != flag).nth(1).cloned();
        let is_right = match words[0].as_str() {
            "make" => words[1..].iter().filter(|word| word.starts_with(char::is_lowercase)).all(is_target),
            "cargo" => after("--test").is_none_or(|name| is_test(&name)),
            _ => true,
        };
        count += usize::from(["make", "cargo"].contains(&words[0].as_str()) || words[0].contains('/'));
        if !is_right || words.iter().any(|word| is_missing(word)) {
            wrong.push(at);
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 60, "{count}");
}

/// Times and durations, which differ at each run.
fn without_times(text: &str) -> String {
    let words = text.lines().map(|line| line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
    let same = |word: &str| match word.as_bytes() {
        [a, .., b'Z'] if a.is_ascii_digit() && word.contains(':') => "TIME".to_owned(),
        _ => word.to_owned(),
    };
    let lines = words.map(|mut words| {
        if let [.., duration, "ms"] = &mut words[..] {
            *duration = "SOME";
        }
        words.into_iter().map(same).collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_readme_shows_what_make_try_prints() {
    let folder = TempDir::new().unwrap();
    let mut script = Command::new(root().join("scripts/try.sh"));
    let output = script.env("SCHEMAWARD", PROGRAM).env("TRY_DIR", folder.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, block) = readme.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let (shown, is) = (without_times(block.trim_end()), without_times(printed.trim_end()));
    assert!(shown == is, "README.md shows:\n{block}\nmake try prints:\n{printed}");
}
