//! Files beside a migration that say that it runs without a transaction: diesel's `metadata.toml` and Flyway's script
//! configuration `V1__name.sql.conf`. Of each only that one line is used.
//!
//! Source: diesel, `migrations_internals`, `TomlMetadata`; Flyway, "Script Configuration" and "Execute In Transaction".

use super::SourceFile;

/// The stem of the migration that this file marks; None for all other files. As a ConfigMap's key diesel's is
/// `NAME.metadata.toml`.
pub(super) fn untransacted(file: &SourceFile) -> Option<&str> {
    let name = file.name.as_str();
    let (stem, key) = if let Some(folder) = name.strip_suffix("metadata.toml") {
        (folder.strip_suffix(['/', '.'])?, "run_in_transaction")
    } else {
        (name.strip_suffix(".sql.conf")?, "executeInTransaction")
    };
    let text = std::str::from_utf8(&file.bytes).ok()?;
    // Lines after the first table header belong to that table.
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let says = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_once('=').is_some_and(|(name, value)| name.trim() == key && value.trim() == "false")
    };
    lines.any(says).then_some(stem)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::folder("1_a/metadata.toml", "run_in_transaction = false\n", Some("1_a"))]
    #[case::key("1_a.metadata.toml", "# why\nrun_in_transaction=false # so", Some("1_a"))]
    #[case::as_usual("1_a/metadata.toml", "run_in_transaction = true", None)]
    #[case::of_a_table("1_a/metadata.toml", "[other]\nrun_in_transaction = false", None)]
    #[case::a_comment("1_a/metadata.toml", "# run_in_transaction = false", None)]
    #[case::flyway("V1_2__a b.sql.conf", "# why\nexecuteInTransaction = false\n", Some("V1_2__a b"))]
    #[case::flyway_as_usual("V1__a.sql.conf", "executeInTransaction=true", None)]
    #[case::flyway_of_another_name("V1__a.conf", "executeInTransaction=false", None)]
    #[case::the_other_tool_s_words("V1__a.sql.conf", "run_in_transaction=false", None)]
    #[case::nobody_s("metadata.toml", "run_in_transaction = false", None)]
    fn one_line_counts(#[case] name: &str, #[case] text: &str, #[case] expected: Option<&str>) {
        let file = SourceFile { name: name.to_owned(), bytes: text.into() };
        assert_eq!(untransacted(&file), expected);
    }
}
