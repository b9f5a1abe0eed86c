//! Room in memory, so that the operator stays within its own whatever resources and `ConfigMap`s there are. What is small
//! needs none; of what is not, few are held at once, and of what is large only one. Knows nothing of what is read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Up to how many bytes a pass holds without leave: most never hold more.
const FREE: usize = 64 * 1024;
/// How many passes hold more at once.
const SOME: usize = 6;
/// How many bytes a pass may hold before it counts as large, of which there is one.
const SMALL: usize = 1024 * 1024;

/// Who holds much in memory.
#[derive(Debug)]
pub struct Rooms {
    some: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Leave of one pass to hold what it has read. Given back when it is dropped.
#[derive(Debug, Default)]
pub struct Room {
    some: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

/// Another pass holds much in memory: try again later. Waiting for it would keep others from being worked on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("another large source is being read; this one is read after it")]
pub struct Full;

impl Default for Rooms {
    fn default() -> Self {
        Self { some: Arc::new(Semaphore::new(SOME)), large: Arc::new(Semaphore::new(1)) }
    }
}

impl Rooms {
    /// Makes sure that there is room for this many bytes in all. Waits for others that hold some, which is short.
    ///
    /// # Errors
    ///
    /// [`Full`] where another has the room for what is large.
    pub async fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), Full> {
        if bytes > FREE && room.some.is_none() {
            room.some = Some(Arc::clone(&self.some).acquire_owned().await.map_err(|_| Full)?);
        }
        if bytes > SMALL && room.large.is_none() {
            room.large = Some(Arc::clone(&self.large).try_acquire_owned().map_err(|_| Full)?);
        }
        Ok(())
    }
}

impl Room {
    /// Gives back what so few bytes do not need.
    pub fn shrink(&mut self, bytes: usize) {
        if bytes <= SMALL {
            self.large = None;
        }
        if bytes <= FREE {
            self.some = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::{FREE, Full, Room, Rooms, SMALL, SOME};

    #[tokio::test]
    async fn of_large_sources_one_is_held_at_a_time_and_small_ones_continue_meanwhile() {
        let rooms = Rooms::default();
        let (mut first, mut second) = (Room::default(), Room::default());
        assert_eq!(rooms.grow(&mut first, SMALL + 1).await, Ok(()));
        assert_eq!(rooms.grow(&mut first, 16 * SMALL).await, Ok(()));
        assert_eq!(rooms.grow(&mut second, SMALL).await, Ok(()));
        assert_eq!(rooms.grow(&mut second, SMALL + 1).await, Err(Full));
        first.shrink(SMALL);
        assert_eq!(rooms.grow(&mut second, SMALL + 1).await, Ok(()));
    }

    #[tokio::test]
    async fn the_number_of_sources_in_memory_is_bounded_and_what_is_small_needs_no_leave() {
        let rooms = Rooms::default();
        let mut held: Vec<Room> = std::iter::repeat_with(Room::default).take(SOME).collect();
        for room in &mut held {
            assert_eq!(rooms.grow(room, FREE + 1).await, Ok(()));
        }
        let mut another = Room::default();
        assert_eq!(rooms.grow(&mut another, FREE).now_or_never(), Some(Ok(())));
        assert!(rooms.grow(&mut another, FREE + 1).now_or_never().is_none());
        held[0].shrink(FREE);
        assert!(rooms.grow(&mut another, FREE + 1).now_or_never().is_some());
        drop(held);
    }
}
