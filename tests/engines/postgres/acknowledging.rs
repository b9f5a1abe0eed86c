//! What a person has acknowledged, and the ledger's identity: written and read through a session.

use rstest::rstest;
use schemaward::engine::{
    Acknowledgement, AcknowledgementKind, AnyDatabase, AnySession, Database, DatabaseSettings, Fence, LockAttempt,
    Session,
};
use schemaward::migration::Version;
use schemaward::policy::AlreadyExists;
use tempfile::TempDir;

use crate::mysql::bed as mysql;
use crate::postgres::bed::Bed;

#[derive(Clone, Copy, Debug)]
enum On {
    Postgres,
    Mysql,
    Mariadb,
    Sqlite,
}

/// A database's URL, and what keeps the database. None, with a note in the output, if there is no such server.
fn database(on: On) -> Option<(String, Box<dyn std::any::Any>)> {
    let mysqlish =
        |engine| mysql::Bed::new(engine).map(|bed| (bed.url.clone(), Box::new(bed) as Box<dyn std::any::Any>));
    match on {
        On::Postgres => {
            let bed = Bed::new();
            Some((bed.url.clone(), Box::new(bed)))
        }
        On::Mysql => mysqlish(mysql::Engine::Mysql),
        On::Mariadb => mysqlish(mysql::Engine::Mariadb),
        On::Sqlite => {
            let folder = TempDir::new().unwrap();
            Some((format!("sqlite:{}", folder.path().join("app.db").display()), Box::new(folder)))
        }
    }
}

async fn session(url: &str) -> AnySession {
    let settings = DatabaseSettings {
        run: "test",
        lock_timeout: std::time::Duration::from_secs(5),
        history_schema: "schemaward",
        already_exists: AlreadyExists::Fail,
    };
    AnyDatabase::new(url, settings).unwrap().connect().await.unwrap()
}

async fn locked(url: &str) -> (AnySession, Fence) {
    let mut session = session(url).await;
    session.read_ledger().await.unwrap();
    assert_eq!(session.try_lock().await.unwrap(), LockAttempt::Taken);
    let (fence, _) = session.take_over("test").await.unwrap();
    (session, fence)
}

#[rstest]
fn what_is_acknowledged_is_kept_by_the_holder_of_the_lock_alone(
    #[values(On::Postgres, On::Mysql, On::Mariadb, On::Sqlite)] on: On,
) {
    let Some((url, _keep)) = database(on) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(acknowledge(on, &url));
}

async fn acknowledge(on: On, url: &str) {
    let kind = AcknowledgementKind::ForeignHistory;
    let mut reader = session(url).await;
    assert_eq!(reader.acknowledged(kind).await.unwrap(), []);
    assert_eq!(reader.identity().await.unwrap(), None);
    reader.close().await;

    let (mut writer, fence) = locked(url).await;
    let version = "007".parse().unwrap();
    let acknowledged = |version, detail| Acknowledgement { kind, version, detail, run: "test", fence };
    writer.acknowledge(acknowledged(None, "Flyway's 'history' \\ é")).await.unwrap();
    writer.acknowledge(acknowledged(Some(&version), "again")).await.unwrap();
    let overtaken = Acknowledgement { fence: Fence(fence.0 - 1), ..acknowledged(None, "too late") };
    assert!(writer.acknowledge(overtaken).await.is_err(), "the fence is another");
    let identity = writer.identity().await.unwrap().unwrap();
    writer.release(fence).await.unwrap();
    writer.close().await;

    let mut reader = session(url).await;
    let kept = reader.acknowledged(kind).await.unwrap();
    let reported: Vec<_> =
        kept.iter().map(|one| (one.version.as_ref().map(Version::as_str), one.detail.as_str())).collect();
    assert_eq!(reported, [(Some("007"), "again"), (None, "Flyway's 'history' \\ é")]);
    assert!(
        kept.iter().all(|one| one.run == "test" && !one.made_by.is_empty() && one.made_at.ends_with('Z')),
        "{kept:?}"
    );
    assert_eq!(reader.acknowledged(AcknowledgementKind::Abandoned).await.unwrap(), []);
    let again = reader.identity().await.unwrap().unwrap();
    assert_eq!(again, identity);
    assert!(again.ledger_id.as_ref().is_some_and(|id| id.len() == 36), "{again:?}");
    assert_eq!((again.layout, Some(&again.here)), (7, again.last_run.as_ref()));
    assert_eq!(again.here.server.is_some(), !matches!(on, On::Sqlite), "{again:?}");
    reader.close().await;
}
