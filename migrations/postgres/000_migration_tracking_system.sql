-- Schemaward's ledger on PostgreSQL 13 and later.
--
-- Run as a whole, in one transaction, by the holder of the lock in the database, whenever the
-- layout recorded in ledger_identity is lower than the one at the end of this file. Each
-- statement finds out by itself whether it is still due, so that one text serves a first
-- installation and every upgrade.
--
-- Two numbers, on one scale. The layout is what this file makes; it grows with every change. The
-- version in schemaward_ledger is the lowest layout whose program may still write here: as long as
-- a change only adds what an older program neither reads nor has to fill, it stays as it is, and
-- that program works on. So what an older program calls by name keeps its parameters and its
-- meaning, and a column that is added may be NULL. See docs/upgrading.md.
--
-- {{schema}} stands for the schema's quoted name, {{schema_text}} for the same as a string
-- literal, {{tool_version}} for Schemaward's own version as a string literal, {{layout}} and
-- {{oldest_writer}} for the two numbers. Every name is qualified: nothing here depends on
-- search_path.

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
    -- Whoever read that there is no ledger may have been overtaken since.
    IF pg_catalog.to_regclass({{schema_text}} || '.schemaward_ledger') IS NOT NULL THEN
        IF (SELECT pg_catalog.max(l.version) FROM {{schema}}.schemaward_ledger AS l) > {{layout}} THEN
            RAISE EXCEPTION USING ERRCODE = 'SW004', MESSAGE = 'the ledger was made by a newer Schemaward';
        END IF;
    END IF;
    -- What was attempted (baseline and adopted: nothing was run, since a person, or another tool's history, says that it is
    -- there already), and a version as the file's name writes it, or R where the file is a repeatable one. Domains: the
    -- checks of a table are read and prepared anew for each row that is written, which took a sixth of the row's time.
    -- Since version 5.
    IF pg_catalog.to_regtype({{schema_text}} || '.migration_kind') IS NULL THEN
        CREATE DOMAIN {{schema}}.migration_kind AS text
            CHECK (VALUE IN ('migration', 'repeatable', 'rollback', 'baseline', 'adopted'));
        CREATE DOMAIN {{schema}}.migration_version AS text;
    END IF;
    -- Before layout 7, a version had only digits.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.contypid = pg_catalog.to_regtype({{schema_text}} || '.migration_version')
        AND c.conname = 'migration_version_has_parts')
    THEN
        ALTER DOMAIN {{schema}}.migration_version DROP CONSTRAINT IF EXISTS migration_version_check;
        ALTER DOMAIN {{schema}}.migration_version ADD CONSTRAINT migration_version_has_parts
            CHECK (VALUE ~ '^(?=.{1,32}$)([0-9]+([.][0-9]+)*|R)$');
    END IF;
END
$schemaward$;

