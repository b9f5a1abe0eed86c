//! Parses what a statement defines. The dialects' grammars are so similar that a word which only one of them has is
//! accepted in all, except for words that may name a table or a column elsewhere.
//!
//! Source: `PostgreSQL`'s, `MySQL`'s, `MariaDB`'s and `SQLite`'s reference of `CREATE`, `ALTER`, `DROP` and `RENAME`.

use super::Dialect;
use super::cursor::Cursor;
use super::ddl::{Action, Alter, Change, Create, Ddl, Drop, Modifier, Modifiers, ObjectKind, Rename};
use super::name::Name;
use super::tokens::{Parsed, Parser};

/// What a statement defines; None for other kinds of statements.
pub(crate) fn ddl(statement: Parsed<'_>) -> Option<Ddl> {
    let mut cursor = statement.words();
    match statement.first {
        "create" => cursor.create().map(Ddl::Create),
        "alter" => cursor.alter().map(Ddl::Alter),
        "drop" => cursor.drop().map(Ddl::Drop),
        "rename" => cursor.rename().map(Ddl::Rename),
        _ => None,
    }
}

/// Words that may be before an object's kind and do not matter here.
const FURTHER_MODIFIERS: [&str; 8] =
    ["global", "local", "unlogged", "recursive", "constraint", "aggregate", "online", "virtual"];

impl Parsed<'_> {
    /// Parses a statement and answers a question about it.
    pub(crate) fn ask<T>(sql: &str, dialect: Dialect, question: impl FnOnce(Parsed<'_>) -> T) -> T {
        let mut parser = Parser::new(dialect);
        let statement = parser.parse(sql);
        let ddl = ddl(statement);
        question(Parsed { ddl: ddl.as_ref(), ..statement })
    }
}

