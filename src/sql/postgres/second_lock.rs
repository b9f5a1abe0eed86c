//! Locks of a statement, also on other tables than the one that it is about: those that a foreign key refers to, partitions
//! and their parents.
//!
//! Source: `PostgreSQL` 13 to 18, the reference pages CREATE TABLE and ALTER TABLE.

use super::super::cursor::Cursor;
use super::super::ddl::{Action, Change, Create};
use super::super::lock_mode::TableLockMode;
use super::super::name::Name;
use super::super::statement_lock::{Lock, LockMode, Locked, Others, StatementLock};

/// Locks, where a statement is known to take one.
pub(super) type Found = Option<Locks>;

/// Locks, of which those on one relation count once.
pub(super) struct Locks(pub(super) Vec<(TableLockMode, Locked)>);

impl Locks {
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn one(mode: TableLockMode, on: Name) -> Self {
        Self(vec![(mode, Locked::Relation(on))])
    }

    pub(super) fn all(mode: TableLockMode, on: impl IntoIterator<Item = Locked>) -> Self {
        Self(on.into_iter().map(|on| (mode, on)).collect())
    }

    /// Adds one, where nothing as strong is on that relation yet.
    pub(super) fn add(&mut self, mode: TableLockMode, on: Name) {
        let on = Locked::Relation(on);
        if !self.0.iter().any(|(known, locked)| *locked == on && *known >= mode) {
            self.0.push((mode, on));
        }
    }

    /// The strongest first; None where there is none.
    pub(super) fn told(mut self) -> Option<StatementLock> {
        self.0.sort_by_key(|(mode, _)| std::cmp::Reverse(*mode));
        let strongest = self.0.first()?.0;
        let waits_from = |weakest| if strongest >= weakest { Others::Wait } else { Others::GoOn };
        let mut locks = self.0.into_iter().map(|(mode, on)| Lock { mode: LockMode::Table(mode), on });
        Some(StatementLock {
            strongest: locks.next()?,
            others: locks.collect(),
            reads: waits_from(TableLockMode::AccessExclusive),
            // Source: PostgreSQL, "Conflicting Lock Modes": what stands against ROW EXCLUSIVE.
            writes: waits_from(TableLockMode::Share),
        })
    }

    /// Those of the foreign keys in a definition: triggers are made on the tables that they refer to, but for its own.
    pub(super) fn add_foreign_keys(&mut self, definition: Cursor<'_>, own: &Name) {
        let mut rest = definition;
        while let Some(token) = rest.next() {
            if token.is("references")
                && let Some(name) = { rest }.name().filter(|name| name != own)
            {
                self.add(TableLockMode::ShareRowExclusive, name);
            }
        }
    }
}

/// CREATE TABLE locks nothing of its own that others could wait for, but what it refers to. `words`: after the name.
pub(super) fn create_table(create: &Create, mut words: Cursor<'_>) -> Found {
    let own = create.name.as_ref()?;
    let mut locks = Locks::none();
    if words.eat_all(&["partition", "of"]) {
        locks.add(TableLockMode::AccessExclusive, words.name()?);
    } else if let Some(mut parents) = words.after("inherits") {
        while parents.next().is_some_and(|token| token.text == "(" || token.text == ",") {
            locks.add(TableLockMode::ShareUpdateExclusive, parents.name()?);
        }
    }
    locks.add_foreign_keys(words, own);
    Some(locks)
}

/// The second relation of an action of ALTER TABLE, with its lock.
pub(super) fn second_of_action(action: &Action, mut words: Cursor<'_>) -> Option<(TableLockMode, Name)> {
    match &action.change {
        // With CONCURRENTLY, too, in its second transaction.
        Change::Attach(partition) | Change::Detach { partition, .. } => {
            Some((TableLockMode::AccessExclusive, partition.clone()))
        }
        _ if words.eat(&["inherit"]) => Some((TableLockMode::ShareUpdateExclusive, words.name()?)),
        _ => None,
    }
}
