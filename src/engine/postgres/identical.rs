//! Whether what a statement would make already exists, with the same definition: the statement makes it once more in
//! a schema of its own, the catalog describes both, and all of it is rolled back. No rows are read or copied.

use sqlx::AssertSqlSafe;
use sqlx::postgres::types::Oid;

use super::error::{connection_lost, failure_of, server_error};
use super::literal::{identifier, text};
use super::rows::value;
use super::session::PostgresSession;
use crate::engine::session::SessionError;
use crate::engine::shared::comparison::{Comparison, difference};
use crate::report::Reason;
use crate::sql::{Creating, Creation, Identifier};

const SAVEPOINT: &str = "schemaward_compare";
/// Why most statements are not compared.
pub(super) const NOT_COMPARED: &str =
    "a statement of this kind cannot be made a second time to compare; one that makes one thing can";

/// Where the object is that the statement has met.
struct Found {
    schema: String,
    /// The name of the relation, type or function, or of the table that the statement adds to.
    name: String,
}

impl PostgresSession {
    /// Compares, inside a transaction that has not failed, and leaves that as it was.
    pub(super) async fn compare(&mut self, sql: &str) -> Result<Comparison, SessionError> {
        let Some(creating) = Creating::read(sql) else {
            return Ok(Comparison::Impossible(NOT_COMPARED.to_owned()));
        };
        if creating.creation == Creation::NameOnly {
            return Ok(Comparison::Identical);
        }
        self.command(format!("SAVEPOINT {SAVEPOINT}")).await?;
        let compared = match self.compare_in_scratch(&creating).await {
            Err(error) if error.connection_lost => return Err(error),
            Err(error) => Comparison::Impossible(error.failure.message),
            Ok(comparison) => comparison,
        };
        self.command(format!("ROLLBACK TO SAVEPOINT {SAVEPOINT};RELEASE SAVEPOINT {SAVEPOINT}")).await?;
        Ok(compared)
    }

    async fn compare_in_scratch(&mut self, creating: &Creating<'_>) -> Result<Comparison, SessionError> {
        let Some(found) = self.find(&creating.creation).await? else {
            return Ok(Comparison::Impossible("it is not where the statement would make it".to_owned()));
        };
        let scratch = format!("schemaward_scratch_{}", self.process_id());
        self.command(format!("CREATE SCHEMA {scratch}")).await?;
        if let Some(copy) = copy_of_table(&creating.creation, &found, &scratch) {
            self.command(copy).await?;
        }
        self.command(creating.in_schema(&scratch)).await?;
        // Every name is then written with its schema.
        self.command("SET LOCAL search_path = pg_catalog".to_owned()).await?;
        let existing = self.describe(&creating.creation, &found, &found.schema).await?;
        let wanted = self.describe(&creating.creation, &found, &scratch).await?;
        let own = format!("{}.", quoted_as_the_server_does(&found.schema));
        let wanted: Vec<String> = wanted.iter().map(|line| line.replace(&format!("{scratch}."), &own)).collect();
        if existing.is_empty() {
            return Ok(Comparison::Impossible("what is there under its name is of another kind".to_owned()));
        }
        Ok(if existing == wanted { Comparison::Identical } else { difference(&existing, &wanted) })
    }

    /// Where the statement's object, or its table, is: names mean what they mean to the statement.
    async fn find(&mut self, creation: &Creation) -> Result<Option<Found>, SessionError> {
        let sql = match creation {
            Creation::Relation { name } | Creation::Type { name } | Creation::Function { name } => format!(
                "SELECT COALESCE(p[pg_catalog.array_length(p, 1) OPERATOR(pg_catalog.-) 1], \
                 pg_catalog.current_schema()::pg_catalog.text), p[pg_catalog.array_length(p, 1)] \
                 FROM (SELECT pg_catalog.parse_ident({})) AS parsed (p)",
                text(&name.to_string())
            ),
            Creation::Index { table, .. } | Creation::Column { table, .. } | Creation::Constraint { table, .. } => {
                format!(
                    "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text FROM pg_catalog.pg_class c \
                     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
                     WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({})::pg_catalog.oid",
                    text(&table.to_string())
                )
            }
            Creation::NameOnly => return Ok(None),
        };
        let rows = self.rows(sql).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let schema: Option<String> = value(Some(row), 0)?;
        let name: String = value(Some(row), 1)?;
        Ok(schema.map(|schema| Found { schema, name }))
    }

