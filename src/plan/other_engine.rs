//! Refuses steps that the server would read differently from how they were parsed: MySQL and MariaDB accept each
//! other's URLs, but disagree on which comments are code. Pure.

use super::step::Step;
use crate::report::{ErrorClass, Failure, Reason};
use crate::sql::Dialect;

/// The first step that the server's engine reads differently, as a failure that names file and line; nothing of it may
/// run.
#[must_use]
pub fn read_otherwise(steps: &[Step<'_>], server: Dialect) -> Option<Failure> {
    let (place, read_as) = steps.iter().find_map(|step| {
        let place = step.migration.place_read_otherwise(server)?;
        Some((place, step.migration.dialect))
    })?;
    let scheme = server.grammar().url_scheme();
    Some(Failure {
        class: ErrorClass::Permanent,
        reason: Reason::InvalidSettings,
        code: None,
        message: format!(
            "the server is {server}, but the files were read as {read_as}'s, which takes this comment otherwise: it is code \
             for one of them only; nothing of this file was run"
        ),
        hint: Some(format!(
            "write {scheme}:// in the database's URL, and {scheme} in spec.database.engine of a resource"
        )),
        place: Some(place),
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::migration::{MigrationFiles, SourceFile};
    use crate::plan::Kind;

    #[test]
    fn a_comment_that_the_server_takes_for_code_is_named_by_file_and_line() {
        let bytes = "select 1;\n/*M! select 2; */\n".into();
        let file = SourceFile { name: "001_a.sql".into(), bytes };
        let set = MigrationFiles::sorted(vec![file], Dialect::Mysql).unwrap();
        let migration = Cow::Borrowed(set.migrations()[0].parsed().unwrap());
        let steps = [Step { kind: Kind::Migration, migration }];
        assert_eq!(read_otherwise(&steps, Dialect::Mysql), None);
        let failure = read_otherwise(&steps, Dialect::Mariadb).unwrap();
        assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::InvalidSettings));
        assert!(
            failure.message.starts_with("the server is MariaDB, but the files were read as MySQL's"),
            "{failure:?}"
        );
        assert!(failure.hint.unwrap().contains("write mariadb:// in"));
        let place = failure.place.unwrap();
        assert_eq!((place.file.as_str(), place.line), ("001_a.sql", Some(2)));
    }
}
