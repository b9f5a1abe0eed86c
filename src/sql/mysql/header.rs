//! What stands before the body of a routine, trigger or event: where the body begins the servers' grammars say by every
//! word of the header, so that they are all read.
//!
//! Source: `MySQL`, `sql/sql_yacc.yy`, `sp_tail`, `sf_tail`, `trigger_tail`, `event_tail`; `MariaDB`'s.

use super::super::lexeme::Kind;
use super::stored_object::PLAIN_OBJECTS;

/// What a token of a header means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The header goes on.
    More,
    /// The body begins with the next token.
    BodyFollows,
    /// The body begins with this token.
    Body,
    /// The statement is one outside routines that nests others, and begins with this token.
    Compound,
    /// `BEGIN NOT ATOMIC` has begun: a block follows.
    Block,
    /// No body can follow.
    Over,
    /// Nobody can tell where a body ends that follows: packages, bodies in the manner of `sql_mode=ORACLE`.
    Lost,
}

/// What is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Object {
    Routine,
    Trigger,
    Event,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum At {
    #[default]
    Nothing,
    /// Behind `BEGIN`, the first word.
    Begin,
    /// Behind `BEGIN NOT`.
    Atomic,
    /// Behind `SET`.
    Set,
    /// Behind `SET STATEMENT`, up to `FOR`.
    SetStatement,
    /// Behind `CREATE` or `ALTER`, before the kind of what is made.
    Making {
        alters: bool,
    },
    /// Before the name, or behind a part of it.
    Name(Object, bool),
    /// Behind a routine's name: parameters, RETURNS, characteristics.
    Routine,
    /// Behind `RETURNS`; whether the type's first word has come.
    Type(bool),
    /// Behind `USING`.
    Using,
    /// Behind `AS`.
    As,
    /// Up to `FOR EACH ROW`, of which so many words have come.
    Trigger(u8),
    /// Behind it; whether `FOLLOWS` or `PRECEDES` and a part of a name have come.
    Order(bool),
    Event,
}

/// Reads a header, token by token.
#[derive(Debug, Default)]
pub(super) struct Header {
    at: At,
    depth: usize,
    /// So many tokens belong to what came before.
    skip: usize,
    is_function: bool,
    /// The last token was a dot: a name follows, whatever word that is.
    dotted: bool,
}

/// Words that go on with a type.
const TYPE_WORDS: &[&str] = &[
    "UNSIGNED",
    "SIGNED",
    "ZEROFILL",
    "ASCII",
    "UNICODE",
    "BYTE",
    "BINARY",
    "PRECISION",
    "VARYING",
    "VARCHAR",
    "VARCHARACTER",
    "VARBINARY",
    "CHAR",
    "CHARACTER",
    "COMPRESSED",
    "TYPE",
];

impl Header {
    /// Takes the next token; `word` in capitals, empty where it is none.
    pub(super) fn token(&mut self, kind: Kind, text: &str, word: &str) -> Step {
        let dotted = std::mem::replace(&mut self.dotted, text == ".");
        if self.skip > 0 {
            self.skip -= 1;
            return Step::More;
        }
        match kind {
            Kind::Open => self.depth += 1,
            Kind::Close => self.depth = self.depth.saturating_sub(1),
            _ if self.depth == 0 => return self.outside(text, if dotted { "" } else { word }, dotted),
            _ => return Step::More,
        }
        let opens = kind == Kind::Open && self.depth == 1;
        match self.at {
            At::Nothing if opens => Step::Over,
            // A query in parentheses.
            At::Order(_) | At::Routine if opens => Step::Body,
            At::Name(Object::Routine, _) | At::Using if opens => self.to(At::Routine),
            _ => Step::More,
        }
    }

    fn to(&mut self, at: At) -> Step {
        self.at = at;
        Step::More
    }

    fn past(&mut self, tokens: usize) -> Step {
        self.skip = tokens;
        Step::More
    }

