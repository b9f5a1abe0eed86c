//! Where the database is and how to log in, out of a URL. The URL's text never leaves this file.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::engine::shared::connecting::CONNECT_TIMEOUT;
use crate::engine::shared::url::{ReadUrl, UrlForm, bare_ipv6, shown_host, with_missing_host};
use crate::report::Failure;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::parameters::{TAKEN, judge};
use super::settings::Keepalive;
use super::tls::Tls;

/// A database's address, with what is needed to log in. Shown without password.
#[derive(Clone)]
pub struct Address {
    pub(super) options: PgConnectOptions,
    pub(super) tls: Tls,
    /// How long a connection may take to come about.
    pub(super) connect_timeout: Duration,
    pub(super) keepalive: Keepalive,
    shown: String,
}

/// The parameters that the driver reads. It has a decoding of its own for options and for the password file.
const FOR_THE_DRIVER: [&str; 9] =
    ["dbname", "host", "hostaddr", "options", "password", "port", "sslcert", "sslkey", "user"];
/// The shortest time that libpq takes for connecting, in seconds.
const LEAST_CONNECT_TIMEOUT: u64 = 2;

impl Address {
    /// Reads a URL such as `postgres://user:password@host:5432/name?sslmode=require`, as libpq does.
    ///
    /// # Errors
    ///
    /// [`crate::report::Reason::InvalidSettings`]; the message says what is wrong without repeating the URL.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        Self::parse_with(url, &|name| std::env::var(name).ok())
    }

    fn parse_with(url: &str, environment: &impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let url = url.trim();
        // The driver's reader knows no URL with a user and without a host.
        let filled = with_missing_host(url, "localhost");
        let read = FORM.read(filled.as_deref().unwrap_or(url))?;
        if read.url.username().is_empty() && read.get("user").is_none() {
            return Err(FORM.invalid("it names no user"));
        }
        check_place(&read)?;
        if filled.is_some() && read.url.path().trim_start_matches('/').contains('/') {
            return Err(FORM.invalid("a socket's folder is in its path; write it as ?host=/folder behind the name"));
        }
        let host = named_host(&read, filled.is_some());
        let options = for_the_driver(&read, host.as_deref())?;
        if options.get_database().is_none() {
            return Err(FORM.invalid("it names no database"));
        }
        let tls = Tls::read(&read, environment, options.get_socket().is_some()).map_err(|what| FORM.invalid(&what))?;
        let connect_timeout = match number(&read, "connect_timeout")? {
            None | Some(0) => CONNECT_TIMEOUT,
            Some(seconds) => Duration::from_secs(seconds.max(LEAST_CONNECT_TIMEOUT)),
        };
        let usual = Keepalive::default();
        let keepalive = Keepalive {
            idle: number(&read, "keepalives_idle")?.unwrap_or(usual.idle),
            interval: number(&read, "keepalives_interval")?.unwrap_or(usual.interval),
            count: number(&read, "keepalives_count")?.unwrap_or(usual.count),
        };
        let host =
            options.get_socket().map_or_else(|| shown_host(options.get_host()), |path| path.display().to_string());
        let shown = format!("{host}:{}/{}", options.get_port(), options.get_database().unwrap_or_default());
        // Otherwise the driver would log whole statements.
        let options = tls.put_into(options.disable_statement_logging());
        Ok(Self { options, tls, connect_timeout, keepalive, shown })
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

/// That host and port are such, where they are parameters; the driver would not say which is not.
fn check_place(read: &ReadUrl) -> Result<(), Failure> {
    let has_several = |name| read.get(name).is_some_and(|value| value.contains(','));
    if ["host", "hostaddr", "port"].into_iter().any(has_several) {
        return Err(FORM.invalid("it names several hosts; name the one that takes writes"));
    }
    if read.get("host").is_some_and(|host| host.contains("/.s.PGSQL.")) {
        return Err(FORM.invalid("its host is a socket's folder, without the file's name /.s.PGSQL.5432"));
    }
    if read.get("port").is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err(FORM.invalid("its port is not a number from 1 to 65535"));
    }
    if read.get("hostaddr").is_some_and(|address| address.parse::<IpAddr>().is_err()) {
        return Err(FORM.invalid("its hostaddr is not an IP address; write a name as host"));
    }
    Ok(())
}

