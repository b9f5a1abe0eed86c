//! A table as `information_schema` describes it, and how two of them are compared. Texts and decisions
//! only; [`super::identical`] asks.
//!
//! Source: MySQL, "`INFORMATION_SCHEMA` Tables"; MariaDB, "Information Schema Tables".

use super::literal::{identifier, text};
use crate::engine::shared::comparison::{Comparison, difference};
use crate::sql::{Added, AddedColumn};

/// An answer's row, its values as texts.
pub(super) type Row = Vec<Option<String>>;

/// What there is of a table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Definition {
    /// Its name as the catalog has it; empty where there is none.
    name: String,
    /// What it is and its options.
    table: Option<String>,
    columns: Vec<Line>,
    keys: Vec<Line>,
    partitions: Vec<Line>,
}

/// One thing of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Line {
    kind: Kind,
    /// As the catalog has it; empty where the server has made it up.
    name: String,
    /// What is said of it, but for its name.
    body: String,
    /// The columns it is about, where the catalog shows them.
    columns: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Column,
    /// Which column it follows.
    Position,
    UniqueIndex,
    /// It changes no rule about the table's rows.
    Index,
    ForeignKey,
    Check,
    Partition,
}

impl Line {
    fn text(&self) -> String {
        let name = identifier(&self.name);
        match self.kind {
            Kind::Column | Kind::Position => format!("column {name} {}", self.body),
            Kind::UniqueIndex if self.name == "PRIMARY" => format!("primary key {}", self.body),
            Kind::UniqueIndex => format!("unique index {name} {}", self.body),
            Kind::Index => format!("index {name} {}", self.body),
            Kind::ForeignKey | Kind::Check if self.name.is_empty() => self.body.clone(),
            Kind::ForeignKey | Kind::Check => format!("constraint {name} {}", self.body),
            Kind::Partition => format!("partition {name} {}", self.body),
        }
    }

    /// Whether both are the same thing, however it is defined.
    fn is_of(&self, other: &Self) -> bool {
        let sort = |kind| match kind {
            Kind::UniqueIndex => Kind::Index,
            other => other,
        };
        let same_name = self.name.to_lowercase() == other.name.to_lowercase();
        sort(self.kind) == sort(other.kind) && same_name && (!self.name.is_empty() || self.body == other.body)
    }
}

