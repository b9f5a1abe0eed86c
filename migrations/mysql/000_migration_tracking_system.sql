-- Schemaward's ledger on MySQL 8 and later and on MariaDB 10.6 and later; one text for both.
--
-- Run as a whole by the holder of the lock in the database, whenever the version recorded in the
-- table {{prefix}}_ledger is lower than the one at the end of this file. DDL commits by itself
-- here, so each statement finds out by itself whether it is still due: one text serves a first
-- installation, every upgrade, and an installation that was interrupted.
--
-- {{database}} stands for the database's name, quoted, {{prefix}} for the history's prefix,
-- {{tool_version}} for Schemaward's own version as a string literal. Every name is qualified, and
-- every text is compared byte by byte.

-- Which versions of this file have been here; the highest counts. The numbers are those of
-- PostgreSQL's ledger: 3 is the first there is of this one.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_ledger` (
    version      INT         NOT NULL PRIMARY KEY,
    tool_version VARCHAR(64) NOT NULL,
    installed_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A row an attempt: successes and failures. Times are in UTC.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_schema_migrations` (
    id                BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    -- As the file's name writes it; compared as a number. R where the file is a repeatable one.
    version           VARCHAR(32)  NOT NULL,
    filename          VARCHAR(255) NOT NULL,
    description       TEXT         NOT NULL,
    -- What was attempted. baseline and adopted: nothing was run, since a person, or another tool's
    -- history, says that it is there already.
    kind              VARCHAR(16)  NOT NULL
        CHECK (kind IN ('migration', 'repeatable', 'rollback', 'baseline', 'adopted')),
    -- SHA-256 of the file's bytes, and of its tokens without comments and white space; in a
    -- rollback's row those of the rollback SQL.
    checksum          VARCHAR(64)  NOT NULL,
    token_checksum    VARCHAR(64)  NOT NULL,
    applied_at        DATETIME(6)  NOT NULL,
    execution_time_ms BIGINT       NOT NULL,
    success           BOOLEAN      NOT NULL,
    error_message     MEDIUMTEXT,
    -- errno, where the server gave one.
    error_code        VARCHAR(16),
    statements_done   INT          NOT NULL,
    statements_total  INT          NOT NULL,
    -- As it was when the migration was applied: the release one rolls back to no longer has the file.
    rollback_sql      LONGTEXT,
    run               VARCHAR(255) NOT NULL,
    fence             BIGINT       NOT NULL,
    tool_version      VARCHAR(64)  NOT NULL,
    applied_by        VARCHAR(288) NOT NULL,
    -- The row of the rollback that has undone this one.
    undone_by         BIGINT,
    -- One version is in force once, whatever happens to locks and fences.
    in_force          DECIMAL(32, 0) GENERATED ALWAYS AS (
        CASE WHEN success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted')
        THEN CAST(version AS DECIMAL(32, 0)) END) STORED,
    UNIQUE KEY schema_migrations_applied_once (in_force)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Edits of applied files that a person has accepted: the applied row has the new checksums since
-- then, this one the old.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_accepted_edits` (
    id                    BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    migration_id          BIGINT       NOT NULL,
    version               VARCHAR(32)  NOT NULL,
    filename_before       VARCHAR(255) NOT NULL,
    checksum_before       VARCHAR(64)  NOT NULL,
    token_checksum_before VARCHAR(64)  NOT NULL,
    filename              VARCHAR(255) NOT NULL,
    checksum              VARCHAR(64)  NOT NULL,
    token_checksum        VARCHAR(64)  NOT NULL,
    accepted_at           DATETIME(6)  NOT NULL,
    accepted_by           VARCHAR(288) NOT NULL,
    run                   VARCHAR(255) NOT NULL,
    fence                 BIGINT       NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A row a statement: what has run, so that a run that is interrupted resumes behind it.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_statement_journal` (
    id            BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    -- What the statement belongs to: migration, repeatable or rollback.
    kind          VARCHAR(16)  NOT NULL CHECK (kind IN ('migration', 'repeatable', 'rollback')),
    version       VARCHAR(32)  NOT NULL,
    filename      VARCHAR(255) NOT NULL,
    -- Its number in the file, from 1.
    statement     INT          NOT NULL CHECK (statement > 0),
    -- SHA-256 of its tokens, and its first line.
    checksum      VARCHAR(64)  NOT NULL,
    excerpt       TEXT         NOT NULL,
    -- finished: it has run. failed: the server refused it. started: its end was not recorded.
    state         VARCHAR(16)  NOT NULL CHECK (state IN ('started', 'finished', 'failed')),
    -- What tells whether it has run where its end was not recorded; see docs/no-transaction.md.
    trace         VARCHAR(32)  NOT NULL,
    -- What it makes, drops or renames, and whether that was there before it ran.
    object        TEXT,
    object_before BOOLEAN,
    started_at    DATETIME(6)  NOT NULL,
    ended_at      DATETIME(6),
    -- Who said how it ended: the server's answer, the catalog, or a person by schemaward repair.
    settled_by    VARCHAR(16)  CHECK (settled_by IN ('server', 'catalog', 'repair')),
    error_code    VARCHAR(16),
    error_message MEDIUMTEXT,
    run           VARCHAR(255) NOT NULL,
    fence         BIGINT       NOT NULL,
    -- The row of the attempt it has become a part of; NULL while that is not finished.
    migration_id  BIGINT,
    -- What LAST_INSERT_ID() said behind it: a run that resumes there says it again. From version 4 on.
    last_insert_id BIGINT UNSIGNED,
    -- 7 and 007 are one version; repeatable files are told apart by their names.
    open_version  VARCHAR(32)  GENERATED ALWAYS AS (
        CASE WHEN migration_id IS NULL THEN TRIM(LEADING '0' FROM version) END) STORED,
    open_file     VARCHAR(255) GENERATED ALWAYS AS (
        CASE WHEN kind = 'repeatable' THEN filename ELSE '' END) STORED,
    UNIQUE KEY statement_journal_begun_once (open_version, kind, open_file, statement)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

SET @schemaward_due = (
    SELECT IF(COUNT(*) > 0, 'DO 0', CONCAT('ALTER TABLE `', REPLACE(DATABASE(), '`', '``'),
        '`.`{{prefix}}_statement_journal` ADD COLUMN last_insert_id BIGINT UNSIGNED AFTER migration_id'))
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{{prefix}}_statement_journal' AND COLUMN_NAME = 'last_insert_id'
);
PREPARE schemaward_due FROM @schemaward_due;
EXECUTE schemaward_due;
DEALLOCATE PREPARE schemaward_due;

-- One row: who holds the lock, or who held it last.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_migration_locks` (
    id           INT          NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Raised by each new holder. Whatever a run writes checks that it is still its own.
    fence        BIGINT       NOT NULL,
    locked_at    DATETIME(6),
    locked_by    VARCHAR(288),
    -- The server's number for the holder's connection. Numbers come again after a restart, so the
    -- connection is known by the named lock that it alone has held since it began.
    process_id   BIGINT,
    session_lock VARCHAR(64),
    run          VARCHAR(255),
    released_at  DATETIME(6)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO {{database}}.`{{prefix}}_migration_locks` (id, fence) VALUES (1, 0) ON DUPLICATE KEY UPDATE id = 1;

INSERT INTO {{database}}.`{{prefix}}_ledger` (version, tool_version, installed_at)
VALUES (4, {{tool_version}}, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE version = version;