/// The host where the URL's own is not the one that is meant: an IPv6 address, which the driver would hand to the resolver
/// with its brackets; or none, which is PGHOST, or the socket in the usual folder, or this machine. A host that is given as a
/// parameter wins. It is not set afterwards because the driver has looked the host up in the password file (`.pgpass`) by then.
fn named_host(read: &ReadUrl, is_missing: bool) -> Option<String> {
    if read.get("host").is_some_and(|host| !host.is_empty()) || read.get("hostaddr").is_some() {
        return None;
    }
    let usual = || PgConnectOptions::new_without_pgpass().get_host().to_owned();
    bare_ipv6(&read.url).map(|address| address.to_string()).or_else(|| is_missing.then(usual))
}

/// What the driver makes of a URL. Its own message may repeat a part of it.
fn for_the_driver(read: &ReadUrl, host: Option<&str>) -> Result<PgConnectOptions, Failure> {
    let mut url: Url = read.url.clone();
    let is_system = read.get("sslrootcert") == Some("system");
    let is_for_it = |name: &str| {
        FOR_THE_DRIVER.contains(&name) || name.starts_with("options[") || name == "sslrootcert" && !is_system
    };
    let own = read.parameters.iter().filter(|(name, value)| is_for_it(name) && !(name == "host" && value.is_empty()));
    let host = host.map(|host| ("host".to_owned(), host.to_owned()));
    let pairs: Vec<(String, String)> = host.into_iter().chain(own.cloned()).collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    let options = PgConnectOptions::from_url(&url)
        .map_err(|_| FORM.invalid("one of its parameters has a value that is not understood"))?;
    let folder = options.get_host().to_owned();
    Ok(if options.get_socket().is_none() && folder.starts_with('/') { options.socket(folder) } else { options })
}

