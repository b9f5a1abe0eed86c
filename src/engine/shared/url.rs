//! What all engines' URLs have in common: how they are read, and how they are refused. The URL's text, which may hold a
//! password, is in no error.

use std::net::Ipv6Addr;

use url::{Host, Url};

use super::url_of_others::{has_go_sql_driver_s_form, is_list_of_settings};
use crate::report::{Failure, Reason};

/// What an engine's URLs look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UrlForm {
    /// The schemes, the first of which is named in errors.
    pub(crate) schemes: &'static [&'static str],
    /// The parameters that have an effect, for the error. A driver passes over any other in silence, a misspelt one too.
    pub(crate) parameters: &'static [&'static str],
    /// What a parameter means here: its name and its value.
    pub(crate) judge: fn(&str, &str) -> Parameter,
    /// A whole one, for the hint.
    pub(crate) example: &'static str,
}

/// What a parameter of a URL means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Parameter {
    /// It has the effect that its name promises.
    Taken,
    /// Another program's, which changes nothing here.
    WithoutEffect,
    /// It promises something that is not kept here; what to do instead.
    Refused(String),
    Unknown,
}

/// A URL that has been read, and what is left of its parameters.
#[derive(Clone, Debug)]
pub(crate) struct ReadUrl {
    pub(crate) url: Url,
    /// Names and values of those that have an effect, decoded: percent signs alone are decoded, as in libpq.
    pub(crate) parameters: Vec<(String, String)>,
}

impl ReadUrl {
    /// The last value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl UrlForm {
    /// Reads a URL of this form.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`]; the message says what is wrong without repeating the URL.
    pub(crate) fn read(&self, url: &str) -> Result<ReadUrl, Failure> {
        let url = url.trim();
        if url.is_empty() {
            return Err(self.invalid("it is empty"));
        }
        if has_go_sql_driver_s_form(url) {
            return Err(self.invalid("its host is written as the Go driver for MySQL has it, as tcp(host:port)"));
        }
        let mut parsed = Url::parse(url).map_err(|error| self.unreadable(url, error))?;
        if !self.schemes.contains(&parsed.scheme()) {
            return Err(self.invalid(&format!("its scheme is neither {}", self.schemes.join(" nor "))));
        }
        if parsed.host_str().is_some_and(|host| host.contains(',')) {
            return Err(self.invalid("it names several hosts; name the one that takes writes"));
        }
        if parsed.fragment().is_some() {
            return Err(self.invalid("it has a #; in a password, write it as %23"));
        }
        // The driver would decode a plus as a blank, as web forms have it; a client of the server does not.
        if let Some(query) = parsed.query().filter(|query| query.contains('+')) {
            let query = query.replace('+', "%2B");
            parsed.set_query(Some(&query));
        }
        let mut parameters = Vec::new();
        for (name, value) in parsed.query_pairs() {
            match (self.judge)(&name, &value) {
                Parameter::Taken => parameters.push((name.into_owned(), value.into_owned())),
                Parameter::WithoutEffect => {}
                Parameter::Refused(advice) => {
                    let what = format!("its parameter {name:?} is not taken as it is written");
                    return Err(Failure { hint: Some(advice), ..self.invalid(&what) });
                }
                Parameter::Unknown => {
                    let known = self.parameters.join(", ");
                    return Err(self.invalid(&format!("it has the parameter {name:?}; known are {known}")));
                }
            }
        }
        Ok(ReadUrl { url: parsed, parameters })
    }

    fn unreadable(&self, url: &str, error: url::ParseError) -> Failure {
        let scheme = self.schemes.first().copied().unwrap_or_default();
        match error {
            _ if is_list_of_settings(url) => self.invalid("it is a list of settings; write them as a URL"),
            _ if names_several_hosts(url) => self.invalid("it names several hosts; name the one that takes writes"),
            url::ParseError::EmptyHost => {
                self.invalid("it names no host; where the server is reached by a socket, write localhost")
            }
            url::ParseError::RelativeUrlWithoutBase => self.invalid(&format!("it does not start with {scheme}://")),
            url::ParseError::InvalidPort => self.invalid(
                "its port is not a number from 1 to 65535; in a password, write / as %2F, : as %3A, # as %23, ? as %3F",
            ),
            other => self.invalid(&other.to_string()),
        }
    }

    /// The failure of a URL that is not usable.
    pub(crate) fn invalid(&self, what: &str) -> Failure {
        Failure::new(Reason::InvalidSettings, format!("the database's URL is not usable: {what}"))
            .hint(format!("write it as {}", self.example))
    }
}

/// A value that is one of these, or the advice.
pub(crate) fn only(values: &[&str], value: &str, taken: Parameter, advice: &str) -> Parameter {
    let is_one = values.iter().any(|known| known.eq_ignore_ascii_case(value));
    if is_one { taken } else { Parameter::Refused(advice.to_owned()) }
}

/// Whether there is a comma after the password, as libpq has it.
fn names_several_hosts(url: &str) -> bool {
    authority(url).and_then(|authority| authority.rsplit_once('@')).is_some_and(|(_, hosts)| hosts.contains(','))
}

/// From the scheme to the path.
fn authority(url: &str) -> Option<&str> {
    url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
}

/// The URL with this host, where it has a user but names none, as libpq allows: `postgres://user@/name?host=/run/postgresql`.
/// None where it names one.
pub(crate) fn with_missing_host(url: &str, host: &str) -> Option<String> {
    let authority = authority(url)?;
    let (user, named) = authority.rsplit_once('@').map_or(("", authority), |(user, named)| (user, named));
    let is_missing = !authority.is_empty() && (named.is_empty() || named.starts_with(':'));
    let (scheme, rest) = url.split_once("://")?;
    let behind = rest.get(authority.len()..)?;
    let user = if authority.contains('@') { format!("{user}@") } else { String::new() };
    is_missing.then(|| format!("{scheme}://{user}{host}{named}{behind}"))
}

/// The host that a URL names, where it is an IPv6 address: without the brackets, which belong to the URL and not to the
/// address (RFC 3986, 3.2.2).
pub(crate) fn bare_ipv6(url: &Url) -> Option<Ipv6Addr> {
    match url.host() {
        Some(Host::Ipv6(address)) => Some(address),
        _ => None,
    }
}

/// A host as it is written before a colon and a port: an IPv6 address in brackets.
pub(crate) fn shown_host(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::with_missing_host;

    #[rstest]
    #[case("postgres://u:p@/db?host=/tmp", Some("postgres://u:p@x/db?host=/tmp"))]
    #[case("postgres://u@:5433/db", Some("postgres://u@x:5433/db"))]
    #[case("postgres://:5433/db", Some("postgres://x:5433/db"))]
    #[case("postgres://u:a@b@/db", Some("postgres://u:a@b@x/db"))]
    #[case("postgres:///db", None)]
    #[case("postgres://u@h/db", None)]
    #[case("postgres://u@[::1]/db", None)]
    #[case("db", None)]
    fn a_missing_host_is_put_in(#[case] url: &str, #[case] with: Option<&str>) {
        assert_eq!(with_missing_host(url, "x").as_deref(), with);
    }
}
