//! Locks on other tables than the one that a statement is about: those that a foreign key refers to, partitions and their
//! parents. How they are told beside the statement's strongest lock.
//!
//! Source: `PostgreSQL` 13 to 18, the reference pages CREATE TABLE and ALTER TABLE.

use super::lock_mode::LockMode;
use super::words::{Found, Words};

/// A lock and what it is on, several of them. The strongest is told first, the others behind it.
pub(super) struct Locks(Vec<(LockMode, String)>);

impl Locks {
    pub(super) fn new(found: Found) -> Self {
        Self(found.into_iter().collect())
    }

    /// Adds one, where nothing as strong is on that relation yet.
    pub(super) fn add(&mut self, mode: LockMode, on: String) {
        if !self.0.iter().any(|(known, relation)| *relation == on && *known >= mode) {
            self.0.push((mode, on));
        }
    }

    /// The strongest, with what it is on and the others: `t, and SHARE ROW EXCLUSIVE on u`.
    pub(super) fn told(mut self) -> Found {
        self.0.sort_by_key(|(mode, _)| std::cmp::Reverse(*mode));
        let strongest = self.0.first()?.0;
        let mut on = String::new();
        let mut last = strongest;
        for (mode, relation) in self.0 {
            match (on.is_empty(), mode == last) {
                (true, _) => {}
                (false, true) => on.push_str(", "),
                (false, false) => {
                    on.push_str(", and ");
                    on.push_str(mode.as_str());
                    on.push_str(" on ");
                }
            }
            on.push_str(&relation);
            last = mode;
        }
        Some((strongest, on))
    }

    /// Those of the foreign keys in a definition: triggers are made on the tables that they refer to, but for its own.
    pub(super) fn add_foreign_keys(&mut self, definition: Words<'_>, own: &str) {
        let mut rest = definition;
        while let Some(token) = rest.next() {
            if token.is("references")
                && let Some(name) = { rest }.name().filter(|name| name != own)
            {
                self.add(LockMode::ShareRowExclusive, name);
            }
        }
    }
}

/// CREATE TABLE locks nothing of its own that others could wait for, but what it refers to.
pub(super) fn create_table(mut words: Words<'_>) -> Found {
    words.eat_all(&["if", "not", "exists"]);
    let own = words.name()?;
    let mut locks = Locks::new(None);
    if words.eat_all(&["partition", "of"]) {
        locks.add(LockMode::AccessExclusive, words.name()?);
    } else if let Some(mut parents) = words.after("inherits") {
        while parents.next().is_some_and(|token| token.text == "(" || token.text == ",") {
            locks.add(LockMode::ShareUpdateExclusive, parents.name()?);
        }
    }
    locks.add_foreign_keys(words, &own);
    locks.told()
}

/// The second relation of an action of ALTER TABLE, with its lock.
pub(super) fn second_of_action(mut action: Words<'_>) -> Found {
    if action.eat_all(&["attach", "partition"]) {
        Some((LockMode::AccessExclusive, action.name()?))
    } else if action.eat_all(&["detach", "partition"]) {
        // CONCURRENTLY, too, in its second transaction.
        Some((LockMode::AccessExclusive, action.name()?))
    } else if action.eat("inherit") {
        Some((LockMode::ShareUpdateExclusive, action.name()?))
    } else {
        None
    }
}
