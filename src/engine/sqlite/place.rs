//! Where in a statement a syntax error is. SQLite gives its place by a function that the driver does not offer, and its
//! message names the token only; so shorter and shorter beginnings of the statement are prepared, which runs nothing.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use super::error::near;
use crate::sql::{Dialect, token_ends};

/// What SQLite says of a statement that ends too early.
const INCOMPLETE: &str = "incomplete input";

/// The byte at which the text stops making sense; None where the message is not of a syntax error.
///
/// SQLite's parser reads from left to right and gives up at the first token that cannot be where it is, so that the
/// shortest beginning with the same error ends with this token.
pub(super) async fn byte_of_error(connection: &mut SqliteConnection, sql: &str, message: &str) -> Option<usize> {
    if message == INCOMPLETE {
        return sql.char_indices().last().map(|(byte, _)| byte);
    }
    let near = near(message)?;
    let ends = token_ends(sql, Dialect::Sqlite);
    let (mut shortest, mut longer) = (0, ends.len().checked_sub(1)?);
    while shortest < longer {
        let middle = shortest.midpoint(longer);
        let beginning = ends.get(middle).and_then(|end| sql.get(..*end))?;
        let prepared = connection.prepare(AssertSqlSafe(beginning.to_owned()).into_sql_str()).await;
        let same = prepared
            .err()
            .is_some_and(|error| error.as_database_error().is_some_and(|error| error.message() == message));
        if same {
            longer = middle;
        } else {
            shortest = middle + 1;
        }
    }
    let end = ends.get(shortest)?;
    end.checked_sub(near.len()).filter(|start| sql.get(*start..*end) == Some(near))
}
