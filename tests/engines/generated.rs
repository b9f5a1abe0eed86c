//! Files generated from a pool of statements, interrupted after each of their statements in turn. The resumed run must
//! end like a run without interruption, or with `NeedsReview` and nothing changed.
//!
//! `SCHEMAWARD_RESUME_FILES` and `SCHEMAWARD_RESUME_SEED` say how many and which; `make campaign-resume` sets them, see
//! docs/campaigns.md.

use schemaward::report::{Outcome, Reason};

/// A pseudo-random generator: the same seed gives the same numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// The statements of one file: groups from the pool, interleaved, each in its own order. In a group, `{n}` is its
/// number and `{r}` a digit.
pub fn statements(random: &mut Random, pool: &[&[&str]]) -> Vec<String> {
    let groups = 3 + random.below(3);
    let mut queues: Vec<Vec<String>> = (0..groups)
        .map(|number| {
            let group = pool[random.below(pool.len())];
            let mut filled = |text: &&str| {
                let digit = random.below(8) + 1;
                text.replace("{n}", &number.to_string()).replace("{r}", &digit.to_string())
            };
            group.iter().rev().map(&mut filled).collect()
        })
        .collect();
    let mut file = Vec::new();
    while queues.iter().any(|queue| !queue.is_empty()) {
        let chosen = random.below(queues.len());
        file.extend(queues[chosen].pop());
    }
    file
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ended {
    Applied,
    NeedsReview,
    Failed(String),
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded { .. } => Self::Applied,
            Outcome::Failed { failure, .. } if failure.reason == Reason::NeedsReview => Self::NeedsReview,
            Outcome::Failed { failure, .. } => Self::Failed(format!("{failure:?}")),
        }
    }
}

/// The rows of the named tables (one name a line), sorted.
pub fn rows_of(tables: &str, query: impl Fn(&str) -> String) -> String {
    let rows_of = |table: &str| {
        let rows = query(&format!("select * from {table}"));
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.sort_unstable();
        format!("\n{table}: {}", rows.join("; "))
    };
    tables.lines().map(rows_of).collect()
}

/// A database with the tables that the pool uses.
pub trait Subject {
    /// A statement that is refused, one that never ends, and one that does nothing.
    const STATEMENTS: [&'static str; 3];
    fn fresh() -> Self;
    fn put(&self, file: &str);
    fn run(&self) -> Ended;
    /// Runs, and cuts the connection during the endless statement, which has the number `done` + 1.
    fn cut(&self, done: usize);
    /// All rows and columns, without the ledger's.
    fn state(&self) -> String;
}

/// Runs the files on one engine. Prints how often a resumed run ended like the uninterrupted one, and how often with
/// `NeedsReview`.
pub fn interrupted_everywhere<S: Subject>(engine: &str, pool: &[&[&str]], sample: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let files: u64 = number("SCHEMAWARD_RESUME_FILES").unwrap_or(sample);
    let seed: u64 = number("SCHEMAWARD_RESUME_SEED").unwrap_or(1);
    let (mut same, mut review) = (0, 0);
    for file in 0..files {
        let mut random = Random::new(seed * 1_000_003 + file);
        let statements = statements(&mut random, pool);
        let with = |at: usize, middle: &str| {
            let (before, after) = statements.split_at(at);
            let all = before.iter().map(String::as_str).chain([middle]).chain(after.iter().map(String::as_str));
            all.fold(String::new(), |file, statement| file + statement + ";\n")
        };
        let [broken, endless, nothing] = S::STATEMENTS;
        let clean = S::fresh();
        clean.put(&with(0, nothing));
        assert_eq!(clean.run(), Ended::Applied, "file {file} of seed {seed} does not run:\n{}", with(0, nothing));
        let expected = clean.state();
        // The connection is cut at one place only, which takes time; at all others a statement is refused.
        let cut_at = random.below(statements.len() + 1);
        for at in 0..=statements.len() {
            let subject = S::fresh();
            let description =
                || format!("{engine}: file {file} of seed {seed}, interrupted after {at}:\n{}", with(at, nothing));
            if at == cut_at {
                subject.put(&with(at, endless));
                subject.cut(at);
            } else {
                subject.put(&with(at, broken));
                assert!(matches!(subject.run(), Ended::Failed(_)), "{}", description());
            }
            let before = subject.state();
            subject.put(&with(at, nothing));
            match subject.run() {
                Ended::Applied => {
                    assert_eq!(subject.state(), expected, "{}", description());
                    same += 1;
                }
                Ended::NeedsReview => {
                    assert_eq!(subject.state(), before, "{}", description());
                    review += 1;
                }
                failed @ Ended::Failed(_) => assert_eq!(failed, Ended::Applied, "{}", description()),
            }
        }
    }
    println!("{engine}: seed {seed}, {files} files, {same} resumed to the same end, {review} stopped for review");
    assert!(same > 0 && review > 0, "{same} {review}");
}
