//! How TLS is asked for, as libpq has it (PostgreSQL, 34.19 "SSL Support"). Pure.
//!
//! What differs: authorities that everybody trusts are trusted beside those of a file, since the driver adds them; where
//! verify-ca and verify-full name no file, those alone; and what libpq keeps in ~/.postgresql is not looked for.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::engine::shared::tls::{Holds, TlsFile, system_authorities};
use crate::engine::shared::url::ReadUrl;
use crate::report::Failure;

/// libpq's modes, each of which promises more than the one before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Mode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const MODES: [(&str, Mode); 6] = [
    ("disable", Mode::Disable),
    ("allow", Mode::Allow),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

/// How a connection is made safe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Tls {
    pub(super) mode: Mode,
    root: Root,
    files: Vec<TlsFile>,
}

/// Which authorities may have signed the server's certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Root {
    NotNamed,
    /// Those of this system.
    System,
    Named,
}

/// A value, and what has named it: a parameter, or a variable.
struct Given {
    value: String,
    by: &'static str,
}

impl Tls {
    /// From the URL's parameters or, where it has none, from the environment's variables.
    ///
    /// # Errors
    ///
    /// What is wrong, as the rest of a sentence.
    pub(super) fn read(
        url: &ReadUrl,
        environment: &impl Fn(&str) -> Option<String>,
        is_socket: bool,
    ) -> Result<Self, String> {
        let given = |parameter: &'static str, variable: &'static str| {
            let of_url = url.get(parameter).map(|value| Given { value: value.to_owned(), by: parameter });
            let of_environment = || environment(variable).map(|value| Given { value, by: variable });
            of_url.or_else(of_environment).filter(|given| !given.value.is_empty() || given.by == "sslmode")
        };
        let root = given("sslrootcert", "PGSSLROOTCERT");
        let is_system = root.as_ref().is_some_and(|root| root.value == "system");
        let named = match url.get("ssl") {
            // As libpq takes it from JDBC, and asyncpg's, whose values are libpq's modes.
            Some("true") if url.get("sslmode").is_none() => Some(("ssl", Mode::Require)),
            Some(value) if url.get("sslmode").is_none() => Some(("ssl", mode_of("ssl", value)?)),
            _ => given("sslmode", "PGSSLMODE")
                .map(|given| mode_of(given.by, &given.value).map(|mode| (given.by, mode)))
                .transpose()?,
        };
        let least = least(url, given("channel_binding", "PGCHANNELBINDING").as_ref())?;
        if let (Some((_, Mode::Disable | Mode::Allow)), Some((why, _))) = (named, least) {
            return Err(format!("{why} needs TLS, and its sslmode goes without"));
        }
        if let (true, Some((why, _))) = (is_socket, least) {
            return Err(format!("{why} needs TLS, and through a socket there is none"));
        }
        let usual = if is_system { Mode::VerifyFull } else { Mode::Prefer };
        let mode = named.map_or(usual, |(_, mode)| mode).max(least.map_or(Mode::Disable, |(_, mode)| mode));
        if is_system && mode != Mode::VerifyFull && !is_socket {
            return Err("sslrootcert=system promises sslmode=verify-full, and the URL asks for less".to_owned());
        }
        let (cert, key) = (given("sslcert", "PGSSLCERT"), given("sslkey", "PGSSLKEY"));
        if cert.is_some() != key.is_some() {
            return Err("sslcert and sslkey belong together, and one is missing".to_owned());
        }
        let kind = match &root {
            None => Root::NotNamed,
            Some(_) if is_system => Root::System,
            Some(_) => Root::Named,
        };
        let named = [root.filter(|_| !is_system), cert].into_iter().flatten();
        let certificates = named.filter_map(|given| TlsFile::new(given.by, &given.value, Holds::Certificates));
        let keys = key.into_iter().filter_map(|given| TlsFile::new(given.by, &given.value, Holds::Key));
        let files = certificates.chain(keys).collect();
        let mode = if is_socket { Mode::Disable } else { mode };
        Ok(Self { mode, root: kind, files })
    }

    /// That the files that are needed can be read.
    ///
    /// # Errors
    ///
    /// [`crate::report::Reason::InvalidSettings`], which names the file.
    pub(super) fn check_files(&self) -> Result<(), Failure> {
        if self.mode == Mode::Disable {
            return Ok(());
        }
        self.files.iter().try_for_each(TlsFile::check)
    }

