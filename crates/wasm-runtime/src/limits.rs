//! The memory a guest may take: its linear memories and tables, and what the host holds for it, in one account.
//!
//! A denied growth is what the guest would see on a machine without memory: `memory.grow` gives
//! -1. That it happened is remembered, because a guest usually traps soon after. What the host holds is counted by
//! [`held`](crate::held); a guest for which it holds too much is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use wasmtime::ResourceLimiter;

/// Bytes one table element takes in the host.
pub const TABLE_ELEMENT: usize = size_of::<usize>();

/// Bytes that the host may hold for a guest beside its limit. A guest that has used up its memory must still be able to end
/// well, and without this the smallest limit would not allow a request.
const FREE: usize = 4 << 20;

/// The account of one instance's memory, which can be read while the instance runs. Clones are the same
/// account.
#[derive(Clone)]
pub struct Account(Arc<Counts>);

struct Counts {
    /// Memories and tables.
    used: AtomicUsize,
    /// What the host holds.
    held: AtomicUsize,
    denied: AtomicBool,
}

impl Account {
    /// Bytes of memories and tables; they never shrink, so this is also the peak.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed) as u64
    }

    /// Whether a growth has been refused.
    pub fn denied(&self) -> bool {
        self.0.denied.load(Ordering::Relaxed)
    }
}

/// What Wasmtime asks before an instance's memories and tables grow.
pub struct Limits {
    limit: usize,
    account: Account,
}

impl Limits {
    /// An account that allows `limit` bytes.
    pub fn new(limit: u64) -> Limits {
        Limits {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            account: Account(Arc::new(Counts {
                used: AtomicUsize::new(0),
                held: AtomicUsize::new(0),
                denied: AtomicBool::new(false),
            })),
        }
    }

    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The limit in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that the host may hold beside what it held when it was asked last.
    pub fn left(&self) -> usize {
        let counts = &self.account.0;
        let used = counts.used.load(Ordering::Relaxed);
        let held = counts.held.load(Ordering::Relaxed);
        self.limit
            .saturating_sub(used)
            .saturating_add(FREE)
            .saturating_sub(held)
    }

    /// Notes that the host holds so many bytes, and says whether it may.
    pub fn hold(&mut self, held: usize) -> bool {
        let counts = &self.account.0;
        counts.held.store(held, Ordering::Relaxed);
        self.charge(counts.used.load(Ordering::Relaxed))
    }

    // One instance grows on one thread at a time, so load and store need not be one step.
    fn grow(&mut self, current: usize, desired: usize, unit: usize) -> bool {
        let counts = &self.account.0;
        let more = desired.saturating_sub(current).saturating_mul(unit);
        let total = counts.used.load(Ordering::Relaxed).saturating_add(more);
        let may = self.charge(total);
        if may {
            self.account.0.used.store(total, Ordering::Relaxed);
        }
        may
    }

    /// Whether the guest may have `used` bytes of memories and tables, with what the host holds.
    fn charge(&self, used: usize) -> bool {
        let counts = &self.account.0;
        let held = counts.held.load(Ordering::Relaxed).saturating_sub(FREE);
        let may = used.saturating_add(held) <= self.limit;
        if !may {
            counts.denied.store(true, Ordering::Relaxed);
        }
        may
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, 1))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, TABLE_ELEMENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut limits = Limits::new(1 << 20);
        assert!(limits.memory_growing(0, 1 << 19, None).unwrap());
        assert!(limits.table_growing(0, 1 << 16, None).unwrap());
        assert!(!limits.account().denied());
        assert!(
            !limits
                .memory_growing(1 << 19, (1 << 19) + 65536, None)
                .unwrap()
        );
        assert!(limits.account().denied());
        assert_eq!(limits.account().used(), 1 << 20);
    }

    #[test]
    fn what_the_host_holds_counts_from_a_certain_size() {
        let mut limits = Limits::new(1 << 20);
        assert!(limits.memory_growing(0, 1 << 19, None).unwrap());
        assert!(limits.hold(FREE));
        assert_eq!(limits.left(), 1 << 19);
        assert!(limits.hold(FREE + (1 << 19)));
        assert!(!limits.memory_growing(1 << 19, (1 << 19) + 1, None).unwrap());
        assert!(!limits.hold(FREE + (1 << 19) + 1));
        assert!(limits.account().denied());
        // It may be given back.
        assert!(limits.hold(0));
        assert!(limits.memory_growing(1 << 19, 1 << 20, None).unwrap());
    }
}
