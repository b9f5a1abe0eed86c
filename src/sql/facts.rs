//! What is known about a statement from its text alone. Determined in one place, when its file is parsed, from tokens
//! that are produced once.

use std::ops::Range;

use super::ddl::Ddl;
use super::definition::ddl;
use super::fit::Fit;
use super::secret::secrets_of_line;
use super::session_object::Effect;
use super::tokens::Parsed;
use super::{Dialect, Execution, SessionChange};

/// A file may have many statements, so facts that most of them do not have are boxed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// How it is executed if it is committed separately.
    pub execution: Execution,
    /// What it defines; None for other kinds of statements.
    pub ddl: Option<Box<Ddl>>,
    /// Whether it could have a body into which the server's grammar would take what follows in the same message.
    /// `MySQL` and `MariaDB` only; true if in doubt.
    pub may_hold_body: bool,
    /// Whether its effects cannot be seen in its text.
    pub(crate) is_hidden: bool,
    session_change: Option<Box<SessionChange>>,
    session_effect: Option<Box<Effect>>,
    /// The byte ranges of its first line that may be passwords.
    pub(crate) secrets: Box<[Range<usize>]>,
}

impl Facts {
    /// Reads one statement outside a file.
    #[must_use]
    pub fn of(sql: &str, dialect: Dialect) -> Self {
        Parsed::ask(sql, dialect, |statement| Self::read(statement, dialect).0)
    }

    /// Also returns how it fits into its file, which is only needed while that is parsed.
    pub(crate) fn read(statement: Parsed<'_>, dialect: Dialect) -> (Self, Fit) {
        let grammar = dialect.grammar();
        let ddl = ddl(statement);
        let statement = Parsed { ddl: ddl.as_ref(), ..statement };
        let execution = grammar.execution(statement);
        let fit = grammar.fit(statement, &execution);
        let change = grammar.session_change(statement, &execution);
        let effect = grammar.session_effect(statement);
        let facts = Self {
            may_hold_body: grammar.may_hold_body(statement),
            is_hidden: grammar.is_hidden(statement, &execution),
            session_change: (change != SessionChange::NONE).then(|| Box::new(change)),
            session_effect: (effect != Effect::NONE).then(|| Box::new(effect)),
            secrets: secrets_of_line(statement.sql.lines().next().unwrap_or_default()),
            execution,
            ddl: ddl.map(Box::new),
        };
        (facts, fit)
    }

    /// What it may change in its session that a resumed run has to restore. `MySQL` and `MariaDB` only.
    #[must_use]
    pub fn session_change(&self) -> &SessionChange {
        self.session_change.as_deref().unwrap_or(SessionChange::none())
    }

    /// What it does to the objects of its session.
    pub(crate) fn session_effect(&self) -> &Effect {
        self.session_effect.as_deref().unwrap_or(Effect::none())
    }
}
