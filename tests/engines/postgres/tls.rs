//! TLS as libpq has it, on a server with certificates of several kinds.

use schemaward::report::Reason;

use crate::postgres::bed::{Bed, Ended};
use crate::postgres::server::{Server, as_postgres};
use crate::wait_until;

/// Makes an authority and one of the same name that has signed nothing, and certificates for the server: by the
/// authority (`good`), of X.509 version 1, and the authority's own.
const MAKE: &str = "set -e
umask 077
make() { openssl req -new -x509 -days 2 -nodes -subj /CN=authority -keyout $1.key -out $1.crt; }
sign() { openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $1.crt $2; }
make ca
make other
openssl req -new -nodes -subj /CN=localhost -keyout server.key -out server.csr
printf 'basicConstraints=CA:FALSE\\nsubjectAltName=DNS:localhost\\n' >extensions
sign good '-extfile extensions'
# Without extensions OpenSSL 3.0 makes version 1; later ones only if nothing is copied.
sign old
cp server.key old.key && cp server.key good.key
chmod a+r *.crt";

/// A server whose certificate can be changed.
struct Secure {
    server: Server,
    folder: String,
}

impl Secure {
    fn start() -> Self {
        let server = Server::start();
        let folder = server.folder().join("tls").display().to_string();
        let script = format!("mkdir -m 711 {folder} && cd {folder} && {{ {MAKE}\n}} >log 2>&1");
        assert!(as_postgres().args(["sh", "-c", &script]).status().unwrap().success(), "see {folder}/log");
        Self { server, folder }
    }

    fn certificate(&self, name: &str) -> String {
        format!("{}/{name}.crt", self.folder)
    }

    /// From the next connection on it shows this certificate.
    fn show(&self, name: &str) {
        let (certificate, key) = (self.certificate(name), format!("{}/{name}.key", self.folder));
        for (setting, value) in [("ssl_cert_file", certificate.as_str()), ("ssl_key_file", &key), ("ssl", "on")] {
            self.server.psql("postgres", &format!("alter system set {setting} = '{value}'"));
        }
        self.server.psql("postgres", "select pg_reload_conf()");
        let shown = "select current_setting('ssl') || current_setting('ssl_cert_file')";
        wait_until("the certificate is shown", || self.server.psql("postgres", shown) == format!("on{certificate}"));
    }

    /// A run by `localhost`, the name that the certificates are for.
    fn run(&self, bed: &mut Bed<'_>, parameters: &str) -> Ended {
        let port = self.server.host().split_once(':').unwrap().1.to_owned();
        bed.url = format!("postgres://postgres@localhost:{port}/{}{parameters}", bed.database);
        bed.run()
    }
}

/// Whether a run's own session was one of TLS.
const FILE: &str = "create table if not exists seen (n serial, tls bool); insert into seen (tls) select ssl from pg_stat_ssl where pid = pg_backend_pid();";

