//! MariaDB's packages, whose bodies only a DELIMITER line can delimit.

use super::bed::{Bed, Engine};

/// A package that both servers with packages accept: MariaDB before 11.4 has them under `sql_mode=ORACLE` only.
const ORACLE: &str = "SET sql_mode = 'ORACLE';\nDELIMITER //\n\
    CREATE OR REPLACE PACKAGE tools AS\n  FUNCTION one RETURN INT;\n  PROCEDURE note(n INT);\nEND;\n//\n\
    CREATE OR REPLACE PACKAGE BODY tools AS\n  FUNCTION one RETURN INT AS BEGIN RETURN 1; END;\n\
    PROCEDURE note(n INT) AS BEGIN INSERT INTO log VALUES (n); INSERT INTO log VALUES (one()); END;\nEND;\n//\n\
    DELIMITER ;\nCALL tools.note(7);\n";
const STANDARD: &str = "DELIMITER //\n\
    CREATE OR REPLACE PACKAGE tools\n  FUNCTION one() RETURNS INT;\n  PROCEDURE note(n INT);\nEND;\n//\n\
    CREATE OR REPLACE PACKAGE BODY tools\n  FUNCTION one() RETURNS INT RETURN 1;\n\
    PROCEDURE note(n INT) BEGIN INSERT INTO log VALUES (n); INSERT INTO log VALUES (one()); END;\nEND;\n//\n\
    DELIMITER ;\nCALL tools.note(7);\n";

fn has_packages_without_a_mode(bed: &Bed) -> bool {
    let version = bed.sql("select version()");
    let mut numbers = version.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(11), Some(4))
}

fn kept(bed: &Bed) -> String {
    bed.sql(
        "select group_concat(type, ' ', name order by type) from mysql.proc where db = database() and name = 'tools'",
    )
}

#[test]
fn a_package_between_delimiters_is_applied_undone_and_applied_again() {
    let Some(bed) = Bed::new(Engine::Mariadb) else { return };
    let mut bodies = vec![ORACLE];
    if has_packages_without_a_mode(&bed) {
        bodies.push(STANDARD);
    }
    for body in bodies {
        let Some(bed) =
            Bed::with(Engine::Mariadb, &[("001_log.sql", "CREATE TABLE log (n int);\n"), ("002_tools.sql", body)])
        else {
            return;
        };
        bed.files(&[("002_tools.down.sql", "SET sql_mode = 'ORACLE';\nDROP PACKAGE tools;\n")]);
        assert_eq!(bed.run().applied(), 2, "{body}");
        assert_eq!(kept(&bed), "PACKAGE tools,PACKAGE BODY tools", "{body}");
        assert_eq!(bed.sql("select group_concat(n order by n) from log"), "1,7", "{body}");
        let spoilt = bed.said_to(&bed.url, &["verify"]);
        assert_eq!(spoilt.0, Some(0), "{}", spoilt.1);
        let back = bed.said_to(&bed.url, &["rollback", "--to", "001", "--yes"]);
        assert_eq!((back.0, kept(&bed).as_str()), (Some(0), ""), "{}", back.1);
        assert_eq!(bed.run().applied(), 1, "{body}");
        assert_eq!(kept(&bed), "PACKAGE tools,PACKAGE BODY tools", "{body}");
    }
}

#[test]
fn a_package_without_delimiters_is_refused_before_anything_runs() {
    let bare = STANDARD.replace("DELIMITER //\n", "").replace("//\n", "").replace("DELIMITER ;\n", "");
    let Some(bed) =
        Bed::with(Engine::Mariadb, &[("001_log.sql", "CREATE TABLE log (n int);\n"), ("002_tools.sql", &bare)])
    else {
        return;
    };
    let (code, said) = bed.said_to(&bed.url, &["migrate"]);
    assert!(code == Some(4) && said.contains("DELIMITER") && said.contains("002_tools.sql"), "{said}");
    assert!(!bed.has("log"), "{said}");
}

#[test]
fn a_package_whose_body_the_server_refuses_leaves_the_file_half_applied_and_is_mended() {
    let Some(bed) = Bed::new(Engine::Mariadb) else { return };
    let broken = ORACLE.replace("RETURN 1;", "RETURN nothing_at_all;");
    bed.files(&[("001_log.sql", "CREATE TABLE log (n int);\n"), ("002_tools.sql", &broken)]);
    let failure = bed.run().failure().clone();
    assert_eq!(failure.code.as_deref(), Some("1327"), "{failure:?}");
    assert_eq!(kept(&bed), "PACKAGE tools");
    bed.files(&[("002_tools.sql", ORACLE)]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select group_concat(n order by n) from log"), "1,7");
}
