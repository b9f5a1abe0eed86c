//! Converts byte offsets to lines and columns.

/// A position as editors show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// Converts ascending byte offsets, reading the text only once.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    position: Position,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, position: Position { line: 1, column: 1 } }
    }

    /// The position of the byte `offset`, which must not be less than in the call before.
    pub(crate) fn advance(&mut self, offset: usize) -> Position {
        let passed = self.text.get(self.at..offset).unwrap_or_default();
        let tail = match passed.rfind('\n') {
            Some(newline) => {
                self.position.line += passed.bytes().filter(|b| *b == b'\n').count();
                self.position.column = 1;
                passed.get(newline + 1..).unwrap_or_default()
            }
            None => passed,
        };
        self.position.column += tail.chars().count();
        self.at = self.at.max(offset);
        self.position
    }
}

pub(crate) fn position(text: &str, offset: usize) -> Position {
    Cursor::new(text).advance(offset)
}
