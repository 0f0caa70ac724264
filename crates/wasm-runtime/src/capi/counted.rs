//! The allocator of this library: the system's, and while something is counted, how much of the heap that comes to hold.
//!
//! What Wasmtime makes of a loaded program cannot be asked for, nor told from what the program declares: up to thirty times
//! as many bytes as it takes in the compiled file, and less than one. So it is counted as it is allocated. It must not know
//! what is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Threads that count. While there are none, counting costs one look at this.
static COUNTING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Bytes that this thread has allocated and not freed since it began to count; they may be fewer than none.
    static HELD: Cell<Option<isize>> = const { Cell::new(None) };
}

struct Counting;

/// Does some work, and says how many bytes of the heap are held by what came of it. All of the work is done on this thread.
pub fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let counting = Begun::now();
    let done = work();
    let held = HELD.get().unwrap_or(0);
    drop(counting);
    (done, u64::try_from(held).unwrap_or(0))
}

/// Ends the count, whichever way the work ends.
struct Begun {
    /// What was being counted already.
    before: Option<isize>,
}

impl Begun {
    fn now() -> Begun {
        COUNTING.fetch_add(1, Ordering::Relaxed);
        Begun {
            before: HELD.replace(Some(0)),
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let held = HELD.get().unwrap_or(0);
        HELD.set(self.before.map(|before| before.saturating_add(held)));
        COUNTING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Notes that blocks of these sizes were freed and allocated.
#[inline(always)]
fn note(freed: Option<usize>, allocated: Option<usize>) {
    if COUNTING.load(Ordering::Relaxed) != 0 {
        count(freed, allocated);
    }
}

#[cold]
fn count(freed: Option<usize>, allocated: Option<usize>) {
    let [freed, allocated] = [freed, allocated].map(|size| size.map_or(0, whole));
    // A thread that ends has no count any more.
    let _ = HELD.try_with(|held| {
        if let Some(bytes) = held.get() {
            let bytes = bytes.saturating_add_unsigned(allocated);
            held.set(Some(bytes.saturating_sub_unsigned(freed)));
        }
    });
}

/// All that the system's allocator takes for a block of so many bytes.
fn whole(size: usize) -> usize {
    const HEAD: usize = 8;
    const UNIT: usize = 16;
    const LEAST: usize = 32;
    let whole = size.saturating_add(HEAD).checked_next_multiple_of(UNIT);
    whole.unwrap_or(size).max(LEAST)
}

// SAFETY: it is the system's allocator; what is done besides allocates nothing and does not panic.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(None, Some(layout.size()));
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(Some(layout.size()), None);
        // SAFETY: the contract is the same, and the block came from there.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(None, Some(layout.size()));
        // SAFETY: the contract is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(Some(layout.size()), Some(size));
        // SAFETY: the contract is the same, and the block came from there.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_and_what_was_freed_is_not() {
        let (held, bytes) = counted(|| {
            drop(vec![0_u8; 5_000_000]);
            let mut grown = vec![1_u8; 1000];
            grown.reserve_exact(1_000_000);
            // Another thread's memory is its own affair.
            let other = std::thread::spawn(|| vec![1_u8; 3_000_000]);
            (grown, other)
        });
        assert!((1_001_000..1_010_000).contains(&bytes), "{bytes}");
        drop(held);
        let (inner, outer) = counted(|| counted(|| vec![0_u8; 1000]));
        assert_eq!(inner.1, 1008);
        assert_eq!(outer, 1008);
        let (_, less) = counted(|| drop(inner));
        assert_eq!(less, 0);
    }
}