-- The oldest version that may write; the highest row counts, those below it are of earlier times.
CREATE TABLE IF NOT EXISTS {{schema}}.schemaward_ledger (
    version      integer     PRIMARY KEY,
    tool_version text        NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- A row an attempt: successes and failures.
CREATE TABLE IF NOT EXISTS {{schema}}.schema_migrations (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Compared number by number: 2.10 is after 2.9.
    version           {{schema}}.migration_version NOT NULL,
    filename          text        NOT NULL,
    description       text        NOT NULL,
    kind              {{schema}}.migration_kind NOT NULL,
    -- SHA-256 of the file's bytes, and of its tokens without comments and white space; in a rollback's row those of the
    -- rollback SQL.
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

-- The row of the rollback that has undone this one. A row is in force that is a success, was not undone, and is of the
-- kind migration, baseline or adopted. Since version 3, as are all kinds but migration.
ALTER TABLE {{schema}}.schema_migrations
    ADD COLUMN IF NOT EXISTS undone_by bigint REFERENCES {{schema}}.schema_migrations (id);
-- Which plan it was a part of, who had approved that, and the backup that was made before. Since layout 6.
ALTER TABLE {{schema}}.schema_migrations
    ADD COLUMN IF NOT EXISTS plan_hash text,
    ADD COLUMN IF NOT EXISTS approved_by text,
    ADD COLUMN IF NOT EXISTS backup text;
-- Until version 5, two columns were of type text, with checks.
DROP INDEX IF EXISTS {{schema}}.schema_migrations_applied_once;
DO $schemaward$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = pg_catalog.to_regclass({{schema_text}} || '.schema_migrations')
        AND c.conname = 'schema_migrations_version_check')
    THEN
        ALTER TABLE {{schema}}.schema_migrations
            DROP CONSTRAINT IF EXISTS schema_migrations_kind_check,
            DROP CONSTRAINT schema_migrations_version_check,
            ALTER COLUMN kind TYPE {{schema}}.migration_kind,
            ALTER COLUMN version TYPE {{schema}}.migration_version;
    END IF;
END
$schemaward$;

-- One version is in force once, whatever happens to locks and fences. 7 and 007 are one version.
CREATE UNIQUE INDEX schema_migrations_applied_once ON {{schema}}.schema_migrations ((pg_catalog.ltrim(version, '0')))
    WHERE success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted');

-- Edits of applied files that a person has accepted: the applied row has the new checksums since then, this one the old.
-- Since version 3.
CREATE TABLE IF NOT EXISTS {{schema}}.accepted_edits (
    id                    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id          bigint      NOT NULL REFERENCES {{schema}}.schema_migrations (id),
    version               text        NOT NULL,
    filename_before       text        NOT NULL,
    checksum_before       text        NOT NULL,
    token_checksum_before text        NOT NULL,
    filename              text        NOT NULL,
    checksum              text        NOT NULL,
    token_checksum        text        NOT NULL,
    accepted_at           timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    accepted_by           text        NOT NULL DEFAULT session_user,
    run                   text        NOT NULL,
    fence                 bigint      NOT NULL
);

-- A row a statement of a file whose statements are each committed by themselves: what has run, so that a run that is
-- interrupted resumes behind it. Since version 2.
CREATE TABLE IF NOT EXISTS {{schema}}.statement_journal (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version       text        NOT NULL,
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
-- What the statement belongs to: migration, repeatable or rollback. Since version 3.
ALTER TABLE {{schema}}.statement_journal ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'migration';
ALTER TABLE {{schema}}.statement_journal
    DROP CONSTRAINT IF EXISTS statement_journal_kind_check,
    DROP CONSTRAINT IF EXISTS statement_journal_version_check,
    ADD CONSTRAINT statement_journal_kind_check CHECK (kind IN ('migration', 'repeatable', 'rollback')),
    ADD CONSTRAINT statement_journal_version_check
        CHECK (CASE WHEN kind = 'repeatable' THEN version = 'R' ELSE version ~ '^(?=.{1,32}$)[0-9]+([.][0-9]+)*$' END);
-- What the statements before had left in the session that a run which resumes behind them needs. Since layout 6.
ALTER TABLE {{schema}}.statement_journal ADD COLUMN IF NOT EXISTS session_state text;
-- 7 and 007 are one version; repeatable files are told apart by their names.
DROP INDEX IF EXISTS {{schema}}.statement_journal_begun_once;
CREATE UNIQUE INDEX statement_journal_begun_once ON {{schema}}.statement_journal (
    kind, (pg_catalog.ltrim(version, '0')), (CASE WHEN kind = 'repeatable' THEN filename ELSE '' END), statement
) WHERE migration_id IS NULL;

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

-- One row: what this ledger is, the same for ever and in every copy, and what has been made of it so far. Since layout 6.
CREATE TABLE IF NOT EXISTS {{schema}}.ledger_identity (
    id           integer     PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    ledger_id    uuid        NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    layout       integer     NOT NULL,
    -- By which Schemaward, and when, the layout was made.
    tool_version text        NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- A row a run that has held the lock: where it found the ledger. Older programs write none. Since layout 6.
CREATE TABLE IF NOT EXISTS {{schema}}.runs (
    fence           bigint      PRIMARY KEY,
    run             text        NOT NULL,
    began_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    tool_version    text        NOT NULL,
    -- The server's own identity, where it tells it: the number that initdb gave its data, which copies and replicas share.
    server          text,
    -- The database's OID there, and its name.
    database_number text,
    database_name   text
);

-- What a person has taken upon themselves, that it may be asked about later: one row each time. Since layout 6.
CREATE TABLE IF NOT EXISTS {{schema}}.acknowledgements (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text        NOT NULL,
    -- The migration it is about; NULL where it is about none.
    version text,
    detail  text        NOT NULL,
    made_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    made_by text        NOT NULL DEFAULT session_user,
    run     text        NOT NULL,
    fence   bigint      NOT NULL
);

-- Who may read the ledger may read what is added to it.
DO $schemaward$
DECLARE
    reader text;
BEGIN
    FOR reader IN
        SELECT CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC'
            ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
        FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
        WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({{schema_text}} || '.schema_migrations')::pg_catalog.oid
        AND a.privilege_type OPERATOR(pg_catalog.=) 'SELECT' AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
    LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON %1$s.ledger_identity, %1$s.runs, %1$s.acknowledgements TO %2$s',
            {{schema_text}}, reader);
    END LOOP;
END
$schemaward$;

-- What the server's data is known by; NULL where it does not say, or not to this user. Since layout 6.
CREATE OR REPLACE FUNCTION {{schema}}.server_identity() RETURNS text
LANGUAGE plpgsql STABLE AS $schemaward$
BEGIN
    RETURN (SELECT c.system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system() AS c);
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$schemaward$;

-- Until version 3, the guards were functions.
DROP ROUTINE IF EXISTS {{schema}}.assert_fence(bigint);
DROP FUNCTION IF EXISTS {{schema}}.assert_fence(bigint, text);

-- The guard of what is written beside a file's own transaction. The row stays locked against a new holder's UPDATE until
-- the transaction ends, so that what passed the guard is either committed before the fence rises
-- or not at all. A procedure, since a CALL is not planned, and what it does is planned once a session. Since version 4;
-- until version 5 it raised an INFO. Where row level security would leave the row out, it fails: since layout 6.
CREATE PROCEDURE {{schema}}.assert_fence(expected bigint)
LANGUAGE plpgsql SET row_security = off AS $schemaward$
DECLARE
    current_fence bigint;
BEGIN
    SELECT l.fence INTO current_fence FROM {{schema}}.migration_locks AS l WHERE l.id OPERATOR(pg_catalog.=) 1 FOR SHARE;
    IF COALESCE(current_fence OPERATOR(pg_catalog.<>) expected, true) THEN
        RAISE EXCEPTION USING ERRCODE = 'SW001',
            MESSAGE = pg_catalog.format('the fence is at %s, this run holds %s', current_fence, expected);
    END IF;
END
$schemaward$;

-- The row of a file that is applied with this very transaction, and that transaction's guard. Where the file comes behind
-- another in one message, that one must be recorded, as the newest. Nothing here depends on search_path, which belongs to
-- the role or the database. Since version 4, the guard since version 5.
CREATE OR REPLACE PROCEDURE {{schema}}.record_success(
    predecessor text, commit_waits text, file_version text, file_name text, file_description text, attempt_kind text,
    file_checksum text, file_token_checksum text, statements integer, file_rollback_sql text, run_name text,
    run_fence bigint, tool text
)
LANGUAGE plpgsql SET row_security = off AS $schemaward$
DECLARE
    newest record;
    recorded bigint;
BEGIN
    CALL {{schema}}.assert_fence(run_fence);
    SELECT CASE WHEN m.success THEN m.filename END AS file, m.applied_at INTO newest
        FROM {{schema}}.schema_migrations AS m ORDER BY m.id DESC LIMIT 1;
    IF predecessor IS NOT NULL AND COALESCE(newest.file OPERATOR(pg_catalog.<>) predecessor, true) THEN
        RAISE EXCEPTION USING ERRCODE = 'SW003',
            MESSAGE = pg_catalog.format('the row of %s, which was applied before, is not the newest of the ledger', predecessor);
    END IF;
    -- All transactions of a message have its beginning for their own; behind it, one begins where the row of the one
    -- before was written.
    INSERT INTO {{schema}}.schema_migrations (version, filename, description, kind, checksum, token_checksum,
        execution_time_ms, success, statements_done, statements_total, rollback_sql, run, fence, tool_version)
    VALUES (file_version, file_name, file_description, attempt_kind, file_checksum, file_token_checksum,
        (EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()
            OPERATOR(pg_catalog.-) GREATEST(pg_catalog.transaction_timestamp(), newest.applied_at))
            OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8,
        true, statements, statements, file_rollback_sql, run_name, run_fence, tool)
    RETURNING id INTO recorded;
    IF attempt_kind OPERATOR(pg_catalog.=) 'rollback' THEN
        UPDATE {{schema}}.schema_migrations AS m SET undone_by = recorded
            WHERE m.success AND m.undone_by IS NULL
            AND m.kind OPERATOR(pg_catalog.=) ANY (ARRAY['migration', 'baseline', 'adopted'])
            AND pg_catalog.ltrim(m.version, '0') OPERATOR(pg_catalog.=) pg_catalog.ltrim(file_version, '0');
    END IF;
    -- An assignment is worked out without a query.
    commit_waits := pg_catalog.set_config('synchronous_commit', commit_waits, true);
END
$schemaward$;

-- Every attempt, oldest first. Dropped first: what it returns has grown since version 2.
DROP FUNCTION IF EXISTS {{schema}}.get_migration_history();
CREATE FUNCTION {{schema}}.get_migration_history()
RETURNS TABLE (
    version           text,
    filename          text,
    kind              text,
    checksum          text,
    applied_at        timestamptz,
    execution_time_ms bigint,
    success           boolean,
    -- When it was undone; NULL where it was not.
    undone_at         timestamptz,
    error_code        text,
    error_message     text,
    statements        text,
    run               text,
    applied_by        text
)
LANGUAGE sql STABLE AS $schemaward$
    SELECT m.version, m.filename, m.kind, pg_catalog.substr(m.checksum, 1, 16), m.applied_at, m.execution_time_ms,
           m.success, u.applied_at, m.error_code, m.error_message,
           pg_catalog.concat(m.statements_done, '/', m.statements_total), m.run, m.applied_by
    FROM {{schema}}.schema_migrations AS m
    LEFT JOIN {{schema}}.schema_migrations AS u ON u.id OPERATOR(pg_catalog.=) m.undone_by
    ORDER BY m.id
$schemaward$;

-- The newest version in force; NULL where none is.
CREATE OR REPLACE FUNCTION {{schema}}.get_current_schema_version() RETURNS text
LANGUAGE sql STABLE AS $schemaward$
    SELECT m.version
    FROM {{schema}}.schema_migrations AS m
    WHERE m.success AND m.undone_by IS NULL AND m.kind IN ('migration', 'baseline', 'adopted')
    ORDER BY pg_catalog.string_to_array(m.version, '.')::pg_catalog.numeric[] DESC
    LIMIT 1
$schemaward$;

INSERT INTO {{schema}}.schemaward_ledger (version, tool_version) VALUES ({{oldest_writer}}, {{tool_version}})
ON CONFLICT (version) DO NOTHING;
-- A newer program may have been here meanwhile: the layout never falls, and the identity is never made anew.
INSERT INTO {{schema}}.ledger_identity AS i (layout, tool_version) VALUES ({{layout}}, {{tool_version}})
ON CONFLICT (id) DO UPDATE SET layout = EXCLUDED.layout, tool_version = EXCLUDED.tool_version, made_at = EXCLUDED.made_at
WHERE i.layout < EXCLUDED.layout;
