//! Whose turn it is. Pure: it knows names and times, and nothing of what is done in a turn.
//!
//! What it holds to, whatever comes in (its tests show each):
//! - of one namespace, who became due first is first; among namespaces they take turns, so a namespace with one
//!   resource waits for one turn of each other namespace at most, however many resources those have;
//! - a deletion is taken before all else, but not more than three times in a row while something else is due;
//! - one namespace never has all workers, so turns that hang hold up their own namespace alone;
//! - a resource has one turn at a time, and what happens in its turn gives it another one.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// How many deletions are taken one after the other while something else is due.
const DELETIONS_IN_A_ROW: u32 = 3;

/// A resource.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl Key {
    /// From its parts.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// Why a resource has its turn.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Cause {
    /// The time it asked for has come, and nothing has happened.
    Due,
    Woken,
}

/// How soon a resource is to have its turn.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Class {
    Ordinary,
    /// Before others: it is being deleted, and a person waits for that.
    Deletion,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Asleep(Instant),
    Ready(Class, Cause),
    /// Being looked at, and what has come in since.
    Active(Option<Class>),
}

/// Who waits for a turn, who has one, and who has asked for one at a later time.
#[derive(Debug)]
pub struct Queue {
    workers: usize,
    states: HashMap<Key, State>,
    asleep: BTreeSet<(Instant, Key)>,
    deletions: Lines,
    ordinary: Lines,
    active: HashMap<Arc<str>, usize>,
    deletions_in_a_row: u32,
}

impl Queue {
    /// For this many turns at once.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            workers,
            states: HashMap::new(),
            asleep: BTreeSet::new(),
            deletions: Lines::default(),
            ordinary: Lines::default(),
            active: HashMap::new(),
            deletions_in_a_row: 0,
        }
    }

    /// Something has changed: a turn as soon as may be.
    pub fn wake(&mut self, key: &Key, class: Class) {
        match self.states.get(key).copied() {
            Some(State::Active(again)) => {
                self.states.insert(key.clone(), State::Active(again.max(Some(class))));
            }
            Some(State::Ready(Class::Ordinary, _)) if class == Class::Deletion => {
                self.ordinary.remove(key);
                self.line_up(key.clone(), class, Cause::Woken);
            }
            Some(State::Ready(class, _)) => {
                self.states.insert(key.clone(), State::Ready(class, Cause::Woken));
            }
            Some(State::Asleep(until)) => {
                self.asleep.remove(&(until, key.clone()));
                self.line_up(key.clone(), class, Cause::Woken);
            }
            None => self.line_up(key.clone(), class, Cause::Woken),
        }
    }

    /// A resource is gone. A turn that has started continues.
    pub fn forget(&mut self, key: &Key) {
        match self.states.get(key).copied() {
            Some(State::Active(_)) => {
                self.states.insert(key.clone(), State::Active(None));
                return;
            }
            Some(State::Asleep(until)) => drop(self.asleep.remove(&(until, key.clone()))),
            Some(State::Ready(Class::Ordinary, _)) => self.ordinary.remove(key),
            Some(State::Ready(Class::Deletion, _)) => self.deletions.remove(key),
            None => {}
        }
        self.states.remove(key);
    }

    /// Whose turn is next; none if all workers are busy or nothing is due.
    pub fn take(&mut self, now: Instant) -> Option<(Key, Cause)> {
        while let Some((at, _)) = self.asleep.first()
            && *at <= now
            && let Some((_, key)) = self.asleep.pop_first()
        {
            self.line_up(key, Class::Ordinary, Cause::Due);
        }
        if self.active.values().sum::<usize>() >= self.workers {
            return None;
        }
        let share = self.share();
        let active = &self.active;
        let has_room = |namespace: &str| active.get(namespace).copied().unwrap_or(0) < share;
        let key = if self.deletions_in_a_row < DELETIONS_IN_A_ROW {
            self.deletions.pop(has_room).or_else(|| self.ordinary.pop(has_room))
        } else {
            self.ordinary.pop(has_room).or_else(|| self.deletions.pop(has_room))
        }?;
        let Some(State::Ready(class, cause)) = self.states.insert(key.clone(), State::Active(None)) else {
            return None;
        };
        self.deletions_in_a_row = if class == Class::Deletion { self.deletions_in_a_row + 1 } else { 0 };
        *self.active.entry(Arc::clone(&key.namespace)).or_insert(0) += 1;
        Some((key, cause))
    }

    /// A turn has ended. `until` is when the next one is due, if nothing happens before.
    pub fn done(&mut self, key: &Key, until: Option<Instant>) {
        if let Some(count) = self.active.get_mut(&key.namespace) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.active.remove(&key.namespace);
            }
        }
        match (self.states.remove(key), until) {
            (Some(State::Active(Some(class))), _) => self.line_up(key.clone(), class, Cause::Woken),
            (_, Some(until)) => {
                self.asleep.insert((until, key.clone()));
                self.states.insert(key.clone(), State::Asleep(until));
            }
            (_, None) => {}
        }
    }

    /// When the next resource will be due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.asleep.first().map(|(at, _)| *at)
    }

    /// How many turns one namespace may have at once: three quarters.
    fn share(&self) -> usize {
        (self.workers * 3 / 4).max(1)
    }

    fn line_up(&mut self, key: Key, class: Class, cause: Cause) {
        self.states.insert(key.clone(), State::Ready(class, cause));
        match class {
            Class::Deletion => self.deletions.push(key),
            Class::Ordinary => self.ordinary.push(key),
        }
    }
}

