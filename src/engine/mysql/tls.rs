//! How TLS is asked for, as the mysql client has it. Pure.
//!
//! Authorities that everybody trusts are trusted beside those of a file, since the driver adds them.

use sqlx::mysql::MySqlSslMode;

use crate::engine::shared::tls::{Holds, TlsFile};
use crate::engine::shared::url::ReadUrl;
use crate::report::Failure;

/// The client's modes, each of which promises more than the one before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Mode {
    Disabled,
    Preferred,
    Required,
    VerifyCa,
    VerifyIdentity,
}

const MODES: [(&str, Mode); 5] = [
    ("disabled", Mode::Disabled),
    ("preferred", Mode::Preferred),
    ("required", Mode::Required),
    ("verify_ca", Mode::VerifyCa),
    ("verify_identity", Mode::VerifyIdentity),
];
/// The values of `tls` in a URL of the Go driver's.
const OF_GO: [(&str, Mode); 4] = [
    ("false", Mode::Disabled),
    ("preferred", Mode::Preferred),
    ("skip-verify", Mode::Required),
    ("true", Mode::VerifyIdentity),
];

/// How a connection is made safe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Tls {
    pub(super) mode: Mode,
    files: Vec<TlsFile>,
}

impl Tls {
    /// From the URL's parameters.
    ///
    /// # Errors
    ///
    /// What is wrong, as the rest of a sentence.
    pub(super) fn read(url: &ReadUrl) -> Result<Self, String> {
        let either = |one: &'static str, other: &'static str| {
            [one, other].into_iter().find_map(|name| url.get(name).map(|value| (name, value)))
        };
        let (ca, cert, key) = (either("ssl-ca", "sslca"), either("ssl-cert", "sslcert"), either("ssl-key", "sslkey"));
        if cert.is_some() != key.is_some() {
            return Err("ssl-cert and ssl-key belong together, and one is missing".to_owned());
        }
        let named = match (either("ssl-mode", "sslmode"), url.get("tls")) {
            (Some((name, value)), _) => Some(one_of(&MODES, name, value)?),
            (None, Some(value)) => Some(one_of(&OF_GO, "tls", value)?),
            (None, None) => None,
        };
        let least = match url.get("sslaccept") {
            Some("strict") => Mode::VerifyIdentity,
            None | Some("accept_invalid_certs") => Mode::Disabled,
            Some(_) => return Err("its sslaccept is neither strict nor accept_invalid_certs".to_owned()),
        };
        if named == Some(Mode::Disabled) && least != Mode::Disabled {
            return Err("sslaccept=strict needs TLS, and its ssl-mode goes without".to_owned());
        }
        // As the client has it: who names authorities means them to be asked.
        let usual = if ca.is_some() { Mode::VerifyCa } else { Mode::Preferred };
        let certificates = [ca, cert].into_iter().flatten().map(|named| (named, Holds::Certificates));
        let all = certificates.chain(key.map(|named| (named, Holds::Key)));
        let files = all.filter_map(|((name, value), holds)| TlsFile::new(name, value, holds)).collect();
        Ok(Self { mode: named.unwrap_or(usual).max(least), files })
    }

    /// That the files that are needed can be read.
    ///
    /// # Errors
    ///
    /// [`crate::report::Reason::InvalidSettings`], which names the file.
    pub(super) fn check_files(&self) -> Result<(), Failure> {
        if self.mode == Mode::Disabled {
            return Ok(());
        }
        self.files.iter().try_for_each(TlsFile::check)
    }

    /// The ways to connect, in their order: the next one where the one before fails because of TLS.
    pub(super) fn ways(&self) -> &'static [MySqlSslMode] {
        match self.mode {
            Mode::Disabled => &[MySqlSslMode::Disabled],
            Mode::Preferred => &[MySqlSslMode::Preferred, MySqlSslMode::Disabled],
            Mode::Required => &[MySqlSslMode::Required],
            Mode::VerifyCa => &[MySqlSslMode::VerifyCa],
            Mode::VerifyIdentity => &[MySqlSslMode::VerifyIdentity],
        }
    }

    /// The driver's name for the mode.
    pub(super) fn driver_s(&self) -> MySqlSslMode {
        match self.mode {
            Mode::Disabled => MySqlSslMode::Disabled,
            Mode::Preferred => MySqlSslMode::Preferred,
            Mode::Required => MySqlSslMode::Required,
            Mode::VerifyCa => MySqlSslMode::VerifyCa,
            Mode::VerifyIdentity => MySqlSslMode::VerifyIdentity,
        }
    }
}

fn one_of(values: &[(&str, Mode)], name: &str, value: &str) -> Result<Mode, String> {
    if let Some((_, mode)) = values.iter().find(|(known, _)| known.eq_ignore_ascii_case(value)) {
        return Ok(*mode);
    }
    let names: Vec<&str> = values.iter().map(|(known, _)| *known).collect();
    Err(format!("its {name} is not one of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Tls;
    use crate::engine::mysql::address::FORM;

    fn read(parameters: &str) -> Result<Tls, String> {
        Tls::read(&FORM.read(&format!("mysql://u@db/shop{parameters}")).unwrap())
    }

    #[rstest]
    #[case::usual("", "[Preferred, Disabled]")]
    #[case::disabled("?ssl-mode=DISABLED", "[Disabled]")]
    #[case::required("?sslmode=required", "[Required]")]
    #[case::required_with_root("?ssl-mode=required&ssl-ca=/r", "[Required]")]
    #[case::root("?ssl-ca=/r", "[VerifyCa]")]
    #[case::identity("?ssl-mode=VERIFY_IDENTITY", "[VerifyIdentity]")]
    #[case::go("?tls=true", "[VerifyIdentity]")]
    #[case::go_lax("?tls=skip-verify", "[Required]")]
    #[case::prisma("?sslaccept=strict", "[VerifyIdentity]")]
    fn a_mode_promises_what_the_client_promises(#[case] parameters: &str, #[case] ways: &str) {
        assert_eq!(format!("{:?}", read(parameters).unwrap().ways()), ways);
    }

    #[rstest]
    #[case(
        "?ssl-mode=verify-full",
        "its ssl-mode is not one of disabled, preferred, required, verify_ca, verify_identity"
    )]
    #[case("?tls=custom", "its tls is not one of false, preferred, skip-verify, true")]
    #[case("?ssl-cert=/c", "belong together")]
    #[case("?ssl-mode=disabled&sslaccept=strict", "needs TLS")]
    fn what_cannot_be_promised_is_refused(#[case] parameters: &str, #[case] why: &str) {
        let said = read(parameters).unwrap_err();
        assert!(said.contains(why), "{said}");
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let message = read("?ssl-ca=/nowhere/ca.pem").unwrap().check_files().unwrap_err().message;
        assert!(message.contains("/nowhere/ca.pem, which ssl-ca names"), "{message}");
    }
}
