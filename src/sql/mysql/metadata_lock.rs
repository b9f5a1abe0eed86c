//! Which metadata lock a `MySQL` or `MariaDB` statement takes on the table it names, and whether writes to that table
//! continue meanwhile. The modes are the server's (`performance_schema.metadata_locks`). What happens to writes is
//! described for `InnoDB`, since only its tables are altered online.
//!
//! Source: `MySQL`'s manual, "Metadata Locking", "The `metadata_locks` Table", "Online DDL Operations" (column "Permits
//! Concurrent DML"), "Online DDL Limitations"; `MariaDB`'s, "Metadata Locking", "InnoDB Online DDL Overview". Where
//! `MySQL`'s table says no, newer versions of `MariaDB` may still alter online.

use super::super::Dialect;
use super::super::cursor::Cursor;
use super::super::ddl::{Action, Alter, Change, Constraint, ConstraintKind, Ddl, Element, Modifier, ObjectKind, Part};
use super::super::name::Name;
use super::super::statement_lock::{LockMode, Locked, MetadataLockMode, Others, StatementLock};
use super::super::tokens::{Parsed, Token};

/// What happens to writes that `MySQL` blocks.
fn not_online(dialect: Dialect) -> Others {
    if dialect == Dialect::Mysql { Others::Wait } else { Others::MayWait }
}

/// The lock; None if it cannot be seen from the statement's kind.
pub(in super::super) fn metadata_lock(statement: Parsed<'_>) -> Option<StatementLock> {
    let mut words = statement.words();
    match statement.first {
        "alter" => altered(statement),
        "create" => created(statement),
        "drop" => dropped(statement),
        "truncate" => {
            words.eat(&["table"]);
            closed(one(words.name()?))
        }
        "rename" => renamed(statement),
        "optimize" => {
            words.eat(&["no_write_to_binlog", "local"]);
            words.eat(&["table", "tables"]).then_some(())?;
            exclusive(relations(words.tables()?), Others::MayWait)
        }
        "insert" | "replace" => {
            while words.eat(&["low_priority", "delayed", "high_priority", "ignore", "into"]) {}
            rows(words.name()?)
        }
        "update" => {
            while words.eat(&["low_priority", "ignore"]) {}
            let table = words.name()?;
            // With several tables, their columns decide which one is written to.
            words.sees(&["set"]).then(|| rows(table))?
        }
        "delete" => {
            while words.eat(&["low_priority", "quick", "ignore"]) {}
            words.eat(&["from"]).then_some(())?;
            let table = words.name()?;
            let one = words.peek().is_none() || words.sees(&["where", "order", "limit", "returning"]);
            one.then(|| rows(table))?
        }
        _ => None,
    }
}

fn relations(names: Vec<Name>) -> Vec<Locked> {
    names.into_iter().map(Locked::Relation).collect()
}

fn one(name: Name) -> Vec<Locked> {
    vec![Locked::Relation(name)]
}

fn rows(on: Name) -> Option<StatementLock> {
    let mode = LockMode::Metadata(MetadataLockMode::SharedWrite);
    StatementLock::of_one_mode(mode, one(on), Others::GoOn, Others::GoOn)
}

const EXCLUSIVE: LockMode = LockMode::Metadata(MetadataLockMode::Exclusive);

/// A lock held for a moment at the start and at the end. It waits for every transaction that has used the table.
fn exclusive(on: Vec<Locked>, writes: Others) -> Option<StatementLock> {
    StatementLock::of_one_mode(EXCLUSIVE, on, Others::GoOn, writes)
}

/// A lock held from start to end.
fn closed(on: Vec<Locked>) -> Option<StatementLock> {
    StatementLock::of_one_mode(EXCLUSIVE, on, Others::Wait, Others::Wait)
}

fn dropped(statement: Parsed<'_>) -> Option<StatementLock> {
    let Some(Ddl::Drop(drop)) = statement.ddl else { return None };
    let name = drop.names.first().cloned()?;
    match drop.kind {
        ObjectKind::Table if !drop.says(Modifier::Temporary) => closed(relations(drop.names.to_vec())),
        ObjectKind::Index => {
            asked(statement.words_from(drop.rest)).unwrap_or(Asked::Nothing).lock(*drop.on.clone()?, Others::GoOn)
        }
        ObjectKind::Trigger => closed(vec![Locked::TableOf(name)]),
        _ => None,
    }
}

fn renamed(statement: Parsed<'_>) -> Option<StatementLock> {
    let Some(Ddl::Rename(rename)) = statement.ddl else { return None };
    closed(relations(rename.tables.iter().flat_map(|(from, to)| [from.clone(), to.clone()]).collect()))
}

