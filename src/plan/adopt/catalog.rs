//! What the database's catalog is asked for tables that may be histories: two questions, whose answers are small however many
//! tables there are. They may name more than the histories; which are some is decided from the answers.

use super::foreign_table::{ForeignTable, Row, as_text, literal};
use super::known_tool;
use super::rails;
use super::reader::Reader;
use super::registry::Wanted;
use super::signature::Renamed;
use super::tool::Tool;
use crate::sql::Dialect;

/// The database that Atlas makes for its table where its URL names none.
pub(super) const ATLAS_DATABASE: &str = "atlas_schema_revisions";

/// Not the server's own, and none of a session's temporary ones.
const OF_A_USER: &str = "n.nspname !~ '^(pg_|information_schema$)'";
/// How many names of tables the first question is answered with at most.
const MOST_NAMES: usize = 1000;

/// Asks for the names of all tables that have columns which are a tool's alone. `MariaDB` opens every table's file for this, and
/// would open it for each question that names no tables: so it is a question of its own.
#[must_use]
pub fn telling_query(dialect: Dialect) -> String {
    let renamed = readers().map(|reader| reader.renamed).chain(known_tool::ALL.iter().map(|tool| tool.renamed));
    let mut lists: Vec<&[&str]> = renamed
        .filter_map(|renamed| match renamed {
            Renamed::Telling(columns) => Some(columns),
            Renamed::Never | Renamed::Saying(_) => None,
        })
        .collect();
    lists.sort_unstable();
    lists.dedup();
    names_query(&lists, dialect)
}

/// Asks for the names of tables that have all columns of one of these lists.
pub(super) fn names_query(lists: &[&[&str]], dialect: Dialect) -> String {
    let question = match dialect {
        // A partition is not a table of its own.
        Dialect::Postgres => format!(
            "SELECT DISTINCT {} FROM (SELECT a.attrelid FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT \
             a.attisdropped AND {}) k JOIN pg_catalog.pg_class c ON c.oid = k.attrelid JOIN pg_catalog.pg_namespace n ON \
             n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OF_A_USER}",
            as_text("c.relname", dialect),
            having_all(lists, "a.attname", "a.attrelid", dialect)
        ),
        Dialect::Mysql | Dialect::Mariadb => format!(
            "SELECT {} FROM information_schema.columns k WHERE k.table_schema = DATABASE() AND {}",
            as_text("k.table_name", dialect),
            having_all(lists, "k.column_name", "k.table_name", dialect)
        ),
        Dialect::Sqlite => format!(
            "SELECT t.name FROM sqlite_master t, pragma_table_info(t.name) k WHERE t.type = 'table' AND {}",
            having_all(lists, "k.name", "t.name", dialect)
        ),
    };
    format!("{question} LIMIT {MOST_NAMES}")
}

/// Asks for the columns of all tables that may be a tool's history, or a ledger of Schemaward's: those that are called so, and
/// the `telling` ones. Rows of schema, table and column; tables that the user may not read are among them.
#[must_use]
pub fn histories_query(telling: &[&str], dialect: Dialect) -> String {
    let tools = known_tool::ALL.iter();
    let mut names: Vec<&str> = readers().map(|reader| reader.table).chain(tools.map(|tool| tool.table)).collect();
    names.push(rails::METADATA);
    let renamed = readers().map(|reader| reader.renamed).chain(known_tool::ALL.iter().map(|tool| tool.renamed));
    let mut parts: Vec<&str> = renamed
        .filter_map(|renamed| match renamed {
            Renamed::Saying(parts) => Some(parts),
            Renamed::Never | Renamed::Telling(_) => None,
        })
        .flatten()
        .copied()
        .collect();
    parts.sort_unstable();
    parts.dedup();
    columns_query(&[&names, telling].concat(), &parts, dialect)
}

/// The same for a history that a person has named the table of.
#[must_use]
pub fn wanted_query(wanted: Wanted<'_>, dialect: Dialect) -> String {
    let names: Vec<&str> = wanted.table.into_iter().chain(wanted.table_name()).chain([rails::METADATA]).collect();
    columns_query(&names, &[], dialect)
}

fn readers() -> impl Iterator<Item = Reader> {
    Tool::ALL.into_iter().map(Tool::reader)
}

