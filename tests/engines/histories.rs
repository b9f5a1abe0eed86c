//! Other tools' tables, each as the tool's source creates it, with the rows that its first two migrations leave. Shared
//! by the tests of all engines.

pub struct History {
    pub tool: &'static str,
    /// The version in the report.
    version: &'static str,
    /// The command that the report suggests.
    command: &'static str,
    /// The table with its rows, for each kind of server; empty if the tool does not support it.
    postgres: &'static str,
    mysql: &'static str,
    sqlite: &'static str,
}

impl History {
    /// The SQL for a server, named like the field; None if the tool does not support it.
    pub fn on(&self, server: &str) -> Option<&'static str> {
        let sql = match server {
            "postgres" => self.postgres,
            "mysql" => self.mysql,
            _ => self.sqlite,
        };
        Some(sql).filter(|sql| !sql.is_empty())
    }

    /// Whether the output names the tool, its version and the suggested command.
    pub fn is_reported(&self, said: &str) -> bool {
        [self.tool, self.version, self.command, "--ignore-foreign-history"].iter().all(|part| said.contains(part))
    }
}

/// Tables whose columns identify the tool: found under any name.
const DISTINCT: &[(&str, &[&str])] = &[
    ("golang-migrate", &["schema_migrations"]),
    ("goose", &["goose_db_version"]),
    ("sqlx", &["_sqlx_migrations"]),
    ("refinery", &["refinery_schema_history"]),
    ("Flyway", &["flyway_schema_history"]),
    ("Atlas", &["atlas_schema_revisions"]),
    ("Liquibase", &["databasechangelog", "DATABASECHANGELOG"]),
    ("Prisma", &["_prisma_migrations"]),
    ("Alembic", &["alembic_version"]),
    ("Knex", &["knex_migrations"]),
    ("Laravel", &["migrations"]),
    ("Entity Framework Core", &["__EFMigrationsHistory"]),
    ("Phinx", &["phinxlog"]),
];
/// Tables that an application could have, too: found only if the name suggests migrations.
const ALIKE: &[(&str, &[&str])] = &[
    ("dbmate", &["schema_migrations"]),
    ("Rails", &["schema_migrations"]),
    ("diesel", &["__diesel_schema_migrations"]),
    ("Django", &["django_migrations"]),
    ("sql-migrate", &["gorp_migrations"]),
    ("node-pg-migrate", &["pgmigrations"]),
    ("MyBatis Migrations", &["CHANGELOG"]),
    ("Sequelize", &["SequelizeMeta"]),
    ("TypeORM", &["migrations"]),
    ("Ecto", &["schema_migrations"]),
    ("Drizzle", &["__drizzle_migrations"]),
];

/// A history whose table was renamed by its users.
pub struct Renamed {
    pub history: &'static History,
    pub sql: String,
    pub table: &'static str,
}

impl Renamed {
    /// Like [`History::is_reported`], with the table's name and, if it can be taken over, the option for it.
    pub fn is_reported(&self, said: &str) -> bool {
        let option = format!("{} --table {}", self.history.command, self.table);
        let is_adopted = self.history.command != BASELINE;
        self.history.is_reported(said)
            && said.contains(&format!("{} ", self.table))
            && (!is_adopted || said.replace('\n', " ").contains(&option))
    }
}

/// Histories under names that mean nothing, whose columns identify the tool.
pub fn renamed(server: &str) -> Vec<Renamed> {
    renamed_of(DISTINCT, "app_state", server).into_iter().chain(renamed_of(ALIKE, "app_migrations", server)).collect()
}

/// Tables that an application could have, too, under names that mean nothing.
pub fn inconspicuous(server: &str) -> Vec<Renamed> {
    renamed_of(ALIKE, "app_state", server)
}

fn renamed_of(tables: &[(&str, &[&str])], to: &'static str, server: &str) -> Vec<Renamed> {
    let renamed = |(tool, names): &(&str, &[&str])| {
        let history = ALL.iter().find(|history| history.tool == *tool).unwrap();
        let sql = history.on(server)?;
        let under = names.iter().fold(sql.to_owned(), |sql, name| sql.replace(name, to));
        assert_ne!(under, sql, "{tool}");
        Some(Renamed { history, sql: under, table: to })
    };
    tables.iter().filter_map(renamed).collect()
}

