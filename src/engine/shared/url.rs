//! What all engines' URLs have in common: how they are read, and how they are refused. The URL's text, which may hold a
//! password, is in no error.

use std::net::Ipv6Addr;

use url::{Host, Url};

use crate::report::{Failure, Reason};

/// What an engine's URLs look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UrlForm {
    /// The schemes, the first of which is named in errors.
    pub(crate) schemes: &'static [&'static str],
    /// The parameters that are known. A driver passes over any other in silence, a misspelt one too.
    pub(crate) parameters: &'static [&'static str],
    /// What else is known as a parameter.
    pub(crate) is_known: fn(&str) -> bool,
    /// A whole one, for the hint.
    pub(crate) example: &'static str,
}

impl UrlForm {
    /// Reads a URL of this form.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`]; the message says what is wrong without repeating the URL.
    pub(crate) fn read(&self, url: &str) -> Result<Url, Failure> {
        let url = url.trim();
        if url.is_empty() {
            return Err(self.invalid("it is empty"));
        }
        let scheme = self.schemes.first().copied().unwrap_or_default();
        let parsed = Url::parse(url).map_err(|error| match error {
            _ if names_several_hosts(url) => self.invalid("it names several hosts; name the one that takes writes"),
            url::ParseError::EmptyHost => {
                self.invalid("it names no host; where the server is reached by a socket, write localhost")
            }
            url::ParseError::RelativeUrlWithoutBase => self.invalid(&format!("it does not start with {scheme}://")),
            url::ParseError::InvalidPort => self.invalid(
                "its port is no number up to 65535; in a password, write / as %2F, : as %3A, # as %23, ? as %3F",
            ),
            other => self.invalid(&other.to_string()),
        })?;
        if !self.schemes.contains(&parsed.scheme()) {
            return Err(self.invalid(&format!("its scheme is neither {}", self.schemes.join(" nor "))));
        }
        if parsed.fragment().is_some() {
            return Err(self.invalid("it has a #; in a password, write it as %23"));
        }
        let known = |name: &str| self.parameters.contains(&name) || (self.is_known)(name);
        if let Some((name, _)) = parsed.query_pairs().find(|(name, _)| !known(name)) {
            let known = self.parameters.join(", ");
            return Err(self.invalid(&format!("it has the parameter {name:?}; known are {known}")));
        }
        Ok(parsed)
    }

    /// The failure of a URL that is not usable.
    pub(crate) fn invalid(&self, what: &str) -> Failure {
        Failure::new(Reason::InvalidSettings, format!("the database's URL is not usable: {what}"))
            .hint(format!("write it as {}", self.example))
    }
}

/// Whether there is a comma after the password, as libpq has it.
fn names_several_hosts(url: &str) -> bool {
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.and_then(|authority| authority.rsplit_once('@')).is_some_and(|(_, hosts)| hosts.contains(','))
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
