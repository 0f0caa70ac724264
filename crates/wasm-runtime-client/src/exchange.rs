//! One run of a guest: the request, the callbacks, the outcome.
#![expect(
    unsafe_code,
    reason = "is called back from C; each use is argued for where it stands"
)]

use crate::error::Error;
use crate::runtime::{Runtime, c_string, text_at};
use crate::sys;
use std::any::Any;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Duration;
use std::{ptr, slice};

/// What one request gives to a guest.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The argument vector, argv\[0\] included. No NUL bytes.
    pub args: &'a [&'a [u8]],
    /// The environment, name and value. No NUL bytes.
    pub env: &'a [(&'a [u8], &'a [u8])],
    /// Host directories the guest may use.
    pub mounts: &'a [Mount<'a>],
    /// The exported function to call instead of `_start`; core modules only.
    pub entry_point: Option<&'a str>,
    /// How long the guest may take of its own time; waiting for the client does not count.
    pub timeout: Duration,
    /// Bytes its memories and tables may take together.
    pub memory_limit: u64,
}

/// A host directory that the guest sees under another name.
#[derive(Clone, Copy, Debug)]
pub struct Mount<'a> {
    /// The directory on the host.
    pub host: &'a Path,
    /// Its name for the guest.
    pub guest: &'a str,
    /// Whether the guest may only read.
    pub read_only: bool,
}

/// What the server offers a guest during one run; all calls come on the thread that runs it.
pub trait Exchange {
    /// Reads more of the request body; 0 is its end. Flushes pending output before it blocks.
    ///
    /// # Errors
    /// [`Closed`] stops the guest.
    fn read_body(&mut self, buf: &mut [u8]) -> Result<usize, Closed>;

    /// Takes a piece of the response; with `flush`, all that was taken so far goes to the client.
    ///
    /// # Errors
    /// [`Closed`] stops the guest.
    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed>;

    /// Takes one line of the guest's stderr: any bytes, no line end, at most 8192 of them.
    fn log(&mut self, level: LogLevel, line: &[u8]);

    /// Whether the client has gone.
    fn aborted(&mut self) -> bool;
}

/// A callback's word to stop the guest.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

/// How grave a line of the guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// A line written to stderr.
    Stderr,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The guest returned, or exited with status 0.
    Completed,
    /// The guest exited with this status, which is not 0.
    Exited(u32),
    /// The guest trapped.
    Trapped,
    /// The guest took longer than its time.
    TimedOut,
    /// The guest asked for more memory than its limit and then trapped.
    LimitReached,
    /// The client went away, or a callback answered [`Closed`].
    ClientGone,
    /// The guest could not be instantiated.
    NotStarted,
}

/// The end of a run and what to log of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the run ended.
    pub end: End,
    /// One line that says why; empty when there is nothing to say.
    pub detail: String,
    /// The guest's stack, several lines; empty when there is none.
    pub backtrace: String,
    /// Whether the memory limit refused the guest something.
    pub memory_denied: bool,
    /// The most bytes that the guest's memories and tables took.
    pub peak_memory: u64,
}

/// What the callbacks get as their context.
struct Context<'a> {
    exchange: &'a mut dyn Exchange,
    panic: Option<Box<dyn Any + Send>>,
}

pub(crate) fn run(
    runtime: &Runtime,
    guest: *const sys::wrt_guest,
    request: &Request<'_>,
    exchange: &mut dyn Exchange,
) -> Result<Outcome, Error> {
    let args: Vec<_> = request.args.iter().map(|arg| bytes(arg)).collect();
    let env: Vec<_> = request.env.iter().map(|pair| variable(*pair)).collect();
    let mounts: Vec<_> = request.mounts.iter().map(mount).collect();
    let entry_point = request.entry_point.map(c_string).transpose()?;
    let request = sys::wrt_request {
        size: size_of::<sys::wrt_request>(),
        args: args.as_ptr(),
        args_len: args.len(),
        env: env.as_ptr(),
        env_len: env.len(),
        mounts: mounts.as_ptr(),
        mounts_len: mounts.len(),
        entry_point: entry_point
            .as_ref()
            .map_or(ptr::null(), |name| name.as_ptr()),
        timeout_ms: u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
        memory_limit: request.memory_limit,
    };
    let mut context = Context {
        exchange,
        panic: None,
    };
    let mut outcome = MaybeUninit::uninit();
    let result = runtime.call(|error| {
        let ctx: *mut Context<'_> = &mut context;
        // SAFETY: the guest is alive; request, callbacks and context live until after the call,
        // with all that they point to; `outcome` and `error` are valid for writes.
        unsafe {
            runtime.functions.wrt_exchange_run(
                guest,
                &request,
                &OPS,
                ctx.cast(),
                outcome.as_mut_ptr(),
                error,
            )
        }
    });
    // The outcome is filled only with success; taking it first frees its texts in any case.
    let outcome = result.map(|()| {
        // SAFETY: the library fills the outcome when it reports success.
        let mut outcome = unsafe { outcome.assume_init() };
        let ended = read_outcome(&outcome);
        // SAFETY: filled by the library, and its texts have been copied.
        unsafe { runtime.functions.wrt_outcome_clear(&mut outcome) };
        ended
    });
    match context.panic {
        Some(payload) => resume_unwind(payload),
        None => outcome,
    }
}

