//! Where the database is and how to log in, out of a URL. The URL's text never leaves this file.

use std::fmt;

use crate::engine::shared::url::{UrlForm, bare_ipv6, shown_host};
use crate::report::Failure;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use url::Url;

/// A database's address, with what is needed to log in. Shown without password.
#[derive(Clone)]
pub struct Address {
    pub(super) options: PgConnectOptions,
    shown: String,
}

impl Address {
    /// Reads a URL such as `postgres://user:password@host:5432/name?sslmode=require`.
    ///
    /// # Errors
    ///
    /// [`crate::report::Reason::InvalidSettings`]; the message says what is wrong without repeating the URL.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let parsed = FORM.read(url)?;
        let has = |key: &str| parsed.query_pairs().any(|(name, _)| name == key);
        if parsed.username().is_empty() && !has("user") {
            return Err(FORM.invalid("it names no user"));
        }
        // The driver's own message may repeat a part of the URL.
        let options = PgConnectOptions::from_url(&with_bare_host(parsed))
            .map_err(|_| FORM.invalid("one of its parameters has a value that is not understood"))?;
        if options.get_database().is_none() {
            return Err(FORM.invalid("it names no database"));
        }
        let host =
            options.get_socket().map_or_else(|| shown_host(options.get_host()), |path| path.display().to_string());
        let shown = format!("{host}:{}/{}", options.get_port(), options.get_database().unwrap_or_default());
        // Otherwise the driver would log whole statements.
        Ok(Self { options: options.disable_statement_logging(), shown })
    }

    /// The user it logs in as.
    pub(super) fn user(&self) -> &str {
        self.options.get_username()
    }

    /// The database's name.
    pub(super) fn database(&self) -> &str {
        self.options.get_database().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

/// With an IPv6 address as a parameter, too: there it is written without the brackets that the driver would hand to the
/// resolver. It comes first, so that a host that is given as a parameter still wins; and it is not set afterwards
/// because the driver has looked the host up in the password file (`.pgpass`) by then.
fn with_bare_host(mut url: Url) -> Url {
    if let Some(address) = bare_ipv6(&url) {
        let query = format!("host={address}&{}", url.query().unwrap_or_default());
        url.set_query(Some(&query));
    }
    url
}

const FORM: UrlForm = UrlForm {
    schemes: &["postgres", "postgresql"],
    parameters: &[
        "application_name",
        "dbname",
        "host",
        "hostaddr",
        "options",
        "password",
        "port",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "user",
    ],
    is_known: |name| name.starts_with("options[") && name.ends_with(']'),
    example: "postgres://user:password@host:5432/name",
};

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Address;

    #[rstest]
    #[case::whole("postgres://u:canary@db:6543/shop", "db:6543/shop")]
    #[case::defaults("postgresql://u@db/shop\n", "db:5432/shop")]
    #[case::parameters("postgres://db/?user=u&dbname=shop&password=canary", "db:5432/shop")]
    #[case::ipv6("postgres://u:canary@[::1]:5432/shop", "[::1]:5432/shop")]
    #[case::ipv6_parameter("postgres://u@db/shop?host=::1", "[::1]:5432/shop")]
    #[case::escaped("postgres://u:can%23ary@db/shop?sslmode=require", "db:5432/shop")]
    fn an_address_is_shown_without_its_password(#[case] url: &str, #[case] shown: &str) {
        let address = Address::parse(url).unwrap();
        assert_eq!(address.to_string(), shown);
        assert!(!format!("{address:?}").contains("canary"));
    }

    #[rstest]
    #[case::name("postgres://u@db/shop", "db")]
    #[case::ipv4("postgres://u@127.0.0.1/shop", "127.0.0.1")]
    #[case::ipv6("postgres://u:canary@[::1]:5433/shop", "::1")]
    #[case::ipv6_and_parameters("postgres://u@[2001:db8::7]/shop?sslmode=require", "2001:db8::7")]
    #[case::ipv6_parameter("postgres://u@db/shop?host=::1", "::1")]
    #[case::a_parameter_wins("postgres://u@[::1]/shop?host=db", "db")]
    fn the_driver_gets_the_host_without_brackets(#[case] url: &str, #[case] host: &str) {
        assert_eq!(Address::parse(url).unwrap().options.get_host(), host);
    }

    #[rstest]
    #[case::empty("  \n", "is empty")]
    #[case::no_url("host=db password=canary", "does not start with postgres://")]
    #[case::other_engine("mysql://u:canary@db/shop", "scheme")]
    #[case::no_user("postgres://db/shop", "names no user")]
    #[case::no_database("postgres://u:canary@db", "names no database")]
    #[case::no_host("postgres://u:canary@/db?host=/tmp", "names no host; where the server is reached by a socket")]
    #[case::several_hosts("postgres://u:can,ary@a:1,b:2/db", "names several hosts")]
    #[case::comma_in_password("postgres://u:can,ary/x@a/db", "port is no number")]
    #[case::slash_in_password("postgres://u:canary/x@db/shop", "port is no number")]
    #[case::hash_in_password("postgres://u:12#canary@db/shop", "has a #")]
    #[case::misspelt_parameter("postgres://u:canary@db/shop?sslmod=canary", "\"sslmod\"; known are")]
    #[case::bad_parameter("postgres://u:canary@db/shop?sslmode=canary", "not understood")]
    fn a_bad_url_is_explained_and_not_repeated(#[case] url: &str, #[case] why: &str) {
        let failure = Address::parse(url).unwrap_err();
        assert!(failure.message.contains(why), "{}", failure.message);
        assert!(!format!("{failure:?}").contains("canary"));
    }
}
