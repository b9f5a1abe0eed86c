//! Who has a turn, and what is remembered of each resource from one turn to the next. Pure: the watches' news and the
//! ends of turns come in, turns go out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::index::Call;
use super::queue::{Cause, Class, Key, Queue};

/// How many of those that wait for a Lease are woken when it is given back: one gets it, and should that one not want it
/// any more, another does. The others look when they are due.
const WOKEN_BY_A_LEASE: usize = 2;
/// How long a namespace is left alone in which passes fail, such as by a quota: one resource tries for all. Where more
/// than [`MANY_REFUSED`] are concerned, by that factor less: they need not have one cause.
const REFUSED_PAUSE: Duration = Duration::from_mins(1);
const MANY_REFUSED: u32 = 100;
/// How long it is remembered when a Lease was given back: longer than any turn.
const FREED_MEMORY: Duration = Duration::from_mins(5);

/// What is remembered of a resource. `N` is what the turns keep for themselves.
#[derive(Debug, Default)]
pub struct Known<N> {
    /// The versions that its last turn has written: hearing of them is no news.
    pub written: Vec<String>,
    /// Whether its run waits for its pod, so that its namespace's waiting runs are looked up together.
    pub waits: bool,
    /// The Lease that it waits for, and since when.
    pub lease: Option<(Key, Instant)>,
    /// Whether its passes fail, which it has reported.
    pub refused: bool,
    /// What the turns keep.
    pub notes: N,
}

/// A turn.
#[derive(Debug)]
pub struct Turn<N> {
    pub key: Key,
    pub cause: Cause,
    pub known: Known<N>,
    /// How many runs wait in the namespace.
    pub crowd: usize,
    pub begun: Instant,
}

/// All turns.
#[derive(Debug)]
pub struct Desk<N> {
    queue: Queue,
    known: HashMap<Key, Known<N>>,
    /// What was written while the resource had its turn, perhaps by that turn.
    unheard: HashMap<Key, (Class, String)>,
    /// How many runs wait, by namespace.
    crowds: HashMap<Arc<str>, usize>,
    /// How many have passes that fail, by namespace.
    failing: HashMap<Arc<str>, usize>,
    freed: HashMap<Key, Instant>,
    refused: HashMap<Arc<str>, Instant>,
    active: HashSet<Key>,
}

