//! Names and texts as PostgreSQL's SQL writes them. The messages of a run are sent without
//! parameters, so that several statements fit into one; what goes into them goes through here.

/// A name, quoted.
/// Source: PostgreSQL, 4.1.1 "Identifiers and Key Words".
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text, quoted so that it means the same whatever `standard_conforming_strings` is set to.
/// Source: PostgreSQL, 4.1.2 "Constants". A NUL cannot be sent at all and becomes U+FFFD.
pub(super) fn text(value: &str) -> String {
    let value = value.replace('\0', "\u{fffd}").replace('\'', "''");
    if value.contains('\\') { format!("E'{}'", value.replace('\\', "\\\\")) } else { format!("'{value}'") }
}

/// A text, or NULL.
pub(super) fn text_or_null(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::{identifier, text};

    #[test]
    fn quotes_are_doubled_and_backslashes_kept() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(text("it's"), "'it''s'");
        assert_eq!(text("a\\'b"), "E'a\\\\''b'");
    }
}