    /// The definition of the object in a schema, line by line; empty where there is none of this kind.
    async fn describe(
        &mut self,
        creation: &Creation,
        found: &Found,
        schema: &str,
    ) -> Result<Vec<String>, SessionError> {
        let (schema, name) = (text(schema), text(&found.name));
        let sql = match creation {
            Creation::Relation { .. } => relation(&schema, &name),
            Creation::Index { name, .. } => index(&schema, name),
            Creation::Column { name: column, .. } => column_of(&schema, &name, column),
            Creation::Constraint { name: constraint, .. } => constraint_of(&schema, &name, constraint),
            Creation::Type { .. } => type_of(&schema, &name),
            Creation::Function { .. } => {
                let Some(arguments) = self.arguments_in_scratch(&name).await? else { return Ok(Vec::new()) };
                function(&schema, &name, arguments)
            }
            Creation::NameOnly => return Ok(Vec::new()),
        };
        let rows = self.rows(sql).await?;
        rows.iter().map(|row| value(Some(row), 0)).collect()
    }

    /// The argument types of the function that was made a second time: a name alone may mean several functions.
    async fn arguments_in_scratch(&mut self, name: &str) -> Result<Option<Oid>, SessionError> {
        let scratch = text(&format!("schemaward_scratch_{}", self.process_id()));
        let sql = format!(
            "SELECT p.oid FROM pg_proc p WHERE p.proname = {name} AND p.pronamespace = \
             (SELECT n.oid FROM pg_namespace n WHERE n.nspname = {scratch})"
        );
        let rows = self.rows(sql).await?;
        rows.first().map(|row| value(Some(row), 0)).transpose()
    }

    async fn rows(&mut self, sql: String) -> Result<Vec<sqlx::postgres::PgRow>, SessionError> {
        let _waiting = self.heard.asks(sql.len());
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(self.connection()).await;
        rows.map_err(|error| self::error(&error))
    }

    async fn command(&mut self, sql: String) -> Result<(), SessionError> {
        self.try_query(sql).await.map(drop).map_err(|error| self::error(&error))
    }
}

fn error(error: &sqlx::Error) -> SessionError {
    let mut failure = failure_of(error, Reason::StatementFailed);
    if let Some(server) = server_error(error) {
        server.message().clone_into(&mut failure.message);
    }
    SessionError { failure, connection_lost: connection_lost(error) }
}

/// What an index, a column or a constraint is added to a second time: a table of the same columns, without rows.
fn copy_of_table(creation: &Creation, found: &Found, scratch: &str) -> Option<String> {
    let column = match creation {
        Creation::Index { .. } | Creation::Constraint { .. } => None,
        Creation::Column { name, .. } => Some(name),
        _ => return None,
    };
    let table = identifier(&found.name);
    let copy = format!("CREATE TABLE {scratch}.{table} (LIKE {}.{table})", identifier(&found.schema));
    Some(match column {
        None => copy,
        Some(column) => format!("{copy};ALTER TABLE {scratch}.{table} DROP COLUMN {column} CASCADE"),
    })
}

/// A name as `quote_ident` writes it: without quotes where none are needed.
fn quoted_as_the_server_does(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if plain { name.to_owned() } else { identifier(name) }
}

/// A name as a file writes it, as an SQL expression for the name as the catalog has it.
fn parsed(name: &Identifier) -> String {
    format!("(parse_ident({}))[1]", text(&name.to_string()))
}

/// A column's line. `a` is its row of `pg_attribute`.
const COLUMN: &str = "format('column %I %s%s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod), \
     (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co \
      JOIN pg_namespace cn ON cn.oid = co.collnamespace JOIN pg_type ct ON ct.oid = a.atttypid \
      WHERE co.oid = a.attcollation AND a.attcollation <> ct.typcollation), \
     CASE WHEN a.attnotnull THEN ' NOT NULL' END, \
     (SELECT CASE WHEN a.attgenerated = '' THEN ' DEFAULT ' ELSE ' GENERATED ' END || pg_get_expr(d.adbin, d.adrelid) \
      FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum), \
     CASE a.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN ' GENERATED BY DEFAULT AS IDENTITY' END)";

/// A constraint's line. `k` is its row of `pg_constraint`. NOT NULL, since version 18 a constraint, is the column's.
const CONSTRAINT: &str = "format('constraint %I %s', k.conname, pg_get_constraintdef(k.oid))";
const OWN_CONSTRAINTS: &str = "k.contype IN ('c', 'f', 'p', 'u', 'x')";

