//! The ledger's SQL, and that of the lock and the fence. Texts only; [`super::session`] sends them. Every name is
//! qualified, and no text depends on what a file has set; see [`super::literal`].

use sha2::{Digest, Sha256};

use super::literal::{identifier, text, text_or_null};
use super::mark::Mark;
use crate::engine::acknowledgement::{Acknowledgement, AcknowledgementKind};
use crate::engine::session::{Attempt, FailedAttempt, Fence, Unrun};
use crate::engine::shared::ledger_layout::LAYOUT;
use crate::engine::shared::ledger_rows::{acknowledgement, attempt, rollback, row};
use crate::migration::{Migration, Version};
use crate::plan::Kind;

/// The oldest program that may write to a ledger as this one makes it, by the layout that it makes.
pub(super) const OLDEST_WRITER: i32 = 4;

/// What makes and upgrades the ledger, on MariaDB too.
const INSTALLATION: &str = include_str!("../../../migrations/mysql/000_migration_tracking_system.sql");

/// Schemaward's own version, as the ledger records it.
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Now, in UTC, whatever a file has made of the session's clock and its time zone: `SET timestamp` stops the clock that
/// `UTC_TIMESTAMP()` and `NOW()` show, not `SYSDATE()`'s, which is in the session's time zone.
/// Source: MySQL, "Date and Time Functions", `SYSDATE()`.
pub(super) const NOW: &str = "SYSDATE(6) - INTERVAL TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) SECOND";

/// Begins the transaction of whatever is written: a file may have set autocommit or another mode.
pub(super) const BEGIN: &str = "START TRANSACTION READ WRITE";

/// The ledger in one database.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    /// The database's name, quoted.
    database: String,
    prefix: String,
    lock: String,
    /// Who writes, as the URL names the user.
    user: String,
}

impl Ledger {
    /// Chooses the database again: with `SET ROLE NONE`, MySQL 8.0 forgets what the user may do in it.
    pub(super) fn use_database(&self) -> String {
        format!("USE {}", self.database)
    }

    /// Takes a role.
    pub(super) fn set_role(&self, role: &str) -> String {
        format!("SET ROLE {role};{}", self.use_database())
    }

    /// `lock_scope` is what the lock is named by: the database's name, folded where the server folds names.
    pub(super) fn new(database: &str, prefix: &str, lock_scope: &str, user: &str) -> Self {
        Self {
            database: identifier(database),
            prefix: prefix.to_owned(),
            lock: lock_name(lock_scope),
            user: user.to_owned(),
        }
    }

    /// A table of the ledger, qualified and quoted.
    pub(super) fn table(&self, name: &str) -> String {
        format!("{}.`{}_{name}`", self.database, self.prefix)
    }

