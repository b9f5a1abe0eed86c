-- Schemaward's ledger on SQLite 3.
--
-- Run as a whole, in one transaction, by the holder of the lock, whenever the layout recorded in the table
-- {{prefix}}_ledger_identity is lower than the one at the end of this file. Each statement finds out by itself whether it
-- is still due, so that one text serves a first installation and every upgrade; columns that tables of earlier layouts
-- lack are added before it.
--
-- Two numbers, on one scale. The layout is what this file makes; it grows with every change. The version in
-- {{prefix}}_ledger is the lowest layout whose program may still write here: as long as a change only adds what an older
-- program neither reads nor has to fill, it stays as it is, and that program works on. So a column that is added may be
-- NULL. See docs/upgrading.md.
--
-- {{prefix}} stands for the history's prefix, {{tool_version}} for Schemaward's own version as a string literal,
-- {{layout}} and {{oldest_writer}} for the two numbers. Times are texts: RFC 3339, UTC.

-- The oldest version that may write; the highest row counts, those below it are of earlier times. The numbers are those of
-- PostgreSQL's ledger: 3 is the first there is of this one.
CREATE TABLE IF NOT EXISTS "{{prefix}}_ledger" (
    version      INTEGER NOT NULL PRIMARY KEY,
    tool_version TEXT    NOT NULL,
    installed_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

-- A row an attempt: successes and failures.
CREATE TABLE IF NOT EXISTS "{{prefix}}_schema_migrations" (
    id                INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Compared number by number: 2.10 is after 2.9. R where the file is a repeatable one.
    version           TEXT    NOT NULL,
    filename          TEXT    NOT NULL,
    description       TEXT    NOT NULL,
    -- What was attempted. baseline and adopted: nothing was run, since a person, or another tool's history, says that it
    -- is there already.
    kind              TEXT    NOT NULL CHECK (kind IN ('migration', 'repeatable', 'rollback', 'baseline', 'adopted')),
    -- SHA-256 of the file's bytes, and of its tokens without comments and white space; in a rollback's row those of the
    -- rollback SQL.
    checksum          TEXT    NOT NULL,
    token_checksum    TEXT    NOT NULL,
    applied_at        TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    execution_time_ms INTEGER NOT NULL,
    success           INTEGER NOT NULL CHECK (success IN (0, 1)),
    error_message     TEXT,
    -- SQLite's extended result code, where it gave one.
    error_code        TEXT,
    statements_done   INTEGER NOT NULL,
    statements_total  INTEGER NOT NULL,
    -- As it was when the migration was applied: the release one rolls back to no longer has the file.
    rollback_sql      TEXT,
    run               TEXT    NOT NULL,
    fence             INTEGER NOT NULL,
    tool_version      TEXT    NOT NULL,
    -- The user of the operating system.
    applied_by        TEXT    NOT NULL,
    -- The row of the rollback that has undone this one.
    undone_by         INTEGER REFERENCES "{{prefix}}_schema_migrations" (id),
    -- Which plan it was a part of, who had approved that, and the backup that was made before. Since layout 6.
    plan_hash         TEXT,
    approved_by       TEXT,
    backup            TEXT,
    CHECK (success = (error_message IS NULL)),
    CHECK (CASE WHEN kind = 'repeatable' THEN version = 'R' ELSE version GLOB '[0-9]*' END)
);

-- One version is in force once, whatever happens to locks and fences. 7 and 007 are one version.
CREATE UNIQUE INDEX IF NOT EXISTS "{{prefix}}_schema_migrations_applied_once"
    ON "{{prefix}}_schema_migrations" (ltrim(version, '0'))
    WHERE success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted');

-- Edits of applied files that a person has accepted: the applied row has the new checksums since then, this one the old.
CREATE TABLE IF NOT EXISTS "{{prefix}}_accepted_edits" (
    id                    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    migration_id          INTEGER NOT NULL REFERENCES "{{prefix}}_schema_migrations" (id),
    version               TEXT    NOT NULL,
    filename_before       TEXT    NOT NULL,
    checksum_before       TEXT    NOT NULL,
    token_checksum_before TEXT    NOT NULL,
    filename              TEXT    NOT NULL,
    checksum              TEXT    NOT NULL,
    token_checksum        TEXT    NOT NULL,
    accepted_at           TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    accepted_by           TEXT    NOT NULL,
    run                   TEXT    NOT NULL,
    fence                 INTEGER NOT NULL
);

-- A row a statement of a file whose statements are each committed by themselves: what has run, so that a run that is
-- interrupted resumes behind it.
CREATE TABLE IF NOT EXISTS "{{prefix}}_statement_journal" (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- What the statement belongs to.
    kind          TEXT    NOT NULL CHECK (kind IN ('migration', 'repeatable', 'rollback')),
    version       TEXT    NOT NULL,
    filename      TEXT    NOT NULL,
    -- Its number in the file, from 1.
    statement     INTEGER NOT NULL CHECK (statement > 0),
    -- SHA-256 of its tokens, and its first line.
    checksum      TEXT    NOT NULL,
    excerpt       TEXT    NOT NULL,
    -- finished: it has run. failed: it was refused. started: its end was not recorded.
    state         TEXT    NOT NULL CHECK (state IN ('started', 'finished', 'failed')),
    -- transaction: it ran in one with this row. repeatable: twice is as good as once. unknown: nobody can tell.
    trace         TEXT    NOT NULL,
    started_at    TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_at      TEXT,
    -- Who said how it ended: SQLite's answer, or a person by schemaward repair.
    settled_by    TEXT    CHECK (settled_by IN ('server', 'repair')),
    error_code    TEXT,
    error_message TEXT,
    run           TEXT    NOT NULL,
    fence         INTEGER NOT NULL,
    -- The applied migration it has become a part of; NULL while that is not finished.
    migration_id  INTEGER REFERENCES "{{prefix}}_schema_migrations" (id),
    -- What last_insert_rowid() said behind it: a run that resumes there says it again. From version 4 on.
    last_insert_rowid INTEGER,
    -- What the statements before had left in the session that a run which resumes behind them needs. Since layout 6.
    session_state TEXT,
    CHECK ((state = 'started') = (ended_at IS NULL)),
    CHECK ((ended_at IS NULL) = (settled_by IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS "{{prefix}}_statement_journal_begun_once" ON "{{prefix}}_statement_journal" (
    kind, ltrim(version, '0'), (CASE WHEN kind = 'repeatable' THEN filename ELSE '' END), statement
) WHERE migration_id IS NULL;

-- One row: who holds the lock, or who held it last. The lock itself is a file beside the database.
CREATE TABLE IF NOT EXISTS "{{prefix}}_migration_locks" (
    id          INTEGER NOT NULL PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    -- Raised by each new holder. Every transaction of a run checks that it is still its own.
    fence       INTEGER NOT NULL DEFAULT 0,
    locked_at   TEXT,
    locked_by   TEXT,
    process_id  INTEGER,
    run         TEXT,
    released_at TEXT
);
INSERT INTO "{{prefix}}_migration_locks" (id) VALUES (1) ON CONFLICT (id) DO NOTHING;

-- One row: what this ledger is, the same for ever and in every copy, and what has been made of it so far. Since layout 6.
CREATE TABLE IF NOT EXISTS "{{prefix}}_ledger_identity" (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- A UUID of version 4.
    ledger_id    TEXT    NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
        substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) ||
        '-' || hex(randomblob(6)))),
    layout       INTEGER NOT NULL,
    -- By which Schemaward, and when, the layout was made.
    tool_version TEXT    NOT NULL,
    made_at      TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

-- A row a run that has held the lock. Older programs write none. Since layout 6.
CREATE TABLE IF NOT EXISTS "{{prefix}}_runs" (
    fence           INTEGER NOT NULL PRIMARY KEY,
    run             TEXT    NOT NULL,
    began_at        TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    tool_version    TEXT    NOT NULL,
    -- There is no server: always NULL.
    server          TEXT,
    database_number TEXT,
    database_name   TEXT
);

-- What a person has taken upon themselves, that it may be asked about later: one row each time. Since layout 6.
CREATE TABLE IF NOT EXISTS "{{prefix}}_acknowledgements" (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind    TEXT    NOT NULL,
    -- The migration it is about; NULL where it is about none.
    version TEXT,
    detail  TEXT    NOT NULL,
    made_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    made_by TEXT    NOT NULL,
    run     TEXT    NOT NULL,
    fence   INTEGER NOT NULL
);

-- SQLite keeps no functions: these are the views in their place.

-- Every attempt, oldest first.
DROP VIEW IF EXISTS "{{prefix}}_get_migration_history";
CREATE VIEW "{{prefix}}_get_migration_history" AS
    SELECT m.version, m.filename, m.kind, substr(m.checksum, 1, 16) AS checksum, m.applied_at, m.execution_time_ms,
           m.success, u.applied_at AS undone_at, m.error_code, m.error_message,
           m.statements_done || '/' || m.statements_total AS statements, m.run, m.applied_by
    FROM "{{prefix}}_schema_migrations" AS m
    LEFT JOIN "{{prefix}}_schema_migrations" AS u ON u.id = m.undone_by
    ORDER BY m.id;

-- The newest version in force; no row where none is.
DROP VIEW IF EXISTS "{{prefix}}_get_current_schema_version";
CREATE VIEW "{{prefix}}_get_current_schema_version" AS
    -- Pads each number of a version to one width, so that they sort as text.
    WITH RECURSIVE numbers (version, rest, in_one_width) AS (
        SELECT m.version, m.version || '.', ''
        FROM "{{prefix}}_schema_migrations" AS m
        WHERE m.success AND m.undone_by IS NULL AND m.kind IN ('migration', 'baseline', 'adopted')
        UNION ALL
        SELECT version, substr(rest, instr(rest, '.') + 1),
               in_one_width || substr('00000000000000000000000000000000' || substr(rest, 1, instr(rest, '.') - 1), -32)
        FROM numbers WHERE rest <> ''
    )
    SELECT version FROM numbers WHERE rest = '' ORDER BY in_one_width DESC LIMIT 1;

INSERT INTO "{{prefix}}_ledger" (version, tool_version) VALUES ({{oldest_writer}}, {{tool_version}})
    ON CONFLICT (version) DO NOTHING;
-- The layout never falls, and the identity is never made anew.
INSERT INTO "{{prefix}}_ledger_identity" (id, layout, tool_version) VALUES (1, {{layout}}, {{tool_version}})
    ON CONFLICT (id) DO UPDATE SET layout = excluded.layout, tool_version = excluded.tool_version,
    made_at = excluded.made_at WHERE layout < excluded.layout;
