//! Random choices by a seed, and what is done to a statement's text without a change to what it says.

use fastrand::Rng;

/// The choices of one file: the same for the same campaign's seed and the same file, whatever the others are.
pub fn of_file(seed: u64, id: usize) -> Rng {
    let mut rng = Rng::with_seed(seed ^ (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // Seeds that lie side by side begin alike.
    rng.fork()
}

pub trait Choices {
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str;
    fn one_in(&mut self, n: usize) -> bool;
    /// A text, or nothing.
    fn maybe(&mut self, text: &str) -> String;
}

impl Choices for Rng {
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.usize(..of.len())]
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.usize(..n) == 0
    }

    fn maybe(&mut self, text: &str) -> String {
        if self.bool() { text.to_owned() } else { String::new() }
    }
}

/// What quotes and comments hold is left alone; all else may change.
#[derive(Clone, Copy)]
pub struct Quoting {
    /// Backslashes escape in strings.
    pub backslashes: bool,
    /// `$tag$ … $tag$`.
    pub dollars: bool,
    pub hash_comments: bool,
}

/// The text in parts: code, and what is quoted or a comment.
fn parts(sql: &str, quoting: Quoting) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let (mut at, mut from) = (0, 0);
    while at < sql.len() {
        // A dollar in a name opens nothing.
        let is_in_name = sql[..at].ends_with(|char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '$'));
        let length = if is_in_name && sql[at..].starts_with('$') { 0 } else { quoted(&sql[at..], quoting) };
        if length == 0 {
            at += sql[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        parts.push((true, &sql[from..at]));
        parts.push((false, &sql[at..at + length]));
        at += length;
        from = at;
    }
    parts.push((true, &sql[from..]));
    parts
}

/// The length of a quote or a comment that begins here; 0 where none does.
fn quoted(rest: &str, quoting: Quoting) -> usize {
    let until = |mark: &str, from: usize| rest[from..].find(mark).map_or(rest.len(), |at| from + at + mark.len());
    let first = rest.chars().next().unwrap_or(' ');
    // What a version comment holds is code.
    if rest.starts_with("/*") && !rest.starts_with("/*!") {
        return until("*/", 2);
    }
    if rest.starts_with("--") || first == '#' && quoting.hash_comments {
        return until("\n", 1);
    }
    if first == '$' && quoting.dollars {
        return match rest[1..].find('$') {
            Some(end) => until(&rest[..end + 2], end + 2),
            None => 0,
        };
    }
    if !matches!(first, '\'' | '"' | '`') {
        return 0;
    }
    // E'…' is none of what is written by these generators with a quote behind a backslash, but for its own test.
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoting.backslashes && first != '`' => escaped = true,
            _ if char == first => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether a word stands outside quotes and comments.
pub fn says(sql: &str, word: &str, quoting: Quoting) -> bool {
    let lower = |text: &str| text.to_ascii_lowercase();
    parts(sql, quoting).iter().any(|(is_code, part)| *is_code && lower(part).contains(word))
}

/// Other letters' case, and other white space and comments between words.
pub fn noise(rng: &mut Rng, sql: &str, quoting: Quoting) -> String {
    let (lower, comments) = (rng.bool(), !rng.one_in(3));
    let mut blanks =
        vec!["\n", "\t", "  ", "\n\n", " /* ; END */ ", " /* it's; */ ", " -- END;\n", " --\n", "\n-- it's\n"];
    if quoting.hash_comments {
        blanks.extend([" # ; END\n", " #'\n"]);
    }
    let mut out = String::new();
    for (is_code, part) in parts(sql, quoting) {
        if !is_code {
            out.push_str(part);
            continue;
        }
        for char in part.chars() {
            match char {
                ' ' if comments && rng.one_in(40) => out.push_str(rng.pick(&blanks)),
                _ if lower => out.extend(char.to_lowercase()),
                _ => out.push(char),
            }
        }
    }
    out
}

/// The text without one of its tokens that open, part or close something.
pub fn broken(rng: &mut Rng, sql: &str, quoting: Quoting) -> String {
    let tokens = ["END", "BEGIN", "THEN", ";", "IF", "(", ")", "DO", "CASE", "'"];
    let token = rng.pick(&tokens);
    let parts = parts(sql, quoting);
    let found: Vec<(usize, usize)> = parts
        .iter()
        .enumerate()
        .filter(|(_, (is_code, _))| *is_code || token == "'")
        .flat_map(|(part, (_, text))| text.match_indices(token).map(move |(at, _)| (part, at)))
        .collect();
    let Some(&(part, at)) = (!found.is_empty()).then(|| &found[rng.usize(..found.len())]) else {
        return sql.to_owned();
    };
    let kept = |(number, (_, text)): (usize, &(bool, &str))| {
        if number == part { format!("{}{}", &text[..at], &text[at + token.len()..]) } else { (*text).to_owned() }
    };
    parts.iter().enumerate().map(kept).collect()
}

/// Comment lines as people write them between statements.
pub fn comment(rng: &mut Rng, hash_comments: bool) -> String {
    let mut comments = vec![
        "",
        "",
        "",
        "-- it's; END\n",
        "/* BEGIN; $$ // */\n",
        "--\n",
        "\n\n",
        "/* DELIMITER ;;\nDELIMITER $$\n*/\n",
    ];
    if hash_comments {
        comments.extend(["# END; '\n", "-- DELIMITER $$\n"]);
    }
    rng.pick(&comments).to_owned()
}
