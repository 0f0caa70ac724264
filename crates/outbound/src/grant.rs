//! What an operator allows, and how much of it one guest instance is using. Must not know HTTP.

use crate::Error;
use destination::Pattern;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// What an operator allows. Equal grants are one grant: their requests share connections, all others do not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Whose it is. Grants of different owners are different grants, though they say the same.
    pub owner: u64,
    /// Where requests may go; empty for nowhere.
    pub patterns: Vec<Pattern>,
    /// The time from sending a request to the end of its response's body.
    pub timeout: Duration,
    /// Bytes of one response's body.
    pub max_body: u64,
    /// Requests under way at once in one [`Session`].
    pub max_concurrent: u32,
}

/// The time that a guest gives one request. [`Grant::timeout`] is never exceeded, whatever a guest wishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For resolving, connecting and TLS. A pooled connection takes none of it.
    pub connect: Option<Duration>,
    /// From then to the response's head.
    pub first_byte: Option<Duration>,
    /// For each further piece of the response, while the guest waits for it.
    pub between_bytes: Option<Duration>,
}

/// One guest instance's allowance under a grant. Clones are the same allowance.
#[derive(Debug, Clone)]
pub struct Session {
    grant: Arc<Grant>,
    under_way: Arc<AtomicU32>,
}

impl Session {
    /// An allowance of which nothing is in use.
    #[must_use]
    pub fn new(grant: Arc<Grant>) -> Session {
        Session {
            grant,
            under_way: Arc::default(),
        }
    }

    /// What the operator allows.
    #[must_use]
    pub fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }

    /// Counts one more request.
    ///
    /// # Errors
    /// [`Error::LimitReached`].
    pub(crate) fn enter(&self) -> Result<Arc<Slot>, Error> {
        let most = self.grant.max_concurrent;
        self.under_way
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                (now < most).then_some(now + 1)
            })
            .map_err(|_| Error::LimitReached)?;
        Ok(Arc::new(Slot {
            under_way: self.under_way.clone(),
            released: AtomicBool::new(false),
        }))
    }
}

/// One request that counts against its session, until it is released or nobody holds it any more.
pub struct Slot {
    under_way: Arc<AtomicU32>,
    released: AtomicBool,
}

impl Slot {
    /// The request counts no longer, whoever still holds the slot.
    pub fn release(&self) {
        if !self.released.swap(true, Ordering::Relaxed) {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.release();
    }
}