impl<N: Default> Desk<N> {
    /// For this many turns at once.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            queue: Queue::new(workers),
            known: HashMap::new(),
            unheard: HashMap::new(),
            crowds: HashMap::new(),
            failing: HashMap::new(),
            freed: HashMap::new(),
            refused: HashMap::new(),
            active: HashSet::new(),
        }
    }

    /// Takes in what the watches report.
    pub fn hear(&mut self, call: Call, now: Instant) {
        match call {
            Call::Wake(key, class) => self.queue.wake(&key, class),
            Call::Written(key, class, version) => {
                if self.active.contains(&key) {
                    self.unheard.insert(key, (class, version));
                } else if !self.known.get(&key).is_some_and(|known| known.written.contains(&version)) {
                    self.queue.wake(&key, class);
                }
            }
            Call::Gone(key) => {
                self.unheard.remove(&key);
                self.forget(&key);
                self.queue.forget(&key);
            }
            Call::Freed(lease) => {
                let mut waiting: Vec<(Instant, &Key)> =
                    self.known.iter().filter_map(|(key, known)| Some((waits_since(known, &lease)?, key))).collect();
                waiting.sort();
                let first: Vec<Key> = waiting.iter().take(WOKEN_BY_A_LEASE).map(|(_, key)| (*key).clone()).collect();
                for key in &first {
                    self.queue.wake(key, Class::Ordinary);
                }
                self.freed.retain(|_, at| now.duration_since(*at) < FREED_MEMORY);
                self.freed.insert(lease, now);
            }
        }
    }

    /// The next turn, if one is due and a worker is free.
    pub fn next(&mut self, now: Instant) -> Option<Turn<N>> {
        loop {
            let (key, cause) = self.queue.take(now)?;
            let known = self.forget(&key).unwrap_or_default();
            if known.refused && cause == Cause::Due {
                let pause = self.refused_pause(&key.namespace);
                let until = self.refused.get(&key.namespace).map(|at| *at + pause);
                if let Some(until) = until.filter(|until| *until > now) {
                    // Another one of its namespace has just been refused, or is about to ask.
                    self.remember(key.clone(), known);
                    self.queue.done(&key, Some(until));
                    continue;
                }
                self.refused.insert(Arc::clone(&key.namespace), now);
            }
            self.active.insert(key.clone());
            let crowd = self.crowds.get(&key.namespace).copied().unwrap_or(0);
            return Some(Turn { key, cause, known, crowd, begun: now });
        }
    }

    /// A turn has ended. `pause` is the time until the next one if nothing happens before; none if the resource no
    /// longer exists.
    pub fn end(
        &mut self,
        key: &Key,
        known: Known<N>,
        was_refused: bool,
        begun: Instant,
        pause: Option<Duration>,
        now: Instant,
    ) {
        self.active.remove(key);
        if let Some((class, version)) = self.unheard.remove(key)
            && !known.written.contains(&version)
        {
            self.queue.wake(key, class);
        }
        let missed = |(lease, _): &(Key, Instant)| self.freed.get(lease).is_some_and(|at| *at >= begun);
        if known.lease.as_ref().is_some_and(missed) {
            self.queue.wake(key, Class::Ordinary);
        }
        match (was_refused, known.refused) {
            (_, true) => drop(self.refused.insert(Arc::clone(&key.namespace), now)),
            // What blocked this one may no longer block the others.
            (true, false) => {
                self.refused.remove(&key.namespace);
                let fellows =
                    self.known.iter().filter(|(other, known)| known.refused && other.namespace == key.namespace);
                let fellows: Vec<Key> = fellows.map(|(other, _)| other.clone()).collect();
                for other in &fellows {
                    self.queue.wake(other, Class::Ordinary);
                }
            }
            (false, false) => {}
        }
        if pause.is_some() {
            self.remember(key.clone(), known);
        }
        self.queue.done(key, pause.map(|pause| now + pause));
    }

    /// When the next resource will be due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.queue.next_due()
    }

    fn refused_pause(&self, namespace: &str) -> Duration {
        let count = self.failing.get(namespace).copied().unwrap_or(0);
        REFUSED_PAUSE * MANY_REFUSED / u32::try_from(count).unwrap_or(u32::MAX).clamp(MANY_REFUSED, 10 * MANY_REFUSED)
    }

    fn remember(&mut self, key: Key, known: Known<N>) {
        for (counts, count) in [(&mut self.crowds, known.waits), (&mut self.failing, known.refused)] {
            if count {
                *counts.entry(Arc::clone(&key.namespace)).or_insert(0) += 1;
            }
        }
        self.known.insert(key, known);
    }

    fn forget(&mut self, key: &Key) -> Option<Known<N>> {
        let known = self.known.remove(key)?;
        for (counts, counted) in [(&mut self.crowds, known.waits), (&mut self.failing, known.refused)] {
            if counted && let Some(count) = counts.get_mut(&key.namespace) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    counts.remove(&key.namespace);
                }
            }
        }
        Some(known)
    }
}