/// The questions about a table of the session's database whose answers [`Definition::read`] reads.
pub(super) fn questions(table: &str, mariadb: bool) -> Vec<String> {
    let here = |alias: &str| format!("{alias}.TABLE_SCHEMA = DATABASE() AND {alias}.TABLE_NAME = {}", text(table));
    let (srs, expression, hidden) = if mariadb {
        ("NULL", "NULL", "IF(s.IGNORED = 'YES', 'ignored', NULL)")
    } else {
        ("c.SRS_ID", "s.EXPRESSION", "IF(s.IS_VISIBLE = 'NO', 'invisible', NULL)")
    };
    let checks = if mariadb {
        format!(
            "SELECT k.CONSTRAINT_NAME, k.CHECK_CLAUSE, k.LEVEL, 'YES' FROM information_schema.CHECK_CONSTRAINTS k \
             WHERE k.CONSTRAINT_SCHEMA = DATABASE() AND k.TABLE_NAME = {}",
            text(table)
        )
    } else {
        format!(
            "SELECT k.CONSTRAINT_NAME, k.CHECK_CLAUSE, 'Table', t.ENFORCED FROM information_schema.TABLE_CONSTRAINTS t \
             JOIN information_schema.CHECK_CONSTRAINTS k ON k.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA \
             AND k.CONSTRAINT_NAME = t.CONSTRAINT_NAME WHERE {} AND t.CONSTRAINT_TYPE = 'CHECK'",
            here("t")
        )
    };
    vec![
        format!(
            "SELECT t.TABLE_NAME, t.TABLE_TYPE, t.ENGINE, t.ROW_FORMAT, t.TABLE_COLLATION, t.CREATE_OPTIONS, \
             t.TABLE_COMMENT FROM information_schema.TABLES t WHERE {}",
            here("t")
        ),
        format!(
            "SELECT c.COLUMN_NAME, c.COLUMN_TYPE, c.COLLATION_NAME, c.IS_NULLABLE, c.COLUMN_DEFAULT, c.EXTRA, \
             c.GENERATION_EXPRESSION, c.COLUMN_COMMENT, {srs} FROM information_schema.COLUMNS c WHERE {} \
             ORDER BY c.ORDINAL_POSITION",
            here("c")
        ),
        format!(
            "SELECT s.INDEX_NAME, s.NON_UNIQUE, s.COLUMN_NAME, {expression}, s.SUB_PART, s.COLLATION, s.INDEX_TYPE, \
             s.INDEX_COMMENT, {hidden} FROM information_schema.STATISTICS s WHERE {} \
             ORDER BY s.INDEX_NAME, s.SEQ_IN_INDEX",
            here("s")
        ),
        format!(
            "SELECT k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, \
             k.REFERENCED_COLUMN_NAME, r.UPDATE_RULE, r.DELETE_RULE FROM information_schema.KEY_COLUMN_USAGE k \
             JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA \
             AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME \
             WHERE {} AND k.REFERENCED_TABLE_NAME IS NOT NULL ORDER BY k.CONSTRAINT_NAME, k.ORDINAL_POSITION",
            here("k")
        ),
        checks,
        format!(
            "SELECT p.PARTITION_NAME, p.SUBPARTITION_NAME, p.PARTITION_METHOD, p.PARTITION_EXPRESSION, \
             p.PARTITION_DESCRIPTION, p.SUBPARTITION_METHOD, p.SUBPARTITION_EXPRESSION, p.PARTITION_COMMENT \
             FROM information_schema.PARTITIONS p WHERE {} AND p.PARTITION_NAME IS NOT NULL \
             ORDER BY p.PARTITION_ORDINAL_POSITION, p.SUBPARTITION_ORDINAL_POSITION",
            here("p")
        ),
    ]
}

/// A value of a row; empty where it is NULL.
fn at(row: &Row, index: usize) -> &str {
    row.get(index).and_then(Option::as_deref).unwrap_or_default()
}

fn is_null(row: &Row, index: usize) -> bool {
    row.get(index).is_none_or(Option::is_none)
}

/// Words that are there, with spaces between them.
fn joined(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn option(word: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("{word} {value}") }
}

fn comment(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("comment {}", text(value)) }
}

impl Definition {
    /// From the answers to [`questions`]. `symbols`: names of constraints, with the names to show instead.
    pub(super) fn read(answers: &[Vec<Row>], mariadb: bool, symbols: &[(String, String)]) -> Self {
        let rows = |answer: usize| answers.get(answer).map(Vec::as_slice).unwrap_or_default();
        let meant = |name: &str| {
            let symbol = symbols.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
            symbol.map_or_else(|| name.to_owned(), |(_, meant)| meant.clone())
        };
        let Some(table) = rows(0).first() else { return Self::default() };
        let name = at(table, 0).to_owned();
        let constraint = |given: &str| if is_made_up(given, &name) { String::new() } else { meant(given) };
        let mut keys = indexes(rows(2), meant);
        keys.extend(foreign_keys(rows(3), constraint));
        keys.extend(rows(4).iter().map(|row| check(row, constraint)));
        keys.sort_by(|one, other| (one.kind, &one.name, &one.body).cmp(&(other.kind, &other.name, &other.body)));
        Self {
            table: Some(table_line(table)),
            columns: rows(1).iter().map(|row| column(row, mariadb)).collect(),
            keys,
            partitions: rows(5).iter().map(partition).collect(),
            name,
        }
    }

    /// The table's name as the catalog has it; None where there is no such table.
    pub(super) fn name(&self) -> Option<&str> {
        self.table.is_some().then_some(self.name.as_str())
    }