    /// The ways to connect, in their order: the next one where the one before fails because of TLS, or the server refuses this
    /// user with it, or without it.
    pub(super) fn ways(&self) -> &'static [PgSslMode] {
        let verifies = self.root != Root::NotNamed;
        match self.mode {
            Mode::Disable => &[PgSslMode::Disable],
            Mode::Allow if verifies => &[PgSslMode::Disable, PgSslMode::VerifyCa],
            Mode::Allow => &[PgSslMode::Disable, PgSslMode::Require],
            // As libpq has it, a certificate that does not fit leads to no TLS at all: the mode promises nothing.
            Mode::Prefer if verifies => &[PgSslMode::VerifyCa, PgSslMode::Disable],
            Mode::Prefer => &[PgSslMode::Prefer, PgSslMode::Disable],
            Mode::Require if verifies => &[PgSslMode::VerifyCa],
            Mode::Require => &[PgSslMode::Require],
            Mode::VerifyCa => &[PgSslMode::VerifyCa],
            Mode::VerifyFull => &[PgSslMode::VerifyFull],
        }
    }

    /// The driver's options with the mode, and the system's authorities where those are meant.
    pub(super) fn put_into(&self, options: PgConnectOptions) -> PgConnectOptions {
        let options = options.ssl_mode(match self.mode {
            Mode::Disable => PgSslMode::Disable,
            Mode::Allow => PgSslMode::Allow,
            Mode::Prefer => PgSslMode::Prefer,
            Mode::Require => PgSslMode::Require,
            Mode::VerifyCa => PgSslMode::VerifyCa,
            Mode::VerifyFull => PgSslMode::VerifyFull,
        });
        match (&self.root, system_authorities()) {
            (Root::System, Some(file)) => options.ssl_root_cert(file),
            // The driver has those that everybody trusts; the variable is not a file's name.
            (Root::System, None) => options.ssl_root_cert_from_pem(Vec::new()),
            _ => options,
        }
    }
}

/// What the other parameters ask for at least, and which does.
fn least(url: &ReadUrl, channel_binding: Option<&Given>) -> Result<Option<(&'static str, Mode)>, String> {
    let binding = match channel_binding.map(|given| given.value.to_ascii_lowercase()).as_deref() {
        // The driver does not bind to the channel. That keeps out who has a certificate of their own in between, and so does
        // the verification of the server's.
        Some("require") => Some(("channel_binding=require", Mode::VerifyFull)),
        None | Some("disable" | "prefer") => None,
        Some(_) => return Err("its channel_binding is not one of disable, prefer, require".to_owned()),
    };
    let strict = match url.get("sslaccept") {
        Some("strict") => Some(("sslaccept=strict", Mode::VerifyFull)),
        None | Some("accept_invalid_certs") => None,
        Some(_) => return Err("its sslaccept is neither strict nor accept_invalid_certs".to_owned()),
    };
    Ok(binding.or(strict))
}

