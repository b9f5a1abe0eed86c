//! What is known of a statement from its words alone. Worked out in one place, when its file is read, from tokens that are
//! made once; whoever has to know it afterwards asks nothing anew.

use std::ops::Range;

use super::ddl::Ddl;
use super::definition::ddl;
use super::fit::Fit;
use super::secret::secrets_of_line;
use super::session_object::Effect;
use super::tokens::Parsed;
use super::{Dialect, Execution, SessionChange};

/// What is known of a statement. A file may have many, so what most statements have nothing of is boxed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// How it is executed where it is committed by itself.
    pub execution: Execution,
    /// What it defines; None where it is of another kind.
    pub ddl: Option<Box<Ddl>>,
    /// Whether it could have a body into which the server's grammar would take what is sent behind it in one message; of
    /// `MySQL` and `MariaDB`, on the safe side.
    pub may_hold_body: bool,
    /// Whether what it does cannot be seen in it.
    pub(crate) is_hidden: bool,
    session_change: Option<Box<SessionChange>>,
    session_effect: Option<Box<Effect>>,
    /// What of its first line may be a password, in bytes.
    pub(crate) secrets: Vec<Range<usize>>,
}

impl Facts {
    /// Reads one statement that stands in no file.
    #[must_use]
    pub fn of(sql: &str, dialect: Dialect) -> Self {
        Parsed::ask(sql, dialect, |statement| Self::read(statement, dialect).0)
    }

    /// With how it fits into its file, which nobody needs to know once that is read.
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

    /// What it may change in its session, where a run has to keep that to be resumed: of `MySQL` and `MariaDB`.
    #[must_use]
    pub fn session_change(&self) -> &SessionChange {
        self.session_change.as_deref().unwrap_or(SessionChange::none())
    }

    /// What it does to the objects of its session.
    pub(crate) fn session_effect(&self) -> &Effect {
        self.session_effect.as_deref().unwrap_or(Effect::none())
    }
}
