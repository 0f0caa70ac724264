//! Wakes a thread that sleeps until there is something to do, also one that waits for a client at the
//! same time: the signal is a descriptor that can be polled beside a socket.

use crate::{Error, ErrorCode};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::Timespec;
use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use std::time::Duration;

/// Something has happened, or not yet.
pub struct Signal {
    descriptor: OwnedFd,
    raised: AtomicBool,
    asleep: AtomicBool,
}

thread_local! {
    /// Signals of this thread that are not in use: a run takes one, a nested run another.
    static SPARE: RefCell<Vec<Arc<Signal>>> = const { RefCell::new(Vec::new()) };
}

/// A signal that belongs to one run, and goes back to the thread's spare ones.
pub struct OwnSignal(Arc<Signal>);

impl OwnSignal {
    /// A signal for this thread. It may be raised once by what an earlier user left behind.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`] without a free descriptor.
    pub fn take() -> Result<OwnSignal, Error> {
        if let Some(spare) = SPARE.with_borrow_mut(Vec::pop) {
            return Ok(OwnSignal(spare));
        }
        let descriptor = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|e| Error::new(ErrorCode::Engine, format!("cannot make an eventfd: {e}")))?;
        Ok(OwnSignal(Arc::new(Signal {
            descriptor,
            raised: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
        })))
    }

    /// The signal, to be given to whom it may concern.
    pub fn share(&self) -> Arc<Signal> {
        Arc::clone(&self.0)
    }
}

impl std::ops::Deref for OwnSignal {
    type Target = Signal;

    fn deref(&self) -> &Signal {
        &self.0
    }
}

impl Drop for OwnSignal {
    fn drop(&mut self) {
        SPARE.with_borrow_mut(|spare| spare.push(Arc::clone(&self.0)));
    }
}

impl Signal {
    /// Forgets what has happened so far.
    pub fn lower(&self) {
        self.raised.store(false, Ordering::SeqCst);
    }

    /// Whether something has happened since.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Whether a thread sleeps that raising it would wake.
    pub fn is_slept_on(&self) -> bool {
        self.asleep.load(Ordering::SeqCst)
    }

    /// Sleeps until it is raised, at most so long; not at all if `needed`.
    pub fn sleep(&self, most: Duration, needed: impl FnOnce() -> bool) {
        self.sleep_in(needed, |wake| {
            let most = Timespec {
                tv_sec: i64::try_from(most.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: most.subsec_nanos().into(),
            };
            // Whatever woke it, the caller looks around.
            let _ = poll(
                &mut [PollFd::from_borrowed_fd(wake, PollFlags::IN)],
                Some(&most),
            );
        });
    }

    /// Runs a call that blocks until the descriptor can be read, unless it is raised already or this thread is `needed`.
    pub fn sleep_in(&self, needed: impl FnOnce() -> bool, call: impl FnOnce(BorrowedFd<'_>)) {
        // The waker raises and then looks for a sleeper; here it is the other way round, so one of the two
        // sees the other (both are sequentially consistent). So it is with what makes this thread needed.
        self.asleep.store(true, Ordering::SeqCst);
        if !self.is_raised() && !needed() {
            call(self.descriptor.as_fd());
        }
        self.asleep.store(false, Ordering::SeqCst);
        // Only a number is taken out; empty is as good.
        let _ = rustix::io::read(&self.descriptor, &mut [0; 8]);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raised.store(true, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            // It fails only when the number is full, and then the descriptor can be read.
            let _ = rustix::io::write(&self.descriptor, &1u64.to_ne_bytes());
        }
    }
}
