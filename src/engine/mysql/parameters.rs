//! What the parameters of a MySQL or MariaDB URL mean: the driver's, and those that other programs put into it. Pure.
//!
//! Those that would change what a file means, such as a character set or a time zone, are refused.

use crate::engine::shared::url::{Parameter, only};

/// Those that have an effect.
pub(super) const TAKEN: &[&str] = &[
    "socket",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "sslaccept",
    "sslca",
    "sslcert",
    "sslkey",
    "sslmode",
    "tls",
];

/// Other programs' own: pools, caches, how long a client waits, how it reads rows. A run sends several statements at once
/// anyway.
const WITHOUT_EFFECT: &[&str] = &[
    // go-sql-driver/mysql, which golang-migrate, goose and dbmate use
    "allowNativePasswords",
    "checkConnLiveness",
    "clientFoundRows",
    "columnsWithAlias",
    "connectionAttributes",
    "interpolateParams",
    "maxAllowedPacket",
    "multiStatements",
    "parseTime",
    "readTimeout",
    "rejectReadOnly",
    "timeout",
    "writeTimeout",
    // golang-migrate
    "x-lock-strategy",
    "x-lock-table",
    "x-no-lock",
    // JDBC
    "allowMultiQueries",
    "allowPublicKeyRetrieval",
    "autoReconnect",
    "cachePrepStmts",
    "connectTimeout",
    "createDatabaseIfNotExist",
    "rewriteBatchedStatements",
    "socketTimeout",
    "useUnicode",
    "zeroDateTimeBehavior",
    // Prisma, Rails, sqlx
    "checkout_timeout",
    "connect_timeout",
    "connection_limit",
    "pool",
    "pool_timeout",
    "prepared_statements",
    "reaping_frequency",
    "reconnect",
    "socket_timeout",
    "statement-cache-capacity",
    "statement_cache_size",
];

/// What a parameter means.
pub(super) fn judge(name: &str, value: &str) -> Parameter {
    if TAKEN.contains(&name) {
        return Parameter::Taken;
    }
    if WITHOUT_EFFECT.contains(&name) {
        return Parameter::WithoutEffect;
    }
    match name {
        "charset" | "encoding" | "characterEncoding" => only(
            &["utf8mb4", "utf8mb4,utf8", "utf-8", "utf8"],
            value,
            Parameter::WithoutEffect,
            "take it out: files are UTF-8, and so is the connection",
        ),
        _ => refused(name).map_or(Parameter::Unknown, |advice| Parameter::Refused(advice.to_owned())),
    }
}

/// Those whose promise is not kept.
fn refused(name: &str) -> Option<&'static str> {
    Some(match name {
        "collation" | "connectionCollation" => "take it out: a file may begin with SET NAMES utf8mb4 COLLATE …",
        "loc" | "time_zone" | "timezone" | "time-zone" | "serverTimezone" | "connectionTimeZone" => {
            "take it out: files begin in the server's time zone; a file may begin with SET time_zone = …"
        }
        "sql_mode" | "sessionVariables" => "take it out: a file may begin with SET sql_mode = …",
        "allowCleartextPasswords" => "write ssl-mode=verify_identity: a password in clear text is sent over TLS",
        "ssl" | "useSSL" | "requireSSL" | "sslMode" | "verifyServerCertificate" | "sslverify" => {
            "write ssl-mode=disabled, preferred, required, verify_ca or verify_identity"
        }
        "ssl_ca" | "ssl_cert" | "ssl_key" | "ssl_mode" => "write it with hyphens: ssl-ca, ssl-cert, ssl-key, ssl-mode",
        "unix_socket" | "unixSocket" | "socketPath" => "write socket=/run/mysqld/mysqld.sock",
        "serverPubKey" => "write ssl-mode=required: over TLS no key is needed",
        "x-migrations-table" => {
            "it names golang-migrate's table: take it out; schemaward adopt --table NAME takes that table over"
        }
        "x-statement-timeout" => "take it out; --deadline bounds a run",
        "x-tls-ca" => "write ssl-ca=FILE, and ssl-mode=verify_ca",
        "x-tls-cert" => "write ssl-cert=FILE",
        "x-tls-key" => "write ssl-key=FILE",
        "x-tls-insecure-skip-verify" => "write ssl-mode=required, which verifies nothing",
        _ if name.starts_with("x-") => "it is golang-migrate's: take it out",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{TAKEN, WITHOUT_EFFECT, judge};
    use crate::engine::shared::url::Parameter;

    #[test]
    fn no_name_has_two_meanings() {
        assert!(TAKEN.iter().all(|name| !WITHOUT_EFFECT.contains(name)));
    }

    #[rstest]
    #[case::golang_migrate("multiStatements", "true")]
    #[case::go("parseTime", "true")]
    #[case::charset("charset", "utf8mb4")]
    #[case::jdbc("allowPublicKeyRetrieval", "true")]
    #[case::prisma("connection_limit", "5")]
    fn what_changes_nothing_has_no_effect(#[case] name: &str, #[case] value: &str) {
        assert_eq!(judge(name, value), Parameter::WithoutEffect);
    }

    #[rstest]
    #[case::charset("charset", "latin1", "files are UTF-8")]
    #[case::time_zone("loc", "Local", "server's time zone")]
    #[case::jdbc_time_zone("serverTimezone", "UTC", "server's time zone")]
    #[case::jdbc("useSSL", "false", "ssl-mode=disabled")]
    #[case::pdo("unix_socket", "/s", "socket=/run")]
    #[case::golang_migrate("x-migrations-table", "t", "adopt --table")]
    #[case::tls("x-tls-ca", "/f", "ssl-ca=FILE")]
    fn a_promise_that_is_not_kept_is_refused_with_what_to_write(
        #[case] name: &str,
        #[case] value: &str,
        #[case] advice: &str,
    ) {
        let Parameter::Refused(given) = judge(name, value) else { panic!("{:?}", judge(name, value)) };
        assert!(given.contains(advice), "{given}");
    }

    #[rstest]
    #[case("sslmod")]
    #[case("MULTISTATEMENTS")]
    fn a_misspelt_name_is_not_known(#[case] name: &str) {
        assert_eq!(judge(name, "x"), Parameter::Unknown);
    }
}