/// Asks for the columns of tables that have one of these names, or one of these parts in their names.
pub(super) fn columns_query(names: &[&str], parts: &[&str], dialect: Dialect) -> String {
    let text = |expression| as_text(expression, dialect);
    let is_one = |name| {
        let is = format!("{name} IN ({})", spellings(names.iter().copied(), dialect));
        let lower = format!("LOWER({})", text(name));
        let like = |part: &&str| format!("{lower} LIKE {}", literal(&format!("%{part}%"), dialect));
        [is].into_iter().chain(parts.iter().map(like)).collect::<Vec<_>>().join(" OR ")
    };
    match dialect {
        // Not information_schema, which hides tables that the user has no rights on.
        Dialect::Postgres => format!(
            "SELECT {}, {}, {} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND \
             a.attnum > 0 AND NOT a.attisdropped AND {OF_A_USER} AND ({}) ORDER BY n.nspname, c.relname, a.attnum",
            text("n.nspname"),
            text("c.relname"),
            text("a.attname"),
            is_one("c.relname")
        ),
        // Another database is another application's, but for the one that Atlas makes for itself.
        Dialect::Mysql | Dialect::Mariadb => format!(
            "SELECT {}, {}, {} FROM information_schema.columns WHERE table_schema IN (DATABASE(), '{ATLAS_DATABASE}') \
             AND ({}) ORDER BY table_schema, table_name, ordinal_position",
            text("table_schema"),
            text("table_name"),
            text("column_name"),
            is_one("table_name")
        ),
        Dialect::Sqlite => format!(
            "SELECT 'main', m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND ({}) ORDER BY m.name, p.cid",
            is_one("m.name")
        ),
    }
}

/// That a table has all columns of one list, from its columns' rows. Only the rows of those columns are looked at: all
/// columns of ten thousand tables, put in groups, take several times as long.
fn having_all(lists: &[&[&str]], column: &str, table: &str, dialect: Dialect) -> String {
    let lower = format!("LOWER({})", as_text(column, dialect));
    let has_all = |columns: &&[&str]| {
        let names: Vec<String> = columns.iter().map(|name| literal(&name.to_lowercase(), dialect)).collect();
        format!("SUM(CASE WHEN {lower} IN ({}) THEN 1 ELSE 0 END) = {}", names.join(", "), columns.len())
    };
    let having: Vec<String> = lists.iter().map(has_all).collect();
    let all = lists.iter().flat_map(|columns| columns.iter().copied());
    format!("{column} IN ({}) GROUP BY {table} HAVING {}", spellings(all, dialect), having.join(" OR "))
}

/// Names in each case that a server may have them in, as a list.
fn spellings<'a>(names: impl Iterator<Item = &'a str>, dialect: Dialect) -> String {
    let all = names.filter(|name| !name.is_empty());
    let mut all: Vec<String> =
        all.flat_map(|name| [name.to_owned(), name.to_lowercase(), name.to_uppercase()]).collect();
    all.sort_unstable();
    all.dedup();
    all.iter().map(|name| literal(name, dialect)).collect::<Vec<_>>().join(", ")
}

/// Asks for one table that is neither the server's, nor an extension's, nor of one of these ledgers, nor has one of these
/// names: a row of schema and table.
#[must_use]
pub fn any_table_query(ledgers: &[&str], except: &[&str], dialect: Dialect) -> String {
    let text = |expression| as_text(expression, dialect);
    // An empty list is not valid SQL.
    let list = |names: &[&str]| {
        let names: Vec<String> = names.iter().chain(&[""]).map(|name| literal(name, dialect)).collect();
        names.join(", ")
    };
    let except = list(except);
    // On engines without schemas the ledger's name is what its tables' names begin with.
    let no_ledger_s = |cut: &str| {
        let is_not = |ledger: &&str| {
            let length = ledger.chars().count() + 1;
            format!(
                " AND {} <> {}",
                cut.replace("LENGTH", &length.to_string()),
                literal(&format!("{ledger}_"), dialect)
            )
        };
        ledgers.iter().map(is_not).collect::<String>()
    };
    match dialect {
        Dialect::Postgres => format!(
            "SELECT {}, {} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND {OF_A_USER} AND n.nspname NOT IN ({}) AND c.relname NOT IN ({except}) \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = \
             'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e') \
             ORDER BY n.nspname, c.relname LIMIT 1",
            text("n.nspname"),
            text("c.relname"),
            list(ledgers)
        ),
        Dialect::Mysql | Dialect::Mariadb => format!(
            "SELECT {}, {} FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' \
             {} AND table_name NOT IN ({except}) ORDER BY table_name LIMIT 1",
            text("table_schema"),
            text("table_name"),
            no_ledger_s("LEFT(table_name, LENGTH)")
        ),
        Dialect::Sqlite => format!(
            "SELECT 'main', name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' \
             {} AND name NOT IN ({except}) ORDER BY name LIMIT 1",
            no_ledger_s("substr(name, 1, LENGTH)")
        ),
    }
}

/// The tables in the catalog's answer.
#[must_use]
pub fn foreign_tables(rows: &[Row]) -> Vec<ForeignTable> {
    let mut tables: Vec<ForeignTable> = Vec::new();
    for row in rows {
        let [Some(schema), Some(name), Some(column)] = row.as_slice() else { continue };
        match tables.last_mut() {
            Some(last) if last.schema == *schema && last.name == *name => last.columns.push(column.clone()),
            _ => {
                tables.push(ForeignTable { schema: schema.clone(), name: name.clone(), columns: vec![column.clone()] });
            }
        }
    }
    tables
}
