//! Random choices from a seed, and changes to a statement's text that do not change its meaning.

use fastrand::Rng;

/// The choices for one file. They depend on the campaign's seed and the file only, not on other files.
pub fn of_file(seed: u64, id: usize) -> Rng {
    let mut rng = Rng::with_seed(seed ^ (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // Neighbouring seeds start with similar numbers.
    rng.fork()
}

pub trait Choices {
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str;
    fn one_in(&mut self, n: usize) -> bool;
    /// The text, or nothing.
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

/// How the engine quotes. Quoted text and comments are left alone; everything else may change.
#[derive(Clone, Copy)]
pub struct Quoting {
    pub backslashes: bool,
    pub dollars: bool,
    pub hash_comments: bool,
}

/// The text as parts: (is quoted or a comment, text).
fn parts(sql: &str, quoting: Quoting) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let (mut at, mut from) = (0, 0);
    while at < sql.len() {
        // A dollar sign inside a name opens nothing.
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

/// The length of the quoted text or comment that begins here; 0 if there is none.
fn quoted(rest: &str, quoting: Quoting) -> usize {
    let until = |mark: &str, from: usize| rest[from..].find(mark).map_or(rest.len(), |at| from + at + mark.len());
    let first = rest.chars().next().unwrap_or(' ');
    // A version comment contains code.
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
    // Apart from its own test, these generators write no E'…' with an escaped quote.
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

/// Whether a word occurs outside quotes and comments.
pub fn says(sql: &str, word: &str, quoting: Quoting) -> bool {
    let lower = |text: &str| text.to_ascii_lowercase();
    parts(sql, quoting).iter().any(|(is_code, part)| *is_code && lower(part).contains(word))
}

/// The same SQL with other case, white space and comments between words.
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

/// The text without one of the tokens that open, separate or close something.
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