impl Cursor<'_> {
    fn kind(&mut self) -> Option<ObjectKind> {
        let token = self.next()?;
        Some(match token.text.to_ascii_lowercase().as_str() {
            "database" => ObjectKind::Database,
            "schema" => ObjectKind::Schema,
            "table" | "tables" => ObjectKind::Table,
            "view" | "views" => ObjectKind::View,
            "sequence" => ObjectKind::Sequence,
            "index" => ObjectKind::Index,
            "procedure" => ObjectKind::Procedure,
            "function" => ObjectKind::Function,
            "trigger" => ObjectKind::Trigger,
            "event" => ObjectKind::Event,
            "type" => ObjectKind::Type,
            "domain" => ObjectKind::Domain,
            "extension" => ObjectKind::Extension,
            "policy" => ObjectKind::Policy,
            "rule" => ObjectKind::Rule,
            "statistics" => ObjectKind::Statistics,
            "user" | "role" | "server" => ObjectKind::Account,
            "tablespace" | "undo" | "logfile" | "resource" | "reference" | "library" | "package" => ObjectKind::Other,
            _ => return None,
        })
    }

    /// Skips `DEFINER = somebody@somewhere`, `ALGORITHM = MERGE`, `SQL SECURITY INVOKER`, after the first word.
    fn characteristic(&mut self) {
        self.eat(&["="]);
        self.eat(&["security"]);
        self.next();
        if self.eat(&["("]) {
            self.eat(&[")"]);
        }
        if self.eat(&["@"]) {
            self.next();
        } else if self.peek().is_some_and(|token| token.text.starts_with('@')) {
            self.at += 1;
        }
    }

    fn create(&mut self) -> Option<Create> {
        let temporary: &[&str] = match self.dialect {
            Dialect::Postgres | Dialect::Sqlite => &["temporary", "temp"],
            Dialect::Mysql | Dialect::Mariadb => &["temporary"],
        };
        let mut modifiers = Modifiers::default();
        if self.eat_all(&["or", "replace"]) {
            modifiers.add(Modifier::OrReplace);
        }
        let mut materialized = false;
        loop {
            if self.eat(temporary) {
                modifiers.add(Modifier::Temporary);
            } else if self.eat(&["unique"]) {
                modifiers.add(Modifier::Unique);
            } else if self.eat(&["fulltext", "spatial", "vector"]) {
                modifiers.add(Modifier::Special);
            } else if self.eat(&["materialized"]) {
                materialized = true;
            } else if self.eat(&["definer", "algorithm", "sql"]) {
                self.characteristic();
            } else if !self.eat(&FURTHER_MODIFIERS) {
                break;
            }
        }
        let kind = self.kind()?;
        let kind = if materialized { ObjectKind::MaterializedView } else { kind };
        if kind == ObjectKind::Index && self.eat(&["concurrently"]) {
            modifiers.add(Modifier::Concurrently);
        }
        if self.eat_all(&["if", "not", "exists"]) {
            modifiers.add(Modifier::IfNotExists);
        }
        let is_nameless = kind == ObjectKind::Index && self.sees(&["on"]);
        let name = if is_nameless { None } else { self.name() };
        let on = match kind {
            ObjectKind::Index | ObjectKind::Trigger | ObjectKind::Policy => self.table_after("on").map(Box::new),
            ObjectKind::Rule => self.table_after("to").map(Box::new),
            _ => None,
        };
        Some(Create { kind, name, modifiers, on, rest: self.at })
    }

    fn drop(&mut self) -> Option<Drop> {
        let mut modifiers = Modifiers::default();
        if self.eat(&["temporary"]) {
            modifiers.add(Modifier::Temporary);
        }
        let materialized = self.eat(&["materialized"]);
        let kind = self.kind()?;
        let kind = if materialized { ObjectKind::MaterializedView } else { kind };
        if kind == ObjectKind::Index && self.eat(&["concurrently"]) {
            modifiers.add(Modifier::Concurrently);
        }
        if self.eat_all(&["if", "exists"]) {
            modifiers.add(Modifier::IfExists);
        }
        let mut names: Vec<Name> = self.name().into_iter().collect();
        while self.eat(&[","]) {
            names.extend(self.name());
        }
        let on = if self.eat(&["on"]) { self.name().map(Box::new) } else { None };
        if self.has("cascade") {
            modifiers.add(Modifier::Cascade);
        }
        Some(Drop { kind, names: names.into(), modifiers, on, rest: self.at })
    }

    fn rename(&mut self) -> Option<Rename> {
        if !self.eat(&["table", "tables"]) {
            return None;
        }
        let if_exists = self.eat_all(&["if", "exists"]);
        let pair = |mut part: Self| {
            let from = part.name()?;
            part.eat(&["to"]).then_some(())?;
            Some((from, part.name()?))
        };
        let tables: Option<Box<[_]>> = self.parts(0).map(pair).collect();
        Some(Rename { tables: tables?, if_exists })
    }

    fn alter(&mut self) -> Option<Alter> {
        self.eat(&["online"]);
        self.eat(&["ignore"]);
        while self.eat(&["definer", "algorithm", "sql"]) {
            self.characteristic();
        }
        let kind = self.kind()?;
        let if_exists = self.eat_all(&["if", "exists"]);
        if kind != ObjectKind::Table {
            return Some(Alter { kind, name: self.name(), if_exists, actions: Box::default() });
        }
        let name = self.table()?;
        // MariaDB: how long to wait for a lock.
        if self.eat(&["wait"]) {
            self.next();
        }
        self.eat(&["nowait"]);
        let actions = self.parts(0).map(|part| {
            let tokens = part.at..part.end;
            Action { change: part.change().unwrap_or(Change::Other), tokens }
        });
        Some(Alter { kind, name: Some(name), if_exists, actions: actions.collect() })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::ddl::{ConstraintKind, Element, Part};
    use super::super::name::Identifier;
    use super::*;

    fn read(sql: &str, dialect: Dialect) -> Option<Ddl> {
        Parsed::ask(sql, dialect, |statement| statement.ddl.cloned())
    }

    fn modifiers(all: &[Modifier]) -> Modifiers {
        let mut modifiers = Modifiers::default();
        for modifier in all {
            modifiers.add(*modifier);
        }
        modifiers
    }

    fn changes(sql: &str, dialect: Dialect) -> Vec<Change> {
        let Some(Ddl::Alter(alter)) = read(sql, dialect) else { panic!("{sql}") };
        assert_eq!(alter.name.map(|name| name.to_string()).as_deref(), Some("t"));
        alter.actions.into_iter().map(|action| action.change).collect()
    }

    #[test]
    fn an_index_with_all_its_words() {
        let sql = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.\"T\" (a)";
        let Some(Ddl::Create(index)) = read(sql, Dialect::Postgres) else { panic!() };
        assert_eq!(index.kind, ObjectKind::Index);
        assert_eq!(index.modifiers, modifiers(&[Modifier::Unique, Modifier::Concurrently, Modifier::IfNotExists]));
        let on = index.on.unwrap();
        assert_eq!((on.schema().map(Identifier::as_str), on.last().as_str()), (Some("s"), "T"));
        let Some(Ddl::Create(nameless)) = read("create index on t (a)", Dialect::Postgres) else { panic!() };
        assert_eq!((nameless.name, nameless.on.map(|on| on.to_string())), (None, Some("t".to_owned())));
    }

    #[rstest]
    #[case(
        "create or replace definer=`a`@`%` sql security definer view v as select 1",
        Dialect::Mysql,
        ObjectKind::View,
        "v"
    )]
    #[case(
        "create definer = view@localhost trigger g before insert on x for each row set new.a = 1",
        Dialect::Mysql,
        ObjectKind::Trigger,
        "g"
    )]
    #[case("create definer=current_user() procedure d.p() begin end", Dialect::Mariadb, ObjectKind::Procedure, "d.p")]
    #[case(
        "create materialized view if not exists v as select 1",
        Dialect::Postgres,
        ObjectKind::MaterializedView,
        "v"
    )]
    #[case("create virtual table [a b] using fts5 (c)", Dialect::Sqlite, ObjectKind::Table, "[a b]")]
    #[case("create temp table if not exists t (a)", Dialect::Sqlite, ObjectKind::Table, "t")]
    fn what_is_created(#[case] sql: &str, #[case] dialect: Dialect, #[case] kind: ObjectKind, #[case] name: &str) {
        let Some(Ddl::Create(create)) = read(sql, dialect) else { panic!() };
        assert_eq!((create.kind, create.name.unwrap().to_string().as_str()), (kind, name));
    }

    #[test]
    fn an_added_column_shows_whether_it_may_be_null() {
        let columns = changes(
            "alter table t add column a int not null, add if not exists b int not null default 1, add c int references u, \
             add d bigserial",
            Dialect::Postgres,
        );
        let told = columns.iter().map(|change| match change {
            Change::Add(elements) => match &elements[..] {
                [Element::Column(column)] => {
                    (column.name.as_str(), column.not_null, column.has_default, column.if_not_exists)
                }
                _ => panic!("{change:?}"),
            },
            _ => panic!("{change:?}"),
        });
        let expected =
            [("a", true, false, false), ("b", true, true, true), ("c", false, false, false), ("d", false, true, false)];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case(
        "add constraint f foreign key (a) references S.U (b) not valid",
        ConstraintKind::ForeignKey(None),
        Some("f"),
        true,
        false
    )]
    #[case("add foreign key (a) references u", ConstraintKind::ForeignKey(None), None, false, false)]
    #[case("add constraint p primary key using index i", ConstraintKind::PrimaryKey, Some("p"), false, true)]
    #[case("add unique (a)", ConstraintKind::Unique, None, false, false)]
    #[case("add constraint u unique (a) using index tablespace s", ConstraintKind::Unique, Some("u"), false, false)]
    #[case("add constraint n not null a not valid", ConstraintKind::NotNull, Some("n"), true, false)]
    #[case("add not null a", ConstraintKind::NotNull, None, false, false)]
    #[case("add constraint c check (a > 0) not valid", ConstraintKind::Check, Some("c"), true, false)]
    fn a_constraint_that_is_added(
        #[case] action: &str,
        #[case] kind: ConstraintKind,
        #[case] name: Option<&str>,
        #[case] not_valid: bool,
        #[case] using_index: bool,
    ) {
        let found = changes(&format!("alter table t {action}"), Dialect::Postgres);
        let [Change::Add(elements)] = &found[..] else { panic!("{found:?}") };
        let [Element::Constraint(constraint)] = &elements[..] else { panic!("{elements:?}") };
        assert_eq!(std::mem::discriminant(&constraint.kind), std::mem::discriminant(&kind));
        assert_eq!((constraint.name.as_ref().map(Identifier::as_str), constraint.not_valid), (name, not_valid));
        assert_eq!(constraint.using_index, using_index);
        if let ConstraintKind::ForeignKey(table) = &constraint.kind {
            assert_eq!(table.as_ref().map(|table| table.last().as_str()), Some("u"));
        }
    }

    #[test]
    fn what_is_an_index_to_mysql_is_a_column_elsewhere() {
        let sql = "alter table t add key text, add vector vector(3), add period int, drop index, rename key to k";
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            let found = changes(sql, dialect).into_iter().map(|change| match change {
                Change::Add(elements) => match &elements[..] {
                    [Element::Column(column)] => column.name.to_string(),
                    _ => panic!("{elements:?}"),
                },
                Change::Drop { what: Part::Column, name, .. } => name.to_string(),
                Change::Rename { what: Part::Column, from, to, .. } => format!("{from} {to}"),
                _ => panic!("{change:?}"),
            });
            assert_eq!(found.collect::<Vec<_>>(), ["key", "vector", "period", "index", "key k"]);
        }
        let found =
            changes("alter table t add key text (a), add vector v (b), add period for p (a, b)", Dialect::Mysql);
        let index = |name, special| {
            Change::Add(Box::new([Element::Index {
                name: Some(Identifier::at(0, name, false)),
                if_not_exists: false,
                special,
            }]))
        };
        assert_eq!(found, [index("text", false), index("v", true), Change::Add(Box::new([Element::Other]))]);
    }

    #[test]
    fn what_else_happens_to_a_table() {
        let name = |text: &str| Identifier::at(0, text, true);
        let found = changes(
            "alter table if exists only t drop column if exists A, drop constraint k, rename b to c, alter d type bigint, \
             alter column e set not null, detach partition p concurrently, alter f set default 1",
            Dialect::Postgres,
        );
        let partition = Name::new(Vec::new(), name("p"));
        let expected = [
            Change::Drop { what: Part::Column, name: name("a"), if_exists: true },
            Change::Drop { what: Part::Constraint, name: name("k"), if_exists: false },
            Change::Rename { what: Part::Column, from: name("b"), to: name("c"), if_exists: false },
            Change::ChangeType(name("d")),
            Change::SetNotNull(name("e")),
            Change::Detach { partition, concurrently: true },
            Change::Other,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_happens_to_a_table_of_mysql() {
        let name = |text: &str| Identifier::at(0, text, false);
        let found = changes(
            "alter online table t add (`a b` int, key k (c)), change d e int, modify f int, drop primary key, rename key g \
             to h, rename u, lock=none",
            Dialect::Mariadb,
        );
        let [Change::Add(elements), rest @ ..] = &found[..] else { panic!("{found:?}") };
        let [Element::Column(column), Element::Index { name: Some(index), .. }] = &elements[..] else { panic!() };
        assert_eq!((column.name.as_str(), index.as_str()), ("a b", "k"));
        let expected = [
            Change::Redefine { from: name("d"), to: Some(name("e")), if_exists: false },
            Change::Redefine { from: name("f"), to: None, if_exists: false },
            Change::DropPrimaryKey,
            Change::Rename { what: Part::Index, from: name("g"), to: name("h"), if_exists: false },
            Change::RenameTo(Name::new(Vec::new(), name("u"))),
            Change::Other,
        ];
        assert_eq!(rest, expected);
    }

    #[test]
    fn what_is_dropped_and_renamed() {
        let Some(Ddl::Drop(drop)) = read("drop table if exists a, s.\"B\" cascade", Dialect::Postgres) else {
            panic!()
        };
        let names: Vec<String> = drop.names.iter().map(ToString::to_string).collect();
        assert_eq!(
            (names, drop.modifiers),
            (vec!["a".to_owned(), "s.\"B\"".to_owned()], modifiers(&[Modifier::IfExists, Modifier::Cascade]))
        );
        let Some(Ddl::Rename(rename)) = read("rename table a to b, d.c to d.e", Dialect::Mysql) else { panic!() };
        assert_eq!((rename.tables.len(), rename.tables[1].1.to_string().as_str()), (2, "d.e"));
    }

    /// ONLY is a keyword in PostgreSQL alone.
    #[test]
    fn only_is_a_name_where_it_is_not_a_keyword() {
        let Some(Ddl::Alter(alter)) = read("alter table only add c int", Dialect::Mysql) else { panic!() };
        assert_eq!((alter.name.unwrap().to_string().as_str(), alter.actions.len()), ("only", 1));
    }

    #[rstest]
    #[case("insert into t values (1)")]
    #[case("create publication p for table t")]
    #[case("drop tabel t")]
    #[case("rename user a to b")]
    #[case("")]
    fn what_defines_nothing_that_is_known(#[case] sql: &str) {
        assert_eq!(read(sql, Dialect::Postgres), None);
    }
}
