//! What is seen of a statement that takes long: its phase, how far it is, and how long the rest takes.

use rstest::rstest;
use schemaward::report::{Event, StatementProgress};

use crate::postgres::bed::{Bed, Ended};

/// Two milliseconds for each row that is indexed or inserted.
const SLOW: &str = "create function slow(a int) returns int language plpgsql immutable as \
                    $$ begin perform pg_sleep(0.002); return a; end $$;\
                    create function slow() returns trigger language plpgsql as \
                    $$ begin perform pg_sleep(0.002); return new; end $$;";
const ROWS: &str =
    "create table t (a int, pad text); insert into t select g, repeat('x', 700) from generate_series(1, 2000) g;";

/// What was seen in a phase, in the order of time.
fn seen(ended: &Ended, wanted: &str) -> Vec<StatementProgress> {
    let progress = |event: &Event| match event {
        Event::StatementProgress { progress, .. } => Some(progress.clone()),
        _ => None,
    };
    let all: Vec<_> = ended.events.iter().filter_map(progress).collect();
    let phase: Vec<_> = all.iter().filter(|seen| seen.phase.as_deref() == Some(wanted)).cloned().collect();
    assert!(!phase.is_empty(), "{wanted}: {all:?}");
    phase
}

#[rstest]
#[case::an_index("", "create index t_a on t (slow(a));", "building index: scanning table")]
#[case::an_index_beside_writers("", "create index concurrently t_a on t (slow(a));", "building index: scanning table")]
#[case::rows_of_a_file(
    "create trigger slow before insert on t for each row execute function slow();\
     do $$ begin execute format('copy (select * from t) to %L', current_setting('data_directory') || '/' || current_database()); end $$;",
    "do $$ begin execute format('copy t from %L', current_setting('data_directory') || '/' || current_database()); end $$;",
    "COPY FROM"
)]
fn how_far_it_is_and_how_long_the_rest_takes(#[case] before: &str, #[case] sql: &str, #[case] phase: &str) {
    let bed = Bed::with(&[("001_a.sql", sql)]);
    if phase == "COPY FROM" && bed.psql("show server_version_num").parse::<u32>().unwrap() < 140_000 {
        return eprintln!("skipped: PostgreSQL 14 is the first to show how far COPY is");
    }
    bed.psql(&format!("{SLOW}{ROWS}{before}"));
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    let seen = seen(&ended, phase);
    let percents: Vec<i64> = seen.iter().filter_map(|seen| seen.percent).collect();
    assert!(percents.len() >= 2 && percents.is_sorted() && percents.iter().all(|percent| (0..=100).contains(percent)));
    // All of it takes four seconds, and longer on a busy machine.
    let rests: Vec<i64> = seen.iter().filter_map(|seen| seen.remaining_ms).collect();
    assert!(!rests.is_empty() && rests.iter().all(|rest| (0..60_000).contains(rest)), "{seen:?}");
    assert!(rests.last() <= rests.first() || percents.last() == percents.first(), "{seen:?}");
}

#[test]
fn a_phase_that_counts_nothing_has_no_percentage() {
    let bed = Bed::with(&[("001_v.sql", "vacuum full t;")]);
    bed.psql(&format!(
        "{SLOW}create table t (a int); create index t_a on t (slow(a)); insert into t select generate_series(1, 1200);"
    ));
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    let seen = seen(&ended, "VACUUM FULL: rebuilding index");
    assert!(seen.iter().all(|seen| seen.percent.is_none() && seen.remaining_ms.is_none()), "{seen:?}");
}
