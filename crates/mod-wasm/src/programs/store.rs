//! Which programs a child keeps, and which make room. Must not know how they are loaded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use httpd::FileStamp;

use super::Program;
use crate::stamp::Owner;

/// Maximum number of programs that one child keeps. A small program has about 1 MB of code, an interpreter of 30 MB about
/// 100 MB.
const KEPT: usize = 64;

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

/// One of them.
pub struct Entry {
    program: Arc<Program>,
    last_asked: u64,
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
        entry.last_asked = self.asked;
        Some(Arc::clone(&entry.program))
    }

    /// The program in that state of the file; whether it is new, and what has to make room for it then: the file in another
    /// state, and one program if there are too many.
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
        let mut outdated: Vec<Entry> = outdated.collect();
        if self.entries.len() >= KEPT {
            outdated.extend(self.surplus().map(|at| self.entries.swap_remove(at)));
        }
        self.entries.push(Entry {
            program: Arc::clone(&program),
            last_asked: self.asked,
        });
        (program, true, outdated)
    }

    /// Where the program is that has to go: of the owner who has most, the one that was asked for longest ago. So nobody can
    /// drive out the programs of others by having many. One that is being loaded stays, for those who wait for it.
    fn surplus(&self) -> Option<usize> {
        let mut counts: HashMap<Owner, usize> = HashMap::new();
        for entry in &self.entries {
            *counts.entry(entry.program.owner).or_default() += 1;
        }
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.program.loading.get().is_some())
            .max_by_key(|(_, entry)| {
                let count = counts.get(&entry.program.owner).copied();
                (count, std::cmp::Reverse(entry.last_asked))
            })
            .map(|(at, _)| at)
    }

    /// Takes a program out, so that it is loaded anew when it is asked for again.
    pub fn remove(&mut self, program: &Program) {
        self.entries
            .retain(|entry| !std::ptr::eq(&raw const *entry.program, program));
    }
}
