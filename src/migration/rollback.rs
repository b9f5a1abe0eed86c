//! The rollback SQL at the end of a migration's own file: a line `-- rollback:` and comment lines after it.

use super::lexeme::{Kind, lexemes};

/// The marker's text, after the two dashes.
const MARKER: &str = "rollback:";

/// What the end of a file holds.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Block {
    /// No rollback block.
    None,
    /// The block's SQL; empty where nothing needs to be undone. With it the byte where the block begins.
    Sql(usize, String),
    /// The line of the marker stands alone, so a block was meant, but SQL follows at this byte.
    SqlFollows(usize),
}

/// Finds the rollback block. A comment that merely begins with `rollback:` and has SQL somewhere after it is an
/// ordinary comment; a marker that stands alone on its line is always meant as one.
pub(super) fn rollback_block(sql: &str) -> Block {
    let mut block: Option<Reader> = None;
    for lexeme in lexemes(sql, 0) {
        let text = sql.get(lexeme.start..lexeme.end).unwrap_or_default();
        match (&mut block, lexeme.kind) {
            (_, Kind::Space) => {}
            (Some(reader), Kind::LineComment) => reader.line(text),
            (None, Kind::LineComment) => {
                block = marker(text).filter(|_| begins_line(sql, lexeme.start)).map(|first| {
                    let mut reader = Reader { start: lexeme.start, alone: first.is_empty(), sql: String::new() };
                    if !first.is_empty() {
                        reader.push(first);
                    }
                    reader
                });
            }
            (Some(reader), _) if reader.alone => return Block::SqlFollows(lexeme.start),
            _ => block = None,
        }
    }
    block.map_or(Block::None, |reader| Block::Sql(reader.start, reader.sql))
}

struct Reader {
    start: usize,
    alone: bool,
    sql: String,
}

impl Reader {
    fn line(&mut self, comment: &str) {
        let text = comment.strip_prefix("--").unwrap_or(comment);
        self.push(text.strip_prefix(' ').unwrap_or(text).trim_end());
    }

    fn push(&mut self, line: &str) {
        self.sql.push_str(line);
        self.sql.push('\n');
    }
}

/// What follows the marker on its line, if the comment is one.
fn marker(comment: &str) -> Option<&str> {
    let text = comment.strip_prefix("--")?.trim();
    let head = text.get(..MARKER.len())?;
    head.eq_ignore_ascii_case(MARKER).then(|| text.get(MARKER.len()..).unwrap_or_default().trim_start())
}

fn begins_line(sql: &str, offset: usize) -> bool {
    let before = sql.get(..offset).unwrap_or_default();
    before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty())
}
