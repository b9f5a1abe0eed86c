//! Statements that a server ignores because it is too old for them: all of them is in comments with its version.

use super::super::Dialect;
use super::super::lexeme::Kind;
use super::lexeme::Lexer;

/// Whether a server of this version, such as 90704 or 101119, finds nothing to do in a statement. The clients send it
/// alone, and get an answer; between two others it is a syntax error.
#[must_use]
pub fn is_for_newer_server(sql: &str, dialect: Dialect, server: u32) -> bool {
    if !sql.starts_with("/*") {
        return false;
    }
    let mut ignored = false;
    for lexeme in Lexer::new(sql, 0, dialect) {
        match lexeme.kind {
            Kind::CodeMark => ignored = version(sql.get(lexeme.start..lexeme.end).unwrap_or_default()) > server,
            kind if kind.is_trivia() => {}
            _ if !ignored => return false,
            _ => {}
        }
    }
    true
}

/// The version in a mark such as `/*!50003`; 0 where it has none.
fn version(mark: &str) -> u32 {
    mark.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::newer(Dialect::Mysql, 90_704, "/*!99999 create table y (a int) */", true)]
    #[case::older(Dialect::Mysql, 90_704, "/*!50003 create table y (a int) */", false)]
    #[case::the_same(Dialect::Mysql, 90_704, "/*!90704 select 1 */", false)]
    #[case::one_more(Dialect::Mysql, 90_704, "/*!90705 select 1 */", true)]
    #[case::without_a_version(Dialect::Mysql, 90_704, "/*! select 1 */", false)]
    #[case::nothing_in_it(Dialect::Mysql, 90_704, "/*! */", true)]
    #[case::partly(Dialect::Mysql, 90_704, "/*!50003 create */ /*!99999 or replace */", false)]
    #[case::around(Dialect::Mysql, 90_704, "/*!99999 a */ select 1", false)]
    #[case::two(Dialect::Mysql, 90_704, "/*!99998 a */ /*!99999 b */", true)]
    #[case::mariadb_s_own(Dialect::Mariadb, 101_119, "/*M!130000 SET @x = 1 */", true)]
    #[case::six_digits(Dialect::Mariadb, 101_119, "/*!130000 SET @x = 1 */", true)]
    #[case::older_there(Dialect::Mariadb, 101_119, "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY */", false)]
    #[case::no_comment(Dialect::Mariadb, 101_119, "select 1 /*M!130000 + 1 */", false)]
    fn what_is_only_for_a_newer_server(
        #[case] dialect: Dialect,
        #[case] server: u32,
        #[case] sql: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(is_for_newer_server(sql, dialect, server), expected);
    }
}
