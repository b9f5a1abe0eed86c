//! What a database contains besides a ledger in which nothing was ever recorded: other tools' histories, which no run
//! overwrites, and tables without any history. Pure, like everything in this folder.

use super::catalog::ATLAS_DATABASE;
use super::other_ledger::OtherLedger;
use super::sighting::OtherHistory;
use super::signature::By;
use crate::migration::MigrationFiles;
use crate::report::{Failure, Reason};
use crate::sql::Dialect;

/// What lies beside an empty ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Beside {
    /// Histories in which something is applied.
    pub histories: Vec<OtherHistory>,
    /// How many tables of tools more there are, which were not read.
    pub unread: usize,
    /// Other ledgers of Schemaward's.
    pub ledgers: Vec<OtherLedger>,
    /// A table that is in the database, where no history is.
    pub table: Option<String>,
}

impl Beside {
    /// From what was found, and a row of schema and table of any other table. The database that Atlas makes for itself on
    /// `MySQL` and `MariaDB` is about all databases of the server: it says nothing about one that is empty. What is guessed
    /// counts where nothing is certain.
    #[must_use]
    pub fn new(
        histories: Vec<OtherHistory>,
        ledgers: Vec<OtherLedger>,
        other: Option<&[Option<String>]>,
        dialect: Dialect,
    ) -> Self {
        let table = match other {
            Some([Some(schema), Some(table)]) => Some(format!("{schema}.{table}")),
            _ => None,
        };
        let is_schema = dialect.grammar().has_schemas();
        let is_of_here =
            |history: &OtherHistory| is_schema || table.is_some() || history.table.schema != ATLAS_DATABASE;
        let mut histories: Vec<OtherHistory> = histories.into_iter().filter(is_of_here).collect();
        let certain: Vec<(&str, String)> = histories
            .iter()
            .filter(|history| history.by != By::Hint)
            .map(|history| (history.tool, history.table.schema.clone()))
            .collect();
        let is_needed = |history: &OtherHistory| {
            let same = |(tool, schema): &(&str, String)| *tool == history.tool && *schema == history.table.schema;
            history.by != By::Hint || !certain.iter().any(same)
        };
        histories.retain(is_needed);
        Self { histories, unread: 0, ledgers, table }
    }

    /// Why nothing is run here; None where no other tool has a history, and no other ledger has a file of the source.
    #[must_use]
    pub fn failure(&self, set: &MigrationFiles) -> Option<Failure> {
        let told = self.told(set)?;
        Some(
            Failure::new(
                Reason::ForeignHistory,
                format!(
                    "{told}; Schemaward's ledger is empty, so a run would start with the first file: nothing was run"
                ),
            )
            .hint(self.advice(Some(set))),
        )
    }