    pub(super) fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|line| line.name.to_lowercase() == name.to_lowercase())
    }

    pub(super) fn has_index(&self, name: &str) -> bool {
        let is_index = |line: &&Line| matches!(line.kind, Kind::UniqueIndex | Kind::Index);
        self.keys.iter().filter(is_index).any(|line| line.name.to_lowercase() == name.to_lowercase())
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.columns.iter().chain(&self.keys).chain(&self.partitions)
    }

    /// The line that says where a column is.
    fn position(&self, column: &str) -> Option<Line> {
        let at = self.columns.iter().position(|line| line.name.to_lowercase() == column.to_lowercase())?;
        let before = at.checked_sub(1).and_then(|before| self.columns.get(before));
        let body = before.map_or_else(|| "first".to_owned(), |line| format!("after {}", identifier(&line.name)));
        let name = self.columns.get(at)?.name.clone();
        Some(Line { kind: Kind::Position, name, body, columns: Vec::new() })
    }
}

/// What of a statement's parts is not there, where others are; None where all of them are.
pub(super) fn missing(existing: &Definition, columns: &[AddedColumn], indexes: &[String]) -> Option<Comparison> {
    let columns = columns.iter().map(|column| (format!("column {}", column.name), existing.has_column(&column.name)));
    let indexes = indexes.iter().map(|index| (format!("index {index}"), existing.has_index(index)));
    let (there, missing): (Vec<_>, Vec<_>) = columns.chain(indexes).partition(|(_, is_there)| *is_there);
    let names = |parts: &[(String, bool)]| parts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    match (there.as_slice(), missing.as_slice()) {
        ([], _) => Some(Comparison::Impossible("it is not where the statement would make it".to_owned())),
        (_, []) => None,
        (there, missing) => {
            Some(Comparison::Partial(format!("there is: {} | there is not: {}", names(there), names(missing))))
        }
    }
}

/// A table that is there against the one that its statement makes. Indexes that are not unique and that the statement
/// does not name are the work of other statements.
pub(super) fn compare_tables(existing: &Definition, wanted: &Definition) -> Comparison {
    let is_another_s = |line: &Line| line.kind == Kind::Index && !wanted.keys.iter().any(|other| other.is_of(line));
    let texts = |definition: &Definition| {
        let lines = definition.lines().filter(|line| !is_another_s(line)).map(Line::text);
        definition.table.clone().into_iter().chain(lines).collect::<Vec<_>>()
    };
    let (existing, wanted) = (texts(existing), texts(wanted));
    if existing == wanted { Comparison::Identical } else { difference(&existing, &wanted) }
}

/// The parts that a statement adds against those that are there: `before` is the scratch table without them, `after` the
/// same with them.
pub(super) fn compare_parts(
    existing: &Definition,
    before: &Definition,
    after: &Definition,
    columns: &[AddedColumn],
) -> Comparison {
    let mut had: Vec<&Line> = before.lines().collect();
    let is_new = |line: &&Line| match had.iter().position(|other| other == line) {
        Some(at) => {
            had.swap_remove(at);
            false
        }
        None => true,
    };
    let mut wanted: Vec<Line> = after.lines().filter(is_new).cloned().collect();
    let is_added = |name: &String| columns.iter().any(|added| added.name.to_lowercase() == name.to_lowercase());
    let is_rule_of_added = |line: &Line| match line.kind {
        Kind::UniqueIndex | Kind::ForeignKey => line.columns.iter().all(is_added),
        // The catalog does not show of which column it is: it goes with its column.
        Kind::Check => !before.lines().chain(after.lines()).any(|other| other.body == line.body),
        _ => false,
    };
    let belongs = |line: &&Line| wanted.iter().any(|other| other.is_of(line)) || is_rule_of_added(line);
    let mut there: Vec<Line> = existing.lines().filter(belongs).cloned().collect();
    for column in columns.iter().filter(|column| column.placed) {
        wanted.extend(after.position(&column.name));
        there.extend(existing.position(&column.name));
    }
    let texts = |lines: &[Line]| {
        let mut texts: Vec<String> = lines.iter().map(Line::text).collect();
        texts.sort();
        texts
    };
    let (existing, wanted) = (texts(&there), texts(&wanted));
    if existing == wanted { Comparison::Identical } else { difference(&existing, &wanted) }
}

