//! Migration sets that cannot be run, each with the message that says what to change.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use schemaward::api::condition;

use crate::support::kstatus::message;
use crate::support::run::in_sandbox;
use crate::support::sandbox::{Sandbox, status};
use crate::support::source::{Files, config_maps, files};

const OK: &str = "create table never (id int);\n";

/// A set in two ConfigMaps, the expected message, and the expected file (and line) of `lastError`.
struct Case {
    name: &'static str,
    first: Files,
    second: Files,
    file: &'static str,
    line: Option<i64>,
    says: &'static [&'static str],
}

fn case<const N: usize>(
    name: &'static str,
    first: [(&str, &str); N],
    file: &'static str,
    says: &'static [&'static str],
) -> Case {
    Case { name, first: files(first), second: Files::new(), file, line: None, says }
}

fn cases() -> Vec<Case> {
    vec![
        case("naming", [("001_a.sql", OK), ("users.sql", OK)], "users.sql", &["users.sql"]),
        case("twice", [("001_a.sql", OK), ("001_b.sql", OK)], "001_b.sql", &["001_a.sql", "001_b.sql", "001"]),
        case(
            "gap",
            [("001_a.sql", OK), ("003_c.sql", OK)],
            "003_c.sql",
            &["003_c.sql", "001_a.sql", "version 2 is missing"],
        ),
        Case {
            second: files([("001_a.sql", OK)]),
            ..case("two-maps", [("001_a.sql", OK)], "001_a.sql", &["001_a.sql", "two-maps-1", "two-maps-2"])
        },
        Case {
            line: Some(2),
            ..case(
                "psql",
                [("001_a.sql", "create table a (id int);\n\\copy a from 'a.csv'\n")],
                "001_a.sql",
                &["001_a.sql", "2", "\\copy"],
            )
        },
        Case {
            line: Some(2),
            ..case(
                "concurrently",
                [("001_a.sql", "create table a (id int);\ncreate index concurrently a_id on a (id);\n")],
                "001_a.sql",
                &["001_a.sql", "2", "CONCURRENTLY"],
            )
        },
    ]
}

#[test]
fn a_set_that_cannot_be_run_stalls_with_the_file_and_what_is_wrong_with_it() {
    in_sandbox("sets", async |sandbox| {
        for case in cases() {
            let maps = [format!("{}-1", case.name), format!("{}-2", case.name)];
            sandbox.config_map(&maps[0], &case.first).await;
            sandbox.config_map(&maps[1], &case.second).await;
            sandbox.apply(case.name, config_maps(&[&maps[0], &maps[1]])).await;
        }
        binary(sandbox).await;
        let utf8 = case("utf8", [("001_a.sql", OK)], "002_b.sql", &["002_b.sql", "UTF-8"]);
        for case in cases().iter().chain([&utf8]) {
            verify(sandbox, case).await;
        }
        assert!(!sandbox.database.has_table("never").await);
        let started: Vec<_> = sandbox.list::<k8s_openapi::api::batch::v1::Job>().await;
        assert_eq!(started.len(), 0, "a set that is known to be wrong starts no run");
    });
}

async fn verify(sandbox: &Sandbox, case: &Case) {
    let resource = sandbox.wait_stalled(case.name, "InvalidSource").await;
    let message = message(&resource, condition::STALLED);
    println!("{}: {message}", case.name);
    for part in case.says {
        assert!(message.contains(part), "{} does not say {part}: {message}", case.name);
    }
    let error = status(&resource).last_error.expect("the error");
    assert_eq!(error.file.as_deref(), Some(case.file), "{}: {error:?}", case.name);
    if case.line.is_some() {
        assert_eq!(error.line, case.line, "{}: {error:?}", case.name);
    }
}

/// A file in `binaryData` whose bytes are Latin-1.
async fn binary(sandbox: &Sandbox) {
    let data = Files::from([("001_a.sql".to_owned(), OK.to_owned())]);
    let bytes = ByteString(b"create table caf\xe9 (id int);\n".to_vec());
    let map = ConfigMap {
        metadata: ObjectMeta { name: Some("utf8-1".into()), ..ObjectMeta::default() },
        data: Some(data),
        binary_data: Some([("002_b.sql".to_owned(), bytes)].into()),
        ..ConfigMap::default()
    };
    sandbox.api().create(&PostParams::default(), &map).await.expect("making the ConfigMap");
    sandbox.apply("utf8", config_maps(&["utf8-1"])).await;
}