const OPS: sys::wrt_ops = sys::wrt_ops {
    size: size_of::<sys::wrt_ops>(),
    read_body: Some(read_body),
    write_body: Some(write_body),
    log: Some(log),
    aborted: Some(aborted),
};

fn read_outcome(outcome: &sys::wrt_outcome) -> Outcome {
    let end = match outcome.end {
        sys::WRT_END_COMPLETED => End::Completed,
        sys::WRT_END_EXITED => End::Exited(outcome.exit_status),
        sys::WRT_END_TIMED_OUT => End::TimedOut,
        sys::WRT_END_LIMIT_REACHED => End::LimitReached,
        sys::WRT_END_CLIENT_GONE => End::ClientGone,
        sys::WRT_END_NOT_STARTED => End::NotStarted,
        // A trap, or an end that only a newer library knows.
        _ => End::Trapped,
    };
    Outcome {
        end,
        detail: text_at(outcome.detail).unwrap_or_default(),
        backtrace: text_at(outcome.backtrace).unwrap_or_default(),
        memory_denied: outcome.memory_denied,
        peak_memory: outcome.peak_memory,
    }
}

fn bytes(data: &[u8]) -> sys::wrt_bytes {
    sys::wrt_bytes {
        data: data.as_ptr(),
        len: data.len(),
    }
}

fn variable((name, value): (&[u8], &[u8])) -> sys::wrt_variable {
    sys::wrt_variable {
        name: bytes(name),
        value: bytes(value),
    }
}

fn mount(mount: &Mount<'_>) -> sys::wrt_mount {
    sys::wrt_mount {
        host: bytes(mount.host.as_os_str().as_bytes()),
        guest: bytes(mount.guest.as_bytes()),
        read_only: mount.read_only,
    }
}

/// Enters Rust from a callback. A panic is kept for [`run`], and every later call answers as if the
/// exchange were closed.
///
/// # Safety
/// `ctx` is the context that [`run`] passed, and no other reference to it is in use.
unsafe fn enter<R>(ctx: *mut c_void, closed: R, call: impl FnOnce(&mut dyn Exchange) -> R) -> R {
    // SAFETY: by this function's contract.
    let context = unsafe { &mut *ctx.cast::<Context<'_>>() };
    if context.panic.is_some() {
        return closed;
    }
    // The exchange is not used again after a panic.
    match catch_unwind(AssertUnwindSafe(|| call(context.exchange))) {
        Ok(answer) => answer,
        Err(payload) => {
            context.panic = Some(payload);
            closed
        }
    }
}

unsafe extern "C" fn read_body(
    ctx: *mut c_void,
    buf: *mut u8,
    cap: usize,
    n: *mut usize,
) -> sys::wrt_flow {
    // SAFETY: the library passes `cap` writable bytes, borrowed for this call.
    let buf = unsafe { slice::from_raw_parts_mut(buf, cap) };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    let read = unsafe { enter(ctx, Err(Closed), |exchange| exchange.read_body(buf)) };
    match read {
        Ok(count) => {
            // SAFETY: the library passes a place for the count.
            unsafe { n.write(count) };
            sys::WRT_CONTINUE
        }
        Err(Closed) => sys::WRT_CLOSED,
    }
}

unsafe extern "C" fn write_body(
    ctx: *mut c_void,
    buf: *const u8,
    n: usize,
    flush: bool,
) -> sys::wrt_flow {
    let data = match n {
        0 => &[],
        // SAFETY: the library passes `n` readable bytes, borrowed for this call.
        _ => unsafe { slice::from_raw_parts(buf, n) },
    };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    let written = unsafe {
        enter(ctx, Err(Closed), |exchange| {
            exchange.write_body(data, flush)
        })
    };
    match written {
        Ok(()) => sys::WRT_CONTINUE,
        Err(Closed) => sys::WRT_CLOSED,
    }
}

unsafe extern "C" fn log(ctx: *mut c_void, _: sys::wrt_log_level, text: *const u8, n: usize) {
    // SAFETY: the library passes `n` readable bytes, borrowed for this call.
    let line = unsafe { slice::from_raw_parts(text, n) };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    unsafe { enter(ctx, (), |exchange| exchange.log(LogLevel::Stderr, line)) };
}

unsafe extern "C" fn aborted(ctx: *mut c_void) -> bool {
    // SAFETY: the library passes the context back unchanged, one call at a time.
    unsafe { enter(ctx, true, |exchange| exchange.aborted()) }
}
