//! The same work for many items, on all cores. Knows nothing of the work.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many items a thread takes at once: enough that taking them costs nothing, few enough that none waits long for
/// the others at the end.
const BLOCK: usize = 32;
/// More threads than this wait for each other where they read one folder.
const MOST_THREADS: usize = 8;

/// Does the work for each item, in no order, on as many threads as there are cores; this one is among them. A few items
/// are done by this one alone. `with` makes what a thread works with.
pub fn on_all_cores<T: Sync, W>(items: &[T], with: impl Fn() -> W + Sync, work: impl Fn(&mut W, &T) + Sync) {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut with = with();
        loop {
            let rest = items.get(next.fetch_add(BLOCK, Ordering::Relaxed)..).unwrap_or_default();
            if rest.is_empty() {
                return;
            }
            rest.iter().take(BLOCK).for_each(|item| work(&mut with, item));
        }
    };
    let blocks = items.len().div_ceil(BLOCK);
    // Asking how many cores there are reads files: it is not for nothing.
    let threads =
        if blocks > 1 { thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS) } else { 1 };
    thread::scope(|scope| {
        for _ in 1..threads.min(blocks) {
            // Where the system gives no more threads, those that there are do all the work.
            let _ = thread::Builder::new().spawn_scoped(scope, take);
        }
        take();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::on_all_cores;

    #[test]
    fn each_item_is_done_once() {
        for count in [0, 1, 31, 32, 33, 1000] {
            let items: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            on_all_cores(
                &items,
                || (),
                |(), item| {
                    item.fetch_add(1, Ordering::Relaxed);
                },
            );
            assert!(items.iter().all(|item| item.load(Ordering::Relaxed) == 1), "{count}");
        }
    }
}