/// A line for each namespace, and the order in which the namespaces take turns.
#[derive(Debug, Default)]
struct Lines {
    order: VecDeque<Arc<str>>,
    lines: HashMap<Arc<str>, VecDeque<Key>>,
}

impl Lines {
    fn push(&mut self, key: Key) {
        let line = self.lines.entry(Arc::clone(&key.namespace)).or_default();
        if line.is_empty() {
            self.order.push_back(Arc::clone(&key.namespace));
        }
        line.push_back(key);
    }

    /// The first of the namespace whose turn it is, passing over namespaces without room, which keep their places.
    fn pop(&mut self, has_room: impl Fn(&str) -> bool) -> Option<Key> {
        let place = self.order.iter().position(|namespace| has_room(namespace))?;
        let namespace = self.order.remove(place)?;
        let line = self.lines.get_mut(&namespace)?;
        let key = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&namespace);
        } else {
            self.order.push_back(namespace);
        }
        key
    }

    fn remove(&mut self, key: &Key) {
        let Some(line) = self.lines.get_mut(&key.namespace) else { return };
        line.retain(|waiting| waiting != key);
        if line.is_empty() {
            self.lines.remove(&key.namespace);
            self.order.retain(|namespace| *namespace != key.namespace);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Cause, Class, Key, Queue};

    fn key(namespace: &str, number: u32) -> Key {
        Key::new(namespace, &number.to_string())
    }

    fn names(queue: &mut Queue, now: Instant) -> Vec<String> {
        let mut taken = Vec::new();
        while let Some((key, _)) = queue.take(now) {
            taken.push(format!("{}/{}", key.namespace, key.name));
        }
        taken
    }

    #[test]
    fn a_thousand_due_in_one_namespace_come_before_a_newcomer_of_another_once() {
        let now = Instant::now();
        let mut queue = Queue::new(1);
        for n in 0..1000 {
            queue.wake(&key("noise", n), Class::Ordinary);
        }
        let (first, _) = queue.take(now).unwrap();
        queue.wake(&key("shop", 1), Class::Ordinary);
        queue.done(&first, None);
        let (second, _) = queue.take(now).unwrap();
        queue.done(&second, None);
        let (third, _) = queue.take(now).unwrap();
        assert!([&second, &third].contains(&&key("shop", 1)), "{second:?} {third:?}");
    }

    #[test]
    fn of_one_namespace_who_became_due_first_is_first() {
        let now = Instant::now();
        let mut queue = Queue::new(100);
        for (number, seconds) in [(1, 3), (2, 1), (3, 2)] {
            queue.wake(&key("a", number), Class::Ordinary);
            let (taken, _) = queue.take(now).unwrap();
            queue.done(&taken, Some(now + Duration::from_secs(seconds)));
        }
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(names(&mut queue, now + Duration::from_secs(5)), ["a/2", "a/3", "a/1"]);
    }

    #[test]
    fn a_deletion_is_never_after_what_waits_and_deletions_do_not_keep_others_out() {
        let now = Instant::now();
        let mut queue = Queue::new(1000);
        for n in 0..10 {
            queue.wake(&key("noise", n), Class::Ordinary);
        }
        for n in 10..18 {
            queue.wake(&key("noise", n), Class::Ordinary);
        }
        // Those that wait already, too, and in the order in which they were deleted.
        for n in (10..18).rev() {
            queue.wake(&key("noise", n), Class::Deletion);
        }
        let taken = names(&mut queue, now);
        assert_eq!(taken[..4], ["noise/17", "noise/16", "noise/15", "noise/0"]);
        assert_eq!(taken[4..8], ["noise/14", "noise/13", "noise/12", "noise/1"]);
        assert_eq!(taken.len(), 18);
    }

    #[test]
    fn turns_that_hang_in_one_namespace_leave_workers_to_the_others() {
        let now = Instant::now();
        let mut queue = Queue::new(16);
        for n in 0..100 {
            queue.wake(&key("hangs", n), Class::Deletion);
        }
        assert_eq!(names(&mut queue, now).len(), 12);
        queue.wake(&key("shop", 1), Class::Ordinary);
        assert_eq!(names(&mut queue, now), ["shop/1"]);
    }

    #[test]
    fn what_happens_during_a_turn_gives_another_one_and_a_wake_counts_more_than_a_time() {
        let now = Instant::now();
        let mut queue = Queue::new(4);
        let one = key("a", 1);
        queue.wake(&one, Class::Ordinary);
        assert_eq!(queue.take(now), Some((one.clone(), Cause::Woken)));
        queue.wake(&one, Class::Ordinary);
        assert_eq!(queue.take(now), None, "two turns at once");
        queue.done(&one, Some(now + Duration::from_hours(1)));
        assert_eq!(queue.take(now), Some((one.clone(), Cause::Woken)));
        queue.done(&one, Some(now));
        assert_eq!(queue.take(now), Some((one.clone(), Cause::Due)));
        queue.done(&one, Some(now + Duration::from_hours(1)));
        queue.wake(&one, Class::Ordinary);
        assert_eq!(queue.take(now), Some((one.clone(), Cause::Woken)));
        queue.forget(&one);
        queue.done(&one, None);
        assert_eq!((queue.take(now), queue.next_due()), (None, None));
    }

    proptest! {
        /// Whatever happens, in whatever order: no resource has two turns at once, no bound is exceeded, everything due
        /// gets its turn eventually, and nothing is left.
        #[test]
        fn all_who_are_due_get_their_turn_and_none_is_left(
            steps in prop::collection::vec((0..5_u8, 0..4_u8, 0..6_u32), 1..300)
        ) {
            let now = Instant::now();
            let mut queue = Queue::new(4);
            let mut active: Vec<Key> = Vec::new();
            let mut wanted = std::collections::HashSet::new();
            for (what, namespace, number) in steps {
                let key = key(&format!("n{namespace}"), number);
                match what {
                    0 | 1 => {
                        queue.wake(&key, if what == 0 { Class::Ordinary } else { Class::Deletion });
                        wanted.insert(key);
                    }
                    2 => {
                        queue.forget(&key);
                        wanted.remove(&key);
                    }
                    3 if !active.is_empty() => {
                        let ended = active.remove(number as usize % active.len());
                        queue.done(&ended, (number % 2 == 0).then_some(now));
                    }
                    _ => while let Some((key, _)) = queue.take(now) {
                        prop_assert!(!active.contains(&key));
                        wanted.remove(&key);
                        active.push(key);
                        prop_assert!(active.len() <= 4);
                    },
                }
            }
            for _ in 0..1000 {
                for key in active.drain(..) {
                    queue.done(&key, None);
                }
                while let Some((key, _)) = queue.take(now) {
                    wanted.remove(&key);
                    active.push(key);
                }
            }
            prop_assert!(wanted.is_empty(), "{wanted:?}");
            prop_assert!(queue.states.is_empty() && queue.active.is_empty() && queue.asleep.is_empty());
            prop_assert!(queue.ordinary.order.is_empty() && queue.deletions.order.is_empty());
        }
    }
}