/// A new table has no other users.
fn created(statement: Parsed<'_>) -> Option<StatementLock> {
    let Some(Ddl::Create(create)) = statement.ddl else { return None };
    let on = *create.on.clone()?;
    match create.kind {
        ObjectKind::Index => {
            create.name.as_ref()?;
            let writes = if create.says(Modifier::Special) { not_online(statement.dialect) } else { Others::GoOn };
            asked(statement.words_from(create.rest)).unwrap_or(Asked::Nothing).lock(on, writes)
        }
        ObjectKind::Trigger => closed(one(on)),
        _ => None,
    }
}

/// What a statement requests with `ALGORITHM` and `LOCK`. The server refuses what it cannot do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    Nothing,
    WritesGoOn,
    WritesWait,
    ReadsWait,
    /// `ALGORITHM = COPY`: `MariaDB` may copy online.
    Copy,
}

impl Asked {
    fn lock(self, on: Name, writes: Others) -> Option<StatementLock> {
        let on = one(on);
        match self {
            Self::Nothing => exclusive(on, writes),
            Self::WritesGoOn => exclusive(on, Others::GoOn),
            Self::WritesWait => exclusive(on, Others::Wait),
            Self::ReadsWait => closed(on),
            Self::Copy => exclusive(on, writes.max(Others::MayWait)),
        }
    }
}

/// The strongest request among words outside parentheses.
fn asked(words: Cursor<'_>) -> Option<Asked> {
    let outer: Vec<&Token<'_>> = words.rest().iter().filter(|token| token.depth == 0 && token.text != "=").collect();
    let value = |name: &str| {
        let pair = outer.windows(2).find(|pair| pair.first().is_some_and(|token| token.is(name)))?;
        pair.get(1).map(|token| token.text.to_ascii_lowercase())
    };
    match (value("lock").as_deref(), value("algorithm").as_deref()) {
        (Some("exclusive"), _) => Some(Asked::ReadsWait),
        (Some("shared"), _) => Some(Asked::WritesWait),
        (Some("none"), _) | (_, Some("instant")) => Some(Asked::WritesGoOn),
        (_, Some("copy")) => Some(Asked::Copy),
        _ => None,
    }
}

fn altered(statement: Parsed<'_>) -> Option<StatementLock> {
    let Some(Ddl::Alter(Alter { kind: ObjectKind::Table, name: Some(on), actions, .. })) = statement.ddl else {
        return None;
    };
    let words = |action: &Action| statement.words_of(&action.tokens);
    let is_wish = |action: &&Action| words(action).sees(&["algorithm", "lock"]);
    let (wishes, actions): (Vec<&Action>, Vec<&Action>) = actions.iter().partition(is_wish);
    let wish = wishes.iter().find_map(|wish| asked(words(wish)).filter(|asked| *asked != Asked::Copy));
    let wish = wish.or_else(|| wishes.iter().find_map(|wish| asked(words(wish))));
    // Here the server ignores weaker requests.
    if actions.iter().any(|action| matches!(action.change, Change::RenameTo(_))) {
        return closed(one(on.clone()));
    }
    let writes = actions.iter().map(|found| action(found, statement)).max()?;
    let copies = wish == Some(Asked::Copy) && statement.dialect == Dialect::Mysql;
    let asked = match wish {
        _ if statement.is(1, &["online"]) => Asked::WritesGoOn,
        _ if copies => Asked::WritesWait,
        wish => wish.unwrap_or(Asked::Nothing),
    };
    asked.lock(on.clone(), writes)
}

fn action(action: &Action, statement: Parsed<'_>) -> Others {
    let mut words = statement.words_of(&action.tokens);
    let Some(first) = words.next() else { return Others::MayWait };
    match &action.change {
        Change::Add(elements) => {
            let writes = elements.iter().map(|element| added(element, statement));
            writes.max().unwrap_or(Others::MayWait)
        }
        Change::DropPrimaryKey => not_online(statement.dialect),
        Change::Drop { what: Part::Constraint, .. } if !words.sees(&["foreign"]) => Others::MayWait,
        Change::Drop { .. } | Change::Rename { .. } | Change::RenameTo(_) => Others::GoOn,
        _ => match first.text.to_ascii_lowercase().as_str() {
            "force" | "row_format" | "key_block_size" | "auto_increment" => Others::GoOn,
            "alter" if words.after("default").is_some() && !words.sees(&["index"]) => Others::GoOn,
            _ => Others::MayWait,
        },
    }
}