fn mode_of(by: &str, value: &str) -> Result<Mode, String> {
    if let Some((_, mode)) = MODES.iter().find(|(name, _)| name.eq_ignore_ascii_case(value)) {
        return Ok(*mode);
    }
    let names: Vec<&str> = MODES.iter().map(|(name, _)| *name).collect();
    let its = if by.starts_with("PG") { by.to_owned() } else { format!("its {by}") };
    let also = if value == "no-verify" { "; what node-postgres calls no-verify is require" } else { "" };
    Err(format!("{its} is not one of {}{also}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Mode, Tls};
    use crate::engine::postgres::address::FORM;

    fn read(parameters: &str, variables: &[(&str, &str)], is_socket: bool) -> Result<Tls, String> {
        let url = FORM.read(&format!("postgres://u@db/shop{parameters}")).unwrap();
        let environment =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Tls::read(&url, &environment, is_socket)
    }

    #[rstest]
    #[case::usual("", "[Prefer, Disable]")]
    #[case::disable("?sslmode=disable", "[Disable]")]
    #[case::allow("?sslmode=allow", "[Disable, Require]")]
    #[case::capitals("?sslmode=REQUIRE", "[Require]")]
    #[case::require("?sslmode=require", "[Require]")]
    #[case::jdbc("?ssl=true", "[Require]")]
    #[case::asyncpg("?ssl=verify-full", "[VerifyFull]")]
    #[case::require_with_root("?sslmode=require&sslrootcert=/r", "[VerifyCa]")]
    #[case::prefer_with_root("?sslrootcert=/r", "[VerifyCa, Disable]")]
    #[case::verify_ca("?sslmode=verify-ca&sslrootcert=/r", "[VerifyCa]")]
    #[case::verify_full("?sslmode=verify-full", "[VerifyFull]")]
    #[case::system("?sslrootcert=system", "[VerifyFull]")]
    #[case::system_in_full("?sslmode=verify-full&sslrootcert=system", "[VerifyFull]")]
    #[case::neon("?sslmode=require&channel_binding=require", "[VerifyFull]")]
    #[case::neon_alone("?channel_binding=require", "[VerifyFull]")]
    #[case::binding_preferred("?channel_binding=prefer", "[Prefer, Disable]")]
    #[case::prisma("?sslmode=require&sslaccept=strict", "[VerifyFull]")]
    #[case::prisma_lax("?sslmode=require&sslaccept=accept_invalid_certs", "[Require]")]
    fn a_mode_promises_what_libpq_promises(#[case] parameters: &str, #[case] ways: &str) {
        assert_eq!(format!("{:?}", read(parameters, &[], false).unwrap().ways()), ways);
    }

    #[rstest]
    #[case::mode("", &[("PGSSLMODE", "require")], Mode::Require)]
    #[case::the_url_wins("?sslmode=disable", &[("PGSSLMODE", "require")], Mode::Disable)]
    #[case::binding("", &[("PGCHANNELBINDING", "require")], Mode::VerifyFull)]
    #[case::system("", &[("PGSSLROOTCERT", "system")], Mode::VerifyFull)]
    #[case::empty("", &[("PGSSLMODE", "")], Mode::Prefer)]
    fn the_environment_fills_in_what_the_url_leaves_out(
        #[case] parameters: &str,
        #[case] variables: &[(&str, &str)],
        #[case] mode: Mode,
    ) {
        assert_eq!(read(parameters, variables, false).unwrap().mode, mode);
    }

    #[rstest]
    #[case::misspelt("?sslmode=verify-ful", &[], "its sslmode is not one of disable, allow, prefer, require, verify-ca, verify-full")]
    #[case::empty("?sslmode=", &[], "its sslmode is not one of disable")]
    #[case::variable("", &[("PGSSLMODE", "verify-ful")], "PGSSLMODE is not one of disable")]
    #[case::node("?sslmode=no-verify", &[], "what node-postgres calls no-verify is require")]
    #[case::weak_system("?sslmode=require&sslrootcert=system", &[], "promises sslmode=verify-full")]
    #[case::binding_without_tls("?sslmode=disable&channel_binding=require", &[], "channel_binding=require needs TLS")]
    #[case::binding_misspelt("?channel_binding=required", &[], "its channel_binding is not one of")]
    #[case::certificate_alone("?sslcert=/c", &[], "belong together")]
    #[case::key_alone("", &[("PGSSLKEY", "/k")], "belong together")]
    #[case::accept("?sslaccept=yes", &[], "its sslaccept is neither")]
    fn what_cannot_be_promised_is_refused(
        #[case] parameters: &str,
        #[case] variables: &[(&str, &str)],
        #[case] why: &str,
    ) {
        let said = read(parameters, variables, false).unwrap_err();
        assert!(said.contains(why), "{said}");
    }

    #[test]
    fn a_socket_goes_without_and_its_files_are_not_needed() {
        let tls = read("?sslmode=verify-full&sslrootcert=/nowhere", &[], true).unwrap();
        assert_eq!((tls.mode, tls.check_files()), (Mode::Disable, Ok(())));
        let said = read("?channel_binding=require", &[], true).unwrap_err();
        assert!(said.contains("through a socket there is none"), "{said}");
    }

    #[test]
    fn each_file_is_named_by_what_names_it() {
        let tls = read("?sslmode=require&sslrootcert=/nowhere/root", &[("PGSSLCERT", "/c"), ("PGSSLKEY", "/k")], false);
        let message = tls.unwrap().check_files().unwrap_err().message;
        assert!(message.contains("/nowhere/root, which sslrootcert names"), "{message}");
    }
}
