//! The memory a guest may take: all its linear memories and tables together.
//!
//! A denied growth is what the guest would see on a machine without memory: `memory.grow` gives
//! -1. That it happened is remembered, because a guest usually traps soon after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use wasmtime::ResourceLimiter;

/// Bytes one table element takes in the host.
pub const TABLE_ELEMENT: usize = size_of::<usize>();

/// The account of one instance's memory, which can be read while the instance runs. Clones are the same
/// account.
#[derive(Clone)]
pub struct Account(Arc<Counts>);

struct Counts {
    used: AtomicUsize,
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
                denied: AtomicBool::new(false),
            })),
        }
    }

    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    // One instance grows on one thread at a time, so load and store need not be one step.
    fn grow(&mut self, current: usize, desired: usize, unit: usize) -> bool {
        let counts = &self.account.0;
        let more = desired.saturating_sub(current).saturating_mul(unit);
        let total = counts.used.load(Ordering::Relaxed).saturating_add(more);
        if total > self.limit {
            counts.denied.store(true, Ordering::Relaxed);
            return false;
        }
        counts.used.store(total, Ordering::Relaxed);
        true
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
}