fn added(element: &Element, statement: Parsed<'_>) -> Others {
    let column = match element {
        Element::Column(column) => column,
        Element::Index { special: true, .. } => return not_online(statement.dialect),
        Element::Index { .. } => return Others::GoOn,
        Element::Constraint(Constraint { kind: ConstraintKind::PrimaryKey | ConstraintKind::Unique, .. }) => {
            return Others::GoOn;
        }
        // A foreign key is added online only while foreign keys are not checked.
        Element::Constraint(_) | Element::Other => return Others::MayWait,
    };
    let words = statement.words_of(&column.definition);
    let says = |options: &[&str]| options.iter().any(|option| words.has(option));
    if says(&["auto_increment", "stored", "persistent"]) {
        return not_online(statement.dialect);
    }
    if says(&["unique", "primary", "key", "references", "check"]) { Others::MayWait } else { Others::GoOn }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Dialect, StatementLock};

    fn told(sql: &str, dialect: Dialect) -> Option<String> {
        StatementLock::of(sql, dialect)
            .map(|lock| format!("{} on {}{}", lock.strongest.mode.as_str(), lock.on(), lock.remark()))
    }

    // tests/engines/mysql/planned_locks.rs compares these with real servers.
    #[rstest]
    #[case("alter table d.t add column a int", "EXCLUSIVE on d.t, writes go on")]
    #[case("alter table t add (a int, b int auto_increment)", "EXCLUSIVE on t, writes wait")]
    #[case("alter table t add a int, add unique key u (a)", "EXCLUSIVE on t, writes go on")]
    #[case("alter table t add a int references u (a)", "EXCLUSIVE on t, writes may wait")]
    #[case("alter table t add g int as (a + 1) stored", "EXCLUSIVE on t, writes wait")]
    #[case("alter table t add constraint f foreign key (a) references u (a)", "EXCLUSIVE on t, writes may wait")]
    #[case("alter table t drop primary key", "EXCLUSIVE on t, writes wait")]
    #[case("alter table t modify a bigint", "EXCLUSIVE on t, writes may wait")]
    #[case("alter table t modify a bigint, lock=none", "EXCLUSIVE on t, writes go on")]
    #[case("alter table t add a int, algorithm = copy", "EXCLUSIVE on t, writes wait")]
    #[case("alter table t add a int, algorithm = inplace, lock = shared", "EXCLUSIVE on t, writes wait")]
    #[case("alter table t add a int, lock exclusive", "EXCLUSIVE on t, reads and writes wait")]
    #[case("alter table t convert to character set utf8mb4", "EXCLUSIVE on t, writes may wait")]
    #[case("alter table `T t` rename to u", "EXCLUSIVE on `T t`, reads and writes wait")]
    #[case("create unique index i on d.t (a) algorithm=inplace", "EXCLUSIVE on d.t, writes go on")]
    #[case("create fulltext index i on t (a)", "EXCLUSIVE on t, writes wait")]
    #[case("create index i on t (a) lock = shared", "EXCLUSIVE on t, writes wait")]
    #[case(
        "create definer=`a`@`b` trigger g before insert on d.t for each row set @a = 1",
        "EXCLUSIVE on d.t, reads and writes wait"
    )]
    #[case("drop table if exists a, `b`", "EXCLUSIVE on a, `b`, reads and writes wait")]
    #[case("drop index i on t", "EXCLUSIVE on t, writes go on")]
    #[case("truncate t", "EXCLUSIVE on t, reads and writes wait")]
    #[case("rename table a to b, c to d", "EXCLUSIVE on a, b, c, d, reads and writes wait")]
    #[case("optimize table t", "EXCLUSIVE on t, writes may wait")]
    #[case("insert ignore into d.t values (1)", "SHARED_WRITE on d.t")]
    #[case("replace t select 1", "SHARED_WRITE on t")]
    #[case("update low_priority t set a = 1", "SHARED_WRITE on t")]
    #[case("delete from t where a = 1", "SHARED_WRITE on t")]
    fn what_a_statement_s_kind_shows(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(told(sql, Dialect::Mysql).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("alter table t drop primary key", "EXCLUSIVE on t, writes may wait")]
    #[case("alter table t add a int, algorithm = copy", "EXCLUSIVE on t, writes may wait")]
    #[case("alter online table t modify a bigint", "EXCLUSIVE on t, writes go on")]
    fn what_newer_versions_of_mariadb_may_do_online(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(told(sql, Dialect::Mariadb).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("create table t (a int)")]
    #[case("create procedure p() begin end")]
    #[case("update a join b on a.x = b.x set a.y = 1")]
    #[case("delete a from a join b on a.x = b.x")]
    #[case("call p()")]
    #[case("create view v as select 1")]
    #[case("drop temporary table t")]
    #[case("")]
    fn what_is_not_known_is_not_said(#[case] sql: &str) {
        assert_eq!(told(sql, Dialect::Mysql), None);
    }
}
