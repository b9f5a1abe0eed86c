//! An expression before statements of a body. The word that ends it may also be a name inside it.

use super::super::lexeme::Kind;

/// The word that ends an expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ends {
    /// `IF … THEN`, `WHEN … THEN`
    Then,
    /// `WHILE … DO`, `FOR … DO`
    Do,
    /// `CASE … WHEN`
    When,
    /// `UNTIL … END`
    End,
}

/// Parses an expression token by token.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) ends: Ends,
    depth: usize,
    /// The parenthesis depth of each open `CASE`.
    cases: Vec<usize>,
    /// The last token ends an operand, so that no name can follow.
    operand: bool,
    /// The last token was a dot: whatever follows is a name.
    dotted: bool,
}

/// Words that an operand follows.
const OPERATORS: &[&str] = &[
    "AND", "OR", "XOR", "NOT", "IS", "IN", "LIKE", "RLIKE", "REGEXP", "BETWEEN", "DIV", "MOD", "BINARY", "INTERVAL",
    "ESCAPE", "COLLATE", "SOUNDS", "MEMBER", "OF", "EXISTS", "WHEN", "THEN", "ELSE", "REVERSE",
];

impl Condition {
    pub(super) fn until(ends: Ends) -> Self {
        Self { ends, depth: 0, cases: Vec::new(), operand: false, dotted: false }
    }

    /// Takes the next token; `word` is in capitals, or empty if the token is not a word. Returns whether it ends the
    /// expression.
    pub(super) fn token(&mut self, kind: Kind, text: &str, word: &str) -> bool {
        let operand = std::mem::take(&mut self.operand);
        if std::mem::replace(&mut self.dotted, text == ".") && text != "." {
            self.operand = true;
            return false;
        }
        let in_case = self.cases.last() == Some(&self.depth);
        let outside = self.depth == 0 && self.cases.is_empty();
        match (kind, word) {
            (Kind::Open, _) => self.depth += 1,
            (Kind::Close, _) => {
                self.depth = self.depth.saturating_sub(1);
                self.operand = true;
            }
            (Kind::Word, "CASE") => self.cases.push(self.depth),
            (Kind::Word, "END") if operand && in_case => {
                self.cases.pop();
                self.operand = true;
            }
            (Kind::Word, "THEN") => return outside && self.ends == Ends::Then,
            (Kind::Word, "WHEN") => return outside && self.ends == Ends::When,
            (Kind::Word, "DO") if outside && operand => return self.ends == Ends::Do,
            (Kind::Word, "END") if outside && operand => return self.ends == Ends::End,
            (Kind::Word, _) => self.operand = !OPERATORS.contains(&word),
            (Kind::Operator, _) => {}
            _ => self.operand = !matches!(text, "," | "."),
        }
        false
    }
}