    /// What the names of the ledger's tables begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    fn rows(&self) -> String {
        self.table("schema_migrations")
    }

    /// Makes or upgrades the ledger, one statement after the other.
    pub(super) fn installation(&self) -> String {
        INSTALLATION
            .replace("{{database}}", &self.database)
            .replace("{{prefix}}", &self.prefix)
            .replace("{{layout}}", &LAYOUT.to_string())
            .replace("{{oldest_writer}}", &OLDEST_WRITER.to_string())
            .replace("{{tool_version}}", &text(TOOL_VERSION))
    }

    /// Which of the ledger's tables there are: names that end in `ledger` and `schema_migrations` or `migration_locks`.
    pub(super) fn installed(&self) -> String {
        format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({})",
            ["ledger", "schema_migrations", "migration_locks"]
                .map(|name| text(&format!("{}_{name}", self.prefix)))
                .join(", ")
        )
    }

    /// Views and routines that people look at the ledger through, each with whether it needs more rights than the tables
    /// do. A view cannot replace a missing routine under the same call, so there are both.
    pub(super) fn conveniences(&self) -> [(&'static str, Vec<String>); 2] {
        let (rows, history) = (self.rows(), self.table("get_migration_history"));
        let current = self.table("get_current_schema_version");
        let select = format!(
            "SELECT m.version, m.filename, m.kind, LEFT(m.checksum, 16) AS checksum, m.applied_at, \
             m.execution_time_ms, m.success, u.applied_at AS undone_at, m.error_code, m.error_message, \
             CONCAT(m.statements_done, '/', m.statements_total) AS statements, m.run, m.applied_by \
             FROM {rows} AS m LEFT JOIN {rows} AS u ON u.id = m.undone_by"
        );
        let newest = format!(
            "SELECT m.version FROM {rows} AS m WHERE m.version_in_force IS NOT NULL ORDER BY {} LIMIT 1",
            newest_first("m.version")
        );
        let views = vec![
            format!("CREATE OR REPLACE VIEW {history} AS {select}"),
            format!("CREATE OR REPLACE VIEW {current} AS {newest}"),
        ];
        let routines = vec![
            format!("DROP PROCEDURE IF EXISTS {history}"),
            format!("CREATE PROCEDURE {history}() READS SQL DATA SQL SECURITY INVOKER {select} ORDER BY m.id"),
            format!("DROP FUNCTION IF EXISTS {current}"),
            format!(
                "CREATE FUNCTION {current}() RETURNS VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin \
                 READS SQL DATA SQL SECURITY INVOKER RETURN ({newest})"
            ),
        ];
        [("views", views), ("the procedure and the function", routines)]
    }

    /// Three results: the ledger's version, all that has succeeded and was not undone, what is half applied.
    /// [`super::rows::ledger_state`] puts them in order: what the server would group or sort would cost it more than all else.
    pub(super) fn read(&self) -> String {
        format!(
            "SELECT MAX(version) FROM {};\nSELECT {} FROM {} WHERE success AND undone_by IS NULL;\n{}",
            self.table("ledger"),
            row::list(&[]),
            self.rows(),
            self.begun()
        )
    }

    /// The newest attempts, all of them without a limit, and the newest that failed.
    pub(super) fn attempts(&self, limit: Option<u32>) -> String {
        let select = format!(
            "SELECT {}, {} FROM {}",
            row::list(&[]),
            attempt::list(
                &[(attempt::applied_at, &instant("applied_at")), (attempt::undone, "undone_by IS NOT NULL"),]
            ),
            self.rows()
        );
        let limit = limit.map(|rows| format!(" LIMIT {rows}")).unwrap_or_default();
        format!("{select} ORDER BY id DESC{limit};\n{select} WHERE NOT success ORDER BY id DESC LIMIT 1")
    }

    /// 1 where this session holds the lock now, 0 where another does, NULL where something went wrong.
    pub(super) fn try_lock(&self) -> String {
        // Never a negative timeout: to MariaDB that is an error, for which it answers NULL.
        format!("SELECT GET_LOCK({}, 0)", text(&self.lock))
    }

    /// Takes the lock that only this session ever takes, by which a later holder knows whether it is still there.
    pub(super) fn mark_session(session_lock: &str) -> String {
        format!("SELECT GET_LOCK({}, 0)", text(session_lock))
    }

    /// Who holds the lock: its connection, and what the process list shows of it; no row if nobody does.
    pub(super) fn holder(&self) -> String {
        format!(
            "SELECT h.id, p.USER, p.HOST FROM (SELECT IS_USED_LOCK({}) AS id) AS h \
             LEFT JOIN information_schema.PROCESSLIST AS p ON p.ID = h.id WHERE h.id IS NOT NULL",
            text(&self.lock)
        )
    }

    /// What the holder has said of itself: its connection, its run, since when. Needs the ledger.
    pub(super) fn holder_run(&self) -> String {
        format!("SELECT process_id, run, {} FROM {} WHERE id = 1", instant("locked_at"), self.table("migration_locks"))
    }

    /// Five results: the previous holder's own lock and the connection that still holds that, none where it gave the lock
    /// back; nothing; the fence, raised by this session, none where it could not raise it; nothing; the ledger's layout.
    /// Does nothing to a ledger that is to be upgraded, or asks for a newer program.
    pub(super) fn raise_fence(&self, run: &str, session_lock: &str, place: &str) -> String {
        let locks = self.table("migration_locks");
        let identity = self.table("ledger_identity");
        let own = text(session_lock);
        format!(
            "SELECT l.session_lock, IS_USED_LOCK(l.session_lock) FROM {locks} AS l \
             WHERE l.id = 1 AND l.session_lock IS NOT NULL AND l.session_lock <> {own};\n\
             UPDATE {locks} SET fence = fence + 1, locked_at = UTC_TIMESTAMP(6), locked_by = {}, \
             process_id = CONNECTION_ID(), session_lock = {own}, run = {}, released_at = NULL WHERE id = 1 \
             AND (SELECT MAX(v.version) FROM {} AS v) BETWEEN {OLDEST_WRITER} AND {LAYOUT} \
             AND {LAYOUT} <= (SELECT i.layout FROM {identity} AS i) AND {};\n\
             SELECT fence FROM {locks} WHERE id = 1 AND session_lock = {own};\n\
             INSERT IGNORE INTO {} (fence, run, began_at, tool_version, server, database_name) \
             SELECT l.fence, l.run, l.locked_at, {}, {place} FROM {locks} AS l WHERE l.id = 1 AND l.session_lock = {own};\n\
             SELECT layout FROM {identity} WHERE id = 1",
            text(&self.user),
            text(run),
            self.table("ledger"),
            self.holds_lock(),
            self.table("runs"),
            text(TOOL_VERSION),
        )
    }

    /// What the ledger and its place are known by, one row: its UUID, its layout, the oldest writer, the place now, and that
    /// of the newest run that has noted one: whether there is one, server, database.
    pub(super) fn identity(&self, place: &str) -> String {
        format!(
            "SELECT i.ledger_id, i.layout, (SELECT MAX(v.version) FROM {} AS v), {place}, r.fence, r.server, r.database_name \
             FROM {} AS i LEFT JOIN {runs} AS r ON r.fence = (SELECT MAX(n.fence) FROM {runs} AS n) WHERE i.id = 1",
            self.table("ledger"),
            self.table("ledger_identity"),
            runs = self.table("runs"),
        )
    }

    /// The ledger's oldest writer.
    pub(super) fn read_version(&self) -> String {
        format!("SELECT MAX(version) FROM {}", self.table("ledger"))
    }

    /// The row of what a person has taken upon themselves.
    pub(super) fn acknowledge(&self, acknowledgement: &Acknowledgement<'_>) -> String {
        let Acknowledgement { kind, version, detail, run, fence } = acknowledgement;
        format!(
            "INSERT INTO {} (kind, version, detail, made_at, made_by, run, fence) \
             VALUES ({}, {}, {}, {NOW}, {}, {}, {})",
            self.table("acknowledgements"),
            text(kind.word()),
            text_or_null(version.map(Version::as_str)),
            text(detail),
            text(&self.user),
            text(run),
            fence.0
        )
    }

    /// The same rows, newest first.
    pub(super) fn acknowledged(&self, kind: AcknowledgementKind) -> String {
        format!(
            "SELECT {} FROM {} WHERE kind = {} ORDER BY id DESC",
            acknowledgement::list(&[(acknowledgement::made_at, &instant("made_at"))]),
            self.table("acknowledgements"),
            text(kind.word())
        )
    }

    /// The connection that still holds an earlier holder's own lock; NULL where none does.
    pub(super) fn still_there(session_lock: &str) -> String {
        format!("SELECT IS_USED_LOCK({})", text(session_lock))
    }

    /// Records the release of the lock, unless somebody else holds it by now, and releases it.
    pub(super) fn release(&self, fence: Fence) -> String {
        format!(
            "UPDATE {} SET released_at = UTC_TIMESTAMP(6), session_lock = NULL WHERE id = 1 AND fence = {};\n\
             SELECT RELEASE_LOCK({})",
            self.table("migration_locks"),
            fence.0,
            text(&self.lock)
        )
    }

    fn holds_lock(&self) -> String {
        format!("IS_USED_LOCK({}) <=> CONNECTION_ID()", text(&self.lock))
    }

    /// The fence as an expression that fails, since it then has two rows, where it was raised by another or this session
    /// does not hold the lock any more. It fails whatever `sql_mode` is, in which a NULL for a column that
    /// takes none would become 0. The row stays locked against a new holder's UPDATE until the transaction ends.
    pub(super) fn guard(&self, fence: Fence) -> String {
        let locks = self.table("migration_locks");
        format!(
            "(SELECT l.fence FROM {locks} AS l WHERE l.id = 1 UNION ALL SELECT l.fence FROM {locks} AS l WHERE l.id = 1 \
             AND NOT (l.fence = {} AND {}) LOCK IN SHARE MODE)",
            fence.0,
            self.holds_lock()
        )
    }

    /// The guard as a statement, with one answer and no row. `DO` would not do: MariaDB passes over its errors.
    pub(super) fn check(&self, fence: Fence) -> String {
        format!("SET @schemaward_guard = {}", self.guard(fence))
    }

    /// Whether the guard would pass, as 1 or 0.
    pub(super) fn is_ours(&self, fence: Fence) -> String {
        format!(
            "SELECT EXISTS (SELECT 1 FROM {} AS l WHERE l.id = 1 AND l.fence = {} AND {})",
            self.table("migration_locks"),
            fence.0,
            self.holds_lock()
        )
    }

    /// The row of an attempt that failed.
    pub(super) fn record_failure(&self, attempt: Attempt<'_>, failed: FailedAttempt<'_>) -> String {
        let duration = failed.duration.as_millis().to_string();
        self.record(attempt, &duration, failed.statements_done, Some(failed))
    }

    /// The rows of an attempt that is complete, each a statement: its own, and what changes in others with it.
    /// `began`: the variable that holds when it began, in seconds.
    pub(super) fn record_success(&self, attempt: Attempt<'_>, began: &str) -> Vec<String> {
        let duration = format!("COALESCE(GREATEST(0, ROUND((UNIX_TIMESTAMP(SYSDATE(6)) - {began}) * 1000)), 0)");
        let row = self.record(attempt, &duration, attempt.migration.statements.len(), None);
        let mut written = vec![row, self.join_journal(attempt)];
        if attempt.kind == Kind::Rollback {
            written.push(format!(
                "UPDATE {} SET undone_by = LAST_INSERT_ID() WHERE version_in_force = {}",
                self.rows(),
                text(attempt.migration.version.significant())
            ));
        }
        written
    }

    /// A query that answers with a mark where the row of success that was written just before is there.
    pub(super) fn recorded(&self, attempt: Attempt<'_>, mark: Mark) -> String {
        format!(
            "SELECT {} FROM {} AS m WHERE m.id = LAST_INSERT_ID() AND m.success AND m.run = {} AND m.fence = {} LIMIT 1",
            mark.literal(),
            self.rows(),
            text(attempt.run),
            attempt.fence.0
        )
    }

    /// Whether the row of this attempt's success is there, as 1 or 0.
    pub(super) fn has_success(&self, attempt: Attempt<'_>) -> String {
        format!(
            "SELECT EXISTS (SELECT 1 FROM {} AS m WHERE m.success AND m.run = {} AND m.fence = {} AND m.kind = {} \
             AND m.filename = {})",
            self.rows(),
            text(attempt.run),
            attempt.fence.0,
            text(attempt.kind.word()),
            text(&attempt.migration.file)
        )
    }

    fn record(&self, attempt: Attempt<'_>, duration: &str, done: usize, failed: Option<FailedAttempt<'_>>) -> String {
        let migration = attempt.migration;
        let failure = failed.map(|failed| failed.failure);
        let values = [
            text(migration.version.as_str()),
            text(&migration.file),
            text(&migration.description),
            text(attempt.kind.word()),
            text(migration.checksum.as_str()),
            text(migration.token_checksum.as_str()),
            NOW.to_owned(),
            duration.to_owned(),
            failure.is_none().to_string(),
            text_or_null(failure.map(|f| f.message.as_str())),
            text_or_null(failure.and_then(|f| f.code.as_deref())),
            done.to_string(),
            migration.statements.len().to_string(),
            text_or_null(migration.rollback_sql.as_deref()),
            text(attempt.run),
            self.guard(attempt.fence),
            text(TOOL_VERSION),
            text(&self.user),
        ];
        format!(
            "INSERT INTO {} (version, filename, description, kind, checksum, token_checksum, applied_at, \
             execution_time_ms, success, error_message, error_code, statements_done, statements_total, rollback_sql, \
             run, fence, tool_version, applied_by) VALUES ({})",
            self.rows(),
            values.join(", ")
        )
    }

    /// The rows of migrations that are in force without having been run.
    pub(super) fn record_unrun(&self, unrun: &Unrun<'_>) -> String {
        let guard = self.guard(unrun.fence);
        let row = |migration: &Migration| {
            // What was there before Schemaward is not undone by it; what another tool has run may be.
            let rollback = migration.rollback_sql.as_deref().filter(|_| unrun.kind == Kind::Adopted);
            format!(
                "({}, {}, {}, {}, {}, {}, {NOW}, 0, true, 0, {}, {}, {}, {guard}, {}, {})",
                text(migration.version.as_str()),
                text(&migration.file),
                text(&migration.description),
                text(unrun.kind.word()),
                text(migration.checksum.as_str()),
                text(migration.token_checksum.as_str()),
                migration.statements.len(),
                text_or_null(rollback),
                text(unrun.run),
                text(TOOL_VERSION),
                text(&self.user),
            )
        };
        let rows: Vec<String> = unrun.migrations.iter().map(|migration| row(migration)).collect();
        format!(
            "INSERT INTO {} (version, filename, description, kind, checksum, token_checksum, applied_at, \
             execution_time_ms, success, statements_done, statements_total, rollback_sql, run, fence, tool_version, \
             applied_by) VALUES {}",
            self.rows(),
            rows.join(", ")
        )
    }

    /// The rollback SQL of what is in force.
    pub(super) fn stored_rollbacks(&self, versions: &[Version]) -> String {
        let versions: Vec<String> = versions.iter().map(|version| text(version.significant())).collect();
        // Layouts before 7 lack `version_in_force`, and this query runs before the ledger is upgraded.
        format!(
            "SELECT {} FROM {} WHERE success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted') \
             AND TRIM(LEADING '0' FROM version) IN ({})",
            rollback::list(&[]),
            self.rows(),
            versions.join(", ")
        )
    }

    /// Gives an applied row the checksums that its file has now, and keeps the old ones: two statements. The second one's
    /// answer says how many rows were changed.
    pub(super) fn accept_edit(&self, fence: Fence, run: &str, migration: &Migration) -> [String; 2] {
        let rows = self.rows();
        let (file, checksum) = (text(&migration.file), text(migration.checksum.as_str()));
        let token_checksum = text(migration.token_checksum.as_str());
        let version = text(migration.version.significant());
        let differs = format!("version_in_force = {version} AND checksum <> {checksum}");
        [
            format!(
                "INSERT INTO {} (migration_id, version, filename_before, checksum_before, token_checksum_before, \
                 filename, checksum, token_checksum, accepted_at, accepted_by, run, fence) \
                 SELECT id, version, filename, checksum, token_checksum, {file}, {checksum}, {token_checksum}, \
                 {NOW}, {}, {}, {} FROM {rows} WHERE {differs}",
                self.table("accepted_edits"),
                text(&self.user),
                text(run),
                fence.0
            ),
            format!(
                "UPDATE {rows} SET filename = {file}, token_checksum = {token_checksum}, checksum = {checksum} \
                 WHERE {differs}"
            ),
        ]
    }
}

