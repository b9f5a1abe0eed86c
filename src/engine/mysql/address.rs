//! Where the database is and how to log in, out of a URL. The URL's text never leaves this file.

use std::fmt;

use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};

use super::parameters::{TAKEN, judge};
use super::tls::Tls;
use crate::engine::shared::tls;
use crate::engine::shared::url::{ReadUrl, UrlForm, bare_ipv6, shown_host};
use crate::report::Failure;
use crate::sql::Dialect;

pub(super) const FORM: UrlForm = UrlForm {
    schemes: &["mysql", "mariadb"],
    parameters: TAKEN,
    judge,
    example: "mysql://user:password@host:3306/name",
};

/// A database's address, with what is needed to log in. Shown without password.
#[derive(Clone)]
pub struct MysqlAddress {
    pub(super) options: MySqlConnectOptions,
    pub(super) tls: Tls,
    /// As the scheme says: which comments with a version in them are code depends on it.
    pub(super) dialect: Dialect,
    database: String,
    shown: String,
}

impl MysqlAddress {
    /// Reads a URL such as `mysql://user:password@host:3306/name?ssl-mode=required`.
    ///
    /// # Errors
    ///
    /// [`crate::report::Reason::InvalidSettings`]; the message says what is wrong without repeating the URL.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let read = FORM.read(url)?;
        let tls = Tls::read(&read).map_err(|what| FORM.invalid(&what))?;
        let ReadUrl { url: mut parsed, parameters } = read;
        if parsed.username().is_empty() {
            return Err(FORM.invalid("it names no user"));
        }
        let for_the_driver = |name: &str| name.starts_with("ssl") && !name.ends_with("mode") || name == "socket";
        let pairs: Vec<_> = parameters.into_iter().filter(|(name, _)| for_the_driver(name)).collect();
        parsed.query_pairs_mut().clear().extend_pairs(pairs);
        // The driver's own message may repeat a part of the URL.
        let options = MySqlConnectOptions::from_url(&parsed)
            .map_err(|_| FORM.invalid("one of its parameters has a value that is not understood"))?;
        // The driver would hand it to the resolver with its brackets.
        let options = match bare_ipv6(&parsed) {
            Some(address) => options.host(&address.to_string()),
            None => options,
        };
        let Some(database) = options.get_database() else {
            return Err(FORM.invalid("it names no database"));
        };
        let database = database.to_owned();
        let shown = match options.get_socket() {
            Some(path) => format!("{}:{database}", path.display()),
            None => format!("{}:{}/{database}", shown_host(options.get_host()), options.get_port()),
        };
        // The driver would set these on its own, but the mysql client does not, and what a file creates must not depend
        // on them. It would also log whole statements.
        let options = options
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .set_names(false)
            .ssl_mode(tls.driver_s())
            .disable_statement_logging();
        let dialect = if parsed.scheme() == "mariadb" { Dialect::Mariadb } else { Dialect::Mysql };
        Ok(Self { options, tls, dialect, database, shown })
    }

    /// Connects. Where the URL leaves it open whether there is TLS, without it where it fails.
    pub(super) async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let mut failed = None;
        for way in self.tls.ways() {
            match self.options.clone().ssl_mode(*way).connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) if tls::words(&error).is_some() => failed = failed.or(Some(error)),
                Err(error) => return Err(failed.unwrap_or(error)),
            }
        }
        Err(failed.unwrap_or(sqlx::Error::WorkerCrashed))
    }

    /// The user it logs in as.
    pub(super) fn user(&self) -> &str {
        self.options.get_username()
    }

    /// The database's name, as the URL writes it.
    pub(super) fn database(&self) -> &str {
        &self.database
    }
}

impl fmt::Display for MysqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for MysqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MysqlAddress({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::MysqlAddress;

    #[rstest]
    #[case::whole("mysql://u:canary@db:3307/shop", "db:3307/shop")]
    #[case::defaults("mariadb://u@db/shop\n", "db:3306/shop")]
    #[case::ipv6("mysql://u:canary@[::1]:3307/shop", "[::1]:3307/shop")]
    #[case::escaped("mysql://u:can%23ary@db/sh%C3%B6p?ssl-mode=REQUIRED", "db:3306/shöp")]
    #[case::socket("mysql://u:canary@localhost/shop?socket=/run/mysqld.sock", "/run/mysqld.sock:shop")]
    #[case::plus("mysql://u:canary@localhost/shop?socket=/run/a+b.sock", "/run/a+b.sock:shop")]
    #[case::go("mysql://u:canary@db/shop?multiStatements=true&parseTime=true", "db:3306/shop")]
    fn an_address_is_shown_without_its_password(#[case] url: &str, #[case] shown: &str) {
        let address = MysqlAddress::parse(url).unwrap();
        assert_eq!(address.to_string(), shown);
        assert!(!format!("{address:?}").contains("canary"));
    }

    #[rstest]
    #[case::name("mysql://u@db/shop", "db")]
    #[case::ipv4("mariadb://u@127.0.0.1/shop", "127.0.0.1")]
    #[case::ipv6("mysql://u:canary@[::1]:3307/shop", "::1")]
    #[case::ipv6_and_parameters("mariadb://u@[2001:db8::7]/shop?ssl-mode=required", "2001:db8::7")]
    fn the_driver_gets_the_host_without_brackets(#[case] url: &str, #[case] host: &str) {
        assert_eq!(MysqlAddress::parse(url).unwrap().options.get_host(), host);
    }

    #[rstest]
    #[case::other_engine("postgres://u:canary@db/shop", "scheme")]
    #[case::no_user("mysql://db/shop", "names no user")]
    #[case::no_database("mysql://u:canary@db", "names no database")]
    #[case::slash_in_password("mysql://u:canary/x@db/shop", "port is not a number")]
    #[case::golang_migrate("mysql://u:canary@tcp(db:3306)/shop?multiStatements=true", "as tcp(host:port)")]
    #[case::go_socket("mysql://u:canary@unix(/run/canary.sock)/shop", "as tcp(host:port)")]
    #[case::hash_in_password("mysql://u:12#canary@db/shop", "has a #")]
    #[case::misspelt_parameter("mysql://u:canary@db/shop?sslmod=canary", "\"sslmod\"; known are")]
    #[case::charset("mysql://u:canary@db/shop?charset=canary", "\"charset\" is not taken")]
    #[case::bad_mode("mysql://u:canary@db/shop?ssl-mode=canary", "ssl-mode is not one of disabled, preferred")]
    fn a_bad_url_is_explained_and_not_repeated(#[case] url: &str, #[case] why: &str) {
        let failure = MysqlAddress::parse(url).unwrap_err();
        assert!(failure.message.contains(why), "{}", failure.message);
        assert!(!format!("{failure:?}").contains("canary"));
    }
}
