//! Looks for a password in all the places where it must not be.

use k8s_openapi::api::core::v1::{Event, Secret};
use schemaward::api::SchemaMigration;

use super::operator;
use super::sandbox::{Namespaced, Sandbox};
use super::waiting::Object;

/// Everything that can be read around a test's runs, each with where it is from.
pub async fn readable(sandbox: &Sandbox) -> Vec<(String, String)> {
    let mut places = vec![
        ("status and spec".to_owned(), all::<SchemaMigration>(sandbox).await),
        ("Jobs".to_owned(), json(&sandbox.witness.jobs.objects())),
        ("pods".to_owned(), json(&sandbox.witness.pods.objects())),
        ("ConfigMaps".to_owned(), json(&sandbox.witness.config_maps.objects())),
        ("Leases".to_owned(), json(&sandbox.witness.leases.objects())),
        ("events".to_owned(), all::<Event>(sandbox).await),
        ("events.k8s.io".to_owned(), all::<k8s_openapi::api::events::v1::Event>(sandbox).await),
        ("the operator's log".to_owned(), operator::logs(&sandbox.client).await),
    ];
    for (pod, log) in sandbox.witness.pod_logs() {
        places.push((format!("the log of {pod}"), log));
    }
    let ledger = "select to_regclass('schemaward.schema_migrations') is not null as there";
    if sandbox.database.text(ledger).await == "true" {
        let rows = sandbox.database.text("select * from schemaward.schema_migrations").await;
        places.push(("the ledger".to_owned(), rows));
    }
    places
}

/// The Secrets. They must contain the password: a search that does not find it there would find nothing anywhere.
pub async fn secrets(sandbox: &Sandbox) -> String {
    all::<Secret>(sandbox).await
}

async fn all<K: Namespaced>(sandbox: &Sandbox) -> String {
    json(&sandbox.list::<K>().await)
}

fn json<K: Object>(objects: &[K]) -> String {
    serde_json::to_string(objects).expect("JSON")
}

/// The text around the word, if the text contains it plainly or in base64 at any of its three alignments.
pub fn find(text: &str, word: &str) -> Option<String> {
    let mut forms = [word.to_owned()].into_iter().chain(base64_cores(word));
    let at = forms.find_map(|form| text.find(&form))?;
    let before = text[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev();
    Some(before.chain(text[at..].chars().take(200)).collect())
}

/// For each alignment, the part of the word's base64 that does not depend on its neighbours.
fn base64_cores(word: &str) -> [String; 3] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    [0, 1, 2].map(|skip| {
        let bytes = &word.as_bytes()[skip..];
        bytes
            .chunks_exact(3)
            .flat_map(|three| {
                let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
                [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
            })
            .collect()
    })
}
