//! Where MySQL and MariaDB read a text differently: they disagree on which comments are code.

use super::super::Dialect;
use super::lexeme::Lexer;

/// The byte where the two dialects first read a text differently.
pub(in super::super) fn read_otherwise(sql: &str, one: Dialect, other: Dialect) -> Option<usize> {
    let mut others = Lexer::new(sql, 0, other);
    let differs = |lexeme: &super::super::lexeme::Lexeme| {
        others.next().is_none_or(|other| (other.kind, other.end) != (lexeme.kind, lexeme.end))
    };
    Lexer::new(sql, 0, one).find(differs).map(|lexeme| lexeme.start)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::read_otherwise;
    use crate::sql::Dialect;

    #[rstest]
    #[case::mariadb_s_own("select 1; /*M! select 2 */", Some(10))]
    #[case::mariadb_s_own_with_a_version("/*M!100100 create table a (a int) */;", Some(0))]
    #[case::only_mysql_5_7("create table a (a int) /*!50701 comment 'x' */", Some(23))]
    #[case::six_digits("/*!100100 select 1 */", Some(0))]
    #[case::old("/*!40101 SET NAMES utf8 */; select /* M! */ 1 -- /*M! x */\n, '/*M! x */'", None)]
    fn the_first_comment_that_is_code_for_one_of_them_only(#[case] sql: &str, #[case] byte: Option<usize>) {
        assert_eq!(read_otherwise(sql, Dialect::Mysql, Dialect::Mariadb), byte);
        assert_eq!(read_otherwise(sql, Dialect::Mariadb, Dialect::Mysql), byte);
        assert_eq!(read_otherwise(sql, Dialect::Mysql, Dialect::Mysql), None);
    }
}
