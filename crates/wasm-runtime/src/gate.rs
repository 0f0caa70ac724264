//! Bounds how many guests run at once.
//!
//! The pooling allocator has a fixed number of slots; the gate makes a request wait a moment for
//! one, first come first served, and turns a longer wait into [`ErrorCode::Busy`].

use crate::{Error, ErrorCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a request waits for a free instance before it is refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// A counting gate.
pub struct Gate {
    places: Arc<Semaphore>,
    total: u32,
}

impl Gate {
    /// A gate with `total` places.
    pub fn new(total: u32) -> Gate {
        Gate {
            places: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// Takes a place until the permit is dropped. `make_room` may give up a place that nobody uses, and says
    /// whether it did. The thread must have entered the [`Clock`](crate::clock::Clock).
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when none became free in time.
    pub fn enter(
        &self,
        mut make_room: impl FnMut() -> bool,
    ) -> Result<OwnedSemaphorePermit, Error> {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Ok(place);
            }
            if !make_room() {
                break;
            }
        }
        let places = Arc::clone(&self.places);
        let waited = pollster::block_on(async { timeout(PATIENCE, places.acquire_owned()).await });
        match waited {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                let text = format!("all {} instances of this process are in use", self.total);
                Err(Error::new(ErrorCode::Busy, text))
            }
        }
    }
}
