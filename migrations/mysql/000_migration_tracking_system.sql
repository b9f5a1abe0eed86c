-- Schemaward's ledger on MySQL 8 and later and on MariaDB 10.6 and later; one text for both.
--
-- Run as a whole by the holder of the lock in the database, whenever the layout recorded in the
-- table {{prefix}}_ledger_identity is lower than the one at the end of this file. DDL commits by
-- itself here, so each statement finds out by itself whether it is still due: one text serves a
-- first installation, every upgrade, and an installation that was interrupted.
--
-- Two numbers, on one scale. The layout is what this file makes; it grows with every change. The
-- version in {{prefix}}_ledger is the lowest layout whose program may still write here: as long as
-- a change only adds what an older program neither reads nor has to fill, it stays as it is, and
-- that program works on. So a column that is added may be NULL. See docs/upgrading.md.
--
-- The row format is named: in the others, which a server may have for its default, the indexes would be too long.
--
-- {{database}} stands for the database's name, quoted, {{prefix}} for the history's prefix,
-- {{tool_version}} for Schemaward's own version as a string literal, {{layout}} and
-- {{oldest_writer}} for the two numbers. Every name is qualified, and every text is compared byte
-- by byte.

-- The oldest version that may write; the highest row counts, those below it are of earlier times.
-- The numbers are those of PostgreSQL's ledger: 3 is the first there is of this one.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_ledger` (
    version      INT         NOT NULL PRIMARY KEY,
    tool_version VARCHAR(64) NOT NULL,
    installed_at DATETIME(6) NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A row an attempt: successes and failures. Times are in UTC.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_schema_migrations` (
    id                BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    -- Compared number by number: 2.10 is after 2.9. R where the file is a repeatable one.
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
    -- Which plan it was a part of, who had approved that, and the backup that was made before. Since layout 6.
    plan_hash         VARCHAR(64),
    approved_by       VARCHAR(288),
    backup            TEXT,
    -- Used by programs before layout 7, which only know versions with a single number.
    in_force          DECIMAL(32, 0) GENERATED ALWAYS AS (
        CASE WHEN success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted')
        AND INSTR(version, '.') = 0 THEN CAST(version AS DECIMAL(32, 0)) END) STORED,
    -- One version is in force once, whatever happens to locks and fences. 7 and 007 are one version. Since layout 7.
    version_in_force  VARCHAR(32) GENERATED ALWAYS AS (
        CASE WHEN success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted')
        THEN TRIM(LEADING '0' FROM version) END) STORED,
    UNIQUE KEY schema_migrations_applied_once (in_force),
    UNIQUE KEY schema_migrations_in_force_once (version_in_force)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

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
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

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
    -- What the statements before had left in the session that a run which resumes behind them needs.
    -- Since layout 6.
    session_state LONGTEXT,
    -- 7 and 007 are one version; repeatable files are told apart by their names.
    open_version  VARCHAR(32)  GENERATED ALWAYS AS (
        CASE WHEN migration_id IS NULL THEN TRIM(LEADING '0' FROM version) END) STORED,
    open_file     VARCHAR(255) GENERATED ALWAYS AS (
        CASE WHEN kind = 'repeatable' THEN filename ELSE '' END) STORED,
    UNIQUE KEY statement_journal_begun_once (open_version, kind, open_file, statement)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

SET @schemaward_due = (
    SELECT IF(COUNT(*) > 0, 'DO 0', CONCAT('ALTER TABLE `', REPLACE(DATABASE(), '`', '``'),
        '`.`{{prefix}}_statement_journal` ADD COLUMN last_insert_id BIGINT UNSIGNED AFTER migration_id'))
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{{prefix}}_statement_journal' AND COLUMN_NAME = 'last_insert_id'
);
PREPARE schemaward_due FROM @schemaward_due;
EXECUTE schemaward_due;
DEALLOCATE PREPARE schemaward_due;

SET @schemaward_due = (
    SELECT IF(COUNT(*) > 0, 'DO 0', CONCAT('ALTER TABLE `', REPLACE(DATABASE(), '`', '``'),
        '`.`{{prefix}}_statement_journal` ADD COLUMN session_state LONGTEXT AFTER last_insert_id'))
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{{prefix}}_statement_journal' AND COLUMN_NAME = 'session_state'
);
PREPARE schemaward_due FROM @schemaward_due;
EXECUTE schemaward_due;
DEALLOCATE PREPARE schemaward_due;

