//! diesel's `metadata.toml`, of which only one line is used.
//! Source: diesel, `migrations_internals`, `TomlMetadata`.

use super::SourceFile;

/// The stem of the migration that this file marks as run without a transaction; None for all other files. As a
/// ConfigMap's key it is `NAME.metadata.toml`.
pub(super) fn untransacted(file: &SourceFile) -> Option<&str> {
    let name = file.name.strip_suffix("metadata.toml")?.strip_suffix(['/', '.'])?;
    let text = std::str::from_utf8(&file.bytes).ok()?;
    // Lines after the first table header belong to that table.
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let says = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_once('=').is_some_and(|(key, value)| key.trim() == "run_in_transaction" && value.trim() == "false")
    };
    lines.any(says).then_some(name)
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
    #[case::nobody_s("metadata.toml", "run_in_transaction = false", None)]
    fn one_line_counts(#[case] name: &str, #[case] text: &str, #[case] expected: Option<&str>) {
        let file = SourceFile { name: name.to_owned(), bytes: text.into() };
        assert_eq!(untransacted(&file), expected);
    }
}
