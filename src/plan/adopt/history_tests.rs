//! What the rows of a tool's table mean.

use rstest::rstest;

use super::foreign_table::Row;
use super::{By, ForeignChecksum, ForeignHistory, ForeignMigration, ForeignTable, Found, KnownTool, Tool};

/// Rows as a client prints them.
fn rows(lines: &[&str]) -> Vec<Row> {
    let cell = |cell: &str| (cell != "NULL").then(|| cell.to_owned());
    lines.iter().map(|line| line.split(" | ").map(cell).collect()).collect()
}

fn versions(versions: &[&str]) -> ForeignHistory {
    ForeignHistory::versions(versions.iter().map(ToString::to_string))
}

fn up_to(version: &str) -> ForeignHistory {
    ForeignHistory { up_to: Some(version.to_owned()), each: Vec::new() }
}

fn read(tool: Tool, lines: &[&str]) -> Result<ForeignHistory, String> {
    let table = ForeignTable { schema: "s".to_owned(), name: "t".to_owned(), columns: Vec::new() };
    Found { tool, table, by: By::Name }.read(&rows(lines)).map_err(|problem| problem.to_string())
}

/// Atlas' rows: version, type, how many statements have run, how many there are, the error.
#[rstest]
#[case::atlas(Tool::Atlas, &["1 | 2 | 3 | 3 | ", "2 | 2 | 1 | 1 | NULL"], versions(&["1", "2"]))]
#[case::atlas_and_a_version_set_by_hand(Tool::Atlas, &["1 | 4 | 0 | 0 | "], versions(&["1"]))]
#[case::atlas_and_a_row_without_a_type(Tool::Atlas, &["1 | 0 | 0 | 0 | "], versions(&["1"]))]
#[case::atlas_s_baseline(Tool::Atlas, &["1 | 1 | 0 | 0 | "], up_to("1"))]
#[case::atlas_s_baseline_set_by_hand(Tool::Atlas, &["1 | 5 | 0 | 0 | "], up_to("1"))]
#[case::atlas_s_own_row(Tool::Atlas, &[".atlas_cloud_identifier | 2 | 0 | 0 | ", "1 | 2 | 3 | 3 | "], versions(&["1"]))]
#[case::dbmate(Tool::Dbmate, &["20240101", "20240102"], versions(&["20240101", "20240102"]))]
#[case::rails(Tool::Rails, &["20240101", "NULL"], versions(&["20240101"]))]
// golang-migrate's are one: the version, and whether it is half applied.
#[case::golang_migrate(Tool::GolangMigrate, &["7 | false"], up_to("7"))]
#[case::golang_migrate_and_everything_undone(Tool::GolangMigrate, &[], ForeignHistory::default())]
// goose's: a version, and whether it was applied or undone; 0 is the table itself.
#[case::goose(Tool::Goose, &["0 | true", "1 | true", "2 | true"], versions(&["1", "2"]))]
#[case::goose_and_a_version_undone(Tool::Goose, &["1 | t", "2 | t", "2 | f"], versions(&["1"]))]
#[case::goose_and_a_version_applied_again(Tool::Goose, &["1 | 1", "2 | 1", "1 | 0", "1 | 1"], versions(&["2", "1"]))]
fn a_row_is_a_version(#[case] tool: Tool, #[case] lines: &[&str], #[case] expected: ForeignHistory) {
    assert_eq!(read(tool, lines), Ok(expected));
}

#[rstest]
#[case::flyway(Tool::Flyway, "1 | SQL | V1__customers.sql | -1761657159 | 1", Some(ForeignChecksum::Crc32(-1_761_657_159)))]
#[case::flyway_s_java_migration(Tool::Flyway, "1 | JDBC | db.V1__customers | NULL | true", None)]
#[case::refinery(
    Tool::Refinery,
    "1 | customers | 14432485652211289832",
    Some(ForeignChecksum::SipHash { name: "customers".to_owned(), version: 1, hash: 14_432_485_652_211_289_832 })
)]
#[case::refinery_without_a_checksum(Tool::Refinery, "1 | customers | NULL", None)]
#[case::sqlx(Tool::Sqlx, "1 | t | d8de52", Some(ForeignChecksum::Sha384("d8de52".to_owned())))]
fn some_tools_keep_a_checksum_of_the_file(
    #[case] tool: Tool,
    #[case] line: &str,
    #[case] checksum: Option<ForeignChecksum>,
) {
    let each = vec![ForeignMigration::new("1".to_owned(), checksum)];
    assert_eq!(read(tool, &[line]), Ok(ForeignHistory { up_to: None, each }));
}

#[test]
fn diesel_s_first_version_may_be_what_diesel_itself_has_made() {
    let history = read(Tool::Diesel, &["00000000000000", "20240101000001"]).unwrap();
    let own: Vec<bool> = history.each.iter().map(|migration| migration.may_be_its_own).collect();
    assert_eq!((own, history.newest()), (vec![true, false], Some("20240101000001")));
}

#[rstest]
#[case::atlas_has_run_one_statement_of_three(
    Tool::Atlas,
    "2 | 2 | 1 | 3 | ",
    "Atlas says that its version 2 has failed or is half applied: finish it with atlas migrate apply, or say how far \
     it is with atlas migrate set; then adopt again"
)]
#[case::atlas_has_an_error(
    Tool::Atlas,
    "2 | 2 | 3 | 3 | syntax error",
    "Atlas says that its version 2 has failed or is half applied: finish it with atlas migrate apply, or say how far \
     it is with atlas migrate set; then adopt again"
)]
#[case::flyway(
    Tool::Flyway,
    "2 | SQL | V2__orders.sql | 7 | 0",
    "Flyway says that its version 2 has failed or is half applied: clean up what it has left, and say so with flyway \
     repair; then adopt again"
)]
#[case::flyway_s_repeatable_file_has_a_name_alone(
    Tool::Flyway,
    "NULL | SQL | R__view.sql | 7 | false",
    "Flyway says that its version R__view.sql has failed or is half applied: clean up what it has left, and say so \
     with flyway repair; then adopt again"
)]
#[case::golang_migrate(
    Tool::GolangMigrate,
    "2 | 1",
    "golang-migrate says that its version 2 has failed or is half applied: bring the schema by hand to a version that \
     is whole, and say so with migrate force VERSION; then adopt again"
)]
#[case::sqlx(
    Tool::Sqlx,
    "2 | f | ab",
    "sqlx says that its version 2 has failed or is half applied: bring the schema by hand to where the file begins or \
     ends, and delete its row, or set success; then adopt again"
)]
fn a_version_that_has_failed_is_told_with_what_to_do(#[case] tool: Tool, #[case] line: &str, #[case] told: &str) {
    assert_eq!(read(tool, &[line]), Err(told.to_owned()));
}

#[rstest]
#[case::of_two_columns(&["auth | 0012_alter"], Some("auth.0012_alter"))]
#[case::of_one(&["20240101", "20230101"], Some("20240101"))]
#[case::no_row(&[], None)]
#[case::a_schema_s_number_before_the_first(&["0"], None)]
#[case::yii_s_first_row(&["m000000_000000_base"], None)]
#[case::a_part_that_is_null(&["NULL | 0001"], Some(".0001"))]
fn a_known_tool_s_newest_row_is_its_version(#[case] lines: &[&str], #[case] expected: Option<&str>) {
    assert_eq!(KnownTool::newest(&rows(lines)).as_deref(), expected);
}
