//! Helpers for lexers: where a run of bytes ends. All marks are ASCII, so every end is on a character boundary.

/// The byte at an offset. 0 after the end, which is unambiguous: texts contain no NUL.
pub(crate) fn byte(sql: &str, at: usize) -> u8 {
    sql.as_bytes().get(at).copied().unwrap_or_default()
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Whether a byte can be part of an unquoted name, as every byte of a non-ASCII character can.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

pub(crate) fn run(sql: &str, from: usize, satisfies: impl Fn(u8) -> bool) -> usize {
    let rest = sql.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| satisfies(**byte)).count()
}

/// The end of a line, before its `\n`.
pub(crate) fn line(sql: &str, from: usize) -> usize {
    run(sql, from, |byte| byte != b'\n')
}

/// The byte after a mark, if the text contains it from here on.
pub(crate) fn behind(sql: &str, from: usize, mark: &str) -> Option<usize> {
    sql.get(from..)?.find(mark).map(|at| from + at + mark.len())
}

/// The byte after the closing quote, reading from after the opening one; None if it is never closed. A doubled quote is
/// part of the text, and so is a character after a backslash if backslashes escape.
pub(crate) fn quoted(sql: &str, from: usize, quote: u8, backslashes: bool) -> Option<usize> {
    let bytes = sql.as_bytes();
    let mut at = from;
    loop {
        let found = *bytes.get(at)?;
        if found == b'\\' && backslashes {
            at += 2;
        } else if found != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return Some(at + 1);
        }
    }
}

/// Whether a text contains a word in any case, also as part of another word. The word must be in lower case and ASCII.
pub(crate) fn mentions(text: &str, word: &str) -> bool {
    mentions_any(text, &[word])
}

pub(crate) fn mentions_any(text: &str, words: &[&str]) -> bool {
    let bytes = text.as_bytes();
    let stands_at = |at: usize, word: &str| {
        bytes.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    };
    let begins = |byte: u8, word: &str| word.as_bytes().first() == Some(&(byte | 0x20));
    let found = |(at, byte): (usize, &u8)| words.iter().any(|word| begins(*byte, word) && stands_at(at, word));
    bytes.iter().enumerate().any(found)
}

/// The same for a word that ends in a colon; few texts contain one, so the colons are searched for.
pub(crate) fn has_mark(text: &str, mark: &str) -> bool {
    let before = |at: usize| (at + 1).checked_sub(mark.len()).and_then(|from| text.as_bytes().get(from..=at));
    text.match_indices(':').any(|(at, _)| before(at).is_some_and(|found| found.eq_ignore_ascii_case(mark.as_bytes())))
}

/// The end of a number: digits, letters as in `0xFF` and `1e5`, one fraction, a signed exponent.
pub(crate) fn number(sql: &str, from: usize) -> usize {
    let mut end = run(sql, from, is_word);
    if byte(sql, end) == b'.' && byte(sql, end + 1).is_ascii_digit() {
        end = run(sql, end + 1, is_word);
    }
    let exponent = matches!(byte(sql, end.saturating_sub(1)), b'e' | b'E') && end > from + 1;
    if exponent && matches!(byte(sql, end), b'+' | b'-') && byte(sql, end + 1).is_ascii_digit() {
        end = run(sql, end + 1, is_word);
    }
    end
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{has_mark, mentions, number};

    #[rstest]
    #[case("12-3", "12")]
    #[case("1e-3-4", "1e-3")]
    #[case("1.5E+10,", "1.5E+10")]
    #[case("1e-x", "1e")]
    #[case("0xFF-1", "0xFF")]
    #[case("1..2", "1")]
    fn a_number_ends_before_an_operator_that_is_not_part_of_its_exponent(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(sql.get(..number(sql, 0)), Some(expected));
    }

    #[rstest]
    #[case("a set_Config b", true)]
    #[case("presetset_confi set_config", true)]
    #[case("set config", false)]
    #[case("é set_config", true)]
    #[case("set_confi", false)]
    #[case("", false)]
    fn a_word_is_found_in_whichever_letters(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(mentions(text, "set_config"), expected);
    }

    #[rstest]
    #[case("-- ROLLBACK: x", true)]
    #[case("a:: rollback:", true)]
    #[case("éllback:", false)]
    #[case("rollback :", false)]
    #[case("back:", false)]
    fn a_mark_is_found_by_its_colon(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(has_mark(text, "rollback:"), expected);
    }
}