    /// What keeps a run from beginning, in a sentence's beginning.
    #[must_use]
    pub fn told(&self, set: &MigrationFiles) -> Option<String> {
        let in_the_way = self.ledgers.iter().filter_map(|ledger| ledger.in_the_way(set));
        let told: Vec<String> = self.told_of_tools().into_iter().chain(in_the_way).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Other tools' histories in a sentence's beginning.
    #[must_use]
    pub fn told_of_tools(&self) -> Option<String> {
        let mut told: Vec<String> = self.histories.iter().map(ToString::to_string).collect();
        if self.unread > 0 {
            told.push(format!("and {} tables more of such tools were not read", self.unread));
        }
        (!self.histories.is_empty()).then(|| told.join("; "))
    }

    /// What to do; `set`: the source, where it is known.
    #[must_use]
    pub fn advice(&self, set: Option<&MigrationFiles>) -> String {
        let adopt: Vec<String> = self.histories.iter().filter_map(|history| history.adopt(&self.histories)).collect();
        let mut what = Vec::new();
        match adopt.as_slice() {
            [] if self.histories.is_empty() => {}
            [] => what.push(
                "record what the database has, up to the file for that version: schemaward baseline --version \
                 VERSION"
                    .to_owned(),
            ),
            some => what.push(format!("take the history over: {}", some.join(", or "))),
        }
        let in_the_way = |ledger: &&OtherLedger| set.is_some_and(|set| ledger.in_the_way(set).is_some());
        what.extend(self.ledgers.iter().filter(in_the_way).map(OtherLedger::advice));
        format!(
            "{}; or, where that history is another application's and every file is to run, say \
             --ignore-foreign-history (in a resource spec.history.ignoreForeign: true)",
            what.join("; or ")
        )
    }

    /// What a person should know though it keeps nothing from being run; `set`: the source, where it is known.
    #[must_use]
    pub fn note(&self, set: Option<&MigrationFiles>) -> Option<String> {
        let is_out_of_the_way = |ledger: &&OtherLedger| set.is_none_or(|set| ledger.in_the_way(set).is_none());
        let ledgers: Vec<String> =
            self.ledgers.iter().filter(is_out_of_the_way).map(|ledger| ledger.note(set.is_some())).collect();
        if !ledgers.is_empty() {
            return Some(ledgers.join("; "));
        }
        let table = self.table.as_ref().filter(|_| self.histories.is_empty() && self.ledgers.is_empty())?;
        Some(format!(
            "the ledger is empty, but the database is not: it has the table {table}; where it is what the first files make, \
             record that in place of running them: schemaward baseline --version VERSION"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::foreign_table::{ForeignTable, Row};
    use super::super::other_ledger::other_ledgers;
    use super::super::sighting::sightings;
    use super::super::tool::Tool;
    use super::*;
    use crate::migration::SourceFile;

    fn table(name: &str, columns: &[&str]) -> ForeignTable {
        let columns = columns.iter().map(ToString::to_string).collect();
        ForeignTable { schema: "public".to_owned(), name: name.to_owned(), columns }
    }

    fn set() -> MigrationFiles {
        let file = SourceFile { name: "001_a.sql".to_owned(), bytes: b"select 1".to_vec() };
        MigrationFiles::sorted(vec![file], Dialect::Postgres).unwrap()
    }

    fn histories(tables: &[ForeignTable], rows: &[Row]) -> Vec<OtherHistory> {
        sightings(tables).iter().filter_map(|sighting| sighting.history(Some(rows))).collect()
    }

    #[test]
    fn what_is_guessed_counts_where_the_same_tool_has_no_table_that_is_certain() {
        let rows = vec![vec![Some("7".to_owned())]];
        let (own, guessed) = (table("schema_migrations", &["version"]), table("data_migrations", &["version"]));
        let both = Beside::new(histories(&[own, guessed.clone()], &rows), Vec::new(), None, Dialect::Postgres);
        assert_eq!(both.histories.len(), 1, "{both:?}");
        assert_eq!(both.advice(None).split(';').next(), Some("take the history over: schemaward adopt --from dbmate"));
        let alone = Beside::new(histories(&[guessed], &rows), Vec::new(), None, Dialect::Postgres);
        assert!(alone.advice(None).contains("schemaward adopt --from dbmate --table data_migrations"), "{alone:?}");
    }

    #[test]
    fn two_tables_of_one_tool_are_distinguished_by_their_names() {
        let rows = vec![vec![Some("7".to_owned()), Some("f".to_owned())]];
        let tables = [table("schema_migrations", &["version", "dirty"]), table("it's", &["version", "dirty"])];
        let beside = Beside::new(histories(&tables, &rows), Vec::new(), None, Dialect::Postgres);
        let advice = beside.advice(None);
        assert!(advice.contains("adopt --from golang-migrate --table schema_migrations, or"), "{advice}");
        assert!(advice.contains(r"adopt --from golang-migrate --table 'it'\''s'"), "{advice}");
    }

    #[test]
    fn a_table_of_two_columns_and_many_rows_is_an_application_s() {
        let rows = vec![vec![Some("7".to_owned()), Some("f".to_owned())]; 2];
        assert_eq!(histories(&[table("documents", &["version", "dirty"])], &rows), []);
    }

    #[test]
    fn a_table_that_cannot_be_read_counts_and_one_in_which_nothing_is_applied_does_not() {
        let seen = sightings(&[table("schema_migrations", &["version", "dirty"])]);
        let history = |rows: Option<&[Row]>| seen[0].history(rows);
        assert_eq!(history(Some(&[])), None);
        let text = |text: &str| Some(text.to_owned());
        let clean = history(Some(&[vec![text("7"), text("false")]])).unwrap();
        assert_eq!((clean.version.as_deref(), clean.unfinished), (Some("7"), false));
        assert_eq!(clean.adopt(&[]).as_deref(), Some("schemaward adopt --from golang-migrate"));
        let dirty = history(Some(&[vec![text("7"), text("true")]])).unwrap();
        assert!(dirty.unfinished && dirty.to_string().ends_with("version 7 has failed or is half applied"), "{dirty}");
        let histories = vec![history(None).unwrap()];
        let unread = Beside { histories, table: Some("public.t".to_owned()), ..Beside::default() };
        let failure = unread.failure(&set()).unwrap();
        assert!(failure.message.contains("cannot be read") && failure.reason == Reason::ForeignHistory, "{failure:?}");
        assert_eq!(unread.note(None), None);
    }

    #[test]
    fn what_atlas_keeps_for_all_databases_says_nothing_of_one_that_is_empty() {
        let history = OtherHistory {
            tool: "Atlas",
            table: ForeignTable { schema: ATLAS_DATABASE.to_owned(), ..table("atlas_schema_revisions", &[]) },
            by: By::Name,
            version: Some("2".to_owned()),
            unfinished: false,
            adopted_from: Some(Tool::Atlas),
        };
        let told = |other, dialect| Beside::new(vec![history.clone()], Vec::new(), other, dialect).told_of_tools();
        assert_eq!(told(None, Dialect::Mysql), None);
        assert!(told(None, Dialect::Postgres).is_some(), "a schema is the database's own");
        let table = [Some("shop".to_owned()), Some("customers".to_owned())];
        assert!(told(Some(&table), Dialect::Mysql).is_some());
    }

    #[test]
    fn tables_without_a_history_are_a_note() {
        let beside = Beside { table: Some("public.customers".to_owned()), ..Beside::default() };
        let note = beside.note(None).unwrap();
        assert!(note.contains("public.customers") && note.contains("baseline"));
    }

    const OR_ELSE: &str = "; or, where that history is another application's and every file is to run, say \
                           --ignore-foreign-history (in a resource spec.history.ignoreForeign: true)";

    fn alembic() -> Vec<OtherHistory> {
        let rows = vec![vec![Some("7".to_owned())]];
        histories(&[table("alembic_version", &["version_num"])], &rows)
    }

    #[test]
    fn tables_that_were_not_read_are_counted() {
        let told = |unread| Beside { histories: alembic(), unread, ..Beside::default() }.told_of_tools();
        let alembic = "Alembic has a history here: its table public.alembic_version is at version 7";
        assert_eq!(told(0).as_deref(), Some(alembic));
        assert_eq!(told(2), Some(format!("{alembic}; and 2 tables more of such tools were not read")));
        assert_eq!(Beside { unread: 2, ..Beside::default() }.told_of_tools(), None);
    }

    #[test]
    fn a_history_that_cannot_be_adopted_is_recorded_as_a_baseline() {
        let beside = Beside { histories: alembic(), ..Beside::default() };
        let failure = beside.failure(&set()).unwrap();
        assert_eq!(
            failure.message,
            "Alembic has a history here: its table public.alembic_version is at version 7; Schemaward's ledger is \
             empty, so a run would start with the first file: nothing was run"
        );
        let baseline = "record what the database has, up to the file for that version: schemaward baseline --version \
                        VERSION";
        assert_eq!(failure.hint, Some(format!("{baseline}{OR_ELSE}")));
    }

    #[test]
    fn another_ledger_that_has_the_source_s_file_is_the_one_to_use() {
        let columns = ["version", "filename", "kind", "checksum", "token_checksum", "success", "undone_by", "fence"];
        let own = ForeignTable { schema: "app".to_owned(), ..table("schema_migrations", &columns) };
        let checksum = set().migrations().first().map(|file| file.checksum().to_string());
        let row = vec![Some("001".to_owned()), Some("001_a.sql".to_owned()), checksum];
        let sighting = other_ledgers(&[own], "schemaward", Dialect::Postgres).remove(0);
        let ledgers = vec![sighting.read(Some(&[row])).unwrap()];
        let beside = Beside { ledgers, ..Beside::default() };
        let go_on = "go on with the ledger that is there: say --history-schema app (in a resource spec.history.schema)";
        assert_eq!(beside.advice(Some(&set())), format!("{go_on}{OR_ELSE}"));
        assert_eq!(beside.note(Some(&set())), None, "it is the failure's");
    }
}
