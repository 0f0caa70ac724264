//! Memory that the parent and its children have in common. Must not know what is in it.
//!
//! It holds numbers that are changed as a whole and nothing else: a process may be killed at any time, and no lock may stay
//! behind. No pool owns it. httpd clears the pool of its configuration with each restart, and safe code could keep a reference.

use std::sync::atomic::AtomicU64;
use std::{io, ptr, slice};

/// So many numbers, each of them 0, which this process shares with all that it forks from now on. They are never given back:
/// make them once and keep them over restarts.
///
/// # Errors
/// The system has no such memory.
pub fn shared_numbers(count: usize) -> io::Result<&'static [AtomicU64]> {
    let size = count
        .checked_mul(size_of::<AtomicU64>())
        .ok_or(io::ErrorKind::OutOfMemory)?;
    let (access, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping, where the system wants it: none that is there is touched.
    let memory = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: so many bytes are mapped there, from the start of a page, all of them 0, which is a number. Nobody ever unmaps
    // them, and the address is given away only here: every process that has them changes them as atomics.
    Ok(unsafe { slice::from_raw_parts(memory.cast::<AtomicU64>(), count) })
}
