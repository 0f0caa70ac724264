//! Gives back to the system what calls of a guest had of their stack and do not need any more: a stack would stay as large as
//! any guest has ever made it.
//!
//! Wasmtime can do that for each stack that it takes back, with a system call that costs little as long as one thread makes it,
//! and a fifteenth of the speed of short requests when several do. So it is done here, by the call that returns, and only when
//! it seems to have been deep. It must not know whose call it is.

use crate::engine::{FIBER_STACK, GUEST_STACK};
use std::cell::Cell;
use std::ffi::c_void;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::ptr;

/// Bytes of the stack that stay at least: what most programs need, with the host's functions and httpd's filters that they call.
const KEPT: usize = 64 << 10;

/// What is given back begins and ends at a multiple of this: that of any size of pages.
const UNIT: usize = 64 << 10;

/// How far below the first call on a stack another may begin, bytes: that one may use up its part, and the host needs some to
/// call again.
pub(crate) const DEEPEST: usize = GUEST_STACK + (128 << 10);
/// What lies above the first call, with room to spare.
const ABOVE: usize = 64 << 10;
// Behind a call that begins there a quarter of a MiB is the host's.
const _: () = assert!(ABOVE + DEEPEST + GUEST_STACK + (256 << 10) <= FIBER_STACK);

/// Bytes that are looked at in one place.
const PAGE: usize = 4096;

/// What a page that was never used looks like.
static UNUSED: [u8; PAGE] = [0; PAGE];

thread_local! {
    /// The thread's own stack. Wasmtime runs guests on others.
    static OWN: Range<usize> = own();
    /// Random, and not to be foreseen by a guest.
    static RANDOM: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
}

/// To be called where a call of a guest has returned that began `depth` bytes below the first one on its stack: gives back what
/// seems to have been used below it, or all in any case. It does nothing on a thread's own stack.
pub fn give_back(depth: usize, in_any_case: bool) {
    let here = here();
    if depth > DEEPEST {
        return;
    }
    if OWN.try_with(|own| own.contains(&here)).unwrap_or(true) {
        return;
    }
    let end = (here - KEPT) & !(UNIT - 1);
    let size = (FIBER_STACK - ABOVE - depth - KEPT - UNIT) & !(UNIT - 1);
    // A call that goes deeper leaves something in the first page, if only where it returns to. It could be made to leave out that
    // page, but not another that it cannot know.
    if !in_any_case && !is_used(end - PAGE) && !is_used(end - PAGE * (1 + random(size / PAGE))) {
        return;
    }
    let start = ptr::with_exposed_provenance_mut::<c_void>(end - size);
    // SAFETY: the thread runs on a stack that Wasmtime has made for guests, of `FIBER_STACK` bytes: all calls of guests are
    // asynchronous. The caller is at most `ABOVE` and `depth` below its upper end. So these are bytes of that stack below all that is
    // in use, of any store. What is not given back does no harm.
    unsafe { libc::madvise(start, size, libc::MADV_DONTNEED) };
}

/// Whether there is anything in the page at this address, which lies in the unused part of a guest's stack.
fn is_used(page: usize) -> bool {
    let page = ptr::with_exposed_provenance::<u8>(page);
    // SAFETY: they are bytes of the stack that this thread runs on, as in `give_back`, so they can be read, and nobody else writes
    // them. Where nothing has been, the kernel shows zeros.
    let page = unsafe { std::slice::from_raw_parts(page, PAGE) };
    page != UNUSED
}

/// A number below `most`.
fn random(most: usize) -> usize {
    let mut number = RANDOM.get();
    number ^= number << 13;
    number ^= number >> 7;
    number ^= number << 17;
    RANDOM.set(number);
    (number >> 33) as usize % most
}

/// About where the caller's part of the stack is.
#[inline(never)]
pub fn here() -> usize {
    let local = 0u8;
    std::hint::black_box(ptr::from_ref(&local)).expose_provenance()
}

/// Where the thread's own stack is; anywhere, if that cannot be found out.
fn own() -> Range<usize> {
    let anywhere = 0..usize::MAX;
    // SAFETY: the type is plain data, for which zeros are a value.
    let mut attributes: libc::pthread_attr_t = unsafe { std::mem::zeroed() };
    // SAFETY: it always succeeds.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: the thread is this one, and the attributes are there to be written.
    if unsafe { libc::pthread_getattr_np(thread, &raw mut attributes) } != 0 {
        return anywhere;
    }
    let (mut start, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes have just been written, and both results are there to be.
    let found = unsafe {
        libc::pthread_attr_getstack(&raw const attributes, &raw mut start, &raw mut size)
    };
    // SAFETY: nobody uses them any more.
    unsafe { libc::pthread_attr_destroy(&raw mut attributes) };
    match found {
        0 => start.addr()..start.addr().saturating_add(size),
        _ => anywhere,
    }
}
