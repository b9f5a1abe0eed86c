//! Another session's query, as an event or an error shows it.

use crate::sql::without_passwords;

/// The longest query that is shown, in characters.
const QUERY_LIMIT: usize = 120;

/// A query on one line, short, without passwords.
pub(crate) fn excerpt(query: &str) -> Option<String> {
    let line = without_passwords(query).split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = line.char_indices().nth(QUERY_LIMIT).and_then(|(end, _)| line.get(..end));
    match cut {
        Some(start) => Some(format!("{start}…")),
        None if line.is_empty() => None,
        None => Some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn a_query_is_shown_on_one_short_line_without_passwords() {
        assert_eq!(excerpt("update t\n\tset a = 1").as_deref(), Some("update t set a = 1"));
        assert_eq!(excerpt("alter role r password 'abc'").as_deref(), Some("alter role r password '***'"));
        assert_eq!(excerpt(&"x".repeat(200)).map(|query| query.chars().count()), Some(121));
        assert_eq!(excerpt(" "), None);
    }
}
