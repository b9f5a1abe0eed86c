//! URLs as other programs write them: what to write instead. Nothing of a URL is repeated but a scheme that is known.

use crate::report::{Failure, Reason};

const POSTGRES: &str = "postgres://user:password@host:5432/name";
const MYSQL: &str = "mysql://user:password@host:3306/name";
const MARIADB: &str = "mariadb://user:password@host:3306/name";
const SQLITE: &str = "sqlite:app.db";

/// Schemes of other programs, by what they begin with: the whole of it, or up to a plus (`SQLAlchemy`'s `mysql+pymysql`).
const SCHEMES: [(&str, &str); 12] = [
    ("postgres", POSTGRES),
    ("postgresql", POSTGRES),
    ("pgx", POSTGRES),
    ("pgx4", POSTGRES),
    ("pgx5", POSTGRES),
    ("pg", POSTGRES),
    ("psql", POSTGRES),
    ("mysql", MYSQL),
    ("mysql2", MYSQL),
    ("mariadb", MARIADB),
    ("sqlite", SQLITE),
    ("sqlite3", SQLITE),
];

/// The failure of a URL that is written as another program has it; None where it is not known whose.
pub(crate) fn failure(url: &str) -> Option<Failure> {
    let (what, example) = found(url.trim())?;
    let failure = Failure::new(Reason::InvalidSettings, format!("the database's URL is not usable: {what}"));
    Some(failure.hint(format!("write it as {example}")))
}

/// What is unusual, and what a usable one looks like.
fn found(url: &str) -> Option<(String, &'static str)> {
    let lower = url.to_ascii_lowercase();
    if url.starts_with(['"', '\'', '`']) {
        return Some(("it is in quotes".to_owned(), POSTGRES));
    }
    if lower.starts_with("psql ") {
        return Some(("it is a command line of psql's; write only the URL in it".to_owned(), POSTGRES));
    }
    if let Some(rest) = lower.strip_prefix("jdbc:") {
        let example = by_scheme(rest).unwrap_or(POSTGRES);
        return Some(("it is one of JDBC's: take away jdbc: and write user and password into it".to_owned(), example));
    }
    if lower.starts_with("file:") {
        return Some(("a file's URL begins with sqlite:".to_owned(), SQLITE));
    }
    if lower.starts_with("prisma://") || lower.starts_with("prisma+postgres://") {
        return Some((
            "it leads to a service of Prisma's, not to the database: write its direct URL".to_owned(),
            POSTGRES,
        ));
    }
    let is_url = lower.contains("://") || lower.starts_with("sqlite");
    if let (true, Some(example)) = (is_url, by_scheme(&lower)) {
        let ours = example.split(':').next().unwrap_or_default();
        return Some((format!("its scheme is one of another program's or of a driver's; here it is {ours}"), example));
    }
    if has_go_sql_driver_s_form(url) {
        return Some(("it has the form that the Go driver for MySQL reads".to_owned(), MYSQL));
    }
    if !is_url && is_list_of_settings(&lower) {
        return Some(("it is a list of settings; write them as a URL".to_owned(), POSTGRES));
    }
    None
}

/// An example with the scheme that is meant.
fn by_scheme(url: &str) -> Option<&'static str> {
    let scheme = url.split(':').next().unwrap_or_default();
    let known = |name: &str| SCHEMES.iter().find(|(known, _)| *known == name).map(|(_, example)| *example);
    match scheme.split_once('+') {
        Some((database, _)) => known(database),
        None => known(scheme),
    }
}

/// Whether it is what libpq or a driver for .NET takes, perhaps behind a scheme: `host=db dbname=shop`.
pub(crate) fn is_list_of_settings(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let has_key = ["host=", "dbname=", "user="].iter().any(|key| lower.contains(key));
    has_key && (lower.contains([' ', ';']) || !lower.contains("://"))
}

/// Whether the host is written as in `user:password@tcp(host:3306)/name`.
pub(crate) fn has_go_sql_driver_s_form(url: &str) -> bool {
    let behind_user = url.rsplit_once('@').map_or("", |(_, behind)| behind);
    ["tcp(", "unix(", "tcp6(", "("].iter().any(|form| behind_user.starts_with(form))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::failure;

    #[rstest]
    #[case::golang_migrate("pgx5://u:canary@db:5432/shop", "here it is postgres", "postgres://user")]
    #[case::sqlalchemy("postgresql+psycopg2://u:canary@db/shop", "here it is postgres", "postgres://user")]
    #[case::asyncpg("postgresql+asyncpg://u:canary@db/shop", "here it is postgres", "postgres://user")]
    #[case::psql_scheme("psql://u:canary@db/shop", "here it is postgres", "postgres://user")]
    #[case::jdbc("jdbc:postgresql://db/shop?user=u&password=canary", "one of JDBC's", "postgres://user")]
    #[case::jdbc_mysql("jdbc:mysql://db/shop?user=u&password=canary", "one of JDBC's", "mysql://user")]
    #[case::jdbc_mariadb("jdbc:mariadb://db/shop?user=u&password=canary", "one of JDBC's", "mariadb://user")]
    #[case::jdbc_sqlite("jdbc:sqlite:canary.db", "one of JDBC's", "sqlite:app.db")]
    #[case::rails("mysql2://u:canary@db/shop", "here it is mysql", "mysql://user")]
    #[case::pymysql("mysql+pymysql://u:canary@db/shop", "here it is mysql", "mysql://user")]
    #[case::mariadb_connector("mariadb+mariadbconnector://u:canary@db/shop", "here it is mariadb", "mariadb://user")]
    #[case::sqlite3("sqlite3://canary.db", "here it is sqlite", "sqlite:app.db")]
    #[case::sqlite3_alone("sqlite3:canary.db", "here it is sqlite", "sqlite:app.db")]
    #[case::aiosqlite("sqlite+aiosqlite:///canary.db", "here it is sqlite", "sqlite:app.db")]
    #[case::prisma_sqlite("file:./canary.db", "begins with sqlite:", "sqlite:app.db")]
    #[case::prisma("prisma+postgres://accelerate.prisma-data.net/?api_key=canary", "direct URL", "postgres://user")]
    #[case::quoted("\"postgres://u:canary@db/shop\"", "in quotes", "postgres://user")]
    #[case::psql("psql 'postgresql://u:canary@db/shop'", "command line of psql's", "postgres://user")]
    #[case::go("u:canary@tcp(db:3306)/shop", "Go driver for MySQL", "mysql://user")]
    #[case::keywords("host=db user=u password=canary dbname=shop", "list of settings", "postgres://user")]
    #[case::ado("Host=db;Username=u;Password=canary", "list of settings", "postgres://user")]
    fn another_program_s_url_is_explained_and_not_repeated(
        #[case] url: &str,
        #[case] what: &str,
        #[case] example: &str,
    ) {
        let failure = failure(url).unwrap();
        let (message, hint) = (&failure.message, failure.hint.as_deref().unwrap_or_default());
        assert!(message.contains(what), "{message}");
        assert!(hint.contains(example), "{hint}");
        assert!(!format!("{failure:?}").contains("canary"));
    }

    #[rstest]
    #[case("oracle://u:p@db/shop")]
    #[case("shop")]
    #[case("u:p@db/shop")]
    fn what_is_not_known_is_not_guessed(#[case] url: &str) {
        assert_eq!(failure(url), None);
    }
}
