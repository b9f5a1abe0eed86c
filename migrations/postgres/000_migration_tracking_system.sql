-- Schemaward's ledger on PostgreSQL 13 and later.
--
-- Run as a whole, in one transaction, by the holder of the lock in the database, whenever the
-- version recorded in schemaward_ledger is lower than the one at the end of this file. Each
-- statement finds out by itself whether it is still due, so that one text serves a first
-- installation and every upgrade.
--
-- {{schema}} stands for the schema's quoted name, {{schema_text}} for the same as a string
-- literal, {{tool_version}} for Schemaward's own version as a string literal. Every name is
-- qualified: nothing here depends on search_path.

DO $schemaward$
BEGIN
    -- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where it exists; an
    -- administrator who made the schema beforehand must not have to grant that right.
    IF pg_catalog.to_regnamespace({{schema_text}}) IS NULL THEN
        CREATE SCHEMA {{schema}};
    END IF;
    -- Other tools own tables of the same names (Rails, dbmate, golang-migrate): never touched.
    IF pg_catalog.to_regclass({{schema_text}} || '.schemaward_ledger') IS NULL
        AND (pg_catalog.to_regclass({{schema_text}} || '.schema_migrations') IS NOT NULL
            OR pg_catalog.to_regclass({{schema_text}} || '.migration_locks') IS NOT NULL)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'SW002',
            MESSAGE = 'the schema holds another tool''s schema_migrations or migration_locks';
    END IF;
END
$schemaward$;

-- Which versions of this file have been here; the highest counts.
CREATE TABLE IF NOT EXISTS {{schema}}.schemaward_ledger (
    version      integer     PRIMARY KEY,
    tool_version text        NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- A row an attempt: successes and failures.
CREATE TABLE IF NOT EXISTS {{schema}}.schema_migrations (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- As the file's name writes it; compared as a number.
    version           text        NOT NULL CHECK (version ~ '^[0-9]{1,32}$'),
    filename          text        NOT NULL,
    description       text        NOT NULL,
    -- What was attempted. Later versions of the ledger know more than one.
    kind              text        NOT NULL CHECK (kind IN ('migration')),
    -- SHA-256 of the file's bytes, and of its tokens without comments and white space.
    checksum          text        NOT NULL,
    token_checksum    text        NOT NULL,
    applied_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    execution_time_ms bigint      NOT NULL,
    success           boolean     NOT NULL,
    error_message     text,
    -- SQLSTATE, where the server gave one.
    error_code        text,
    statements_done   integer     NOT NULL,
    statements_total  integer     NOT NULL,
    -- As it was when the migration was applied: the release one rolls back to no longer has the file.
    rollback_sql      text,
    run               text        NOT NULL,
    fence             bigint      NOT NULL,
    tool_version      text        NOT NULL,
    applied_by        text        NOT NULL DEFAULT session_user,
    CHECK (success = (error_message IS NULL))
);

-- One version is applied once, whatever happens to locks and fences.
CREATE UNIQUE INDEX IF NOT EXISTS schema_migrations_applied_once
    ON {{schema}}.schema_migrations ((version::numeric)) WHERE success AND kind = 'migration';

-- A row a statement of a file whose statements are each committed by themselves: what has run, so that a run that is
-- interrupted resumes behind it. Since version 2.
CREATE TABLE IF NOT EXISTS {{schema}}.statement_journal (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version       text        NOT NULL CHECK (version ~ '^[0-9]{1,32}$'),
    filename      text        NOT NULL,
    -- Its number in the file, from 1.
    statement     integer     NOT NULL CHECK (statement > 0),
    -- SHA-256 of its tokens, and its first line.
    checksum      text        NOT NULL,
    excerpt       text        NOT NULL,
    -- finished: it has run. failed: the server refused it. started: its end was not recorded.
    state         text        NOT NULL CHECK (state IN ('started', 'finished', 'failed')),
    -- What tells whether it has run where its end was not recorded; see docs/no-transaction.md.
    trace         text        NOT NULL,
    -- What it makes, drops or rebuilds, and that object's OID before it ran; NULL where there was none.
    object        text,
    object_before oid,
    started_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at      timestamptz,
    -- Who said how it ended: the server's answer, the catalog, or a person by schemaward repair.
    settled_by    text        CHECK (settled_by IN ('server', 'catalog', 'repair')),
    error_code    text,
    error_message text,
    run           text        NOT NULL,
    fence         bigint      NOT NULL,
    -- The applied migration it has become a part of; NULL while that is not finished.
    migration_id  bigint      REFERENCES {{schema}}.schema_migrations (id),
    CHECK ((state = 'started') = (ended_at IS NULL)),
    CHECK ((ended_at IS NULL) = (settled_by IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS statement_journal_begun_once
    ON {{schema}}.statement_journal ((version::numeric), statement) WHERE migration_id IS NULL;

-- One row: who holds the lock, or who held it last.
CREATE TABLE IF NOT EXISTS {{schema}}.migration_locks (
    id            integer     PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    -- Raised by each new holder. Every transaction of a run checks that it is still its own.
    fence         bigint      NOT NULL DEFAULT 0,
    locked_at     timestamptz,
    locked_by     text,
    process_id    integer,
    backend_start timestamptz,
    run           text,
    released_at   timestamptz
);
INSERT INTO {{schema}}.migration_locks (id) VALUES (1) ON CONFLICT (id) DO NOTHING;

-- The guard of every transaction of a run. The row stays locked against a new holder's UPDATE until
-- the transaction ends, so that what passed the guard is either committed before the fence rises
-- or not at all.
CREATE OR REPLACE FUNCTION {{schema}}.assert_fence(expected bigint) RETURNS void
LANGUAGE plpgsql AS $schemaward$
DECLARE
    current_fence bigint;
BEGIN
    SELECT l.fence INTO current_fence FROM {{schema}}.migration_locks AS l WHERE l.id OPERATOR(pg_catalog.=) 1 FOR SHARE;
    IF current_fence IS DISTINCT FROM expected THEN
        RAISE EXCEPTION USING ERRCODE = 'SW001',
            MESSAGE = pg_catalog.format('the fence is at %s, this run holds %s', current_fence, expected);
    END IF;
END
$schemaward$;

-- Every attempt, oldest first.
CREATE OR REPLACE FUNCTION {{schema}}.get_migration_history()
RETURNS TABLE (
    version           text,
    filename          text,
    checksum          text,
    applied_at        timestamptz,
    execution_time_ms bigint,
    success           boolean,
    error_code        text,
    error_message     text,
    statements        text,
    run               text,
    applied_by        text
)
LANGUAGE sql STABLE AS $schemaward$
    SELECT m.version, m.filename, pg_catalog.substr(m.checksum, 1, 16), m.applied_at, m.execution_time_ms, m.success,
           m.error_code, m.error_message, pg_catalog.concat(m.statements_done, '/', m.statements_total), m.run, m.applied_by
    FROM {{schema}}.schema_migrations AS m
    ORDER BY m.id
$schemaward$;

-- The newest version applied, as its file's name writes it; NULL where none is.
CREATE OR REPLACE FUNCTION {{schema}}.get_current_schema_version() RETURNS text
LANGUAGE sql STABLE AS $schemaward$
    SELECT m.version
    FROM {{schema}}.schema_migrations AS m
    WHERE m.success
    ORDER BY m.version::pg_catalog.numeric DESC
    LIMIT 1
$schemaward$;

INSERT INTO {{schema}}.schemaward_ledger (version, tool_version) VALUES (2, {{tool_version}})
ON CONFLICT (version) DO NOTHING;
