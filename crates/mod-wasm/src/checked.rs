//! Which programs have been looked at and found good, from one reading of the configuration to the next: a restart looks
//! only at what is new or has changed. Must not know what looking at them means.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use httpd::FileStamp;

/// All that a check depends on.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// The file.
    pub path: PathBuf,
    /// Its state before it was read.
    pub file: FileStamp,
    /// The memory limit of the engine that it is to fit.
    pub limit: u64,
    /// Whether that has garbage-collected heaps for programs.
    pub garbage_collection: bool,
    /// The entry point that it must have.
    pub entry_point: String,
}

/// The checks of the last reading, and of this one.
#[derive(Default)]
struct Known {
    before: Vec<Check>,
    now: Vec<Check>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known {
    before: Vec::new(),
    now: Vec::new(),
});

fn lock() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new reading begins: what it does not ask for is forgotten with the next.
pub fn begin() {
    let mut known = lock();
    known.before = std::mem::take(&mut known.now);
}

/// Has exactly this been found good by the last reading?
pub fn is_known(check: &Check) -> bool {
    lock().before.contains(check)
}

/// It is good.
pub fn note(check: Check) {
    lock().now.push(check);
}
