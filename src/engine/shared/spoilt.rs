//! Finds stored objects of `MySQL` and `MariaDB` whose bodies hold SQL of Schemaward's own: builds before the first release
//! could send theirs where the server's grammar took it into a body. Reads only.

use crate::engine::{Database, Session, SessionError};
use crate::report::{Failure, Reason};
use crate::sql::Dialect;

/// How to mend one.
pub(crate) const MEND: &str = "drop it and create it again from its file, in a new migration or with the server's \
                               own client, with its body between DELIMITER lines; until then it did not do its work";

/// The stored objects that are spoilt, each as `procedure shop.p`; none on other engines.
///
/// # Errors
///
/// Where the server cannot be asked.
pub async fn spoilt_objects<D: Database>(database: &D) -> Result<Vec<String>, SessionError> {
    let mut session = database.connect().await?;
    let found = find(&mut session).await;
    session.close().await;
    found
}

/// Whether an engine has such objects.
#[must_use]
pub fn can_be_spoilt(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Mysql | Dialect::Mariadb => true,
        Dialect::Postgres | Dialect::Sqlite => false,
    }
}

/// The same on a session.
pub(crate) async fn find<S: Session>(session: &mut S) -> Result<Vec<String>, SessionError> {
    if !can_be_spoilt(session.server_dialect()) {
        return Ok(Vec::new());
    }
    let rows = session.text_rows(&query()).await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// How a spoilt object is reported.
#[must_use]
pub fn spoilt(object: &str) -> Failure {
    Failure::new(
        Reason::NeedsReview,
        format!("the body of the {object} holds SQL of Schemaward's own journal: an earlier build has spoilt it"),
    )
    .hint(MEND.to_owned())
}

/// Of this database's journal: what another one's has spoilt is reported there. A routine of the user's own may read the journal;
/// none writes its rows, or sets the variables of a run. Triggers are asked for by their table's database, since `MariaDB`
/// would look through the tables of all.
fn query() -> String {
    let is_spoilt = |schema: &str, body: &str| {
        format!(
            "({body} LIKE '%statement\\_journal` (id, kind, version%' \
             AND LOCATE(CONCAT('INSERT INTO `', REPLACE(DATABASE(), '`', '``'), '`.`'), {body}) > 0 \
             OR {schema} = DATABASE() AND ({body} LIKE '%@schemaward\\_guard%' OR {body} LIKE '%@schemaward\\_began%'))"
        )
    };
    format!(
        "SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_SCHEMA, '.', ROUTINE_NAME) FROM information_schema.ROUTINES WHERE {} \
         UNION ALL SELECT CONCAT('trigger ', TRIGGER_SCHEMA, '.', TRIGGER_NAME) FROM information_schema.TRIGGERS \
         WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND {} \
         UNION ALL SELECT CONCAT('event ', EVENT_SCHEMA, '.', EVENT_NAME) FROM information_schema.EVENTS WHERE {} ORDER BY 1",
        is_spoilt("ROUTINE_SCHEMA", "ROUTINE_DEFINITION"),
        is_spoilt("TRIGGER_SCHEMA", "ACTION_STATEMENT"),
        is_spoilt("EVENT_SCHEMA", "EVENT_DEFINITION")
    )
}