fn relation(schema: &str, name: &str) -> String {
    format!(
        "WITH c AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {name}) \
         SELECT line FROM ( \
         SELECT 0 AS part, 0 AS number, format('%s%s%s%s', CASE c.relpersistence WHEN 'u' THEN 'unlogged ' END, \
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' \
           WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE c.relkind::text END, \
           ' with (' || array_to_string(c.reloptions, ', ') || ')', ' partition by ' || pg_get_partkeydef(c.oid)) AS line \
           FROM c \
         UNION ALL SELECT 1, a.attnum, {COLUMN} FROM pg_attribute a JOIN c ON c.oid = a.attrelid \
           WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S' \
         UNION ALL SELECT 2, 0, {CONSTRAINT} FROM pg_constraint k JOIN c ON c.oid = k.conrelid WHERE {OWN_CONSTRAINTS} \
         UNION ALL SELECT 3, 0, 'as ' || pg_get_viewdef(c.oid) FROM c WHERE c.relkind IN ('v', 'm') \
         UNION ALL SELECT 4, 0, format('as %s start %s increment %s min %s max %s cache %s%s', format_type(s.seqtypid, NULL), \
           s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ' cycle' END) \
           FROM pg_sequence s JOIN c ON c.oid = s.seqrelid \
         UNION ALL SELECT 5, i.inhseqno, 'inherits ' || i.inhparent::regclass FROM pg_inherits i JOIN c ON c.oid = i.inhrelid \
         ) AS lines ORDER BY part, number, line"
    )
}

fn index(schema: &str, name: &Identifier) -> String {
    format!(
        "SELECT replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') || \
         CASE WHEN i.indisvalid THEN '' ELSE ' (invalid: its building was interrupted)' END \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {}",
        parsed(name)
    )
}

fn column_of(schema: &str, table: &str, column: &Identifier) -> String {
    format!(
        "WITH a AS (SELECT a.* FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {schema} AND c.relname = {table} \
         AND a.attname = {} AND NOT a.attisdropped) \
         SELECT line FROM (SELECT 0 AS part, {COLUMN} AS line FROM a \
         UNION ALL SELECT 1, {CONSTRAINT} FROM pg_constraint k JOIN a ON a.attrelid = k.conrelid \
         WHERE k.conkey = ARRAY[a.attnum] AND {OWN_CONSTRAINTS}) AS lines ORDER BY part, line",
        parsed(column)
    )
}

fn constraint_of(schema: &str, table: &str, constraint: &Identifier) -> String {
    format!(
        "SELECT {CONSTRAINT} FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {table} AND k.conname = {}",
        parsed(constraint)
    )
}

fn type_of(schema: &str, name: &str) -> String {
    format!(
        "WITH t AS (SELECT t.* FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
         WHERE n.nspname = {schema} AND t.typname = {name}) \
         SELECT line FROM ( \
         SELECT 0 AS part, 0 AS number, CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN format('domain over %s%s%s', \
           format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN ' NOT NULL' END, ' DEFAULT ' || t.typdefault) \
           WHEN 'c' THEN (SELECT CASE c.relkind WHEN 'c' THEN 'composite type' ELSE 'row type of a relation' END \
           FROM pg_class c WHERE c.oid = t.typrelid) \
           WHEN 'r' THEN (SELECT 'range of ' || format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid) \
           ELSE 'type of kind ' || t.typtype::text END AS line FROM t \
         UNION ALL SELECT 1, row_number() OVER (ORDER BY e.enumsortorder), 'label ' || quote_literal(e.enumlabel) \
           FROM pg_enum e JOIN t ON t.oid = e.enumtypid \
         UNION ALL SELECT 2, a.attnum, {COLUMN} FROM pg_attribute a JOIN t ON t.typrelid = a.attrelid \
           WHERE a.attnum > 0 AND NOT a.attisdropped \
         UNION ALL SELECT 3, 0, {CONSTRAINT} FROM pg_constraint k JOIN t ON t.oid = k.contypid WHERE k.contype <> 'n' \
         ) AS lines ORDER BY part, number, line"
    )
}

fn function(schema: &str, name: &str, like: Oid) -> String {
    format!(
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE n.nspname = {schema} AND p.proname = {name} AND p.prokind IN ('f', 'p', 'w') AND p.proargtypes = \
         (SELECT l.proargtypes FROM pg_proc l WHERE l.oid = {})",
        like.0
    )
}

#[cfg(test)]
mod tests {
    use super::quoted_as_the_server_does;

    #[test]
    fn names_are_quoted_only_where_the_server_does() {
        assert_eq!(quoted_as_the_server_does("shop_1"), "shop_1");
        assert_eq!(quoted_as_the_server_does("Shop"), "\"Shop\"");
    }
}
