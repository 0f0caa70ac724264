//! Threads of the module beside those of httpd. Must not know what they do.

use std::io;
use std::mem::MaybeUninit;
use std::thread::Builder;

/// Starts a thread on which no signal of the process is handled: httpd's handlers may do anything, even end the process from
/// within, and must not find themselves on a thread of ours. It ends with the process at the latest, wherever it is.
///
/// # Errors
/// What the system says.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut all = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the whole set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: initialised above.
    let mut all: libc::sigset_t = unsafe { all.assume_init() };
    // What a thread causes itself must not be blocked.
    for fault in [
        libc::SIGSEGV,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGBUS,
        libc::SIGABRT,
        libc::SIGTRAP,
    ] {
        // SAFETY: the set is initialised and the signal is a valid one.
        unsafe { libc::sigdelset(&raw mut all, fault) };
    }
    let mut before = all;
    // SAFETY: both sets are complete and outlive the call, which only fails for a wrong first argument.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    // The thread inherits the mask.
    let started = Builder::new().name(name.to_owned()).spawn(work);
    // SAFETY: the set is the one that was in force before.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    started.map(drop)
}
