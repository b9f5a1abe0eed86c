//! What our own queries answer with, so that their answers are distinguished from a file's. Pure.

use sha2::{Digest, Sha256};

/// A mark's length in bytes: eight that belong to the session and the file, four that count.
pub(super) const MARK_LENGTH: usize = 12;

/// What a query of our own answers with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark(pub(super) [u8; MARK_LENGTH]);

/// The marks of one attempt.
#[derive(Debug)]
pub(super) struct Marks {
    own: [u8; 8],
    next: u32,
}

impl Marks {
    /// `session`: what no other session has; `file`: whose statements they follow.
    pub(super) fn new(session: &str, file: &str) -> Self {
        let hash = Sha256::digest(format!("{session}\0{file}"));
        let mut own = [0; 8];
        own.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
        Self { own, next: 0 }
    }

    pub(super) fn next(&mut self) -> Mark {
        self.next += 1;
        let mut mark = [0; MARK_LENGTH];
        mark.iter_mut().zip(self.own.into_iter().chain(self.next.to_be_bytes())).for_each(|(byte, of)| *byte = of);
        Mark(mark)
    }
}

impl Mark {
    /// As an expression: bytes, which no setting of the file's converts to another character set.
    pub(super) fn literal(self) -> String {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
        let hex: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        format!("x'{hex}'")
    }

    /// As a query. Its own LIMIT counts where the file has set `sql_select_limit`.
    pub(super) fn query(self) -> String {
        format!("SELECT {} LIMIT 1", self.literal())
    }
}

#[cfg(test)]
mod tests {
    use super::{MARK_LENGTH, Marks};

    #[test]
    fn marks_are_the_session_s_the_file_s_and_each_is_another() {
        let mut marks = Marks::new("s", "f");
        let [one, two] = [marks.next(), marks.next()];
        assert_ne!(one, two);
        assert_ne!(one, Marks::new("t", "f").next());
        assert_ne!(one, Marks::new("s", "g").next());
        assert_eq!(one.query().len(), "SELECT x'' LIMIT 1".len() + 2 * MARK_LENGTH);
    }
}
