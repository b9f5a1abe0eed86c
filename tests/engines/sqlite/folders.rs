//! Migrations with their own folders, as diesel and Prisma keep them: one folder serves a new database and one that the
//! tool has migrated.

use sha2::{Digest, Sha256};

use crate::sqlite::bed::Bed;

/// As in vaultwarden's files for SQLite: the third name has an underscore where the others have a dash.
const DIESEL: &[(&str, &str)] = &[
    ("2024-02-26-170000_nonce/up.sql", "CREATE TABLE nonce (x)"),
    ("2024-03-06-170000_users/up.sql", "CREATE TABLE users (x)"),
    ("2024-03-06-170000_users/down.sql", "DROP TABLE users"),
    ("2024-03-13_170000_cascade/up.sql", "DROP TABLE users; CREATE TABLE users (x, y)"),
    ("2024-03-13_170000_cascade/down.sql", ""),
    ("2025-11-19-091444-0000_more/up.sql", "CREATE TABLE more (x)"),
    ("2025-11-19-091444-0000_more/down.sql", "DROP TABLE more"),
    ("2026-01-20-162913_last/up.sql", "CREATE TABLE last (x)"),
    ("2026-01-20-162913_last/down.sql", "DROP TABLE last"),
];

const PRISMA: &[(&str, &str)] = &[
    ("0_init/migration.sql", "CREATE TABLE a (x)"),
    ("20240528214728_index_01/migration.sql", "ALTER TABLE a ADD COLUMN one"),
    ("20240528214728_index_02/migration.sql", "ALTER TABLE a RENAME COLUMN one TO two"),
    ("20240528214728_index_02/down.sql", "ALTER TABLE a RENAME COLUMN two TO one"),
    ("20250625_charts copy/migration.sql", "ALTER TABLE a RENAME COLUMN two TO three"),
    ("migration_lock.toml", "provider = \"sqlite\""),
];

fn current(bed: &Bed) -> String {
    bed.query("SELECT version FROM schemaward_get_current_schema_version")
}

#[test]
fn folders_of_diesel_are_applied_in_diesel_s_order_and_undone() {
    let bed = Bed::with(DIESEL);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(0) && said.contains("  2024-03-13_170000_cascade/up.sql "), "{said}");
    assert!(said.contains("warning: 2024-03-13_170000_cascade/down.sql is empty"), "{said}");
    let files = bed.query("SELECT version || ' ' || filename FROM schemaward_schema_migrations ORDER BY id");
    let expected = [
        "20240226170000 2024-02-26-170000_nonce/up.sql",
        "20240306170000 2024-03-06-170000_users/up.sql",
        "20240313000000 2024-03-13_170000_cascade/up.sql",
        "20251119091444.1 2025-11-19-091444-0000_more/up.sql",
        "20260120162913 2026-01-20-162913_last/up.sql",
    ];
    assert_eq!(files, expected.join("\n"));
    assert_eq!(bed.said(&["rollback", "--to", "20240313000000", "--yes"]).0, Some(0));
    assert!(!bed.has("last") && !bed.has("more") && bed.has("users"));
    let (code, said) = bed.said(&["rollback", "--to", "20240306170000", "--yes"]);
    assert!(code == Some(4) && said.contains("no rollback was stored for 20240313000000"), "{said}");
    bed.migrate();
    assert_eq!(current(&bed), "20260120162913");
}

#[test]
fn the_same_folder_serves_a_database_that_diesel_has_migrated() {
    let bed = Bed::with(DIESEL);
    bed.query(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); INSERT INTO __diesel_schema_migrations (version) VALUES \
         ('20240226170000'), ('20240306170000'), ('20240313'), ('202511190914440000'); CREATE TABLE more (x)",
    );
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(0) && said.contains("is at version 20251119091444.1: 4 migrations recorded"), "{said}");
    bed.migrate();
    assert_eq!(current(&bed), "20260120162913");
    assert_eq!(bed.said(&["rollback", "--to", "20240313000000", "--yes"]).0, Some(0));
    assert!(!bed.has("more"), "what diesel has applied is undone by the folder's files");
}

