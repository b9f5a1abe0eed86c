//! Words of the commands that people are advised to write.

/// A word as a shell takes it: a rollback's name has spaces in it.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::shell_word;

    #[rstest]
    #[case("001_a.sql", "001_a.sql")]
    #[case("rollback of 001_a.sql", "'rollback of 001_a.sql'")]
    #[case("it's", r"'it'\''s'")]
    #[case("", "''")]
    fn a_word_is_quoted_where_a_shell_needs_it(#[case] word: &str, #[case] expected: &str) {
        assert_eq!(shell_word(word), expected);
    }
}
