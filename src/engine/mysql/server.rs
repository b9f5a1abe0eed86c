//! What a session asks its server for once, when it begins.

use std::time::Duration;

use sqlx::mysql::MySqlRow;

use super::literal::text;
use super::rows::value;
use crate::engine::session::SessionError;
use crate::report::{Failure, Reason};
use crate::sql::Dialect;

/// A session that says nothing for longer has lost its client: its lock is given back. The longest a run pauses is the
/// lock ladder's half a minute.
const WAIT_TIMEOUT: Duration = Duration::from_mins(2);
/// The longest timeout that the server takes. Source: MySQL, `lock_wait_timeout`.
const LONGEST_TIMEOUT: u64 = 31_536_000;
/// The server's limit where it does not give one.
const LEAST_PACKET: usize = 1 << 20;

/// A file may take as long as it needs, whatever the server or the user has as a limit. MariaDB's is code for MariaDB alone;
/// MySQL's, which holds for SELECT, has a version that MariaDB passes over.
const NO_TIME_LIMIT: &str =
    " /*M!100200 , SESSION max_statement_time = 0 */ /*!50708 , SESSION max_execution_time = 0 */";

/// What a server says of itself and of a session.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) connection: i64,
    /// Made for this session, the same nowhere else.
    pub(super) session_uuid: String,
    /// The database, as the server names it.
    pub(super) database: String,
    /// Whether names of databases and tables mean the same in capitals.
    pub(super) folds_names: bool,
    /// The largest message it takes, in bytes.
    pub(super) max_packet: usize,
    /// As `MySQL 9.7.4` or `MariaDB 10.11.19`.
    pub(super) version: ServerVersion,
    /// Whether a backslash is a character like any other.
    pub(super) no_backslash_escapes: bool,
}

/// Which server it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ServerVersion {
    pub(super) mariadb: bool,
    pub(super) number: (u32, u32),
    /// As the server writes it.
    pub(super) text: String,
}

/// A lock's timeout as the server counts it: in whole seconds, and never without an end.
pub(super) fn whole_seconds(timeout: Duration) -> u64 {
    timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0)).clamp(1, LONGEST_TIMEOUT)
}

/// The settings that every file starts from, one statement. Everything else is the server's default, as in the mysql
/// client. The driver asks for the mode `IGNORE_SPACE`, which would change what a file means.
pub(super) fn settings(lock_timeout: Duration) -> String {
    let seconds = whole_seconds(lock_timeout);
    format!(
        "SET NAMES utf8mb4, \
         SESSION lock_wait_timeout = {seconds}, SESSION innodb_lock_wait_timeout = {seconds}, \
         SESSION wait_timeout = {}, SESSION autocommit = 1, \
         SESSION sql_mode = IF(FIND_IN_SET('IGNORE_SPACE', @@GLOBAL.sql_mode), @@SESSION.sql_mode, \
         REPLACE(@@SESSION.sql_mode, 'IGNORE_SPACE', '')){NO_TIME_LIMIT}",
        WAIT_TIMEOUT.as_secs()
    )
}

/// The number of the answer to [`first_message`] that [`Server::read`] reads, from 0: the settings are answered first.
pub(super) const FIRST_ANSWER: usize = 1;

/// What a session begins with: the settings, and the question what server it is.
pub(super) fn first_message(settings: &str) -> String {
    format!(
        "{settings};SELECT CONNECTION_ID(), UUID(), DATABASE(), @@lower_case_table_names, @@max_allowed_packet, \
         @@version, @@SESSION.sql_mode"
    )
}

impl Server {
    /// From the answer to [`first_message`].
    pub(super) fn read(row: &MySqlRow) -> Result<Self, SessionError> {
        let row = Some(row);
        let max_packet: u64 = value(row, 4)?;
        Ok(Self {
            connection: value(row, 0)?,
            session_uuid: value(row, 1)?,
            database: value::<Option<String>>(row, 2)?.unwrap_or_default(),
            folds_names: value::<i64>(row, 3)? != 0,
            max_packet: usize::try_from(max_packet).unwrap_or(LEAST_PACKET),
            version: ServerVersion::parse(value(row, 5)?),
            no_backslash_escapes: value::<String>(row, 6)?.contains("NO_BACKSLASH_ESCAPES"),
        })
    }