fn waits_since<N>(known: &Known<N>, lease: &Key) -> Option<Instant> {
    known.lease.as_ref().filter(|(wanted, _)| wanted == lease).map(|(_, since)| *since)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Desk, Known, Turn};
    use crate::operator::index::Call;
    use crate::operator::queue::{Cause, Class, Key};

    const HOUR: Option<Duration> = Some(Duration::from_hours(1));

    fn key(name: &str) -> Key {
        Key::new("shops", name)
    }

    fn written(name: &str, version: &str) -> Call {
        Call::Written(key(name), Class::Ordinary, version.into())
    }

    fn known(versions: &[&str]) -> Known<()> {
        Known { written: versions.iter().map(|&version| version.to_owned()).collect(), ..Known::default() }
    }

    fn end(desk: &mut Desk<()>, turn: &Turn<()>, known: Known<()>, pause: Option<Duration>, now: Instant) {
        desk.end(&turn.key, known, turn.known.refused, turn.begun, pause, now);
    }

    /// A desk whose resources have had their first turns.
    fn desk(names: &[&str], after: impl Fn(&str) -> Known<()>, pause: Option<Duration>) -> (Desk<()>, Instant) {
        let (mut desk, now) = (Desk::new(1), Instant::now());
        for name in names {
            desk.hear(written(name, "1"), now);
            let turn = desk.next(now).unwrap();
            end(&mut desk, &turn, after(name), pause, now);
        }
        assert!(desk.next(now).is_none());
        (desk, now)
    }

    #[test]
    fn what_a_turn_has_written_itself_gives_no_other_turn_and_anybody_elses_word_does() {
        let (mut desk, now) = desk(&["shop"], |_| known(&["2", "3"]), HOUR);
        desk.hear(written("shop", "2"), now);
        desk.hear(written("shop", "3"), now);
        assert!(desk.next(now).is_none());
        desk.hear(written("shop", "4"), now);
        let turn = desk.next(now).unwrap();
        assert_eq!(turn.cause, Cause::Woken);
        // The same while the turn lasts: its own, then another's.
        desk.hear(written("shop", "5"), now);
        end(&mut desk, &turn, known(&["5"]), HOUR, now);
        assert!(desk.next(now).is_none());
        desk.hear(written("shop", "6"), now);
        let turn = desk.next(now).unwrap();
        desk.hear(written("shop", "8"), now);
        end(&mut desk, &turn, known(&["7"]), HOUR, now);
        assert_eq!(desk.next(now).unwrap().cause, Cause::Woken);
    }

    #[test]
    fn a_lease_that_is_given_back_wakes_those_who_have_waited_longest_and_not_all() {
        let start = Instant::now();
        let waits = |name: &str| {
            let since = start + Duration::from_secs(9 - name.len() as u64);
            Known { lease: Some((key("db"), since)), ..Known::default() }
        };
        let (mut desk, now) = desk(&["a", "aa", "aaa", "aaaa"], waits, HOUR);
        desk.hear(Call::Freed(key("other")), now);
        assert!(desk.next(now).is_none());
        desk.hear(Call::Freed(key("db")), now);
        for expected in ["aaaa", "aaa"] {
            let turn = desk.next(now).unwrap();
            assert_eq!(turn.key, key(expected));
            let later = now + Duration::from_secs(1);
            end(&mut desk, &turn, Known::default(), HOUR, later);
        }
        assert!(desk.next(now).is_none());
    }

    #[test]
    fn a_lease_that_is_given_back_while_it_is_looked_at_is_looked_at_again() {
        let (mut desk, now) = desk(&[], |_| Known::default(), HOUR);
        desk.hear(written("shop", "1"), now);
        let turn = desk.next(now).unwrap();
        desk.hear(Call::Freed(key("db")), now);
        let waits = Known { lease: Some((key("db"), now)), ..Known::default() };
        end(&mut desk, &turn, waits, HOUR, now);
        assert_eq!(desk.next(now).unwrap().key, key("shop"));
    }

    #[test]
    fn of_those_whom_a_quota_refuses_one_asks_for_all_and_its_success_wakes_them() {
        let names: Vec<String> = (0..5).map(|n| format!("n{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let refused = |_: &str| Known { refused: true, ..Known::default() };
        let (mut desk, start) = desk(&names, refused, Some(Duration::from_mins(1)));
        let mut asked = 0;
        let mut now = start;
        for minute in 1..=10 {
            now = start + Duration::from_secs(61 * minute);
            while let Some(turn) = desk.next(now) {
                asked += 1;
                end(&mut desk, &turn, refused(""), Some(Duration::from_mins(1)), now);
            }
        }
        assert!((9..=11).contains(&asked), "{asked} questions in ten minutes");
        now += Duration::from_secs(61);
        let turn = desk.next(now).unwrap();
        end(&mut desk, &turn, Known::default(), HOUR, now);
        let mut woken = 0;
        while let Some(turn) = desk.next(now) {
            assert_eq!(turn.cause, Cause::Woken);
            end(&mut desk, &turn, Known::default(), HOUR, now);
            woken += 1;
        }
        assert_eq!(woken, 4);
    }

    #[test]
    fn those_who_wait_in_a_namespace_are_counted_and_forgotten_when_they_are_gone() {
        let (mut desk, now) = desk(&["a", "b"], |_| Known { waits: true, ..Known::default() }, HOUR);
        desk.hear(Call::Gone(key("b")), now);
        desk.hear(written("c", "1"), now);
        let turn = desk.next(now).unwrap();
        assert_eq!(turn.crowd, 1);
        desk.hear(Call::Gone(key("c")), now);
        end(&mut desk, &turn, Known::default(), None, now);
        desk.hear(Call::Gone(key("a")), now);
        assert!(desk.known.is_empty() && desk.crowds.is_empty() && desk.active.is_empty());
        assert_eq!(desk.next_due(), None);
    }
}
