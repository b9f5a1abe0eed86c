//! What is seen of an ALTER TABLE that takes long: its stage, how far it is, and how long the rest takes.

use rstest::rstest;
use schemaward::report::{Event, StatementProgress};

use super::bed::{Bed, Engine};

#[rstest]
fn how_far_it_is_and_how_long_the_rest_takes(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    // A millisecond and more for each row.
    let copy = "alter table t add column b char(128) generated always as (sha2(repeat(pad, 15000), 512)) stored, algorithm = copy";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", copy)]) else { return };
    bed.sql("create table t (a int auto_increment primary key, pad varchar(100)); insert into t (pad) values (uuid())");
    for _ in 0..13 {
        bed.sql("insert into t (pad) select concat(uuid(), uuid()) from t");
    }
    if engine == Engine::Mysql {
        bed.sql("update performance_schema.setup_consumers set enabled = 'YES' where name = 'events_stages_current'");
    }
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    let progress = |event: &Event| match event {
        Event::StatementProgress { progress, .. } => Some(progress.clone()),
        _ => None,
    };
    let seen: Vec<StatementProgress> = ended.events.iter().filter_map(progress).collect();
    let copying =
        |seen: &&StatementProgress| seen.phase.as_deref().is_some_and(|phase| phase.starts_with("copy to tmp table"));
    let percents: Vec<i64> = seen.iter().filter(copying).filter_map(|seen| seen.percent).collect();
    assert!(
        percents.len() >= 2 && percents.is_sorted() && percents.iter().all(|percent| (0..=100).contains(percent)),
        "{seen:?}"
    );
    assert!(seen.iter().any(|seen| seen.remaining_ms.is_some_and(|rest| (0..600_000).contains(&rest))), "{seen:?}");
}
