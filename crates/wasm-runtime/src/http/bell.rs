//! Sees to it that an instance with several requests is polled when it has something to do, by one of their threads and not by
//! all of them. A thread that is about to poll it anyway hears nothing; one that turns to its client hands over; only when
//! none is there, a sleeping one is woken. It must not know what is polled.

use crate::wake::Signal;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

/// The bell of one instance: its waker.
#[derive(Default)]
pub struct Bell {
    threads: Mutex<Vec<Arc<Signal>>>,
    /// It has been rung since the instance was polled last.
    rung: AtomicBool,
    /// How many threads are polling the instance or about to.
    attending: AtomicUsize,
}

impl Bell {
    /// A thread joins, and is going to poll.
    pub fn join(&self, thread: Arc<Signal>) {
        self.attending.fetch_add(1, Ordering::SeqCst);
        self.threads().push(thread);
    }

    /// A thread that has joined, and has polled since, leaves.
    pub fn leave(&self, thread: &Arc<Signal>) {
        self.threads().retain(|other| !Arc::ptr_eq(other, thread));
        self.hand_over();
    }

    /// There is something to do for whoever polls.
    pub fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst);
        self.hand_over();
    }

    /// Polling begins: whatever has been rung for is seen to now.
    pub fn begin(&self) {
        self.attending.fetch_add(1, Ordering::SeqCst);
        self.rung.store(false, Ordering::SeqCst);
    }

    /// Polling, or the intention of [`Bell::join`], has ended.
    pub fn end(&self) {
        self.attending.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether it has been rung and nobody has come yet.
    pub fn is_unheard(&self) -> bool {
        // Who rings looks for attendance afterwards; who ends attending looks here afterwards: one of them sees the other.
        self.rung.load(Ordering::SeqCst) && self.attending.load(Ordering::SeqCst) == 0
    }

    /// This thread will not poll for a while: if there is need, another must.
    pub fn hand_over(&self) {
        if self.is_unheard() {
            self.wake_sleeper();
        }
    }

    /// Wakes a thread that sleeps. If there is none, all are awake and will look before they sleep.
    fn wake_sleeper(&self) {
        let sleeper = self
            .threads()
            .iter()
            .find(|thread| thread.is_slept_on())
            .cloned();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Wakes all: the instance has ended.
    pub fn wake_all(&self) {
        for thread in self.threads().iter() {
            thread.wake_by_ref();
        }
    }

    fn threads(&self) -> MutexGuard<'_, Vec<Arc<Signal>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
