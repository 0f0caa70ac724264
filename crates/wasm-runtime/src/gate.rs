//! Bounds how many guests run at once.
//!
//! The pooling allocator has a fixed number of slots; the gate makes a request wait a moment for
//! one, first come first served, and turns a longer wait into [`ErrorCode::Busy`].

use crate::{Error, ErrorCode};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How long a request waits for a free instance before it is refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// A counting gate.
pub struct Gate {
    places: Semaphore,
    total: u32,
}

impl Gate {
    /// A gate with `total` places.
    pub fn new(total: u32) -> Gate {
        Gate {
            places: Semaphore::new(total as usize),
            total,
        }
    }

    /// Takes a place until the permit is dropped. The thread must have entered the
    /// [`Clock`](crate::clock::Clock).
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when none became free in time.
    pub fn enter(&self) -> Result<SemaphorePermit<'_>, Error> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let waited = pollster::block_on(async { timeout(PATIENCE, self.places.acquire()).await });
        match waited {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                let text = format!("all {} instances of this process are in use", self.total);
                Err(Error::new(ErrorCode::Busy, text))
            }
        }
    }
}
