//! What one watch has reported so far, and what has changed with each of its messages. Pure.

use std::collections::{HashMap, HashSet};

use kube::runtime::watcher::Event;

use super::queue::Key;

/// What one watch has reported. A restarted watch reports everything again: what is the same is not a change then, and
/// what is missing has gone meanwhile.
#[derive(Debug)]
pub(super) struct Shelf<S> {
    pub(super) now: HashMap<Key, S>,
    fresh: Option<HashSet<Key>>,
}

impl<S> Default for Shelf<S> {
    fn default() -> Self {
        Self { now: HashMap::new(), fresh: None }
    }
}

#[derive(Debug)]
pub(super) struct Change<S> {
    pub(super) key: Key,
    pub(super) before: Option<S>,
    pub(super) after: Option<S>,
}

/// What is the same though it was reported again.
pub(super) trait Same {
    fn is_same(&self, other: &Self) -> bool;
}

impl<S: Same + Clone> Shelf<S> {
    pub(super) fn take(&mut self, event: Event<(Key, S)>) -> Vec<Change<S>> {
        match event {
            Event::Init => {
                self.fresh = Some(HashSet::new());
                Vec::new()
            }
            Event::InitApply((key, sign)) => {
                if let Some(fresh) = &mut self.fresh {
                    fresh.insert(key.clone());
                }
                self.put(key, sign).into_iter().collect()
            }
            Event::Apply((key, sign)) => self.put(key, sign).into_iter().collect(),
            Event::Delete((key, _)) => self.drop(key).into_iter().collect(),
            Event::InitDone => {
                let Some(fresh) = self.fresh.take() else { return Vec::new() };
                let gone: Vec<Key> = self.now.keys().filter(|key| !fresh.contains(*key)).cloned().collect();
                gone.into_iter().filter_map(|key| self.drop(key)).collect()
            }
        }
    }

    fn put(&mut self, key: Key, sign: S) -> Option<Change<S>> {
        if self.now.get(&key).is_some_and(|before| before.is_same(&sign)) {
            return None;
        }
        let before = self.now.insert(key.clone(), sign.clone());
        Some(Change { key, before, after: Some(sign) })
    }

    fn drop(&mut self, key: Key) -> Option<Change<S>> {
        let before = self.now.remove(&key)?;
        Some(Change { key, before: Some(before), after: None })
    }
}
