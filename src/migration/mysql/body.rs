//! The bodies of routines, triggers and events: in them a semicolon ends no statement of the file. The client knows
//! nothing of this and leaves it to DELIMITER lines; here a body is whole without them, too.
//!
//! Source: `MySQL`'s manual, "Compound Statement Syntax"; `MariaDB`'s, "Programmatic & Compound Statements". Not
//! `sql_mode=ORACLE`, whose bodies are written otherwise.

use super::super::lexeme::Kind;

/// What a body nests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Block {
    Begin,
    /// `CASE` as a statement, and `IF`, `LOOP`, `WHILE`, `FOR`, `REPEAT` before its `UNTIL`.
    Compound,
    /// `CASE` in an expression: holds no statements.
    CaseExpression,
    /// `REPEAT` behind its `UNTIL`: an expression, then `END`.
    Until,
}

/// What statement it is, as far as its words tell.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Header {
    #[default]
    Nothing,
    /// `CREATE`, perhaps with `OR REPLACE` and a definer.
    Create,
    /// `BEGIN`, which is a block where `NOT ATOMIC` follows.
    Begin,
    Routine,
    Other,
}

/// Whether the statement in a body declares something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Declaration {
    #[default]
    None,
    Any,
    /// A handler, which may end with a block.
    Handler,
}

/// Watches a statement's tokens for a body.
#[derive(Debug, Default)]
pub(super) struct Body {
    header: Header,
    blocks: Vec<Block>,
    /// The next word may begin a statement.
    starts: bool,
    /// The last token was `END`.
    ended: bool,
    /// The last token says that a name follows, whatever word that is.
    names: bool,
    declaration: Declaration,
}

impl Body {
    /// Whether a semicolon is a part of the body.
    pub(super) fn is_open(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Whether the statement may have a body, so that only a delimiter other than the semicolon surely ends it.
    pub(super) fn is_routine(&self) -> bool {
        self.header == Header::Routine
    }

    /// Looks at the next token that counts.
    pub(super) fn token(&mut self, kind: Kind, text: &str) {
        let is_word = kind == Kind::Word && !self.names;
        let word = if is_word { text.to_ascii_uppercase() } else { String::new() };
        let starts = std::mem::take(&mut self.starts);
        let ended = std::mem::take(&mut self.ended);
        if self.header == Header::Routine {
            self.in_routine(&word, starts, ended);
        } else {
            self.header(&word);
        }
        self.names = match text {
            "." => true,
            _ => self.blocks.is_empty() && is_any(&word, &["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "EXISTS"]),
        };
        match kind {
            Kind::Semicolon => {
                self.starts = self.is_open();
                self.declaration = Declaration::None;
            }
            // The parameters' end, where a routine's body may follow.
            Kind::Close => self.starts = self.blocks.is_empty(),
            // A label.
            Kind::Operator if text == ":" => self.starts = true,
            _ => {}
        }
    }

    fn header(&mut self, word: &str) {
        self.header = match (self.header, word) {
            (Header::Nothing, "BEGIN") => Header::Begin,
            // A compound statement outside routines, which MariaDB executes.
            (Header::Nothing, "IF" | "CASE" | "LOOP" | "WHILE" | "REPEAT" | "FOR") => {
                self.blocks.push(Block::Compound);
                Header::Routine
            }
            (Header::Begin, "NOT") => {
                self.blocks.push(Block::Begin);
                Header::Routine
            }
            (Header::Create, "PROCEDURE" | "FUNCTION" | "TRIGGER" | "EVENT") => Header::Routine,
            (Header::Create, "TABLE" | "VIEW" | "INDEX" | "DATABASE" | "SCHEMA" | "USER" | "ROLE" | "SERVER") => {
                Header::Other
            }
            (Header::Nothing, "CREATE") | (Header::Create, _) => Header::Create,
            _ => Header::Other,
        };
    }

    fn in_routine(&mut self, word: &str, starts: bool, ended: bool) {
        if self.blocks.last() == Some(&Block::CaseExpression) {
            match word {
                "CASE" => self.blocks.push(Block::CaseExpression),
                "END" => drop(self.blocks.pop()),
                _ => {}
            }
            return;
        }
        if ended && is_any(word, &["IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"]) {
            return;
        }
        match word {
            "BEGIN" if starts || self.declaration == Declaration::Handler || self.blocks.is_empty() => {
                self.blocks.push(Block::Begin);
            }
            "IF" | "LOOP" | "WHILE" | "REPEAT" if starts => self.blocks.push(Block::Compound),
            // Not the one of FOR EACH ROW.
            "FOR" if starts && self.is_open() => self.blocks.push(Block::Compound),
            "CASE" => self.blocks.push(if starts { Block::Compound } else { Block::CaseExpression }),
            "UNTIL" if starts => {
                self.blocks.pop();
                self.blocks.push(Block::Until);
            }
            "END" if starts || self.blocks.last() == Some(&Block::Until) => {
                self.blocks.pop();
                self.ended = true;
            }
            "DECLARE" if starts => self.declaration = Declaration::Any,
            "HANDLER" if self.declaration == Declaration::Any => self.declaration = Declaration::Handler,
            _ => {}
        }
        self.starts = match word {
            "BEGIN" | "THEN" | "ELSE" | "DO" | "LOOP" | "REPEAT" => true,
            // The last word of a header, before a body that is one statement: FOR EACH ROW, READS SQL DATA, …
            "ROW" | "DATA" | "SQL" | "DETERMINISTIC" | "INVOKER" | "DEFINER" => self.blocks.is_empty(),
            _ => false,
        };
    }
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.contains(&word)
}
