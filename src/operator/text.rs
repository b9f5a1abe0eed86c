//! Texts and times in the form that the API server keeps. Pure.

use jiff::Timestamp;

/// The longest message, in bytes: as much as an event's note can hold (Kubernetes API, `events.k8s.io/v1`), so that both
/// say the same to the end.
pub const MESSAGE_LIMIT: usize = 1024;

/// A time as the API server keeps it.
#[must_use]
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// A text of at most `limit` bytes, cut between characters.
#[must_use]
pub fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit.saturating_sub('…'.len_utf8())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("ääää", 7), "ää…");
        assert_eq!(shorten("", 0), "");
    }
}
