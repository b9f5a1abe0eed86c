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
        let quote = |name: &str| match dialect {
            Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
            Dialect::Mysql | Dialect::Mariadb => format!("`{}`", name.replace('`', "``")),
        };
        format!("{}.{}", quote(&self.schema), quote(&self.name))
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

/// Asks the catalog for the columns of all tables of some names: rows of schema, table and column.
#[must_use]
pub fn catalog_query(names: &[&str], dialect: Dialect) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let names = names.join(", ");
    let text = |expression| as_text(expression, dialect);
    // On MySQL another database is another application's, but for the one that Atlas makes for itself.
    let where_else = match dialect {
        Dialect::Postgres => "",
        Dialect::Mysql | Dialect::Mariadb => " AND table_schema IN (DATABASE(), 'atlas_schema_revisions')",
        Dialect::Sqlite => {
            return format!(
                "SELECT 'main', m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p \
                 WHERE m.type = 'table' AND m.name IN ({names}) ORDER BY m.name, p.cid"
            );
        }
    };
    format!(
        "SELECT {}, {}, {} FROM information_schema.columns WHERE table_name IN ({names}){where_else} \
         ORDER BY table_schema, table_name, ordinal_position",
        text("table_schema"),
        text("table_name"),
        text("column_name")
    )
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
