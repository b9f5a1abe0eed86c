//! Room in memory for sources, so that the operator stays within its own whatever resources and `ConfigMap`s there are.
//! Few sources are read at once, and of those that are large only one. Knows nothing of what is read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many sources are held in memory at once.
const SOURCES: usize = 6;
/// How many bytes a source may have before it counts as large.
const SMALL: usize = 1024 * 1024;

/// Who holds a source in memory.
#[derive(Debug)]
pub struct Rooms {
    any: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Leave to hold one source. Given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    _any: OwnedSemaphorePermit,
    large: Option<OwnedSemaphorePermit>,
}

/// Another large source is in memory: try again later. Waiting for it would keep others from being worked on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("another large source is being read; this one is read after it")]
pub struct Full;

impl Default for Rooms {
    fn default() -> Self {
        Self { any: Arc::new(Semaphore::new(SOURCES)), large: Arc::new(Semaphore::new(1)) }
    }
}

impl Rooms {
    /// Room for a source that is small, as far as is known. Waits for the reading of others, which is short.
    ///
    /// # Errors
    ///
    /// [`Full`] where none is given out any more, which does not happen while the operator runs.
    pub async fn enter(&self) -> Result<Room, Full> {
        let any = Arc::clone(&self.any).acquire_owned().await.map_err(|_| Full)?;
        Ok(Room { _any: any, large: None })
    }

    /// Makes sure that there is room for so many bytes.
    ///
    /// # Errors
    ///
    /// [`Full`] where another source has the room for a large one.
    pub fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), Full> {
        if bytes > SMALL && room.large.is_none() {
            room.large = Some(Arc::clone(&self.large).try_acquire_owned().map_err(|_| Full)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::{Full, Rooms, SMALL, SOURCES};

    #[tokio::test]
    async fn of_large_sources_one_is_held_at_once_and_small_ones_go_on_beside_it() {
        let rooms = Rooms::default();
        let (mut first, mut second) = (rooms.enter().await.unwrap(), rooms.enter().await.unwrap());
        assert_eq!(rooms.grow(&mut first, SMALL + 1), Ok(()));
        assert_eq!(rooms.grow(&mut first, 16 * SMALL), Ok(()));
        assert_eq!(rooms.grow(&mut second, SMALL), Ok(()));
        assert_eq!(rooms.grow(&mut second, SMALL + 1), Err(Full));
        drop(first);
        assert_eq!(rooms.grow(&mut second, SMALL + 1), Ok(()));
    }

    #[tokio::test]
    async fn the_number_of_sources_in_memory_is_bounded() {
        let rooms = Rooms::default();
        let mut held: Vec<_> = futures::future::join_all((0..SOURCES).map(|_| rooms.enter())).await;
        assert!(rooms.enter().now_or_never().is_none());
        held.pop();
        assert!(rooms.enter().now_or_never().is_some());
    }
}
