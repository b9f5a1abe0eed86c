//! The bodies of routines, triggers and events: in them a semicolon ends no statement of the file. The client knows
//! nothing of this and leaves it to DELIMITER lines; here a body is whole without them, too.
//!
//! Read as the servers' grammars do: a word opens or closes a block only where a statement begins, so that it is a name
//! everywhere else. What does not fit is [`Body::is_lost`]: where such a statement ends nobody knows but who divides the
//! file, by DELIMITER lines. So it is with packages and with bodies in the manner of `sql_mode=ORACLE`.
//!
//! Source: `MySQL`'s manual, "Compound Statement Syntax"; `MariaDB`'s, "Programmatic & Compound Statements"; each form tried
//! on both servers.

use super::super::lexeme::Kind;
use super::condition::{Condition, Ends};
use super::header::{Header, Step};

/// What a body nests.
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
    /// The word behind its `END`.
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

/// Where in the statement the last token stands.
#[derive(Debug)]
enum At {
    Header(Header),
    /// No body can follow.
    Plain,
    /// A statement of the body begins with the next token.
    Start,
    /// Behind `BEGIN`, perhaps before `NOT ATOMIC`.
    Begun,
    /// Behind `BEGIN NOT`. Without `NOT`, `ATOMIC` is a label.
    BegunNot,
    /// Behind a word that may be a label.
    First,
    /// Behind `UNTIL`, which is no reserved word: a label, or the end of `REPEAT`.
    Until,
    /// In a statement that only a semicolon ends.
    Simple,
    Condition(Condition),
    /// Behind `DECLARE` and so many of the words that make a handler.
    Declare(usize),
    /// Before one of a handler's conditions.
    HandlerFor,
    /// In one: `SQLSTATE`, or `NOT`.
    HandlerWord,
    HandlerBehind,
    /// Behind `END`.
    Closing(Block),
    /// Behind the end of a loop, perhaps before a label.
    Closed,
    /// Behind all of a block.
    Ended,
    Lost,
}

/// Watches a statement's tokens for a body.
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
    /// Whether the body has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        !self.blocks.is_empty() || self.is_lost()
    }

    /// Whether it cannot be told where the statement ends.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.at, At::Lost)
    }

    /// Looks at a semicolon. Whether it ends the statement.
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

    /// Looks at the next token that counts, and is no semicolon.
    pub(super) fn token(&mut self, kind: Kind, text: &str) {
        // Most tokens: of statements that can have no body.
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
            // A label as sql_mode=ORACLE writes it.
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

/// Whether a token is the label behind a block's end.
fn is_label(kind: Kind, text: &str, word: &str) -> bool {
    is_name(kind, text) && !matches!(word, "IF" | "CASE" | "LOOP" | "WHILE" | "REPEAT" | "FOR")
}
