//! The header before the body of a routine, trigger or event. In the servers' grammars every word of it determines
//! where the body begins, so all of them are parsed.
//!
//! Source: `MySQL`, `sql/sql_yacc.yy`, `sp_tail`, `sf_tail`, `trigger_tail`, `event_tail`; `MariaDB`'s.

use super::super::lexeme::Kind;
use super::stored_object::PLAIN_OBJECTS;

/// What a token of a header means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The header continues.
    More,
    /// The body begins with the next token.
    BodyFollows,
    /// The body begins with this token.
    Body,
    /// A compound statement outside routines begins with this token.
    Compound,
    /// `BEGIN NOT ATOMIC`: a block follows.
    Block,
    /// No body can follow.
    Over,
    /// A body follows whose end cannot be found: packages, bodies in the style of `sql_mode=ORACLE`.
    Lost,
}

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
    /// After `BEGIN` as the first word.
    Begin,
    /// After `BEGIN NOT`.
    Atomic,
    Set,
    /// After `SET STATEMENT`, up to `FOR`.
    SetStatement,
    /// After `CREATE` or `ALTER`, before the kind of object.
    Making {
        alters: bool,
    },
    /// Before the name, or after a part of it.
    Name(Object, bool),
    /// After a routine's name: parameters, RETURNS, characteristics.
    Routine,
    /// After `RETURNS`; true once the first word of the type was read.
    Type(bool),
    Using,
    As,
    /// Before the end of `FOR EACH ROW`, after this many of its words.
    Trigger(u8),
    /// After `FOR EACH ROW`; true once `FOLLOWS` or `PRECEDES` and a part of a name were read.
    Order(bool),
    Event,
}

/// Parses a header token by token.
#[derive(Debug, Default)]
pub(super) struct Header {
    at: At,
    depth: usize,
    /// How many of the next tokens belong to something already read.
    skip: usize,
    is_function: bool,
    /// The last token was a dot: whatever follows is a name.
    dotted: bool,
}

/// Words that continue a type.
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
    /// Takes the next token; `word` is in capitals, or empty if the token is not a word.
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
            // DECLARE, or BEGIN before other words, starts a block of sql_mode=ORACLE.
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
            // An account may be named like an object.
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
            // How sql_mode=ORACLE declares a function's type.
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
