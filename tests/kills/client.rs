//! A connection for tests: text in, rows of text out.

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row};
use tokio::runtime::{Builder, Runtime};

pub type Rows = Vec<Vec<String>>;

pub struct Client {
    runtime: Runtime,
    connection: Connection,
}

enum Connection {
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

impl Client {
    /// # Errors
    /// The server does not answer, or refuses.
    pub fn connect(url: &str) -> Result<Self, String> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connecting = async {
            if url.starts_with("postgres") {
                PgConnection::connect(url).await.map(Connection::Postgres)
            } else {
                MySqlConnection::connect(url).await.map(Connection::Mysql)
            }
        };
        let connection = runtime.block_on(connecting).map_err(|error| format!("{url}: {error}"))?;
        Ok(Self { runtime, connection })
    }

    /// Runs statements and returns the rows of all of them, with an empty text for NULL.
    ///
    /// # Errors
    /// The server's message.
    pub fn rows(&mut self, sql: &str) -> Result<Rows, String> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let Self { runtime, connection } = self;
        let rows = match connection {
            Connection::Postgres(connection) => runtime.block_on(query.fetch_all(connection)).map(|rows| texts(&rows)),
            Connection::Mysql(connection) => runtime.block_on(query.fetch_all(connection)).map(|rows| texts(&rows)),
        };
        rows.map_err(|error| format!("{sql}: {error}"))
    }
}

/// Rows of a query that was not prepared are text, whatever their types.
fn texts<R: Row>(rows: &[R]) -> Rows
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let text = |row: &R, column| row.try_get_unchecked::<Option<String>, _>(column).unwrap().unwrap_or_default();
    rows.iter().map(|row| (0..row.len()).map(|column| text(row, column)).collect()).collect()
}
