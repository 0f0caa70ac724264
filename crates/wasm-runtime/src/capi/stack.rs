//! Gives back to the system what calls of a guest had of their stack and do not need any more: a stack would stay as large as
//! any guest has ever made it.
//!
//! Wasmtime can do that for each stack that it takes back, with a system call that costs little as long as one thread makes it,
//! and a fifteenth of the speed of short requests when several do. So it is done here, by the call that returns: if it seems to
//! have been deep, and in any case while the process has much more memory than it had. It must not know whose call it is.

use super::heap::has_grown;
use crate::engine::{FIBER_STACK, GUEST_STACK};
use std::ffi::c_void;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Bytes of the stack that stay: what most programs need, with the host's functions and httpd's filters that they call.
const KEPT: usize = 64 << 10;

/// What stays where there is too little memory for that: there may be thousands of stacks.
const KEPT_AT_LEAST: usize = 8 << 10;

/// The size of the largest pages of any system.
const LARGEST_PAGE: usize = 64 << 10;

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

/// A call that fills its stack with zeros leaves nothing to be seen. So after every so many calls it is asked whether the process
/// has grown.
const NOW_AND_THEN: u32 = 16;
static CALLS: AtomicU32 = AtomicU32::new(0);
static GROWN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The thread's own stack. Wasmtime runs guests on others.
    static OWN: Range<usize> = own();
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
    if CALLS
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(NOW_AND_THEN)
    {
        GROWN.store(has_grown(), Ordering::Relaxed);
    }
    let grown = GROWN.load(Ordering::Relaxed);
    let kept = if grown { KEPT_AT_LEAST } else { KEPT };
    let page = page_size();
    let end = (here - kept) & !(page - 1);
    // A call that goes deeper leaves something in the first page, if only where it returns to, unless it is made for that.
    if !in_any_case && !grown && !is_used(end - PAGE) {
        return;
    }
    let size = (FIBER_STACK - ABOVE - depth - KEPT - LARGEST_PAGE) & !(page - 1);
    let start = ptr::with_exposed_provenance_mut::<c_void>(end - size);
    // SAFETY: the thread runs on a stack that Wasmtime has made for guests, of `FIBER_STACK` bytes: all calls of guests are
    // asynchronous. The caller is at most `ABOVE` and `depth` below its upper end. So these are bytes of that stack below all that is
    // in use, of any store. What is not given back does no harm.
    unsafe { libc::madvise(start, size, libc::MADV_DONTNEED) };
}

fn page_size() -> usize {
    // SAFETY: it takes a number, and may be called at any time.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // A larger size than that of the system is a multiple of it.
    usize::try_from(size).map_or(LARGEST_PAGE, |size| size.min(LARGEST_PAGE))
}

/// Whether there is anything in the page at this address, which lies in the unused part of a guest's stack.
fn is_used(page: usize) -> bool {
    let page = ptr::with_exposed_provenance::<u8>(page);
    // SAFETY: they are bytes of the stack that this thread runs on, as in `give_back`, so they can be read, and nobody else writes
    // them. Where nothing has been, the kernel shows zeros.
    let page = unsafe { std::slice::from_raw_parts(page, PAGE) };
    page != UNUSED
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
