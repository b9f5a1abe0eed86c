//! Phrases that must not come back into messages, help, pages and comments: they are grammatical, but no native speaker
//! writes them. For each there is a better one. Code and names are not checked.

use crate::tree::{self, files};

/// Phrases not to write, and what to write instead.
const GLOSSARY: &[(&str, &str)] = &[
    ("is none", "is not one, or: is not a valid …"),
    ("are none", "are not, or: are not valid …"),
    ("that is none", "an invalid …"),
    ("at work", "running"),
    ("comes late", "out of order"),
    ("come late", "out of order"),
    ("hold against", "compare with"),
    ("held against", "compared with"),
    ("is told", "is reported, or: is shown"),
    ("are told", "are reported, or: are shown"),
    ("was told", "was reported, or: was asked"),
    ("tells", "says, or: shows"),
    ("told to stop", "asked to stop"),
    ("is there already", "already exists"),
    ("are there already", "already exist"),
    ("being there already", "existing already"),
    ("goes on behind", "continues after"),
    ("committed by itself", "committed separately"),
    ("starts by itself", "starts automatically"),
    ("is begun", "was started, or: is half applied"),
    ("not begun", "not started"),
    ("put right", "fixed"),
    ("puts right", "fixes"),
    ("taken back", "withdrawn"),
    ("what is in the way", "what blocks it"),
    ("what becomes of", "how to treat, or: what happens to"),
    ("can be had", "is available, or: can be opened"),
    ("cannot be had", "is not available, or: cannot be opened"),
    ("made anew", "created again"),
    ("so many of them", "N of them"),
    ("of its account", "does not matter"),
    ("is nothing a", "unknown …"),
    ("as it was then", "as it was at that time"),
    ("stands in", "is in"),
    ("stands behind", "follows"),
    ("stand behind", "follow"),
    ("has it that", "says that"),
    ("anew", "again"),
    ("in small letters", "in lower case"),
    ("told of", "reported"),
    ("tell of", "report, or: show"),
    ("by itself", "on its own, or: separately"),
    ("by themselves", "on their own, or: separately"),
    ("comes to its end", "finishes"),
    ("come to its end", "finish, or: finished"),
    ("so many", "this many, or: N"),
];

#[test]
fn messages_help_and_comments_are_written_as_a_native_speaker_would() {
    let mut found = Vec::new();
    for path in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        let text = tree::text(&path);
        let production = text.split("\n#[cfg(test)]\nmod ").next().filter(|_| path.starts_with("src/"));
        for (line, text) in literals(production.unwrap_or_default()).into_iter().chain(comments(&text)) {
            found.extend(not_written(&text).map(|fault| format!("{path}:{line}: {fault}")));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn pages_are_written_as_a_native_speaker_would() {
    let mut found = Vec::new();
    for path in pages() {
        let text = tree::text(&path);
        for (line, paragraph) in paragraphs(&text) {
            found.extend(not_written(&paragraph).map(|fault| format!("{path}:{line}: {fault}")));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn pages_have_at_most_120_columns_but_for_tables_and_code() {
    let mut found = Vec::new();
    for path in pages() {
        let text = tree::text(&path);
        // A line of one word, such as a test's name, cannot be broken.
        let is_long = |line: &str| line.chars().count() > 120 && !line.starts_with('|') && line.trim().contains(' ');
        found.extend(prose(&text).filter(|(_, line)| is_long(line)).map(|(number, _)| format!("{path}:{number}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_phrase_of_a_page_is_found_over_the_end_of_a_line_and_not_in_code() {
    let page = "One is\n  none.\n\n```\nis none\n```\n    is none\n| `x` is none, `is none` |\n`it_tells`\n";
    let found: Vec<_> = paragraphs(page).into_iter().filter(|(_, text)| not_written(text).count() == 1).collect();
    assert_eq!(found, [(1, "One is none.".to_owned()), (8, "| ` is none, ` | `".to_owned())]);
}

#[test]
fn a_phrase_is_found_as_words_and_in_whichever_letters() {
    assert_eq!(not_written("It IS none.").count(), 1);
    assert_eq!(not_written("this nonesuch foretells").count(), 0);
    assert_eq!(literals("let a = \"one \\\n   two\"; // \"three\"\nlet b = '\"'; x(\"four five\")").len(), 2);
    assert_eq!(not_written("there is none").count(), 0);
}

#[test]
fn a_phrase_of_a_comment_is_found_over_the_end_of_a_line() {
    let found = comments("//! a\n//! b\n\n    /// It is\n    /// none.\n    let x = 1; // c\n    // d\n");
    assert_eq!(found, [(1, "a b".to_owned()), (4, "It is none.".to_owned()), (7, "d".to_owned())]);
    assert_eq!(found.iter().filter(|(_, text)| not_written(text).count() == 1).count(), 1);
}

/// The phrases of the glossary in a text, with what to write instead.
fn not_written(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    GLOSSARY.iter().filter_map(move |(phrase, instead)| {
        let found = lower.match_indices(phrase).any(|(at, _)| {
            // "There is none" is fine.
            let is_there = phrase.ends_with("none") && lower[..at].trim_end().ends_with("there");
            !is_there
                && !is_part(lower[..at].chars().next_back())
                && !is_part(lower[at + phrase.len()..].chars().next())
        });
        found.then(|| format!("\"{phrase}\"; write {instead}"))
    })
}

/// String literals of more than one word, with their first lines' numbers.
fn literals(code: &str) -> Vec<(usize, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(c) = code[at..].chars().next() {
        let rest = &code[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("'\"'") {
            at += 3;
        } else if c == '"' {
            let (mut end, mut escaped) = (1, false);
            for (offset, c) in rest.char_indices().skip(1) {
                end = offset;
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => break,
                    _ => {}
                }
            }
            let joined = rest[1..end].split("\\\n").map(str::trim_start).collect::<Vec<_>>().concat();
            if joined.contains(' ') {
                found.push((code[..at].matches('\n').count() + 1, joined));
            }
            at += end + 1;
        } else {
            at += c.len_utf8();
        }
    }
    found
}

/// Comments, each joined into one line, with their first lines' numbers.
fn comments(code: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last = 0;
    for (number, line) in (1..).zip(code.lines().map(str::trim_start)).filter(|(_, line)| line.starts_with("//")) {
        let text = line.trim_start_matches(['/', '!']).trim();
        match found.last_mut() {
            Some((_, comment)) if last + 1 == number => *comment = format!("{comment} {text}"),
            _ => found.push((number, text.to_owned())),
        }
        last = number;
    }
    found
}

/// All pages that people read.
fn pages() -> Vec<String> {
    let folders = ["bench", "charts", "corpora", "docs", "examples", "testbed"];
    let of_root = ["CHANGELOG.md", "CONTRIBUTING.md", "README.md"].map(str::to_owned);
    folders.iter().flat_map(|folder| files(folder, "md")).chain(of_root).collect()
}

/// The lines of a page outside code blocks, with their numbers.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(page.lines()).filter(move |(_, line)| {
        let is_fence = line.starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence && !line.starts_with("    ")
    })
}

/// Paragraphs outside code blocks, each joined into one line, with their first lines' numbers. Inline code becomes a mark.
fn paragraphs(page: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last = 0;
    for (number, line) in prose(page).filter(|(_, line)| !line.trim().is_empty()) {
        let words = line.trim().split('`').step_by(2).collect::<Vec<_>>().join("`");
        match found.last_mut() {
            Some((_, text)) if number == last + 1 => *text = format!("{text} {words}"),
            _ => found.push((number, words)),
        }
        last = number;
    }
    found
}
