//! Which programs a child keeps, and which make room. Must not know how they are loaded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cgi::{Kept, Weight, surplus};
use httpd::FileStamp;

use super::Program;
use crate::stamp::Owner;

/// What the programs of one child may take together. A small one takes some 10 KB of memory and 0.5 MB of code, CPython 2 MB
/// and 36 MB. A single one that the engine loads takes far less memory than this; code is mapped from the cache, where it takes
/// room on the disk.
const MOST: Weight = Weight {
    programs: 64,
    memory: 128 << 20,
    code: 4 << 30,
};

static STORE: Mutex<Store> = Mutex::new(Store {
    entries: Vec::new(),
    asked: 0,
});

/// The programs of this child.
#[derive(Default)]
pub struct Store {
    entries: Vec<Entry>,
    /// How often a program has been asked for: the clock of the store.
    asked: u64,
}

/// One of them. It weighs nothing as long as it is being loaded: those are bounded by the queues, and stay for those who wait
/// for them.
pub struct Entry {
    program: Arc<Program>,
    kept: Kept<Owner>,
}

/// Forgets all programs, before a child serves.
pub fn forget() {
    let forgotten = std::mem::take(&mut *lock());
    drop(forgotten);
}

/// The store of this child.
pub fn lock() -> MutexGuard<'static, Store> {
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// The program in that state of its file, if it is known.
    pub fn find(&mut self, stamp: &FileStamp) -> Option<Arc<Program>> {
        self.asked += 1;
        let mut entries = self.entries.iter_mut();
        let entry = entries.find(|entry| entry.program.stamp == *stamp)?;
        entry.kept.last_asked = self.asked;
        Some(Arc::clone(&entry.program))
    }

    /// The program in that state of the file; whether it is new, and what makes room for it then: the file in another state.
    pub fn find_or_add(
        &mut self,
        stamp: &FileStamp,
        new: impl FnOnce() -> Program,
    ) -> (Arc<Program>, bool, Vec<Entry>) {
        if let Some(program) = self.find(stamp) {
            return (program, false, Vec::new());
        }
        let program = Arc::new(new());
        let outdated = self
            .entries
            .extract_if(.., |entry| entry.program.file == program.file);
        let outdated = outdated.collect();
        self.entries.push(Entry {
            program: Arc::clone(&program),
            kept: Kept {
                owner: program.owner,
                last_asked: self.asked,
                weight: Weight::default(),
            },
        });
        (program, true, outdated)
    }

    /// The program has been loaded, and weighs so much. What has to make room for it comes back, to be freed where nobody waits
    /// for the store.
    pub fn weigh(&mut self, program: &Program, weight: Weight) -> Vec<Entry> {
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.is_of(program)) {
            entry.kept.weight = weight;
        }
        let mut gone = Vec::new();
        while let Some(at) = surplus(self.entries.iter().map(|entry| &entry.kept), MOST) {
            gone.push(self.entries.swap_remove(at));
        }
        gone
    }

    /// Takes a program out, so that it is loaded anew when it is asked for again.
    pub fn remove(&mut self, program: &Program) {
        self.entries.retain(|entry| !entry.is_of(program));
    }
}

impl Entry {
    fn is_of(&self, program: &Program) -> bool {
        std::ptr::eq(&raw const *self.program, program)
    }
}
