//! Locks on single bytes of a file, which the system gives back when their holder ends, however it ends.
//!
//! They belong to an open file description: threads and forked processes that have each opened the file keep each other out.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Tries to lock the byte at `offset`, which need not be there. The lock goes when the file's last descriptor is closed.
///
/// # Errors
/// What the system says; that somebody else has the lock is no error.
pub fn try_lock_byte(file: &File, offset: i64) -> io::Result<bool> {
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: offset,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open and the command takes a complete flock, which it only reads.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if result == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        e if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        e => Err(e),
    }
}