SET @schemaward_due = (
    SELECT IF(COUNT(*) > 0, 'DO 0', CONCAT('ALTER TABLE `', REPLACE(DATABASE(), '`', '``'),
        '`.`{{prefix}}_schema_migrations` ADD COLUMN plan_hash VARCHAR(64) AFTER undone_by, ',
        'ADD COLUMN approved_by VARCHAR(288) AFTER plan_hash, ADD COLUMN backup TEXT AFTER approved_by'))
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{{prefix}}_schema_migrations' AND COLUMN_NAME = 'plan_hash'
);
PREPARE schemaward_due FROM @schemaward_due;
EXECUTE schemaward_due;
DEALLOCATE PREPARE schemaward_due;

SET @schemaward_due = (
    SELECT IF(COUNT(*) > 0, 'DO 0', CONCAT('ALTER TABLE `', REPLACE(DATABASE(), '`', '``'),
        '`.`{{prefix}}_schema_migrations` MODIFY COLUMN in_force DECIMAL(32, 0) GENERATED ALWAYS AS (',
        'CASE WHEN success AND undone_by IS NULL AND kind IN (''migration'', ''baseline'', ''adopted'') ',
        'AND INSTR(version, ''.'') = 0 THEN CAST(version AS DECIMAL(32, 0)) END) STORED, ',
        'ADD COLUMN version_in_force VARCHAR(32) GENERATED ALWAYS AS (',
        'CASE WHEN success AND undone_by IS NULL AND kind IN (''migration'', ''baseline'', ''adopted'') ',
        'THEN TRIM(LEADING ''0'' FROM version) END) STORED, ',
        'ADD UNIQUE KEY schema_migrations_in_force_once (version_in_force)'))
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{{prefix}}_schema_migrations' AND COLUMN_NAME = 'version_in_force'
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
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO {{database}}.`{{prefix}}_migration_locks` (id, fence) VALUES (1, 0) ON DUPLICATE KEY UPDATE id = 1;

-- One row: what this ledger is, the same for ever and in every copy, and what has been made of it
-- so far. Since layout 6.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_ledger_identity` (
    id           INT         NOT NULL PRIMARY KEY CHECK (id = 1),
    ledger_id    VARCHAR(36) NOT NULL,
    layout       INT         NOT NULL,
    -- By which Schemaward, and when, the layout was made.
    tool_version VARCHAR(64) NOT NULL,
    made_at      DATETIME(6) NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A row a run that has held the lock: where it found the ledger. Older programs write none. Since
-- layout 6.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_runs` (
    fence           BIGINT       NOT NULL PRIMARY KEY,
    run             VARCHAR(255) NOT NULL,
    began_at        DATETIME(6)  NOT NULL,
    tool_version    VARCHAR(64)  NOT NULL,
    -- The server's own identity, where it tells it: server_uuid, or MariaDB's server_uid.
    server          VARCHAR(255),
    database_number VARCHAR(64),
    database_name   VARCHAR(255)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a person has taken upon themselves, that it may be asked about later: one row each time.
-- Since layout 6.
CREATE TABLE IF NOT EXISTS {{database}}.`{{prefix}}_acknowledgements` (
    id      BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind    VARCHAR(64)  NOT NULL,
    -- The migration it is about; NULL where it is about none.
    version VARCHAR(32),
    detail  LONGTEXT     NOT NULL,
    made_at DATETIME(6)  NOT NULL,
    made_by VARCHAR(288) NOT NULL,
    run     VARCHAR(255) NOT NULL,
    fence   BIGINT       NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO {{database}}.`{{prefix}}_ledger` (version, tool_version, installed_at)
VALUES ({{oldest_writer}}, {{tool_version}}, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE version = version;
-- Its value, not the function, is what a replica is told.
SET @schemaward_due = UUID();
-- A newer program may have been here meanwhile: the layout never falls, and the identity is never
-- made anew. The columns are set from the left, each from what those before it have become.
INSERT INTO {{database}}.`{{prefix}}_ledger_identity` (id, ledger_id, layout, tool_version, made_at)
VALUES (1, @schemaward_due, {{layout}}, {{tool_version}}, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE
    tool_version = IF(layout < {{layout}}, {{tool_version}}, tool_version),
    made_at = IF(layout < {{layout}}, UTC_TIMESTAMP(6), made_at),
    layout = GREATEST(layout, {{layout}});
