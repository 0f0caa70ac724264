//! Signal handlers, in a server that installs its own and forks.
//!
//! Wasmtime turns guest faults into traps with handlers for SIGSEGV, SIGILL and SIGFPE, which it
//! installs once per process when the first engine is made. A server that makes its engine in a
//! parent, then installs crash handlers of its own and forks, would overwrite them. So they are
//! taken back after the engine is made ([`while_preparing`]) and put in place in each child
//! ([`wrt_signals_install`]). A fault that is not a guest's goes to the handler that the server
//! had there: Wasmtime calls what it found at installation, which is [`not_a_guest`].

use super::error::{wrt_error, wrt_status};
use super::guard::{guard, usage};
use crate::{Error, ErrorCode};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

const SIGNALS: [libc::c_int; 3] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE];

type Handlers = [libc::sigaction; SIGNALS.len()];

/// Wasmtime's handlers, once they have been taken back.
static WASMTIME: OnceLock<Handlers> = OnceLock::new();

/// The server's handlers, once Wasmtime's stand in their place.
static SERVER: OnceLock<Handlers> = OnceLock::new();

/// Runs `make`, which may make Wasmtime install its handlers, and leaves the process's handlers as
/// they were.
pub fn while_preparing<T>(make: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let before = replace_all(None)?;
    if WASMTIME.get().is_none() {
        replace_all(Some(&[stub(); SIGNALS.len()]))?;
    }
    let made = make();
    let after = replace_all(Some(&before))?;
    // Only the first engine of a process installs anything.
    if after[0].sa_sigaction != stub().sa_sigaction {
        WASMTIME.get_or_init(|| after);
    }
    made
}

/// Installs the handlers that turn guest faults into traps. Call it once in each process that runs
/// guests, after the process's own crash handlers are in place: those still get every fault that is
/// not a guest's. Without it, a guest's fault is a crash of the process.
///
/// # Safety
/// `error` is NULL or valid for a write. No other thread changes signal handlers meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_signals_install(error: *mut *mut wrt_error) -> wrt_status {
    let install = || {
        let handlers = WASMTIME
            .get()
            .ok_or_else(|| usage("no engine has been made yet"))?;
        if SERVER.get().is_none() {
            let before = replace_all(None)?;
            SERVER.get_or_init(|| before);
            replace_all(Some(handlers))?;
        }
        Ok(())
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, install) }
}

/// Signals that a thread causes itself; it must not block them.
const FAULTS: [libc::c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGBUS,
    libc::SIGABRT,
    libc::SIGTRAP,
];

/// Runs `spawn` with all other signals blocked on this thread; a thread that it starts inherits that.
/// The process's signals are for the server's threads: its handlers may do anything, even end the
/// process from within the handler, and must not find themselves on a thread of ours.
pub fn while_blocked<T>(spawn: impl FnOnce() -> T) -> T {
    let before = set_mask(&all_but_faults());
    let result = spawn();
    set_mask(&before);
    result
}

/// Blocks them on this thread from now on: for threads that somebody else starts for us.
pub fn block_signals() {
    set_mask(&all_but_faults());
}

/// Lets every signal through on this thread, for a process that was started by a thread which had blocked them.
pub fn unblock_signals() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set.
    unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: initialised above.
    set_mask(&unsafe { none.assume_init() });
}

fn all_but_faults() -> libc::sigset_t {
    let mut all = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the whole set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: initialised above.
    let mut all = unsafe { all.assume_init() };
    for fault in FAULTS {
        // SAFETY: the set is initialised and the signal is a valid one.
        unsafe { libc::sigdelset(&mut all, fault) };
    }
    all
}

/// Sets this thread's mask and returns the one before.
fn set_mask(mask: &libc::sigset_t) -> libc::sigset_t {
    let mut before = *mask;
    // SAFETY: both sets are complete and outlive the call, which only fails for a wrong first argument.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, &mut before) };
    before
}

/// What Wasmtime finds installed, and therefore calls for a fault outside guest code: the server's
/// handler goes back in place, and the faulting instruction, run again, reaches it. A signal that
/// somebody sent does not come again by itself, so it is sent on.
///
/// # Safety
/// Called by the kernel, or by Wasmtime's handler with what the kernel gave it.
unsafe extern "C" fn not_a_guest(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _: *mut libc::c_void,
) {
    let server = SIGNALS
        .iter()
        .position(|s| *s == signal)
        .and_then(|i| Some(SERVER.get()?[i]));
    // Reading an initialised OnceLock, sigaction and raise are all allowed in a signal handler.
    let handler = server.unwrap_or_else(default_action);
    // SAFETY: `handler` is a complete sigaction, and no old one is asked for.
    unsafe { libc::sigaction(signal, &handler, ptr::null_mut()) };
    // SAFETY: by this function's contract the information is NULL or valid during the call.
    let sent = unsafe { info.as_ref() }.is_some_and(|info| info.si_code <= 0);
    if sent {
        // SAFETY: raise only takes a number.
        unsafe { libc::raise(signal) };
    }
}

fn stub() -> libc::sigaction {
    let mut action = default_action();
    action.sa_sigaction = not_a_guest as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    action
}

fn default_action() -> libc::sigaction {
    // SAFETY: a sigaction of zeroes is a valid value: SIG_DFL, no flags, an empty mask.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Installs `new`, or nothing, and returns what was there.
fn replace_all(new: Option<&Handlers>) -> Result<Handlers, Error> {
    let mut old = [default_action(); SIGNALS.len()];
    for (i, signal) in SIGNALS.into_iter().enumerate() {
        let new = new.map_or(ptr::null(), |handlers| &raw const handlers[i]);
        // SAFETY: `new` is NULL or points to a complete sigaction, `old[i]` is valid for a write,
        // and both outlive the call.
        if unsafe { libc::sigaction(signal, new, &mut old[i]) } != 0 {
            let cause = std::io::Error::last_os_error();
            let text = format!("cannot set the handler of signal {signal}: {cause}");
            return Err(Error::new(ErrorCode::Engine, text));
        }
    }
    Ok(old)
}