#[test]
fn a_mode_verifies_what_libpq_verifies() {
    let secure = Secure::start();
    let mut bed = Bed::on(&secure.server);
    secure.show("good");
    let (ca, other) = (secure.certificate("ca"), secure.certificate("other"));
    let goes = [
        ("?sslmode=disable".to_owned(), "f"),
        (String::new(), "t"),
        ("?sslmode=require".to_owned(), "t"),
        (format!("?sslmode=require&sslrootcert={ca}"), "t"),
        (format!("?sslmode=verify-ca&sslrootcert={ca}"), "t"),
        (format!("?sslmode=verify-full&sslrootcert={ca}"), "t"),
        (format!("?sslmode=require&channel_binding=require&sslrootcert={ca}"), "t"),
        // Libpq, too, goes on without where it is left open.
        (format!("?sslmode=prefer&sslrootcert={other}"), "f"),
    ];
    for (n, (parameters, tls)) in goes.iter().enumerate() {
        bed.file(&format!("{:03}_a.sql", n + 1), FILE.as_bytes());
        assert_eq!(secure.run(&mut bed, parameters).applied(), 1, "{parameters}");
        assert_eq!(bed.psql("select tls from seen order by n desc limit 1"), *tls, "{parameters}");
    }
    bed.file("009_a.sql", FILE.as_bytes());
    let untrusted = "not signed by an authority that is trusted";
    let fails = [
        (format!("?sslmode=require&sslrootcert={other}"), untrusted),
        (format!("?sslmode=verify-ca&sslrootcert={other}"), untrusted),
        ("?sslmode=verify-full".to_owned(), untrusted),
        ("?sslmode=require&channel_binding=require".to_owned(), untrusted),
        ("?sslrootcert=system".to_owned(), untrusted),
        (format!("?sslmode=verify-full&sslrootcert={ca}&hostaddr=127.0.0.1"), "another host"),
    ];
    for (parameters, why) in &fails {
        let ended = secure.run(&mut bed, parameters);
        let failure = ended.failure();
        assert_eq!(failure.reason, Reason::ConnectionFailed, "{parameters}: {failure:?}");
        assert!(failure.message.contains("TLS with the server failed"), "{parameters}: {failure:?}");
        assert!(failure.message.contains(why), "{parameters}: {failure:?}");
    }
    for name in ["sslrootcert=/nowhere/root.crt", "sslcert=/nowhere/root.crt&sslkey=/nowhere/key"] {
        let ended = secure.run(&mut bed, &format!("?sslmode=verify-full&{name}"));
        let failure = ended.failure();
        assert_eq!(failure.reason, Reason::InvalidSettings, "{failure:?}");
        assert!(failure.message.contains("/nowhere/root.crt"), "{failure:?}");
    }
}

#[test]
fn a_certificate_that_cannot_be_read_stops_only_those_who_ask_for_tls() {
    let secure = Secure::start();
    let mut bed = Bed::on(&secure.server);
    let version =
        as_postgres().args(["openssl", "x509", "-noout", "-text", "-in", &secure.certificate("old")]).output();
    if !String::from_utf8_lossy(&version.unwrap().stdout).contains("Version: 1") {
        return;
    }
    secure.show("old");
    bed.file("001_a.sql", FILE.as_bytes());
    let ended = secure.run(&mut bed, "");
    assert_eq!(ended.applied(), 1);
    assert_eq!(bed.psql("select tls from seen"), "f");
    assert_eq!(ended.stderr.matches("connected without TLS").count(), 1, "{}", ended.stderr);
    bed.file("002_a.sql", FILE.as_bytes());
    let ended = secure.run(&mut bed, "?sslmode=require");
    assert!(ended.failure().message.contains("X.509 version 1"), "{:?}", ended.failure());
}

#[test]
fn a_socket_in_libpq_s_spellings_goes_without_tls() {
    let mut bed = Bed::with(&[("001_a.sql", FILE)]);
    let (folder, port) =
        (bed.server.folder().display().to_string(), bed.server.host().split_once(':').unwrap().1.to_owned());
    let (database, encoded) = (bed.database.clone(), folder.replace('/', "%2F"));
    let spellings = [
        format!("postgres://postgres@:{port}/{database}?host={folder}"),
        format!("postgres://postgres:x@/{database}?host={folder}&port={port}&sslmode=require"),
        format!("postgres://postgres@{encoded}:{port}/{database}"),
        format!("postgres:///{database}?host={folder}&port={port}&user=postgres"),
    ];
    for (n, url) in spellings.iter().enumerate() {
        bed.file(&format!("{:03}_a.sql", n + 1), FILE.as_bytes());
        bed.url.clone_from(url);
        assert_eq!(bed.run().applied(), 1, "{url}");
        assert_eq!(bed.command("doctor", &[]).status.code(), Some(0), "{url}");
    }
    bed.url = bed.server.url(&bed.database);
    assert_eq!(bed.psql("select string_agg(coalesce(tls::text, '-'), ',') from seen"), "false,false,false,false");
}
