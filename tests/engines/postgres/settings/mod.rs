//! Generated files with settings, roles, locks, savepoints, modes, deferred triggers and whatever else a session holds.
//! They must give the same as with psql: rows, owners and SQLSTATEs, and errors in the same lines, in every way a file
//! is applied.
//!
//! A sample runs with the other tests; `make campaign-settings` runs `SETTINGS_FILES` files from `SETTINGS_SEED` on.

mod file;
mod judge;

use file::{File, Style};
use judge::{Case, Way};

/// How many files the sample has.
const SAMPLE: u64 = 90;
const SEED: u64 = 12;
const TOGETHER: u64 = 15;

#[test]
fn generated_files_give_what_psql_makes_of_them_in_every_way_they_are_applied() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (files, seed) = (number("SETTINGS_FILES", SAMPLE), number("SETTINGS_SEED", SEED));
    let mut wrong = Vec::new();
    let mut counted = judge::Counted::default();
    for from in (seed..seed + files).step_by(usize::try_from(TOGETHER).unwrap()) {
        let seeds = from..(from + TOGETHER).min(seed + files);
        // A third of the groups is committed statement by statement.
        let is_third = (from - seed) / TOGETHER % 3 == 2 || std::env::var_os("SETTINGS_STYLE").is_some();
        let style = if is_third { Style::NoTransaction } else { Style::Transaction };
        let files: Vec<File> = seeds.map(|seed| File::generate(seed, style)).collect();
        let differ = Case::run(&files, style, &mut counted);
        // Printed at once, since the whole run takes a while.
        for what in &differ {
            eprintln!("{what}\n----");
        }
        wrong.extend(differ);
        if wrong.len() > 10 {
            break;
        }
    }
    eprintln!("{files} files from seed {seed}: {counted}");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n----\n"));
    for way in Way::ALL {
        assert!(counted.of(way) > 0 || files < 3 * TOGETHER, "{way:?} was never run");
    }
}