    /// Where the ledger is, as SQL: the server's own identity, which MariaDB has in its later versions alone, and the
    /// database's name.
    pub(super) fn place(&self) -> String {
        let server = if self.version.mariadb {
            "(SELECT g.VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES AS g WHERE g.VARIABLE_NAME = 'SERVER_UID')"
        } else {
            "@@server_uuid"
        };
        format!("{server}, {}", text(&self.database))
    }

    /// What the lock is named by: the database's name, the same however it is written.
    pub(super) fn lock_scope(&self) -> String {
        if self.folds_names { self.database.to_lowercase() } else { self.database.clone() }
    }
}

impl ServerVersion {
    /// From `@@version`, such as `9.7.4-2` or `10.11.19-MariaDB-0+deb12u1`.
    pub(super) fn parse(text: String) -> Self {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or_default());
        let number = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        Self { mariadb: text.to_ascii_lowercase().contains("mariadb"), number, text }
    }

    /// As comments with a version have it: 90704 for 9.7.4, 101119 for 10.11.19.
    pub(super) fn in_comments(&self) -> u32 {
        let numbers = self.text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
        numbers.chain(std::iter::repeat(0)).take(3).fold(0, |id: u32, part: u32| id * 100 + part)
    }

    /// Whose rules it reads SQL by.
    pub(super) fn dialect(&self) -> Dialect {
        if self.mariadb { Dialect::Mariadb } else { Dialect::Mysql }
    }

    /// The engine's name as its makers write it.
    pub(super) fn engine(&self) -> &'static str {
        self.dialect().engine()
    }

    /// The oldest version that is supported: the first whose DDL is atomic.
    pub(super) fn oldest(&self) -> (u32, u32) {
        if self.mariadb { (10, 6) } else { (8, 0) }
    }

    /// That it is supported.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where it is too old.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let (major, minor) = self.oldest();
        if self.number >= (major, minor) {
            return Ok(());
        }
        Err(Failure::new(
            Reason::InvalidSettings,
            format!("the server is {} {}, which is too old", self.engine(), self.text),
        )
        .hint(format!("upgrade it to {} {major}.{minor} or later", self.engine())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::{ServerVersion, settings};

    #[rstest]
    #[case("9.7.4-2", false, (9, 7), true)]
    #[case("8.0.36-0ubuntu0.22.04.1", false, (8, 0), true)]
    #[case("5.7.44-log", false, (5, 7), false)]
    #[case("10.11.19-MariaDB-0+deb12u1", true, (10, 11), true)]
    #[case("10.5.9-MariaDB", true, (10, 5), false)]
    fn a_server_is_known_by_its_version(
        #[case] text: &str,
        #[case] mariadb: bool,
        #[case] number: (u32, u32),
        #[case] supported: bool,
    ) {
        let version = ServerVersion::parse(text.to_owned());
        assert_eq!((version.mariadb, version.number), (mariadb, number));
        assert_eq!(version.check().is_ok(), supported);
    }

    #[rstest]
    #[case("9.7.4-2", 90_704)]
    #[case("10.11.19-MariaDB-0+deb12u1", 101_119)]
    #[case("8.4", 80_400)]
    fn a_version_is_one_number_in_comments(#[case] text: &str, #[case] expected: u32) {
        assert_eq!(ServerVersion::parse(text.to_owned()).in_comments(), expected);
    }

    #[rstest]
    #[case(Duration::from_millis(200), "lock_wait_timeout = 1,")]
    #[case(Duration::from_millis(1001), "lock_wait_timeout = 2,")]
    #[case(Duration::from_secs(u64::MAX), "lock_wait_timeout = 31536000,")]
    fn a_lock_is_waited_for_in_whole_seconds(#[case] timeout: Duration, #[case] expected: &str) {
        assert!(settings(timeout).contains(expected), "{}", settings(timeout));
    }
}
