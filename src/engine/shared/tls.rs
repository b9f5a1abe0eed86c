//! What is the same of TLS for every server: its faults in plain words, and the files that a URL names for it.

use std::io;
use std::path::{Path, PathBuf};

use crate::report::{Failure, Reason};

/// What the driver's error says of TLS; None where it is about something else. The library's own errors come as I/O errors of
/// data that is not valid.
pub(crate) fn words(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Tls(why) => Some(why.to_string()),
        sqlx::Error::Io(io) if io.kind() == io::ErrorKind::InvalidData => Some(io.to_string()),
        _ => None,
    }
}

/// What the library's words mean, and what to do about it.
struct Fault {
    /// A part of its words, which have one language.
    says: &'static str,
    means: &'static str,
    hint: &'static str,
}

const FAULTS: [Fault; 7] = [
    Fault {
        says: "UnsupportedCertVersion",
        means: "the server's certificate is of X.509 version 1, which the TLS library does not read",
        hint: "make the certificate as version 3, with OpenSSL by giving it extensions (-extfile)",
    },
    Fault {
        says: "CaUsedAsEndEntity",
        means: "the server's certificate is an authority's own (CA:TRUE), which the TLS library does not take for a server's",
        hint: "have it sign a certificate with CA:FALSE for the server",
    },
    Fault {
        says: "UnknownIssuer",
        means: "the server's certificate is not signed by an authority that is trusted",
        hint: "name the authority's certificate in the URL: sslrootcert=FILE for PostgreSQL, ssl-ca=FILE for MySQL and MariaDB",
    },
    Fault {
        says: "BadSignature",
        means: "the server's certificate is not signed by an authority that is trusted, but by another of the same name",
        hint: "name the right authority's certificate in the URL: sslrootcert=FILE for PostgreSQL, ssl-ca=FILE for MySQL and \
               MariaDB",
    },
    Fault {
        says: "not valid for name",
        means: "the server's certificate is for another host than the URL names",
        hint: "write the name that the certificate is for, or verify only its authority: sslmode=verify-ca, or \
               ssl-mode=verify_ca",
    },
    Fault { says: "expired", means: "the server's certificate has expired", hint: "renew the certificate" },
    Fault {
        says: "does not support TLS",
        means: "the server offers none, and the URL asks for it",
        hint: "turn on TLS in the server, or ask for none where the network is trusted: sslmode=disable, or ssl-mode=disabled",
    },
];

/// The failure of TLS, from the library's words. `told`: those of them that may be shown.
pub(crate) fn failure(words: &str, told: &str) -> Failure {
    let Some(fault) = FAULTS.iter().find(|fault| words.contains(fault.says)) else {
        return Failure::new(Reason::ConnectionFailed, format!("TLS with the server failed{told}"));
    };
    Failure::new(Reason::ConnectionFailed, format!("TLS with the server failed: {}", fault.means)).hint(fault.hint)
}

/// A file that a URL names for TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TlsFile {
    /// The parameter, or the variable of the environment.
    pub(crate) named_by: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) holds: Holds,
}

/// What a file must hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Holds {
    Certificates,
    Key,
}

impl TlsFile {
    /// None where the certificate itself is in the value, as the driver takes it, too.
    pub(crate) fn new(named_by: &'static str, value: &str, holds: Holds) -> Option<Self> {
        let path = PathBuf::from(value);
        (!value.trim_start().starts_with("-----BEGIN")).then_some(Self { named_by, path, holds })
    }

    /// That it can be read, and holds what it should. The driver would find out only once the server has answered, and not
    /// say which file it is.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`], which names the file.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let shown = self.path.display();
        let invalid = |what: &str| {
            let message = format!("TLS cannot be set up: {shown}, which {} names, {what}", self.named_by);
            Failure::new(Reason::InvalidSettings, message)
        };
        let text = std::fs::read(&self.path).map_err(|error| invalid(&format!("cannot be read: {error}")))?;
        let has = |words: &str| text.windows(words.len()).any(|window| window == words.as_bytes());
        match self.holds {
            Holds::Certificates if !has("-----BEGIN CERTIFICATE-----") => Err(invalid("holds no certificate in PEM")),
            Holds::Key if has("ENCRYPTED") => Err(invalid("holds a key that is encrypted")
                .hint("decrypt it: openssl pkey -in FILE -out FILE, readable for the run alone")),
            Holds::Key if !has("PRIVATE KEY-----") => Err(invalid("holds no private key in PEM")),
            Holds::Certificates | Holds::Key => Ok(()),
        }
    }
}

/// The authorities that this system trusts, where it has a file of them.
pub(crate) fn system_authorities() -> Option<PathBuf> {
    let own = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let usual = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    own.into_iter().chain(usual.map(PathBuf::from)).find(|path| Path::is_file(path))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rstest::rstest;

    use super::{Holds, TlsFile, failure};
    use crate::report::Reason;

    #[rstest]
    #[case("invalid peer certificate: UnknownIssuer", "not signed by an authority")]
    #[case("invalid peer certificate: Other(OtherError(UnsupportedCertVersion))", "X.509 version 1")]
    #[case("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "CA:TRUE")]
    #[case(
        "invalid peer certificate: certificate not valid for name \"db\"; certificate is only valid for x",
        "another host"
    )]
    #[case("invalid peer certificate: certificate expired: verification time 7 (UNIX)", "has expired")]
    #[case("server does not support TLS", "the server offers none")]
    #[case("received fatal alert: HandshakeFailure", "received fatal alert: HandshakeFailure")]
    fn what_is_wrong_with_tls_is_said_in_plain_words(#[case] words: &str, #[case] means: &str) {
        let message = failure(words, &format!(": {words}")).message;
        assert!(message.starts_with("TLS with the server failed: ") && message.contains(means), "{message}");
    }

    #[rstest]
    #[case::certificate(Holds::Certificates, "-----BEGIN CERTIFICATE-----\nx", None)]
    #[case::key(Holds::Key, "-----BEGIN PRIVATE KEY-----\nx", None)]
    #[case::rsa_key(Holds::Key, "-----BEGIN RSA PRIVATE KEY-----\nx", None)]
    #[case::encrypted(Holds::Key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx", Some("is encrypted"))]
    #[case::no_key(Holds::Key, "-----BEGIN CERTIFICATE-----\nx", Some("no private key"))]
    #[case::no_certificate(Holds::Certificates, "-----BEGIN PRIVATE KEY-----\nx", Some("no certificate"))]
    fn a_file_is_read_before_the_server_is_asked(#[case] holds: Holds, #[case] text: &str, #[case] why: Option<&str>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let checked = TlsFile::new("sslkey", path, holds).unwrap().check();
        match why {
            None => assert_eq!(checked, Ok(())),
            Some(why) => {
                let failure = checked.unwrap_err();
                assert_eq!(failure.reason, Reason::InvalidSettings);
                let message = failure.message;
                assert!(message.contains(path) && message.contains("sslkey") && message.contains(why), "{message}");
            }
        }
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let missing = TlsFile::new("PGSSLROOTCERT", "/nowhere/root.crt", Holds::Certificates).unwrap();
        let failure = missing.check().unwrap_err();
        assert_eq!(failure.reason, Reason::InvalidSettings);
        assert!(
            failure.message.contains("TLS cannot be set up: /nowhere/root.crt, which PGSSLROOTCERT names"),
            "{failure:?}"
        );
    }

    #[test]
    fn a_certificate_in_the_value_itself_is_no_file() {
        assert_eq!(TlsFile::new("sslrootcert", "-----BEGIN CERTIFICATE-----\nx", Holds::Certificates), None);
    }
}
