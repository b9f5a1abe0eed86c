//! The bodies of routines, triggers and events, in which a semicolon does not end the file's statement. The client
//! leaves that to DELIMITER lines; here a body is recognised without them, too.
//!
//! Parsed like the servers' grammars: a word opens or closes a block only at the start of a statement, and is a name
//! anywhere else. A body that does not fit is [`Body::is_lost`]: only DELIMITER lines can say where such a statement
//! ends. This is so for packages and for bodies in the style of `sql_mode=ORACLE`.
//!
//! Source: `MySQL`'s manual, "Compound Statement Syntax"; `MariaDB`'s, "Programmatic & Compound Statements"; each form
//! tried on both servers.

use super::super::lexeme::Kind;
use super::condition::{Condition, Ends};
use super::header::{Header, Step};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Block {
    Begin,
    If,
    Case,
    Loop,
    While,
    Repeat,
    For,
}

impl Block {
    /// The word after its `END`.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Begin => None,
            Self::If => Some("IF"),
            Self::Case => Some("CASE"),
            Self::Loop => Some("LOOP"),
            Self::While => Some("WHILE"),
            Self::Repeat => Some("REPEAT"),
            Self::For => Some("FOR"),
        }
    }
}

/// What the last token was.
#[derive(Debug)]
enum At {
    Header(Header),
    /// No body can follow.
    Plain,
    /// A statement of the body begins with the next token.
    Start,
    /// After `BEGIN`; `NOT ATOMIC` may follow.
    Begun,
    /// After `BEGIN NOT`. Without `NOT`, `ATOMIC` is a label.
    BegunNot,
    /// After a word that may be a label.
    First,
    /// After `UNTIL`, which is not a reserved word: a label, or the end of `REPEAT`.
    Until,
    /// In a statement that ends with a semicolon.
    Simple,
    Condition(Condition),
    /// After `DECLARE` and this many of the words that introduce a handler.
    Declare(usize),
    /// Before one of a handler's conditions.
    HandlerFor,
    /// In a condition: after `SQLSTATE` or `NOT`.
    HandlerWord,
    HandlerBehind,
    /// After `END`.
    Closing(Block),
    /// After the end of a loop; a label may follow.
    Closed,
    /// After a complete block.
    Ended,
    Lost,
}

/// Follows a statement's tokens to find its body.
#[derive(Debug)]
pub(super) struct Body {
    at: At,
    blocks: Vec<Block>,
}

impl Default for Body {
    fn default() -> Self {
        Self { at: At::Header(Header::default()), blocks: Vec::new() }
    }
}

impl Body {
    /// Whether the body has started and not ended.
    pub(super) fn is_open(&self) -> bool {
        !self.blocks.is_empty() || self.is_lost()
    }