const BASELINE: &str = "schemaward baseline --version VERSION";

pub const ALL: &[History] = &[
    // Source: golang-migrate, `database/{postgres,mysql,sqlite3}`, `ensureVersionTable`.
    History {
        tool: "golang-migrate",
        version: "2",
        command: "schemaward adopt --from golang-migrate",
        postgres: "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null); \
                   INSERT INTO schema_migrations VALUES (2, false);",
        mysql: "CREATE TABLE `schema_migrations` (version bigint not null primary key, dirty boolean not null); \
                INSERT INTO schema_migrations VALUES (2, false);",
        sqlite: "CREATE TABLE schema_migrations (version uint64, dirty bool); CREATE UNIQUE INDEX version_unique ON \
                 schema_migrations (version); INSERT INTO schema_migrations VALUES (2, false);",
    },
    // Source: goose, `internal/dialects`.
    History {
        tool: "goose",
        version: "2",
        command: "schemaward adopt --from goose",
        postgres: "CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint \
                   NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now()); INSERT INTO \
                   goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true);",
        mysql: "CREATE TABLE goose_db_version (id bigint(20) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, version_id bigint \
                NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NULL default now()); INSERT INTO goose_db_version \
                (version_id, is_applied) VALUES (0, true), (1, true), (2, true);",
        sqlite: "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, \
                 is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now'))); INSERT INTO goose_db_version \
                 (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1);",
    },
    // Source: dbmate, `pkg/driver`, `CreateMigrationsTable`.
    History {
        tool: "dbmate",
        version: "002",
        command: "schemaward adopt --from dbmate",
        postgres: "create table if not exists schema_migrations (version varchar primary key); \
                   INSERT INTO schema_migrations VALUES ('001'), ('002');",
        mysql: "create table if not exists schema_migrations (version varchar(128) primary key); \
                INSERT INTO schema_migrations VALUES ('001'), ('002');",
        sqlite: "create table if not exists \"schema_migrations\" (version varchar(128) primary key); \
                 INSERT INTO schema_migrations VALUES ('001'), ('002');",
    },
    // Source: Active Record, `schema_migration.rb` and `internal_metadata.rb`.
    History {
        tool: "Rails",
        version: "20240102000001",
        command: "schemaward adopt --from rails",
        postgres: "CREATE TABLE \"schema_migrations\" (\"version\" character varying NOT NULL PRIMARY KEY); CREATE TABLE \
                   \"ar_internal_metadata\" (\"key\" character varying NOT NULL PRIMARY KEY, \"value\" character varying, \
                   \"created_at\" timestamp(6) NOT NULL, \"updated_at\" timestamp(6) NOT NULL); \
                   INSERT INTO schema_migrations VALUES ('20240101000001'), ('20240102000001');",
        mysql: "CREATE TABLE `schema_migrations` (`version` varchar(255) NOT NULL PRIMARY KEY); CREATE TABLE \
                `ar_internal_metadata` (`key` varchar(255) NOT NULL PRIMARY KEY, `value` varchar(255), `created_at` \
                datetime(6) NOT NULL, `updated_at` datetime(6) NOT NULL); \
                INSERT INTO schema_migrations VALUES ('20240101000001'), ('20240102000001');",
        sqlite: "CREATE TABLE \"schema_migrations\" (\"version\" varchar NOT NULL PRIMARY KEY); CREATE TABLE \
                 \"ar_internal_metadata\" (\"key\" varchar NOT NULL PRIMARY KEY, \"value\" varchar, \"created_at\" \
                 datetime(6) NOT NULL, \"updated_at\" datetime(6) NOT NULL); \
                 INSERT INTO schema_migrations VALUES ('20240101000001'), ('20240102000001');",
    },
    // Source: diesel, `migration/mod.rs`, `setup_database`.
    History {
        tool: "diesel",
        version: "20240102000001",
        command: "schemaward adopt --from diesel",
        postgres: "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT \
                   NULL DEFAULT CURRENT_TIMESTAMP); INSERT INTO __diesel_schema_migrations (version) VALUES \
                   ('00000000000000'), ('20240102000001');",
        mysql: "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT \
                NULL DEFAULT CURRENT_TIMESTAMP); INSERT INTO __diesel_schema_migrations (version) VALUES \
                ('00000000000000'), ('20240102000001');",
        sqlite: "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT \
                 NULL DEFAULT CURRENT_TIMESTAMP); INSERT INTO __diesel_schema_migrations (version) VALUES \
                 ('00000000000000'), ('20240102000001');",
    },
    // Source: sqlx, `sqlx-{postgres,mysql,sqlite}/src/migrate.rs`. The second migration has failed.
    History {
        tool: "sqlx",
        version: "2",
        command: "schemaward adopt --from sqlx",
        postgres: "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on \
                   TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time \
                   BIGINT NOT NULL); INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, 'x', 1), (2, 'b', now(), \
                   false, 'x', 1);",
        mysql: "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP \
                NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT \
                NOT NULL); INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, 'x', 1), (2, 'b', now(), false, 'x', 1);",
        sqlite: "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP \
                 NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT \
                 NOT NULL); INSERT INTO _sqlx_migrations VALUES (1, 'a', 'x', true, 'x', 1), (2, 'b', 'x', false, 'x', 1);",
    },
    // Source: refinery-core, `traits/mod.rs`.
    History {
        tool: "refinery",
        version: "2",
        command: "schemaward adopt --from refinery",
        postgres: "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), \
                   checksum VARCHAR(255)); INSERT INTO refinery_schema_history VALUES (1, 'a', '', '1'), (2, 'b', '', '2');",
        mysql: "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), \
                checksum VARCHAR(255)); INSERT INTO refinery_schema_history VALUES (1, 'a', '', '1'), (2, 'b', '', '2');",
        sqlite: "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), \
                 checksum VARCHAR(255)); INSERT INTO refinery_schema_history VALUES (1, 'a', '', '1'), (2, 'b', '', '2');",
    },
    // Source: Flyway, `createMetaDataTable.sql`, `getRawCreateScript`.
    History {
        tool: "Flyway",
        version: "2.1",
        command: "schemaward adopt --from flyway",
        postgres: "CREATE TABLE flyway_schema_history (installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), \
                   description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum \
                   INTEGER, installed_by VARCHAR(100) NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT now(), \
                   execution_time INTEGER NOT NULL, success BOOLEAN NOT NULL); INSERT INTO flyway_schema_history VALUES (1, \
                   '1', 'a', 'SQL', 'V1__a.sql', 1, 'x', now(), 1, true), (2, '2.1', 'b', 'SQL', 'V2.1__b.sql', 1, 'x', \
                   now(), 1, true);",
        mysql: "CREATE TABLE flyway_schema_history (installed_rank INT NOT NULL, `version` VARCHAR(50), `description` \
                VARCHAR(200) NOT NULL, `type` VARCHAR(20) NOT NULL, `script` VARCHAR(1000) NOT NULL, `checksum` INT, \
                `installed_by` VARCHAR(100) NOT NULL, `installed_on` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
                `execution_time` INT NOT NULL, `success` BOOL NOT NULL, PRIMARY KEY (installed_rank)); INSERT INTO \
                flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 1, 'x', now(), 1, true), (2, '2.1', 'b', \
                'SQL', 'V2.1__b.sql', 1, 'x', now(), 1, true);",
        sqlite: "CREATE TABLE \"flyway_schema_history\" (\"installed_rank\" INT NOT NULL PRIMARY KEY, \"version\" \
                 VARCHAR(50), \"description\" VARCHAR(200) NOT NULL, \"type\" VARCHAR(20) NOT NULL, \"script\" VARCHAR(1000) \
                 NOT NULL, \"checksum\" INT, \"installed_by\" VARCHAR(100) NOT NULL, \"installed_on\" TEXT NOT NULL DEFAULT \
                 (strftime('%Y-%m-%d %H:%M:%f','now')), \"execution_time\" INT NOT NULL, \"success\" BOOLEAN NOT NULL); \
                 INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 1, 'x', 'x', 1, 1), (2, '2.1', \
                 'b', 'SQL', 'V2.1__b.sql', 1, 'x', 'x', 1, 1);",
    },
    // Source: Atlas, `cmd/atlas/internal/migrate/ent/migrate/schema.go`.
    History {
        tool: "Atlas",
        version: "2",
        command: "schemaward adopt --from atlas",
        postgres: "CREATE SCHEMA atlas_schema_revisions; CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version \
                   varchar NOT NULL PRIMARY KEY, description varchar NOT NULL, type bigint NOT NULL DEFAULT 2, applied bigint \
                   NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0, executed_at timestamptz NOT NULL, execution_time \
                   bigint NOT NULL, error text, error_stmt text, hash varchar NOT NULL, partial_hashes jsonb, \
                   operator_version varchar NOT NULL); INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES \
                   ('.atlas_cloud_identifier', '', 2, 0, 0, now(), 0, '', '', '', 'null', ''), \
                   ('2', 'b', 2, 1, 1, now(), 0, '', '', 'h', 'null', '');",
        mysql: "CREATE TABLE `atlas_schema_revisions` (`version` varchar(255) NOT NULL, `description` varchar(255) NOT NULL, \
                `type` bigint unsigned NOT NULL DEFAULT 2, `applied` bigint NOT NULL DEFAULT 0, `total` bigint NOT NULL \
                DEFAULT 0, `executed_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `execution_time` bigint NOT NULL, \
                `error` longtext, `error_stmt` longtext, `hash` varchar(255) NOT NULL, `partial_hashes` json, \
                `operator_version` varchar(255) NOT NULL, PRIMARY KEY (`version`)); INSERT INTO atlas_schema_revisions VALUES \
                ('2', 'b', 2, 1, 1, now(), 0, '', '', 'h', 'null', '');",
        sqlite: "CREATE TABLE `atlas_schema_revisions` (`version` text NOT NULL, `description` text NOT NULL, `type` integer \
                 NOT NULL DEFAULT (2), `applied` integer NOT NULL DEFAULT (0), `total` integer NOT NULL DEFAULT (0), \
                 `executed_at` datetime NOT NULL, `execution_time` integer NOT NULL, `error` text NULL, `error_stmt` text \
                 NULL, `hash` text NOT NULL, `partial_hashes` json NULL, `operator_version` text NOT NULL, PRIMARY KEY \
                 (`version`)); INSERT INTO atlas_schema_revisions VALUES ('2', 'b', 2, 1, 1, '', 1, '', '', 'h', 'null', 'x');",
    },
    // Source: Liquibase, `CreateDatabaseChangeLogTableGenerator`; its name is in capitals on servers that keep them.
    History {
        tool: "Liquibase",
        version: "orders",
        command: BASELINE,
        postgres: "CREATE TABLE databasechangelog (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME \
                   VARCHAR(255) NOT NULL, DATEEXECUTED TIMESTAMP WITHOUT TIME ZONE NOT NULL, ORDEREXECUTED INTEGER NOT NULL, \
                   EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35), DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), TAG \
                   VARCHAR(255), LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), LABELS VARCHAR(255), DEPLOYMENT_ID \
                   VARCHAR(10)); INSERT INTO databasechangelog VALUES ('customers', 'me', 'a.xml', '2024-01-01', 1, \
                   'EXECUTED'), ('orders', 'me', 'b.xml', '2024-01-02', 2, 'EXECUTED');",
        mysql: "CREATE TABLE DATABASECHANGELOG (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) \
                NOT NULL, DATEEXECUTED datetime NOT NULL, ORDEREXECUTED INT NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM \
                VARCHAR(35) NULL, `DESCRIPTION` VARCHAR(255) NULL, COMMENTS VARCHAR(255) NULL, TAG VARCHAR(255) NULL, \
                LIQUIBASE VARCHAR(20) NULL, CONTEXTS VARCHAR(255) NULL, LABELS VARCHAR(255) NULL, DEPLOYMENT_ID VARCHAR(10) \
                NULL); INSERT INTO DATABASECHANGELOG (ID, AUTHOR, FILENAME, DATEEXECUTED, ORDEREXECUTED, EXECTYPE) VALUES \
                ('customers', 'me', 'a.xml', '2024-01-01', 1, 'EXECUTED'), ('orders', 'me', 'b.xml', '2024-01-02', 2, \
                'EXECUTED');",
        sqlite: "CREATE TABLE DATABASECHANGELOG (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) \
                 NOT NULL, DATEEXECUTED TEXT NOT NULL, ORDEREXECUTED INT NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM \
                 VARCHAR(35), DESCRIPTION VARCHAR(255)); INSERT INTO DATABASECHANGELOG VALUES ('customers', 'me', 'a.xml', \
                 '2024-01-01', 1, 'EXECUTED', '', ''), ('orders', 'me', 'b.xml', '2024-01-02', 2, 'EXECUTED', '', '');",
    },
    // Source: Prisma, `schema-engine`, `create_migrations_table`.
    History {
        tool: "Prisma",
        version: "20240102000001_orders",
        command: "schemaward adopt --from prisma",
        postgres: "CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, \
                   finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ, \
                   started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0); INSERT \
                   INTO _prisma_migrations VALUES ('1', 'c', now(), '20240102000001_orders', null, null, now(), 1);",
        mysql: "CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, \
                finished_at DATETIME(3), migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at DATETIME(3), \
                started_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), applied_steps_count INTEGER UNSIGNED NOT NULL \
                DEFAULT 0) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; INSERT INTO _prisma_migrations VALUES \
                ('1', 'c', now(), '20240102000001_orders', null, null, now(), 1);",
        sqlite: "CREATE TABLE \"_prisma_migrations\" (\"id\" TEXT PRIMARY KEY NOT NULL, \"checksum\" TEXT NOT NULL, \
                 \"finished_at\" DATETIME, \"migration_name\" TEXT NOT NULL, \"logs\" TEXT, \"rolled_back_at\" DATETIME, \
                 \"started_at\" DATETIME NOT NULL DEFAULT current_timestamp, \"applied_steps_count\" INTEGER UNSIGNED NOT \
                 NULL DEFAULT 0); INSERT INTO _prisma_migrations VALUES ('1', 'c', 1, '20240102000001_orders', null, null, \
                 2, 1);",
    },
    // Source: Django, `db/migrations/recorder.py`.
    History {
        tool: "Django",
        version: "shop.0002_orders",
        command: BASELINE,
        postgres: "CREATE TABLE \"django_migrations\" (\"id\" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, \
                   \"app\" varchar(255) NOT NULL, \"name\" varchar(255) NOT NULL, \"applied\" timestamp with time zone NOT \
                   NULL); INSERT INTO django_migrations (app, name, applied) VALUES ('auth', '0001_initial', now()), ('shop', \
                   '0002_orders', now());",
        mysql: "CREATE TABLE `django_migrations` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `app` varchar(255) NOT \
                NULL, `name` varchar(255) NOT NULL, `applied` datetime(6) NOT NULL); INSERT INTO django_migrations (app, \
                name, applied) VALUES ('auth', '0001_initial', now()), ('shop', '0002_orders', now());",
        sqlite: "CREATE TABLE \"django_migrations\" (\"id\" integer NOT NULL PRIMARY KEY AUTOINCREMENT, \"app\" varchar(255) \
                 NOT NULL, \"name\" varchar(255) NOT NULL, \"applied\" datetime NOT NULL); INSERT INTO django_migrations \
                 (app, name, applied) VALUES ('auth', '0001_initial', ''), ('shop', '0002_orders', '');",
    },
    // Source: Alembic, `runtime/migration.py`, `version_table_impl`.
    History {
        tool: "Alembic",
        version: "ae1027a6acf",
        command: BASELINE,
        postgres: "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY \
                   (version_num)); INSERT INTO alembic_version VALUES ('ae1027a6acf');",
        mysql: "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY \
                (version_num)); INSERT INTO alembic_version VALUES ('ae1027a6acf');",
        sqlite: "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY \
                 (version_num)); INSERT INTO alembic_version VALUES ('ae1027a6acf');",
    },
    // Source: sql-migrate, `migrate.go`, `MigrationRecord`, by gorp.
    History {
        tool: "sql-migrate",
        version: "2-orders.sql",
        command: BASELINE,
        postgres: "create table if not exists \"gorp_migrations\" (\"id\" text not null primary key, \"applied_at\" timestamp \
                   with time zone); INSERT INTO gorp_migrations VALUES ('1-customers.sql', now()), ('2-orders.sql', now());",
        mysql: "create table if not exists `gorp_migrations` (`id` varchar(255) not null primary key, `applied_at` datetime) \
                engine=InnoDB charset=UTF8; INSERT INTO gorp_migrations VALUES ('1-customers.sql', now()), ('2-orders.sql', \
                now());",
        sqlite: "create table if not exists \"gorp_migrations\" (\"id\" varchar(255) not null primary key, \"applied_at\" \
                 datetime); INSERT INTO gorp_migrations VALUES ('1-customers.sql', ''), ('2-orders.sql', '');",
    },
    // Source: node-pg-migrate, `src/runner.ts`, `ensureMigrationsTable`.
    History {
        tool: "node-pg-migrate",
        version: "1704153600000_orders",
        command: BASELINE,
        postgres: "CREATE TABLE \"public\".\"pgmigrations\" (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on \
                   timestamp NOT NULL); INSERT INTO pgmigrations (name, run_on) VALUES ('1704067200000_customers', now()), \
                   ('1704153600000_orders', now());",
        mysql: "",
        sqlite: "",
    },
    // Source: Knex, `lib/migrations/migrate/table-creator.js`.
    History {
        tool: "Knex",
        version: "20240102000001_orders.js",
        command: BASELINE,
        postgres: "create table \"knex_migrations\" (\"id\" serial primary key, \"name\" varchar(255), \"batch\" integer, \
                   \"migration_time\" timestamptz); INSERT INTO knex_migrations (name, batch) VALUES \
                   ('20240101000001_customers.js', 1), ('20240102000001_orders.js', 1);",
        mysql: "create table `knex_migrations` (`id` int unsigned not null auto_increment primary key, `name` varchar(255), \
                `batch` int, `migration_time` timestamp null); INSERT INTO knex_migrations (name, batch) VALUES \
                ('20240101000001_customers.js', 1), ('20240102000001_orders.js', 1);",
        sqlite: "create table `knex_migrations` (`id` integer not null primary key autoincrement, `name` varchar(255), \
                 `batch` integer, `migration_time` datetime); INSERT INTO knex_migrations (name, batch) VALUES \
                 ('20240101000001_customers.js', 1), ('20240102000001_orders.js', 1);",
    },
    // Source: MyBatis Migrations, `template_changelog.sql`.
    History {
        tool: "MyBatis Migrations",
        version: "20240102000001",
        command: BASELINE,
        postgres: "CREATE TABLE CHANGELOG (ID NUMERIC(20,0) NOT NULL, APPLIED_AT VARCHAR(25) NOT NULL, DESCRIPTION VARCHAR(255) \
                   NOT NULL); ALTER TABLE CHANGELOG ADD CONSTRAINT PK_CHANGELOG PRIMARY KEY (id); INSERT INTO CHANGELOG VALUES \
                   (20240101000001, '', 'create changelog'), (20240102000001, '', 'orders');",
        mysql: "CREATE TABLE CHANGELOG (ID NUMERIC(20,0) NOT NULL, APPLIED_AT VARCHAR(25) NOT NULL, DESCRIPTION VARCHAR(255) \
                NOT NULL); ALTER TABLE CHANGELOG ADD CONSTRAINT PK_CHANGELOG PRIMARY KEY (id); INSERT INTO CHANGELOG VALUES \
                (20240101000001, '', 'create changelog'), (20240102000001, '', 'orders');",
        sqlite: "CREATE TABLE CHANGELOG (ID NUMERIC(20,0) NOT NULL PRIMARY KEY, APPLIED_AT VARCHAR(25) NOT NULL, DESCRIPTION \
                 VARCHAR(255) NOT NULL); INSERT INTO CHANGELOG VALUES (20240101000001, '', 'create changelog'), \
                 (20240102000001, '', 'orders');",
    },
    // Source: Sequelize's CLI, `SequelizeStorage` of umzug.
    History {
        tool: "Sequelize",
        version: "20240102-orders.js",
        command: BASELINE,
        postgres: "CREATE TABLE IF NOT EXISTS \"SequelizeMeta\" (\"name\" VARCHAR(255) NOT NULL UNIQUE, PRIMARY KEY (\"name\")); \
                   INSERT INTO \"SequelizeMeta\" VALUES ('20240101-customers.js'), ('20240102-orders.js');",
        mysql: "CREATE TABLE IF NOT EXISTS `SequelizeMeta` (`name` VARCHAR(255) NOT NULL UNIQUE, PRIMARY KEY (`name`)); \
                INSERT INTO SequelizeMeta VALUES ('20240101-customers.js'), ('20240102-orders.js');",
        sqlite: "CREATE TABLE IF NOT EXISTS `SequelizeMeta` (`name` VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY); \
                 INSERT INTO SequelizeMeta VALUES ('20240101-customers.js'), ('20240102-orders.js');",
    },
    // Source: TypeORM, `src/migration/MigrationExecutor.ts`, `createMigrationsTableIfNotExist`.
    History {
        tool: "TypeORM",
        version: "Orders1704153600000",
        command: BASELINE,
        postgres: "CREATE TABLE \"migrations\" (\"id\" SERIAL NOT NULL, \"timestamp\" bigint NOT NULL, \"name\" character \
                   varying NOT NULL, CONSTRAINT \"PK_migrations\" PRIMARY KEY (\"id\")); INSERT INTO migrations (\"timestamp\", \
                   name) VALUES (1704067200000, 'Customers1704067200000'), (1704153600000, 'Orders1704153600000');",
        mysql: "CREATE TABLE `migrations` (`id` int NOT NULL AUTO_INCREMENT, `timestamp` bigint NOT NULL, `name` varchar(255) \
                NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB; INSERT INTO migrations (`timestamp`, name) VALUES \
                (1704067200000, 'Customers1704067200000'), (1704153600000, 'Orders1704153600000');",
        sqlite: "CREATE TABLE \"migrations\" (\"id\" integer PRIMARY KEY AUTOINCREMENT NOT NULL, \"timestamp\" bigint NOT NULL, \
                 \"name\" varchar NOT NULL); INSERT INTO migrations (\"timestamp\", name) VALUES (1704067200000, \
                 'Customers1704067200000'), (1704153600000, 'Orders1704153600000');",
    },
    // Source: Laravel, `DatabaseMigrationRepository::createRepository`.
    History {
        tool: "Laravel",
        version: "2024_01_02_000001_orders",
        command: BASELINE,
        postgres: "create table \"migrations\" (\"id\" serial not null primary key, \"migration\" varchar(255) not null, \
                   \"batch\" integer not null); INSERT INTO migrations (migration, batch) VALUES \
                   ('2024_01_01_000001_customers', 1), ('2024_01_02_000001_orders', 1);",
        mysql: "create table `migrations` (`id` int unsigned not null auto_increment primary key, `migration` varchar(255) \
                not null, `batch` int not null); INSERT INTO migrations (migration, batch) VALUES \
                ('2024_01_01_000001_customers', 1), ('2024_01_02_000001_orders', 1);",
        sqlite: "create table \"migrations\" (\"id\" integer primary key autoincrement not null, \"migration\" varchar not \
                 null, \"batch\" integer not null); INSERT INTO migrations (migration, batch) VALUES \
                 ('2024_01_01_000001_customers', 1), ('2024_01_02_000001_orders', 1);",
    },
    // Source: Entity Framework Core, `HistoryRepository`, by Npgsql, Pomelo and SQLite.
    History {
        tool: "Entity Framework Core",
        version: "20240102000001_Orders",
        command: BASELINE,
        postgres: "CREATE TABLE \"__EFMigrationsHistory\" (\"MigrationId\" character varying(150) NOT NULL, \"ProductVersion\" \
                   character varying(32) NOT NULL, CONSTRAINT \"PK___EFMigrationsHistory\" PRIMARY KEY (\"MigrationId\")); \
                   INSERT INTO \"__EFMigrationsHistory\" VALUES ('20240101000001_Customers', '9.0'), \
                   ('20240102000001_Orders', '9.0');",
        mysql: "CREATE TABLE `__EFMigrationsHistory` (`MigrationId` varchar(150) NOT NULL, `ProductVersion` varchar(32) NOT \
                NULL, CONSTRAINT `PK___EFMigrationsHistory` PRIMARY KEY (`MigrationId`)); INSERT INTO \
                `__EFMigrationsHistory` VALUES ('20240101000001_Customers', '9.0'), ('20240102000001_Orders', '9.0');",
        sqlite: "CREATE TABLE \"__EFMigrationsHistory\" (\"MigrationId\" TEXT NOT NULL CONSTRAINT \"PK___EFMigrationsHistory\" \
                 PRIMARY KEY, \"ProductVersion\" TEXT NOT NULL); INSERT INTO \"__EFMigrationsHistory\" VALUES \
                 ('20240101000001_Customers', '9.0'), ('20240102000001_Orders', '9.0');",
    },
    // Source: Phinx, `AdapterInterface::createSchemaTable`.
    History {
        tool: "Phinx",
        version: "20240102000001",
        command: BASELINE,
        postgres: "CREATE TABLE \"phinxlog\" (\"version\" BIGINT NOT NULL, \"migration_name\" CHARACTER VARYING (100) NULL, \
                   \"start_time\" TIMESTAMP NULL, \"end_time\" TIMESTAMP NULL, \"breakpoint\" BOOLEAN NOT NULL DEFAULT FALSE, \
                   PRIMARY KEY (\"version\")); INSERT INTO phinxlog (version) VALUES (20240102000001);",
        mysql: "CREATE TABLE `phinxlog` (`version` BIGINT NOT NULL, `migration_name` VARCHAR(100) NULL, `start_time` TIMESTAMP \
                NULL, `end_time` TIMESTAMP NULL, `breakpoint` TINYINT(1) NOT NULL DEFAULT 0, PRIMARY KEY (`version`)); \
                INSERT INTO phinxlog (version) VALUES (20240102000001);",
        sqlite: "CREATE TABLE `phinxlog` (`version` BIGINTEGER NOT NULL PRIMARY KEY, `migration_name` VARCHAR(100) NULL, \
                 `start_time` TIMESTAMP NULL, `end_time` TIMESTAMP NULL, `breakpoint` BOOLEAN NOT NULL DEFAULT 0); \
                 INSERT INTO phinxlog (version) VALUES (20240102000001);",
    },
    // Source: Ecto SQL, `Ecto.Migration.SchemaMigration`.
    History {
        tool: "Ecto",
        version: "20240102000001",
        command: BASELINE,
        postgres: "CREATE TABLE IF NOT EXISTS \"schema_migrations\" (\"version\" bigint, \"inserted_at\" timestamp(0), PRIMARY \
                   KEY (\"version\")); INSERT INTO schema_migrations VALUES (20240102000001, now());",
        mysql: "CREATE TABLE IF NOT EXISTS `schema_migrations` (`version` bigint, `inserted_at` datetime, PRIMARY KEY \
                (`version`)) ENGINE = INNODB; INSERT INTO schema_migrations VALUES (20240102000001, now());",
        sqlite: "CREATE TABLE IF NOT EXISTS \"schema_migrations\" (\"version\" INTEGER PRIMARY KEY, \"inserted_at\" TEXT); \
                 INSERT INTO schema_migrations VALUES (20240102000001, '');",
    },
    // Source: Drizzle, `dialect.ts`, `migrate`.
    History {
        tool: "Drizzle",
        version: "1704153600000",
        command: BASELINE,
        postgres: "CREATE SCHEMA IF NOT EXISTS \"drizzle\"; CREATE TABLE IF NOT EXISTS \"drizzle\".\"__drizzle_migrations\" (id \
                   SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint); INSERT INTO drizzle.__drizzle_migrations (hash, \
                   created_at) VALUES ('a', 1704067200000), ('b', 1704153600000);",
        mysql: "create table if not exists `__drizzle_migrations` (id serial primary key, hash text not null, created_at \
                bigint); INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('a', 1704067200000), ('b', \
                1704153600000);",
        sqlite: "CREATE TABLE IF NOT EXISTS \"__drizzle_migrations\" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at \
                 numeric); INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('a', 1704067200000), ('b', \
                 1704153600000);",
    },
];
