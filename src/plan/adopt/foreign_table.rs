//! A table that may be another tool's, and how SQL names it.

use crate::sql::Dialect;

/// A row of an answer: texts, or NULL.
pub(super) type Row = Vec<Option<String>>;

/// A table that may be another tool's history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignTable {
    /// Its schema; on `MySQL` and `MariaDB` its database.
    pub schema: String,
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
pub(super) fn literal(text: &str, dialect: Dialect) -> String {
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

/// Whether a text means true.
pub(super) fn is_true(value: Option<&String>) -> bool {
    value.is_some_and(|value| matches!(value.as_str(), "true" | "t" | "1"))
}