/// Sorts versions number by number, the highest first. Versions with fewer numbers than the maximum are padded with zeros.
fn newest_first(column: &str) -> String {
    let zeros = ".0".repeat(Version::MAX_PARTS);
    let part = |n: usize| {
        let up_to = format!("SUBSTRING_INDEX(CONCAT({column}, '{zeros}'), '.', {n})");
        format!("CAST(SUBSTRING_INDEX({up_to}, '.', -1) AS DECIMAL(32, 0)) DESC")
    };
    (1..=Version::MAX_PARTS).map(part).collect::<Vec<_>>().join(", ")
}

/// The lock's name, the same whichever prefix the ledger has: one run at a time in a database. Names of locks are the
/// server's, not the database's, and have at most 64 characters. Never to change: two versions of Schemaward must exclude
/// each other.
fn lock_name(scope: &str) -> String {
    let hash = format!("{:x}", Sha256::digest(scope));
    format!("schemaward:{}", hash.get(..40).unwrap_or_default())
}

/// An instant as RFC 3339, UTC, whole seconds.
pub(super) fn instant(column: &str) -> String {
    format!("DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%sZ')")
}

#[cfg(test)]
mod tests {
    use super::{Ledger, lock_name};

    #[test]
    fn no_placeholder_is_left_in_the_installation() {
        let sql = Ledger::new("it`s", "history", "it`s", "app").installation();
        assert!(!sql.contains("{{"), "{sql}");
        assert!(sql.contains("CREATE TABLE IF NOT EXISTS `it``s`.`history_schema_migrations`"), "{sql}");
    }

    #[test]
    fn a_lock_s_name_fits_and_distinguishes_databases() {
        assert_eq!(lock_name("shop"), "schemaward:8d9001d32c6a703d95921a77115050f33dd823d3");
        assert!(lock_name("shop").len() <= 64);
        assert_ne!(lock_name("shop"), lock_name("shop2"));
    }
}