#[test]
fn folders_of_prisma_are_applied_in_the_order_of_their_names() {
    let bed = Bed::with(PRISMA);
    bed.migrate();
    let versions = bed.query("SELECT group_concat(version, ' ') FROM schemaward_schema_migrations");
    assert_eq!(versions, "0 20240528214728 20240528214728.1 20250625999999");
    assert_eq!(bed.query("SELECT group_concat(name) FROM pragma_table_info('a')"), "x,three");
    let (code, said) = bed.said(&["status", "--check"]);
    assert!(code == Some(0) && said.contains("Version       20250625999999\n"), "{said}");
    // A folder that sorts between applied ones of its time would shift their numbers.
    bed.file("20240528214728_index_01b/migration.sql", "SELECT 1");
    let (code, said) = bed.said(&["migrate"]);
    assert!(
        code == Some(4) && said.contains("the folder has the same time as that of 20240528214728_index_02/"),
        "{said}"
    );
    assert!(
        said.contains(" --> migrations/20240528214728_index_01b/migration.sql\n") && !said.contains("more"),
        "{said}"
    );
    assert_eq!(bed.query("SELECT count(*) FROM schemaward_schema_migrations"), "4");
}

#[test]
fn the_same_folder_serves_a_database_that_prisma_has_migrated() {
    let bed = Bed::with(PRISMA);
    let row = |(number, (name, sql)): (usize, &(&str, &str))| {
        let name = name.strip_suffix("/migration.sql").unwrap();
        format!("('{number}', '{:x}', {number}, '{name}', NULL, NULL, {number}, 1)", Sha256::digest(sql))
    };
    let files = PRISMA.iter().filter(|(name, _)| name.ends_with("migration.sql")).take(3);
    let rows: Vec<String> = files.enumerate().map(row).collect();
    bed.query(&format!(
        "CREATE TABLE \"_prisma_migrations\" (\"id\" TEXT PRIMARY KEY NOT NULL, \"checksum\" TEXT NOT NULL, \
         \"finished_at\" DATETIME, \"migration_name\" TEXT NOT NULL, \"logs\" TEXT, \"rolled_back_at\" DATETIME, \
         \"started_at\" DATETIME NOT NULL DEFAULT current_timestamp, \"applied_steps_count\" INTEGER UNSIGNED NOT NULL \
         DEFAULT 0); INSERT INTO _prisma_migrations VALUES {}; CREATE TABLE a (x, two)",
        rows.join(", ")
    ));
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("schemaward adopt --from prisma"), "{said}");
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(0) && said.contains("3 of these files are as Prisma applied them (SHA-256)"), "{said}");
    bed.migrate();
    assert_eq!(bed.query("SELECT group_concat(name) FROM pragma_table_info('a')"), "x,three");
    assert_eq!(current(&bed), "20250625999999");
}

#[test]
fn new_keeps_the_style_of_the_folders() {
    let bed = Bed::with(DIESEL);
    let (code, said) = bed.said(&["new", "add phone"]);
    assert!(code == Some(0) && said.trim_end().ends_with("_add_phone/up.sql"), "{said}");
    let file = std::fs::read_to_string(bed.folder().join(said.trim_end())).unwrap();
    assert!(file.starts_with("-- add phone\n"), "{file}");
    let (code, refused) = bed.said(&["plan"]);
    assert!(code == Some(4) && refused.contains("the file is as schemaward new wrote it"), "{refused}");
    assert!(refused.contains("_add_phone/up.sql:1:1"), "{refused}");
    std::fs::write(bed.folder().join(said.trim_end()), "SELECT 1;").unwrap();
    let (code, said) = bed.said(&["plan"]);
    assert!(code == Some(0) && said.contains("_add_phone/up.sql"), "{said}");
}
