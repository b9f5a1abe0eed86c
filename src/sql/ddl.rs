//! What a statement defines, as far as its own words tell: the objects by name, and what is done to them. One shape for all
//! dialects; what only one of them has is never there in the others.

use std::ops::Range;

use super::name::{Identifier, Name};

/// A statement that defines something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ddl {
    Create(Create),
    Alter(Alter),
    Drop(Drop),
    Rename(Rename),
}

/// What kind of object it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ObjectKind {
    Database,
    Schema,
    Table,
    View,
    MaterializedView,
    Sequence,
    Index,
    Procedure,
    Function,
    Trigger,
    /// Of the scheduler of `MySQL` and `MariaDB`.
    Event,
    Type,
    Domain,
    Extension,
    Policy,
    Rule,
    Statistics,
    /// A user, a role, a server: one that the catalog does not show to everybody.
    Account,
    Other,
}

/// What a statement says besides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Modifier {
    OrReplace,
    IfExists,
    IfNotExists,
    Temporary,
    Unique,
    /// `FULLTEXT`, `SPATIAL`, `VECTOR`.
    Special,
    Concurrently,
    Cascade,
}

/// `CREATE …`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Create {
    pub kind: ObjectKind,
    /// None of an index that the server is to find a name for, and where none was understood.
    pub name: Option<Name>,
    pub modifiers: Vec<Modifier>,
    /// The table of an index, a trigger, a policy or a rule.
    pub on: Option<Name>,
    /// The first token after all that.
    pub(crate) rest: usize,
}

/// `DROP …`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drop {
    pub kind: ObjectKind,
    /// As far as they were understood.
    pub names: Vec<Name>,
    pub modifiers: Vec<Modifier>,
    /// The table of an index, a trigger, a policy or a rule, where the statement names it.
    pub on: Option<Name>,
    /// The first token after the names and the table.
    pub(crate) rest: usize,
}

/// `RENAME TABLE`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rename {
    /// Each old name with the new one.
    pub tables: Vec<(Name, Name)>,
    pub if_exists: bool,
}

/// `ALTER …`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alter {
    pub kind: ObjectKind,
    pub name: Option<Name>,
    pub if_exists: bool,
    /// Of a table.
    pub actions: Vec<Action>,
}

/// One action of `ALTER TABLE`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Action {
    pub change: Change,
    /// Its tokens among the statement's.
    pub(crate) tokens: Range<usize>,
}

/// What an action does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Several where they stand in parentheses.
    Add(Vec<Element>),
    Drop {
        what: Part,
        name: Identifier,
        if_exists: bool,
    },
    DropPrimaryKey,
    Rename {
        what: Part,
        from: Identifier,
        to: Identifier,
        if_exists: bool,
    },
    RenameTo(Name),
    /// `CHANGE`, `MODIFY`: a column is defined anew, perhaps under another name.
    Redefine {
        from: Identifier,
        to: Option<Identifier>,
        if_exists: bool,
    },
    ChangeType(Identifier),
    SetNotNull(Identifier),
    Attach(Name),
    Detach {
        partition: Name,
        concurrently: bool,
    },
    /// Anything else, by its first word.
    Other,
}

/// A part of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    Column,
    Index,
    Constraint,
}

/// A column, an index or a constraint of a table, as it is defined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Element {
    Column(Column),
    Constraint(Constraint),
    /// Of `MySQL` and `MariaDB`.
    Index {
        name: Option<Identifier>,
        if_not_exists: bool,
        /// `FULLTEXT`, `SPATIAL`, `VECTOR`.
        special: bool,
    },
    Other,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    pub name: Identifier,
    pub if_not_exists: bool,
    pub not_null: bool,
    /// `DEFAULT`, or a value that the server makes up.
    pub has_default: bool,
    /// Its words, which say more, among the statement's tokens.
    pub(crate) definition: Range<usize>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Constraint {
    pub kind: ConstraintKind,
    /// After `CONSTRAINT`, or as the index is called that it makes.
    pub name: Option<Identifier>,
    pub if_not_exists: bool,
    /// `NOT VALID`: rows that are there are not looked at.
    pub not_valid: bool,
    /// It takes over an index that is there.
    pub using_index: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    ForeignKey(Option<Name>),
    Check,
    Exclude,
    /// Of `PostgreSQL` 18.
    NotNull,
}

impl Create {
    #[must_use]
    pub fn says(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }
}

impl Drop {
    #[must_use]
    pub fn says(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }
}

impl Ddl {
    /// Of a statement that creates one kind of object.
    pub(crate) fn creates(ddl: Option<&Self>, kind: ObjectKind) -> Option<&Create> {
        match ddl {
            Some(Self::Create(create)) if create.kind == kind => Some(create),
            _ => None,
        }
    }

    /// Of a statement that drops one kind of object.
    pub(crate) fn drops(ddl: Option<&Self>, kind: ObjectKind) -> Option<&Drop> {
        match ddl {
            Some(Self::Drop(drop)) if drop.kind == kind => Some(drop),
            _ => None,
        }
    }
}
