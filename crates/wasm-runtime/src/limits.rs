//! The memory a guest may take: all its linear memories and tables together.
//!
//! A denied growth is what the guest would see on a machine without memory: `memory.grow` gives
//! -1. That it happened is remembered, because a guest usually traps soon after.

use wasmtime::ResourceLimiter;

/// Bytes one table element takes in the host.
const TABLE_ELEMENT: usize = size_of::<usize>();

/// The account of one guest's memory.
pub struct Limits {
    limit: usize,
    used: usize,
    denied: bool,
}

impl Limits {
    /// An account that allows `limit` bytes.
    pub fn new(limit: u64) -> Limits {
        Limits {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            used: 0,
            denied: false,
        }
    }

    /// Bytes of memories and tables; they never shrink, so this is also the peak.
    pub fn used(&self) -> u64 {
        self.used as u64
    }

    /// Whether a growth has been refused.
    pub fn denied(&self) -> bool {
        self.denied
    }

    fn grow(&mut self, current: usize, desired: usize, unit: usize) -> bool {
        let more = desired.saturating_sub(current).saturating_mul(unit);
        let total = self.used.saturating_add(more);
        if total > self.limit {
            self.denied = true;
            return false;
        }
        self.used = total;
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
        assert!(!limits.denied());
        assert!(
            !limits
                .memory_growing(1 << 19, (1 << 19) + 65536, None)
                .unwrap()
        );
        assert!(limits.denied());
        assert_eq!(limits.used(), 1 << 20);
    }
}