/// What a table has of a statement's additions, compared with what the statement makes.
pub(super) fn compare(existing: &Definition, before: &Definition, after: &Definition, added: &Added) -> Comparison {
    match added {
        Added::Table => compare_tables(existing, after),
        Added::Parts { columns, .. } => compare_parts(existing, before, after, columns),
    }
}

/// Whether the server has given a constraint its name: `t_ibfk_1`, `t_chk_1`; on MariaDB `CONSTRAINT_1`, and in its
/// newest versions a number alone.
fn is_made_up(name: &str, table: &str) -> bool {
    let rest = name.strip_prefix(table).unwrap_or(name);
    let prefixes = ["_ibfk_", "_chk_", "CONSTRAINT_"];
    let number = prefixes.iter().find_map(|prefix| rest.strip_prefix(prefix)).unwrap_or(rest);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn table_line(row: &Row) -> String {
    joined([
        at(row, 1).to_lowercase().replace("base table", "table"),
        option("engine", at(row, 2)),
        option("row format", at(row, 3)),
        option("collation", at(row, 4)),
        option("with", at(row, 5)),
        comment(at(row, 6)),
    ])
}

fn column(row: &Row, mariadb: bool) -> Line {
    let extra = at(row, 5);
    let is_expression = mariadb || extra.contains("DEFAULT_GENERATED");
    let default = match at(row, 4) {
        _ if is_null(row, 4) => String::new(),
        value if is_expression => format!("default {value}"),
        value => format!("default {}", text(value)),
    };
    let body = joined([
        at(row, 1).to_owned(),
        option("collation", at(row, 2)),
        if at(row, 3) == "NO" { "not null".to_owned() } else { String::new() },
        default,
        extra.replace("DEFAULT_GENERATED", "").trim().to_lowercase(),
        option("as", at(row, 6)),
        comment(at(row, 7)),
        option("srid", at(row, 8)),
    ]);
    Line { kind: Kind::Column, name: at(row, 0).to_owned(), body, columns: Vec::new() }
}

/// A row is one column of an index.
fn indexes(rows: &[Row], meant: impl Fn(&str) -> String) -> Vec<Line> {
    let group = |group: &[Row]| {
        let first = group.first()?;
        let part = |row: &Row| {
            let column = if is_null(row, 2) { format!("({})", at(row, 3)) } else { identifier(at(row, 2)) };
            let length = if is_null(row, 4) { String::new() } else { format!("({})", at(row, 4)) };
            format!("{column}{length}{}", if at(row, 5) == "D" { " desc" } else { "" })
        };
        let parts: Vec<String> = group.iter().map(part).collect();
        let parts = format!("({})", parts.join(", "));
        Some(Line {
            kind: if at(first, 1) == "0" { Kind::UniqueIndex } else { Kind::Index },
            name: meant(at(first, 0)),
            body: joined([parts, at(first, 6).to_lowercase(), comment(at(first, 7)), at(first, 8).to_owned()]),
            columns: group.iter().map(|row| at(row, 2).to_owned()).collect(),
        })
    };
    rows.chunk_by(|one, other| at(one, 0) == at(other, 0)).filter_map(group).collect()
}

/// A row is one column of a foreign key.
fn foreign_keys(rows: &[Row], meant: impl Fn(&str) -> String) -> Vec<Line> {
    let group = |group: &[Row]| {
        let first = group.first()?;
        let names = |index: usize| group.iter().map(|row| identifier(at(row, index))).collect::<Vec<_>>().join(", ");
        // The two words mean the same: MySQL keeps the one that was written, MariaDB the second.
        let rule = |index: usize| at(first, index).to_lowercase().replace("no action", "restrict");
        Some(Line {
            kind: Kind::ForeignKey,
            name: meant(at(first, 0)),
            body: format!(
                "foreign key ({}) references {}.{} ({}) on update {} on delete {}",
                names(1),
                identifier(at(first, 2)),
                identifier(at(first, 3)),
                names(4),
                rule(5),
                rule(6)
            ),
            columns: group.iter().map(|row| at(row, 1).to_owned()).collect(),
        })
    };
    rows.chunk_by(|one, other| at(one, 0) == at(other, 0)).filter_map(group).collect()
}

fn check(row: &Row, meant: impl Fn(&str) -> String) -> Line {
    let of_column = at(row, 2).eq_ignore_ascii_case("column");
    let enforced = if at(row, 3) == "NO" { " not enforced" } else { "" };
    let of = if of_column { format!("of {} ", identifier(at(row, 0))) } else { String::new() };
    Line {
        kind: Kind::Check,
        name: if of_column { String::new() } else { meant(at(row, 0)) },
        body: format!("check {of}({}){enforced}", at(row, 1)),
        columns: Vec::new(),
    }
}

fn partition(row: &Row) -> Line {
    let body = joined([
        option("part", at(row, 1)),
        option("by", at(row, 2).to_lowercase().as_str()),
        at(row, 3).to_owned(),
        option("values", at(row, 4)),
        option("by", at(row, 5).to_lowercase().as_str()),
        at(row, 6).to_owned(),
        comment(at(row, 7)),
    ]);
    Line { kind: Kind::Partition, name: at(row, 0).to_owned(), body, columns: Vec::new() }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Row> {
        let value = |value: &&str| (*value != "NULL").then(|| (*value).to_owned());
        rows.iter().map(|row| row.iter().map(value).collect()).collect()
    }

    const TABLE: [&str; 7] = ["t", "BASE TABLE", "InnoDB", "Dynamic", "utf8mb4_bin", "", ""];

    /// A table of some columns, all of type int, and indexes of one column each: `!` says that one is unique.
    fn table(columns: &[&str], indexes: &[&str]) -> Definition {
        let column = |name: &&str| rows(&[&[name, "int", "NULL", "YES", "NULL", "", "", "", "NULL"]]).remove(0);
        let index = |name: &&str| {
            let (name, unique) = name.strip_suffix('!').map_or((*name, "1"), |name| (name, "0"));
            rows(&[&[name, unique, name, "NULL", "NULL", "A", "BTREE", "", "NULL"]]).remove(0)
        };
        let answers = [
            rows(&[&TABLE]),
            columns.iter().map(column).collect(),
            indexes.iter().map(index).collect(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
        ];
        Definition::read(&answers, false, &[])
    }

    fn added(columns: &[&str]) -> Vec<AddedColumn> {
        let column = |name: &&str| AddedColumn { name: (*name).to_owned(), placed: false };
        columns.iter().map(column).collect()
    }

    #[test]
    fn everything_is_described_in_words() {
        let answers = [
            rows(&[&["t", "BASE TABLE", "InnoDB", "Dynamic", "utf8mb4_bin", "partitioned", "it's"]]),
            rows(&[
                &["a", "varchar(9)", "utf8mb4_bin", "NO", "", "", "", "", "NULL"],
                &["b", "timestamp", "NULL", "YES", "CURRENT_TIMESTAMP", "DEFAULT_GENERATED", "", "when", "NULL"],
                &["c", "int", "NULL", "YES", "NULL", "STORED GENERATED", "(`b` + 1)", "", "NULL"],
            ]),
            rows(&[
                &["PRIMARY", "0", "a", "NULL", "NULL", "A", "BTREE", "", "NULL"],
                &["i", "1", "a", "NULL", "3", "D", "BTREE", "", "invisible"],
                &["i", "1", "NULL", "lower(`a`)", "NULL", "A", "BTREE", "", "invisible"],
            ]),
            rows(&[
                &["s_1", "a", "d", "u", "x", "NO ACTION", "CASCADE"],
                &["s_1", "b", "d", "u", "y", "NO ACTION", "CASCADE"],
            ]),
            rows(&[&["t_chk_1", "(`c` > 0)", "Table", "NO"]]),
            rows(&[&["p", "NULL", "RANGE", "`a`", "10", "NULL", "NULL", ""]]),
        ];
        let read = Definition::read(&answers, false, &[("s_1".to_owned(), "f".to_owned())]);
        assert_eq!(
            read.table.as_deref(),
            Some("table engine InnoDB row format Dynamic collation utf8mb4_bin with partitioned comment 'it''s'")
        );
        let lines: Vec<String> = read.lines().map(Line::text).collect();
        let expected = [
            "column `a` varchar(9) collation utf8mb4_bin not null default ''",
            "column `b` timestamp default CURRENT_TIMESTAMP comment 'when'",
            "column `c` int stored generated as (`b` + 1)",
            "primary key (`a`) btree",
            "index `i` (`a`(3) desc, (lower(`a`))) btree invisible",
            "constraint `f` foreign key (`a`, `b`) references `d`.`u` (`x`, `y`) on update restrict on delete cascade",
            "check ((`c` > 0)) not enforced",
            "partition `p` by range `a` values 10",
        ];
        assert_eq!(lines, expected);
    }

    #[rstest]
    #[case::the_same(&["a", "b"], &["a!"], true)]
    #[case::an_index_of_another_statement(&["a", "b"], &["a!", "b"], true)]
    #[case::another_unique_index(&["a", "b"], &["a!", "b!"], false)]
    #[case::one_that_is_not_unique(&["a", "b"], &["a"], false)]
    #[case::another_order(&["b", "a"], &["a!"], false)]
    #[case::a_column_more(&["a", "b", "c"], &["a!"], false)]
    fn tables_are_compared_but_for_indexes_of_other_statements(
        #[case] columns: &[&str],
        #[case] indexes: &[&str],
        #[case] identical: bool,
    ) {
        let compared = compare_tables(&table(columns, indexes), &table(&["a", "b"], &["a!"]));
        assert_eq!(compared == Comparison::Identical, identical, "{compared:?}");
    }

    #[rstest]
    #[case::the_same(&["a", "c"], &["a", "c"], &["c"], true)]
    #[case::with_an_index_of_another_statement(&["a", "c"], &["c"], &[], true)]
    #[case::with_a_rule_that_the_statement_does_not_make(&["a", "c"], &["c!"], &[], false)]
    #[case::without_a_rule_that_the_statement_makes(&["a", "c"], &[], &["c!"], false)]
    #[case::another_column_of_its_own_index(&["c", "a"], &["a!"], &[], true)]
    fn of_parts_only_what_the_statement_adds_is_compared(
        #[case] columns: &[&str],
        #[case] indexes: &[&str],
        #[case] made: &[&str],
        #[case] identical: bool,
    ) {
        let kept: Vec<&str> = indexes.iter().copied().filter(|name| !name.starts_with('c')).collect();
        let before = table(&["a"], &kept);
        let after = table(&["a", "c"], &kept.iter().chain(made).copied().collect::<Vec<_>>());
        let compared = compare_parts(&table(columns, indexes), &before, &after, &added(&["C"]));
        assert_eq!(compared == Comparison::Identical, identical, "{compared:?}");
    }

    #[test]
    fn what_of_several_parts_is_missing_is_named() {
        let existing = table(&["a"], &["i"]);
        let partial = missing(&existing, &added(&["A", "b"]), &["I".to_owned(), "j".to_owned()]);
        let told = "there is: column A, index I | there is not: column b, index j";
        assert_eq!(partial, Some(Comparison::Partial(told.to_owned())));
        assert_eq!(missing(&existing, &added(&["a"]), &["i".to_owned()]), None);
        assert!(matches!(missing(&existing, &added(&["b"]), &[]), Some(Comparison::Impossible(_))));
    }

    #[rstest]
    #[case("t_ibfk_1", true)]
    #[case("t_chk_12", true)]
    #[case("CONSTRAINT_1", true)]
    #[case("t_ibfk_x", false)]
    #[case("u_ibfk_1", false)]
    #[case("t", false)]
    fn names_that_the_server_has_made_up_do_not_count(#[case] name: &str, #[case] made_up: bool) {
        assert_eq!(is_made_up(name, "t"), made_up);
    }
}
