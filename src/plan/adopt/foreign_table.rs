//! Tables that may be another tool's, as the database's catalog lists them.

use crate::migration::Dialect;

/// A row of an answer: texts, or NULL.
pub(super) type Row = Vec<Option<String>>;

/// A table that has the name of another tool's history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignTable {
    /// Its schema; on `MySQL` and `MariaDB` its database.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns' names, in their order.
    pub columns: Vec<String>,
}

impl ForeignTable {
    /// Whether it has these columns and no others, in this order.
    pub(super) fn has_columns(&self, columns: &[&str]) -> bool {
        self.columns.iter().map(String::as_str).eq(columns.iter().copied())
    }

    /// As SQL writes it.
    pub(super) fn quoted(&self, dialect: Dialect) -> String {
        format!("{}.{}", quote(&self.schema, dialect), quote(&self.name, dialect))
    }
}

/// A name as SQL writes it.
pub(super) fn quote(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        Dialect::Mysql | Dialect::Mariadb => format!("`{}`", name.replace('`', "``")),
    }
}

/// A text as SQL writes it.
fn literal(text: &str, dialect: Dialect) -> String {
    let text = text.replace('\'', "''");
    match dialect {
        Dialect::Postgres | Dialect::Sqlite => format!("'{text}'"),
        Dialect::Mysql | Dialect::Mariadb => format!("'{}'", text.replace('\\', "\\\\")),
    }
}

/// An expression as a text, whatever its type.
pub(super) fn as_text(expression: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => format!("({expression})::pg_catalog.text"),
        Dialect::Mysql | Dialect::Mariadb => format!("CAST({expression} AS CHAR)"),
        Dialect::Sqlite => format!("CAST({expression} AS TEXT)"),
    }
}

/// The column `type`, whose name is a word of the language.
pub(super) fn type_column(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Mysql | Dialect::Mariadb => "`type`",
        Dialect::Postgres | Dialect::Sqlite => "\"type\"",
    }
}

/// A `SELECT` of some expressions as texts.
pub(super) fn select(expressions: &[&str], table: &ForeignTable, order: &str, dialect: Dialect) -> String {
    let texts: Vec<String> = expressions.iter().map(|expression| as_text(expression, dialect)).collect();
    format!("SELECT {} FROM {} ORDER BY {order}", texts.join(", "), table.quoted(dialect))
}

/// Asks the catalog for the columns of all tables of some names, which servers may have in another case: rows of schema,
/// table and column. Tables that the user may not read are among them.
#[must_use]
pub fn catalog_query(names: &[&str], dialect: Dialect) -> String {
    let mut spellings: Vec<String> =
        names.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase(), name.to_uppercase()]).collect();
    spellings.sort_unstable();
    spellings.dedup();
    let names: Vec<String> = spellings.iter().map(|name| literal(name, dialect)).collect();
    let names = names.join(", ");
    let text = |expression| as_text(expression, dialect);
    match dialect {
        // Not information_schema, which shows nobody a table that he may not touch.
        Dialect::Postgres => format!(
            "SELECT {}, {}, {} FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relname IN ({names}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 \
             AND NOT a.attisdropped AND {OF_A_USER} ORDER BY n.nspname, c.relname, a.attnum",
            text("n.nspname"),
            text("c.relname"),
            text("a.attname")
        ),
        // Another database is another application's, but for the one that Atlas makes for itself.
        Dialect::Mysql | Dialect::Mariadb => format!(
            "SELECT {}, {}, {} FROM information_schema.columns WHERE table_name IN ({names}) \
             AND table_schema IN (DATABASE(), '{ATLAS_DATABASE}') ORDER BY \
             table_schema, table_name, ordinal_position",
            text("table_schema"),
            text("table_name"),
            text("column_name")
        ),
        Dialect::Sqlite => format!(
            "SELECT 'main', m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND m.name IN ({names}) ORDER BY m.name, p.cid"
        ),
    }
}

/// The database that Atlas makes for its table where its URL names none.
pub(super) const ATLAS_DATABASE: &str = "atlas_schema_revisions";

/// Not the server's own, and none of a session's temporary ones.
const OF_A_USER: &str = "n.nspname !~ '^(pg_|information_schema$)'";

/// Asks the catalog for one table that is neither the server's, nor an extension's, nor the ledger's, nor has one of these
/// names: a row of schema and table.
#[must_use]
pub fn any_table_query(ledger: &str, except: &[&str], dialect: Dialect) -> String {
    // An empty list is no list.
    let except: Vec<String> = except.iter().chain(&[""]).map(|name| literal(name, dialect)).collect();
    let except = except.join(", ");
    let text = |expression| as_text(expression, dialect);
    // On engines without schemas the ledger's name is what its tables' names begin with.
    let (prefix, length) = (literal(&format!("{ledger}_"), dialect), ledger.chars().count() + 1);
    match dialect {
        Dialect::Postgres => format!(
            "SELECT {}, {} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND {OF_A_USER} AND n.nspname <> {} AND c.relname NOT IN ({except}) AND NOT EXISTS (SELECT FROM \
             pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid \
             AND d.deptype = 'e') ORDER BY n.nspname, c.relname LIMIT 1",
            text("n.nspname"),
            text("c.relname"),
            literal(ledger, dialect)
        ),
        Dialect::Mysql | Dialect::Mariadb => format!(
            "SELECT {}, {} FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' \
             AND LEFT(table_name, {length}) <> {prefix} AND table_name NOT IN ({except}) ORDER BY table_name LIMIT 1",
            text("table_schema"),
            text("table_name")
        ),
        Dialect::Sqlite => format!(
            "SELECT 'main', name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' \
             AND substr(name, 1, {length}) <> {prefix} AND name NOT IN ({except}) ORDER BY name LIMIT 1"
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

/// Whether a text stands for true.
pub(super) fn is_true(value: Option<&String>) -> bool {
    value.is_some_and(|value| matches!(value.as_str(), "true" | "t" | "1"))
}