    fn outside(&mut self, text: &str, word: &str, dotted: bool) -> Step {
        match (self.at, word) {
            (At::Nothing, "CREATE") => self.to(At::Making { alters: false }),
            (At::Nothing, "ALTER") => self.to(At::Making { alters: true }),
            (At::Nothing, "SET") => self.to(At::Set),
            (At::Nothing, "BEGIN") => self.to(At::Begin),
            (At::Nothing, "IF" | "CASE" | "LOOP" | "WHILE" | "REPEAT" | "FOR") => Step::Compound,
            (At::Begin, "NOT") => self.to(At::Atomic),
            (At::Nothing, _) if word != "DECLARE" => Step::Over,
            (At::Atomic, _) => Step::Block,
            (At::Set, "STATEMENT") => self.to(At::SetStatement),
            (At::Begin, "WORK") | (At::Set, _) => Step::Over,
            (At::SetStatement, "FOR") => self.to(At::Nothing),
            (At::Making { alters }, _) => self.making(text, word, alters),
            (At::Name(object, named), _) => self.name(object, named, text, word, dotted),
            (At::Routine, _) => self.routine(word),
            (At::Type(begun), _) => self.of_type(text, word, begun),
            (At::As, _) if text.starts_with(['\'', '"', '$']) => Step::Over,
            // DECLARE and BEGIN before other words are blocks of sql_mode=ORACLE.
            (At::Nothing | At::Begin | At::Using | At::As, _) => Step::Lost,
            (At::Trigger(words), _) => self.trigger(word, words),
            (At::Order(_), "FOLLOWS" | "PRECEDES") => {
                self.skip = 1;
                self.to(At::Order(true))
            }
            (At::Order(true), _) if text == "." => self.past(1),
            (At::Order(_), _) => Step::Body,
            (At::Event, "DO") => Step::BodyFollows,
            (At::Event, "TO") => self.past(1),
            (At::SetStatement | At::Event, _) => Step::More,
        }
    }

    fn making(&mut self, text: &str, word: &str, alters: bool) -> Step {
        match word {
            "PROCEDURE" | "FUNCTION" if alters => Step::Over,
            "PROCEDURE" | "FUNCTION" => {
                self.is_function = word == "FUNCTION";
                self.to(At::Name(Object::Routine, false))
            }
            "TRIGGER" => self.to(At::Name(Object::Trigger, false)),
            "EVENT" => self.to(At::Name(Object::Event, false)),
            "PACKAGE" => Step::Lost,
            // An account may be called like an object.
            "DEFINER" => self.past(2),
            _ if text == "@" => self.past(1),
            _ if word == "LIBRARY" || PLAIN_OBJECTS.iter().any(|object| word.eq_ignore_ascii_case(object)) => {
                Step::Over
            }
            _ => Step::More,
        }
    }

    fn name(&mut self, object: Object, named: bool, text: &str, word: &str, dotted: bool) -> Step {
        if text == "." || !named && !dotted && matches!(word, "IF" | "NOT" | "EXISTS") {
            return Step::More;
        }
        if !named || dotted {
            return self.to(At::Name(object, true));
        }
        self.at = match object {
            Object::Routine => At::Routine,
            Object::Trigger => At::Trigger(0),
            Object::Event => At::Event,
        };
        self.outside(text, word, false)
    }

    fn routine(&mut self, word: &str) -> Step {
        match word {
            "RETURNS" => {
                self.is_function = false;
                self.to(At::Type(false))
            }
            // As sql_mode=ORACLE writes the type of a function.
            "RETURN" if self.is_function => Step::Lost,
            "COMMENT" | "LANGUAGE" | "NOT" | "CONTAINS" | "NO" => self.past(1),
            "READS" | "MODIFIES" | "SQL" => self.past(2),
            "DETERMINISTIC" => Step::More,
            "USING" => self.to(At::Using),
            "AS" => self.to(At::As),
            "IS" => Step::Lost,
            _ => Step::Body,
        }
    }

    fn of_type(&mut self, text: &str, word: &str, begun: bool) -> Step {
        match word {
            _ if !begun => self.to(At::Type(true)),
            "COLLATE" | "CHARSET" | "SET" | "OF" => self.past(1),
            _ if text == "." => self.past(1),
            _ if TYPE_WORDS.contains(&word) => Step::More,
            _ => {
                self.at = At::Routine;
                self.routine(word)
            }
        }
    }

    fn trigger(&mut self, word: &str, words: u8) -> Step {
        let next = match (word, words) {
            ("FOR", _) => 1,
            ("EACH", 1) => 2,
            ("ROW", 2) => return self.to(At::Order(false)),
            _ => 0,
        };
        self.to(At::Trigger(next))
    }
}
