//! Properties of parsing that hold for any text, in every dialect.

use proptest::prelude::*;
use rstest::rstest;

use super::{Checksum, InvalidSource, MigrationSet, SourceFile, source_failure};
use crate::report::Place;
use crate::sql::Dialect;
use crate::sql::statements::tests::{dialects, whole};

proptest! {
    #[test]
    fn line_ends_and_a_byte_order_mark_change_nothing(
        dialect in dialects(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        // Line ends inside strings do count.
        let parts: Vec<&str> = picks.iter().map(|pick| *pick.get(whole(dialect))).filter(|part| !part.contains("'\n'")).collect();
        let unix = parts.join(";\n-- é;\n");
        let windows = unix.replace('\n', "\r\n");
        prop_assert_eq!(Checksum::of_tokens(&unix, dialect), Checksum::of_tokens(&windows, dialect));
        let read = |text: String| {
            let file = SourceFile { name: "1_a.sql".to_owned(), bytes: text.into_bytes() };
            let set = MigrationSet::read([file], dialect);
            set.map(|set| set.migrations().next().unwrap().statements.len()).map_err(|invalid| invalid.problems)
        };
        prop_assert_eq!(read(unix.clone()), read(windows.clone()));
        prop_assert_eq!(read(unix), read(format!("\u{feff}{windows}")));
    }

    #[test]
    fn any_bytes_are_read_or_refused_with_a_place(dialect in dialects(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let file = SourceFile { name: "1_a.sql".to_owned(), bytes: bytes.clone() };
        if let Err(InvalidSource { problems, .. }) = MigrationSet::read([file], dialect) {
            prop_assert!(problems.iter().all(|problem| problem.position.is_some()));
            if let Err(error) = std::str::from_utf8(&bytes) {
                let expected = format!("byte {} of the file is not UTF-8", error.valid_up_to());
                prop_assert!(problems[0].to_string().contains(&expected));
            }
        } else {
            prop_assert!(std::str::from_utf8(&bytes).is_ok());
        }
    }
}

#[rstest]
#[case::empty("")]
#[case::comments("-- later\n/* and more */")]
#[case::byte_order_mark("\u{feff}")]
#[case::semicolons(";;\r\n;")]
fn files_without_a_statement(#[case] sql: &str) {
    for dialect in Dialect::ALL {
        let file = SourceFile { name: "1_a.sql".to_owned(), bytes: sql.into() };
        let set = MigrationSet::read([file], dialect).unwrap();
        assert!(set.migrations().next().unwrap().statements.is_empty());
    }
}

#[test]
fn a_file_s_first_error_has_the_hint_and_the_others_have_not() {
    let file = |name: &str, sql: &str| SourceFile { name: name.to_owned(), bytes: sql.into() };
    let body = "create function f() returns int as $$\nbegin\n  x;\nend;\nbegin\n  y;\nend;\n$$ language plpgsql;\n";
    let files = [file("001_a.sql", body), file("002_b.sql", "select 1;\nselect 'a;\n")];
    let InvalidSource { problems, .. } = MigrationSet::read(files, Dialect::Sqlite).unwrap_err();
    let hinted: Vec<_> =
        problems.iter().map(|problem| (problem.file.as_deref(), problem.looks_like.is_some())).collect();
    assert_eq!(hinted[..2], [(Some("001_a.sql"), true), (Some("001_a.sql"), false)], "{problems:#?}");
    assert_eq!(hinted.last(), Some(&(Some("002_b.sql"), false)));
    assert!(problems[0].failure().hint.unwrap().contains("looks like PostgreSQL's"));
    // The string that is never closed.
    let (version, file) = ("002".to_owned(), "002_b.sql".to_owned());
    let place = Place { version, file, line: Some(2), column: Some(8), ..Place::default() };
    assert_eq!(problems.last().unwrap().failure().place, Some(place));
    let whole = source_failure(&problems).unwrap().hint.unwrap();
    assert!(whole.contains("looks like PostgreSQL's") && whole.contains("more in the source"), "{whole}");
}
