//! Names and texts as the SQL of MySQL and MariaDB writes them. What is sent has no parameters, so that several statements
//! fit into one message; what goes into them goes through here.

use std::fmt::Write as _;

/// A name, quoted. Backticks quote names whatever `sql_mode` is.
/// Source: MySQL, "Schema Object Names"; MariaDB, "Identifier Names".
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text, so that it means the same whatever `sql_mode` and the connection's character set are: what a backslash or a
/// byte beyond ASCII would mean depends on them, digits do not.
/// Source: MySQL, "Hexadecimal Literals", "Character Set Introducers"; MariaDB's are the same.
pub(super) fn text(value: &str) -> String {
    if value.bytes().all(|byte| byte.is_ascii() && byte != b'\\' && byte != 0) {
        return format!("'{}'", value.replace('\'', "''"));
    }
    let mut literal = String::with_capacity(value.len() * 2 + 16);
    literal.push_str("_utf8mb4 x'");
    for byte in value.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(literal, "{byte:02x}");
    }
    literal.push('\'');
    literal
}

/// A text, or NULL.
pub(super) fn text_or_null(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::{identifier, text};

    #[test]
    fn what_settings_could_change_is_written_in_digits() {
        assert_eq!(identifier("a`b"), "`a``b`");
        assert_eq!(text("it's \"so\""), "'it''s \"so\"'");
        assert_eq!(text("a\\'b"), "_utf8mb4 x'615c2762'");
        assert_eq!(text("ü"), "_utf8mb4 x'c3bc'");
    }
}
