//! All locks of a statement, including those on other tables than its own: tables that a foreign key refers to,
//! partitions and their parents.
//!
//! Source: `PostgreSQL` 13 to 18, the reference pages CREATE TABLE and ALTER TABLE.

use super::super::cursor::Cursor;
use super::super::ddl::{Action, Change, Create};
use super::super::lock_mode::TableLockMode;
use super::super::name::Name;
use super::super::statement_lock::{Lock, LockMode, Locked, Others, StatementLock};

/// None if the statement is not known to take locks.
pub(super) type Found = Option<Locks>;

/// Locks, at most one for each relation.
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

    /// Adds a lock, unless one at least as strong is on that relation already.
    pub(super) fn add(&mut self, mode: TableLockMode, on: Name) {
        let on = Locked::Relation(on);
        if !self.0.iter().any(|(known, locked)| *locked == on && *known >= mode) {
            self.0.push((mode, on));
        }
    }

    /// Strongest first; None if there are none.
    pub(super) fn told(mut self) -> Option<StatementLock> {
        self.0.sort_by_key(|(mode, _)| std::cmp::Reverse(*mode));
        let strongest = self.0.first()?.0;
        let waits_from = |weakest| if strongest >= weakest { Others::Wait } else { Others::GoOn };
        let mut locks = self.0.into_iter().map(|(mode, on)| Lock { mode: LockMode::Table(mode), on });
        Some(StatementLock {
            strongest: locks.next()?,
            others: locks.collect(),
            reads: waits_from(TableLockMode::AccessExclusive),
            // Source: PostgreSQL, "Conflicting Lock Modes": the modes that conflict with ROW EXCLUSIVE.
            writes: waits_from(TableLockMode::Share),
        })
    }

    /// Adds the locks for the foreign keys in a definition: each adds triggers to the table it refers to. The
    /// statement's own table is not added again.
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

/// The new table itself has no other users, so CREATE TABLE only locks the tables that it refers to. `words`: after the
/// name.
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

/// The second relation that an action of ALTER TABLE locks.
pub(super) fn second_of_action(action: &Action, mut words: Cursor<'_>) -> Option<(TableLockMode, Name)> {
    match &action.change {
        // Also with CONCURRENTLY, in its second transaction.
        Change::Attach(partition) | Change::Detach { partition, .. } => {
            Some((TableLockMode::AccessExclusive, partition.clone()))
        }
        _ if words.eat(&["inherit"]) => Some((TableLockMode::ShareUpdateExclusive, words.name()?)),
        _ => None,
    }
}