    /// Whether the end of the statement cannot be found.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.at, At::Lost)
    }

    /// Takes a semicolon. Returns whether it ends the statement.
    pub(super) fn semicolon(&mut self) -> bool {
        self.at = match std::mem::replace(&mut self.at, At::Start) {
            whole @ (At::Header(_) | At::Plain | At::Start | At::First | At::Simple | At::Closed | At::Ended)
                if self.blocks.is_empty() =>
            {
                self.at = whole;
                return true;
            }
            At::Closing(Block::Begin) if self.blocks.is_empty() => {
                self.at = At::Ended;
                return true;
            }
            At::First | At::Simple | At::Closed | At::Ended | At::Declare(_) | At::Closing(Block::Begin) => At::Start,
            _ => At::Lost,
        };
        false
    }

    /// Takes the next token, other than semicolons, comments and white space.
    pub(super) fn token(&mut self, kind: Kind, text: &str) {
        // The common case: a statement that can have no body.
        if matches!(self.at, At::Plain) {
            return;
        }
        let word = if kind == Kind::Word { text.to_ascii_uppercase() } else { String::new() };
        let word = word.as_str();
        match std::mem::replace(&mut self.at, At::Lost) {
            At::Header(mut header) => {
                let step = header.token(kind, text, word);
                self.header(step, header, kind, text, word);
            }
            At::Begun if word == "NOT" => self.at = At::BegunNot,
            At::BegunNot if word == "ATOMIC" => self.at = At::Start,
            At::First => self.at = if text == ":" { At::Start } else { At::Simple },
            At::Until if text == ":" => self.at = At::Start,
            At::Until if self.blocks.last() == Some(&Block::Repeat) => {
                self.condition(Condition::until(Ends::End), kind, text, word);
            }
            At::Simple => self.at = At::Simple,
            At::Condition(condition) => self.condition(condition, kind, text, word),
            At::Declare(words) => {
                self.at = match (words, word) {
                    (0, "CONTINUE" | "EXIT" | "UNDO") | (1, "HANDLER") => At::Declare(words + 1),
                    (2, "FOR") => At::HandlerFor,
                    _ => At::Simple,
                };
            }
            At::HandlerFor if matches!(word, "SQLSTATE" | "NOT") => self.at = At::HandlerWord,
            At::HandlerWord if word == "VALUE" => self.at = At::HandlerWord,
            At::HandlerFor | At::HandlerWord => self.at = At::HandlerBehind,
            At::HandlerBehind if text == "," => self.at = At::HandlerFor,
            At::Start | At::Begun | At::HandlerBehind => self.start(kind, text, word),
            At::Closing(block) => self.closing(block, kind, text, word),
            At::Closed if is_label(kind, text, word) => self.at = At::Ended,
            At::Plain => self.at = At::Plain,
            At::BegunNot | At::Closed | At::Ended | At::Until | At::Lost => self.at = At::Lost,
        }
    }

    fn header(&mut self, step: Step, header: Header, kind: Kind, text: &str, word: &str) {
        match step {
            Step::More => self.at = At::Header(header),
            Step::BodyFollows => self.at = At::Start,
            Step::Body | Step::Compound => self.start(kind, text, word),
            Step::Block => self.open(Block::Begin, At::Start),
            Step::Over => self.at = At::Plain,
            Step::Lost => self.at = At::Lost,
        }
    }

    fn open(&mut self, block: Block, at: At) {
        self.blocks.push(block);
        self.at = at;
    }

    /// The first token of a statement in a body.
    fn start(&mut self, kind: Kind, text: &str, word: &str) {
        let until = |ends| At::Condition(Condition::until(ends));
        match (word, self.blocks.last()) {
            ("BEGIN", _) => self.open(Block::Begin, At::Begun),
            ("IF", _) => self.open(Block::If, until(Ends::Then)),
            ("CASE", _) => self.open(Block::Case, until(Ends::When)),
            ("LOOP", _) => self.open(Block::Loop, At::Start),
            ("WHILE", _) => self.open(Block::While, until(Ends::Do)),
            ("REPEAT", _) => self.open(Block::Repeat, At::Start),
            ("FOR", _) => self.open(Block::For, until(Ends::Do)),
            ("DECLARE", Some(_)) => self.at = At::Declare(0),
            ("END", Some(block)) => {
                self.at = At::Closing(*block);
                self.blocks.pop();
            }
            ("ELSE", Some(Block::If | Block::Case)) => self.at = At::Start,
            ("ELSEIF" | "ELSIF", Some(Block::If)) | ("WHEN", Some(Block::Case)) => self.at = until(Ends::Then),
            ("UNTIL", _) => self.at = At::Until,
            ("DECLARE" | "END" | "ELSE" | "ELSEIF" | "ELSIF" | "WHEN", _) => self.at = At::Lost,
            // A label of sql_mode=ORACLE.
            _ if text == "<" => self.at = At::Lost,
            _ => self.at = if is_name(kind, text) { At::First } else { At::Simple },
        }
    }

    fn condition(&mut self, mut condition: Condition, kind: Kind, text: &str, word: &str) {
        if !condition.token(kind, text, word) {
            self.at = At::Condition(condition);
            return;
        }
        self.at = match condition.ends {
            Ends::Then | Ends::Do => At::Start,
            Ends::When => At::Condition(Condition::until(Ends::Then)),
            Ends::End => {
                self.blocks.pop();
                At::Closing(Block::Repeat)
            }
        };
    }

    fn closing(&mut self, block: Block, kind: Kind, text: &str, word: &str) {
        self.at = match block.word() {
            Some(expected) if word != expected => At::Lost,
            Some("IF" | "CASE") => At::Ended,
            Some(_) => At::Closed,
            None if is_label(kind, text, word) => At::Ended,
            None => At::Lost,
        };
    }
}

fn is_name(kind: Kind, text: &str) -> bool {
    kind == Kind::Word || text.starts_with(['`', '"'])
}

/// Whether a token is the label after a block's end.
fn is_label(kind: Kind, text: &str, word: &str) -> bool {
    is_name(kind, text) && !matches!(word, "IF" | "CASE" | "LOOP" | "WHILE" | "REPEAT" | "FOR")
}
