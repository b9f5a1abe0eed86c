//! What the parameters of a PostgreSQL URL mean: libpq's own, and those that other programs put into it. Pure.
//!
//! What promises something that is kept is taken; what changes nothing here has no effect; all else is refused with what to
//! do instead.

use crate::engine::shared::url::{Parameter, only};

/// Those that have an effect.
pub(super) const TAKEN: &[&str] = &[
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "options",
    "password",
    "port",
    "ssl",
    "sslaccept",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Other programs' own: pools, caches of statements, how long a client waits, and what libpq has for the same or for Kerberos,
/// which is not spoken here. A run has few connections, prepares nothing, and shows itself to the server by its own name.
const WITHOUT_EFFECT: &[&str] = &[
    // libpq
    "application_name",
    "fallback_application_name",
    "gssdelegation",
    "gsslib",
    "keepalives",
    "krbsrvname",
    "load_balance_hosts",
    "sslcompression",
    "tcp_user_timeout",
    // Prisma
    "connection_limit",
    "max_connection_lifetime",
    "max_idle_connection_lifetime",
    "pgbouncer",
    "pool_timeout",
    "single_use_connections",
    "socket_timeout",
    "statement_cache_size",
    // node-postgres, pgx, lib/pq, sqlx, asyncpg
    "binary_parameters",
    "default_query_exec_mode",
    "description_cache_capacity",
    "prepared_statement_cache_size",
    "statement-cache-capacity",
    "statement_cache_capacity",
    "statement_cache_mode",
    "uselibpqcompat",
    // Rails
    "checkout_timeout",
    "idle_timeout",
    "pool",
    "prepared_statements",
    "reaping_frequency",
    // Vercel's for Supabase
    "supa",
    "workaround",
    // golang-migrate
    "x-lock-strategy",
    "x-lock-table",
    "x-multi-statement",
    "x-multi-statement-max-size",
    "x-no-lock",
];

/// Settings of the server's that pgx, lib/pq and JDBC take as parameters of the URL.
const SERVER_SETTINGS: &[&str] = &[
    "currentschema",
    "datestyle",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "maintenance_work_mem",
    "role",
    "search_path",
    "session_replication_role",
    "statement_timeout",
    "timezone",
    "work_mem",
];

/// What a parameter means.
pub(super) fn judge(name: &str, value: &str) -> Parameter {
    if TAKEN.contains(&name) || name.starts_with("options[") && name.ends_with(']') {
        return Parameter::Taken;
    }
    if WITHOUT_EFFECT.contains(&name) || name.starts_with("pool_") {
        return Parameter::WithoutEffect;
    }
    by_value(name, value).or_else(|| refused(name)).unwrap_or(Parameter::Unknown)
}

/// Those of which some values ask for what happens in any case.
fn by_value(name: &str, value: &str) -> Option<Parameter> {
    let (values, advice): (&[&str], &str) = match name {
        "client_encoding" | "encoding" => {
            (&["auto", "unicode", "utf8", "utf-8"], "take it out: files are UTF-8, and so is the connection")
        }
        "gssencmode" => (&["disable", "prefer"], "take it out: GSSAPI is not spoken; TLS encrypts, by sslmode"),
        "max_protocol_version" | "min_protocol_version" => (&["3.0", "latest"], "take it out: version 3.0 is spoken"),
        "replication" => (&["0", "false", "no", "off"], "take it out: files run in an ordinary session"),
        "schema" => (&["public"], SEARCH_PATH),
        "sslcertmode" => (&["allow"], "take it out: a certificate is sent where sslcert and sslkey name one"),
        "ssl_max_protocol_version" => (&["", "TLSv1.3"], TLS_VERSIONS),
        "ssl_min_protocol_version" => (&["", "TLSv1", "TLSv1.1", "TLSv1.2"], TLS_VERSIONS),
        "sslnegotiation" => {
            (&["postgres"], "write sslnegotiation=postgres: TLS without PostgreSQL's own request is not spoken")
        }
        "sslsni" => (&["1"], "take it out: the host's name is always sent"),
        "target_session_attrs" => {
            (&["any", "primary", "read-write"], "a run writes: name the server that takes writes, and take it out")
        }
        _ => return None,
    };
    Some(only(values, value, Parameter::WithoutEffect, advice))
}

const SEARCH_PATH: &str = "it sets the search path of Prisma; for files that need one, write \
                           options=-c%20search_path%3DNAME";
const TLS_VERSIONS: &str = "take it out: TLS 1.2 and 1.3 are spoken, whichever the server prefers";

/// Those whose promise is not kept.
fn refused(name: &str) -> Option<Parameter> {
    if SERVER_SETTINGS.contains(&name.to_ascii_lowercase().as_str()) {
        let setting = if name == "currentSchema" { "search_path" } else { name };
        let advice = format!("a setting of the server's is written as options=-c%20{setting}%3DVALUE");
        return Some(Parameter::Refused(advice));
    }
    let advice = match name {
        "passfile" => "name the file in the variable PGPASSFILE",
        "service" | "servicefile" => "write the service's host, port, user and database into the URL",
        "require_auth" => {
            "take it out: how the server asks for the password cannot be prescribed; sslmode=verify-full keeps it from others"
        }
        "requirepeer" => "take it out: who runs the server is not asked",
        "sslcrl" | "sslcrldir" => "take it out: lists of revoked certificates are not read",
        "sslkeylogfile" => "take it out: keys are not logged",
        "sslpassword" => "decrypt the key (openssl pkey -in FILE -out FILE) and take it out",
        "sslidentity" => "write sslcert=FILE and sslkey=FILE, in PEM",
        "scram_client_key" | "scram_server_key" => "write the password itself",
        "x-migrations-table" | "x-migrations-table-quoted" => {
            "it names golang-migrate's table: take it out; schemaward adopt --table NAME takes that table over"
        }
        "x-statement-timeout" => {
            "take it out; --deadline bounds a run, and SET statement_timeout in a file its statements"
        }
        _ if name.starts_with("oauth_") => "take it out: OAuth is not spoken; write a token as the password",
        _ if name.starts_with("x-") => "it is golang-migrate's: take it out",
        _ => return None,
    };
    Some(Parameter::Refused(advice.to_owned()))
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
    #[case::neon("channel_binding", "require")]
    #[case::options("options[endpoint]", "ep-cool")]
    #[case::certificate("sslrootcert", "system")]
    fn what_is_kept_is_taken(#[case] name: &str, #[case] value: &str) {
        assert_eq!(judge(name, value), Parameter::Taken);
    }

    #[rstest]
    #[case::prisma("pgbouncer", "true")]
    #[case::prisma_pool("connection_limit", "1")]
    #[case::pgx("pool_max_conns", "10")]
    #[case::supabase("supa", "base-pooler.x")]
    #[case::libpq("target_session_attrs", "read-write")]
    #[case::rails("encoding", "unicode")]
    #[case::libpq_encoding("client_encoding", "UTF8")]
    #[case::kerberos("gssencmode", "disable")]
    #[case::tls("ssl_min_protocol_version", "TLSv1.2")]
    #[case::golang_migrate("x-multi-statement", "true")]
    #[case::prisma_schema("schema", "public")]
    fn what_changes_nothing_has_no_effect(#[case] name: &str, #[case] value: &str) {
        assert_eq!(judge(name, value), Parameter::WithoutEffect);
    }

    #[rstest]
    #[case::pgx("search_path", "shop", "options=-c%20search_path%3DVALUE")]
    #[case::jdbc("currentSchema", "shop", "options=-c%20search_path%3DVALUE")]
    #[case::prisma("schema", "shop", "options=-c%20search_path%3DNAME")]
    #[case::standby("target_session_attrs", "prefer-standby", "a run writes")]
    #[case::latin("client_encoding", "LATIN1", "files are UTF-8")]
    #[case::kerberos("gssencmode", "require", "GSSAPI is not spoken")]
    #[case::direct_tls("sslnegotiation", "direct", "sslnegotiation=postgres")]
    #[case::tls("ssl_min_protocol_version", "TLSv1.3", "TLS 1.2 and 1.3")]
    #[case::auth("require_auth", "scram-sha-256", "verify-full")]
    #[case::passfile("passfile", "/f", "PGPASSFILE")]
    #[case::golang_migrate("x-migrations-table", "t", "adopt --table")]
    #[case::golang_migrate_s_other("x-new", "t", "golang-migrate's")]
    #[case::oauth("oauth_issuer", "i", "OAuth is not spoken")]
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
    #[case("ssl-mode")]
    #[case("")]
    fn a_misspelt_name_is_not_known(#[case] name: &str) {
        assert_eq!(judge(name, "require"), Parameter::Unknown);
    }
}
