//! What a statement defines, as far as its text shows: the objects by name, and what is done to them. One structure for
//! all dialects; what only one of them has never occurs in the others.

use std::ops::Range;

use super::name::{Identifier, Name};

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ddl {
    Create(Create),
    Alter(Alter),
    Drop(Drop),
    Rename(Rename),
}

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
    /// An event of the scheduler of `MySQL` and `MariaDB`.
    Event,
    Type,
    Domain,
    Extension,
    Policy,
    Rule,
    Statistics,
    /// A user, a role or a server, which the catalog does not show to everybody.
    Account,
    Other,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
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

/// A set of modifiers, one bit each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Modifiers(u8);

/// `CREATE …`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Create {
    pub kind: ObjectKind,
    /// None for an index whose name the server chooses, and if the name was not understood.
    pub name: Option<Name>,
    pub modifiers: Modifiers,
    /// The table of an index, a trigger, a policy or a rule. Boxed, since few statements have one.
    pub on: Option<Box<Name>>,
    /// The first token after all of these.
    pub(crate) rest: usize,
}

/// `DROP …`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drop {
    pub kind: ObjectKind,
    /// As far as they were understood.
    pub names: Box<[Name]>,
    pub modifiers: Modifiers,
    /// The table of an index, a trigger, a policy or a rule, if the statement names it.
    pub on: Option<Box<Name>>,
    /// The first token after the names and the table.
    pub(crate) rest: usize,
}

/// `RENAME TABLE`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rename {
    /// Old and new names.
    pub tables: Box<[(Name, Name)]>,
    pub if_exists: bool,
}

/// `ALTER …`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alter {
    pub kind: ObjectKind,
    pub name: Option<Name>,
    pub if_exists: bool,
    /// Of a table only.
    pub actions: Box<[Action]>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Action {
    pub change: Change,
    /// Its tokens, as a range of the statement's.
    pub(crate) tokens: Range<usize>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Several if they are in parentheses.
    Add(Box<[Element]>),
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
    /// `CHANGE`, `MODIFY`: a column gets a new definition, and perhaps a new name.
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
    Other,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    Column,
    Index,
    Constraint,
}

/// The definition of a column, an index or a constraint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Element {
    Column(Column),
    Constraint(Constraint),
    /// `MySQL` and `MariaDB` only.
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
    /// `DEFAULT`, or a value that the server generates.
    pub has_default: bool,
    /// The tokens of its definition, which say more, as a range of the statement's.
    pub(crate) definition: Range<usize>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Constraint {
    pub kind: ConstraintKind,
    /// After `CONSTRAINT`, or the name of the index that it creates.
    pub name: Option<Identifier>,
    pub if_not_exists: bool,
    /// `NOT VALID`: existing rows are not checked.
    pub not_valid: bool,
    /// It takes over an existing index.
    pub using_index: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    ForeignKey(Option<Name>),
    Check,
    Exclude,
    /// `PostgreSQL` 18 only.
    NotNull,
}

impl Modifiers {
    pub(crate) fn add(&mut self, modifier: Modifier) {
        self.0 |= 1 << modifier as u8;
    }

    #[must_use]
    pub fn contain(self, modifier: Modifier) -> bool {
        self.0 & 1 << modifier as u8 != 0
    }
}

impl Create {
    #[must_use]
    pub fn says(&self, modifier: Modifier) -> bool {
        self.modifiers.contain(modifier)
    }
}

impl Drop {
    #[must_use]
    pub fn says(&self, modifier: Modifier) -> bool {
        self.modifiers.contain(modifier)
    }
}

impl Ddl {
    /// The statement, if it creates this kind of object.
    pub(crate) fn creates(ddl: Option<&Self>, kind: ObjectKind) -> Option<&Create> {
        match ddl {
            Some(Self::Create(create)) if create.kind == kind => Some(create),
            _ => None,
        }
    }

    /// The statement, if it drops this kind of object.
    pub(crate) fn drops(ddl: Option<&Self>, kind: ObjectKind) -> Option<&Drop> {
        match ddl {
            Some(Self::Drop(drop)) if drop.kind == kind => Some(drop),
            _ => None,
        }
    }
}