/// A parameter that is a number, such as a time in seconds.
fn number(read: &ReadUrl, name: &str) -> Result<Option<u64>, Failure> {
    let given = read.get(name).filter(|value| !value.is_empty());
    given
        .map(|value| value.trim().parse::<i64>().map(|number| u64::try_from(number).unwrap_or_default()))
        .transpose()
        .map_err(|_| FORM.invalid(&format!("its {name} is not a whole number")))
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

pub(super) const FORM: UrlForm = UrlForm {
    schemes: &["postgres", "postgresql"],
    parameters: TAKEN,
    judge,
    example: "postgres://user:password@host:5432/name",
};

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use std::time::Duration;

    use super::Address;
    use crate::engine::postgres::settings::Keepalive;

    #[rstest]
    #[case::whole("postgres://u:canary@db:6543/shop", "db:6543/shop")]
    #[case::defaults("postgresql://u@db/shop\n", "db:5432/shop")]
    #[case::parameters("postgres://db/?user=u&dbname=shop&password=canary", "db:5432/shop")]
    #[case::ipv6("postgres://u:canary@[::1]:5432/shop", "[::1]:5432/shop")]
    #[case::ipv6_parameter("postgres://u@db/shop?host=::1", "[::1]:5432/shop")]
    #[case::escaped("postgres://u:can%23ary@db/shop?sslmode=require", "db:5432/shop")]
    #[case::socket("postgres://u:canary@/shop?host=/run/pg", "/run/pg:5432/shop")]
    #[case::socket_of_another_port("postgres://u@:5433/shop?host=/run/pg", "/run/pg:5433/shop")]
    #[case::socket_as_host("postgres://u@%2Frun%2Fpg/shop", "/run/pg:5432/shop")]
    #[case::socket_without_authority("postgres:///shop?host=/run/pg&user=u&port=5434", "/run/pg:5434/shop")]
    #[case::cloud_sql("postgres://u:canary@/shop?host=/cloudsql/p:r:i", "/cloudsql/p:r:i:5432/shop")]
    #[case::a_host_parameter_for_none("postgres://u@/shop?host=db&port=1", "db:1/shop")]
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
    #[case::an_empty_one_does_not("postgres://u@db/shop?host=", "db")]
    #[case::an_address("postgres://u@db/shop?hostaddr=127.0.0.7", "127.0.0.7")]
    fn the_driver_gets_the_host_without_brackets(#[case] url: &str, #[case] host: &str) {
        assert_eq!(Address::parse(url).unwrap().options.get_host(), host);
    }

    #[rstest]
    #[case::empty("  \n", "is empty")]
    #[case::no_url("db/canary", "does not start with postgres://")]
    #[case::list("host=db password=canary", "list of settings")]
    #[case::other_engine("mysql://u:canary@db/shop", "scheme")]
    #[case::no_user("postgres://db/shop", "names no user")]
    #[case::no_database("postgres://u:canary@db", "names no database")]
    #[case::several_hosts("postgres://u:can,ary@a:1,b:2/db", "names several hosts")]
    #[case::several_hosts_without_ports("postgres://u:canary@a,b/db", "names several hosts")]
    #[case::settings("postgres://dbname=shop user=u password=canary", "list of settings")]
    #[case::comma_in_password("postgres://u:can,ary/x@a/db", "port is not a number")]
    #[case::slash_in_password("postgres://u:canary/x@db/shop", "port is not a number")]
    #[case::hash_in_password("postgres://u:12#canary@db/shop", "has a #")]
    #[case::misspelt_parameter("postgres://u:canary@db/shop?sslmod=canary", "\"sslmod\"; known are")]
    #[case::bad_mode("postgres://u:canary@db/shop?sslmode=canary", "sslmode is not one of disable, allow")]
    #[case::bad_port("postgres://u:canary@db/shop?port=canary", "port is not a number")]
    #[case::bad_address("postgres://u:canary@db/shop?hostaddr=canary", "hostaddr is not an IP address")]
    #[case::bad_time("postgres://u:canary@db/shop?connect_timeout=canary", "connect_timeout is not a whole number")]
    #[case::hosts_as_a_parameter("postgres://u:canary@/shop?host=a,b", "names several hosts")]
    #[case::socket_in_the_path("postgres://u:canary@/cloudsql/p:r:i:5432/shop", "a socket's folder is in its path")]
    #[case::socket_s_file("postgres://u:canary@h/shop?host=/run/.s.PGSQL.5432", "a socket's folder, without")]
    #[case::go("postgres://u:canary@tcp(db:5432)/shop", "as tcp(host:port)")]
    #[case::pgx("postgres://u:canary@db/shop?search_path=canary", "\"search_path\" is not taken")]
    fn a_bad_url_is_explained_and_not_repeated(#[case] url: &str, #[case] why: &str) {
        let failure = Address::parse(url).unwrap_err();
        assert!(failure.message.contains(why), "{}", failure.message);
        assert!(!format!("{failure:?}").contains("canary"));
    }

    #[rstest]
    #[case::in_a_parameter("postgres://db/shop?user=a+b&dbname=c+d", "a+b", "c+d")]
    #[case::encoded("postgres://db/shop?user=a%2Bb&dbname=c%20d", "a+b", "c d")]
    #[case::in_the_user("postgres://a+b@db/c+d", "a+b", "c+d")]
    fn a_plus_is_a_plus(#[case] url: &str, #[case] user: &str, #[case] database: &str) {
        let address = Address::parse(url).unwrap();
        assert_eq!((address.user(), address.database()), (user, database));
    }

    #[test]
    fn a_plus_is_one_in_options_too() {
        let address = Address::parse("postgres://u@db/shop?options=-c%20TimeZone%3DEtc/GMT+5").unwrap();
        assert_eq!(address.options.get_options(), Some("-c TimeZone=Etc/GMT+5"));
    }

    #[rstest]
    #[case("", 10)]
    #[case("?connect_timeout=0", 10)]
    #[case("?connect_timeout=-1", 10)]
    #[case("?connect_timeout=1", 2)]
    #[case("?connect_timeout=30", 30)]
    fn the_time_for_connecting_is_libpq_s(#[case] parameters: &str, #[case] seconds: u64) {
        let address = Address::parse(&format!("postgres://u@db/shop{parameters}")).unwrap();
        assert_eq!(address.connect_timeout, Duration::from_secs(seconds));
    }

    #[test]
    fn keepalives_are_taken_from_the_url() {
        let address =
            Address::parse("postgres://u@db/shop?keepalives=1&keepalives_idle=30&keepalives_count=3").unwrap();
        assert_eq!(address.keepalive, Keepalive { idle: 30, interval: 10, count: 3 });
    }
}
