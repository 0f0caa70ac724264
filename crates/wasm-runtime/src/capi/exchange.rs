//! One request in C's terms: what it gives the guest, what the guest may call, how it ended.

use super::guard::usage;
use super::text::{array, c_str, wrt_bytes};
use crate::{Closed, End, Error, Exchange, LogLevel, Mount, Outcome, Request};
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr;
use std::time::Duration;

/// A name and its value.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_variable {
    /// The name; no NUL, no `=`.
    pub name: wrt_bytes,
    /// The value; no NUL.
    pub value: wrt_bytes,
}

/// A host directory that the guest may use under another name.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_mount {
    /// The directory on the host, UTF-8.
    pub host: wrt_bytes,
    /// Its name for the guest, UTF-8.
    pub guest: wrt_bytes,
    /// Whether the guest may only read.
    pub read_only: bool,
}

/// What one request gives to a guest. Everything is borrowed for the run.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_request {
    /// `sizeof(wrt_request)`.
    pub size: usize,
    /// The argument vector, `argv[0]` included.
    pub args: *const wrt_bytes,
    /// How many arguments there are.
    pub args_len: usize,
    /// The environment.
    pub env: *const wrt_variable,
    /// How many variables there are.
    pub env_len: usize,
    /// The directories that the guest may use.
    pub mounts: *const wrt_mount,
    /// How many directories there are.
    pub mounts_len: usize,
    /// The exported function to call instead of the kind's own; NULL for that one.
    pub entry_point: *const c_char,
    /// Milliseconds the guest may take; what it waits in `read_body` and `write_body` does not
    /// count.
    pub timeout_ms: u64,
    /// Bytes that its memories and tables may take together.
    pub memory_limit: u64,
}

/// A callback's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_flow {
    /// Done; go on.
    WRT_CONTINUE = 0,
    /// Stop the guest: the client is gone, or nothing more is wanted from it.
    WRT_CLOSED = 1,
}

/// How grave a line of the guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_log_level {
    /// A line the guest wrote to its standard error.
    WRT_LOG_STDERR = 0,
}

/// What the server offers a running guest. The engine calls these on the thread that called
/// `wrt_exchange_run`, one at a time. They may block. They must not unwind (throw, panic, longjmp)
/// and must not keep any pointer they are given.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_ops {
    /// `sizeof(wrt_ops)`.
    pub size: usize,
    /// Reads at most `cap` bytes of the request body into `buf` and sets `*n`; `*n == 0` is the end
    /// of the body. May read less than `cap`. Should flush pending output before it blocks.
    pub read_body:
        unsafe extern "C" fn(ctx: *mut c_void, buf: *mut u8, cap: usize, n: *mut usize) -> wrt_flow,
    /// Takes all of the `n` bytes at `buf` for the response. With `flush`, all that was taken so far
    /// must go out to the client now; such a call may carry no bytes.
    pub write_body:
        unsafe extern "C" fn(ctx: *mut c_void, buf: *const u8, n: usize, flush: bool) -> wrt_flow,
    /// Takes one line for the log, at most 8192 bytes, without a line end; any bytes.
    pub log:
        unsafe extern "C" fn(ctx: *mut c_void, level: wrt_log_level, text: *const u8, n: usize),
    /// Whether the client has gone. Asked about ten times a second while the guest runs or sleeps.
    pub aborted: unsafe extern "C" fn(ctx: *mut c_void) -> bool,
}

/// How a run ended. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_end {
    /// The guest returned, or exited with status 0.
    WRT_END_COMPLETED = 0,
    /// The guest exited with another status.
    WRT_END_EXITED = 1,
    /// The guest trapped.
    WRT_END_TRAPPED = 2,
    /// The guest took longer than its time.
    WRT_END_TIMED_OUT = 3,
    /// The guest asked for more memory than its limit and then trapped.
    WRT_END_LIMIT_REACHED = 4,
    /// The client went away, or a callback answered WRT_CLOSED.
    WRT_END_CLIENT_GONE = 5,
    /// The guest could not be instantiated.
    WRT_END_NOT_STARTED = 6,
}

/// How a run ended and what to log of it.
#[repr(C)]
pub struct wrt_outcome {
    /// How it ended.
    pub end: wrt_end,
    /// The exit status, for WRT_END_EXITED.
    pub exit_status: u32,
    /// One line that says why; NULL when there is nothing to say.
    pub detail: *mut c_char,
    /// The guest's stack, several lines; NULL when there is none.
    pub backtrace: *mut c_char,
    /// Whether the memory limit refused the guest something.
    pub memory_denied: bool,
    /// The most bytes that the guest's memories and tables took.
    pub peak_memory: u64,
}

/// Frees the texts of an outcome and sets them to NULL.
///
/// # Safety
/// `outcome` is NULL or an outcome that `wrt_exchange_run` has filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_outcome_clear(outcome: *mut wrt_outcome) {
    // SAFETY: the caller promises NULL or a valid outcome that nobody else uses meanwhile.
    if let Some(outcome) = unsafe { outcome.as_mut() } {
        for text in [&mut outcome.detail, &mut outcome.backtrace] {
            if !text.is_null() {
                // SAFETY: made by CString::into_raw in `text_of`; set to NULL below, so freed once.
                drop(unsafe { CString::from_raw(*text) });
            }
            *text = ptr::null_mut();
        }
    }
}

impl From<Outcome> for wrt_outcome {
    fn from(outcome: Outcome) -> wrt_outcome {
        let (end, exit_status) = match outcome.end {
            End::Completed => (wrt_end::WRT_END_COMPLETED, 0),
            End::Exited(status) => (wrt_end::WRT_END_EXITED, status),
            End::Trapped => (wrt_end::WRT_END_TRAPPED, 0),
            End::TimedOut => (wrt_end::WRT_END_TIMED_OUT, 0),
            End::LimitReached => (wrt_end::WRT_END_LIMIT_REACHED, 0),
            End::ClientGone => (wrt_end::WRT_END_CLIENT_GONE, 0),
            End::NotStarted => (wrt_end::WRT_END_NOT_STARTED, 0),
        };
        wrt_outcome {
            end,
            exit_status,
            detail: text_of(outcome.detail),
            backtrace: text_of(outcome.backtrace),
            memory_denied: outcome.memory_denied,
            peak_memory: outcome.peak_memory,
        }
    }
}

fn text_of(text: String) -> *mut c_char {
    match text.is_empty() {
        true => ptr::null_mut(),
        false => CString::new(text.replace('\0', " "))
            .unwrap_or_default()
            .into_raw(),
    }
}

/// A request's lists in Rust's terms.
pub struct Parts<'a> {
    args: Vec<&'a [u8]>,
    env: Vec<(&'a [u8], &'a [u8])>,
    mounts: Vec<Mount<'a>>,
    entry_point: Option<&'a str>,
    timeout: Duration,
    memory_limit: u64,
}

impl wrt_request {
    /// Borrows everything the request points to.
    ///
    /// # Safety
    /// All its pointers stay valid, and what they point to unchanged, for `'a`.
    pub unsafe fn parts<'a>(&self) -> Result<Parts<'a>, Error> {
        // SAFETY: `args` and its length belong together by the contract.
        let args = unsafe { array(self.args, self.args_len) };
        // SAFETY: `env` and its length belong together by the contract.
        let env = unsafe { array(self.env, self.env_len) };
        // SAFETY: `mounts` and its length belong together by the contract.
        let mounts = unsafe { array(self.mounts, self.mounts_len) };
        // SAFETY: NULL or NUL-terminated by the contract.
        let entry_point = unsafe { c_str(self.entry_point, "entry_point") }?;
        // SAFETY: the caller keeps every string of the lists valid for 'a.
        let bytes = |b: &wrt_bytes| unsafe { b.as_slice() };
        // SAFETY: the caller keeps every string of the lists valid for 'a.
        let text = |b: &wrt_bytes, what| unsafe { b.as_str(what) };
        let mounts = mounts.iter().map(|mount| {
            Ok(Mount {
                host: Path::new(text(&mount.host, "a mount's host directory")?),
                guest: text(&mount.guest, "a mount's name")?,
                read_only: mount.read_only,
            })
        });
        let parts = Parts {
            args: args.iter().map(bytes).collect(),
            env: env
                .iter()
                .map(|v| (bytes(&v.name), bytes(&v.value)))
                .collect(),
            mounts: mounts.collect::<Result<_, Error>>()?,
            entry_point,
            timeout: Duration::from_millis(self.timeout_ms),
            memory_limit: self.memory_limit,
        };
        match parts.has_nul() {
            true => Err(usage("an argument or a variable holds a NUL byte")),
            false => Ok(parts),
        }
    }
}

impl Parts<'_> {
    /// The request that borrows these lists.
    pub fn borrow(&self) -> Request<'_> {
        Request {
            args: &self.args,
            env: &self.env,
            mounts: &self.mounts,
            entry_point: self.entry_point,
            timeout: self.timeout,
            memory_limit: self.memory_limit,
        }
    }

    fn has_nul(&self) -> bool {
        let variables = self.env.iter().flat_map(|(name, value)| [name, value]);
        self.args
            .iter()
            .chain(variables)
            .any(|text| text.contains(&0))
    }
}

/// The caller's callbacks as an [`Exchange`].
pub struct Callbacks {
    ops: wrt_ops,
    ctx: *mut c_void,
}

impl Callbacks {
    /// Wraps callbacks.
    ///
    /// # Safety
    /// `ctx` is what the callbacks expect and stays valid as long as this value.
    pub unsafe fn new(ops: wrt_ops, ctx: *mut c_void) -> Callbacks {
        Callbacks { ops, ctx }
    }
}

// SAFETY: a run polls its guest on the thread that called `wrt_exchange_run` and nowhere else, so
// neither `ctx` nor a call of the callbacks ever leaves it; Send is asked for by the store's type.
unsafe impl Send for Callbacks {}

impl Exchange for Callbacks {
    fn read_body(&mut self, buf: &mut [u8]) -> Result<usize, Closed> {
        let mut n = 0;
        // SAFETY: `ctx` is valid by the contract of `new`; `buf` is writable for its length.
        let flow = unsafe { (self.ops.read_body)(self.ctx, buf.as_mut_ptr(), buf.len(), &mut n) };
        match flow {
            wrt_flow::WRT_CONTINUE => Ok(n.min(buf.len())),
            wrt_flow::WRT_CLOSED => Err(Closed),
        }
    }

    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed> {
        // SAFETY: `ctx` is valid by the contract of `new`; `data` is readable for its length.
        let flow = unsafe { (self.ops.write_body)(self.ctx, data.as_ptr(), data.len(), flush) };
        match flow {
            wrt_flow::WRT_CONTINUE => Ok(()),
            wrt_flow::WRT_CLOSED => Err(Closed),
        }
    }

    fn log(&mut self, level: LogLevel, line: &[u8]) {
        let level = match level {
            LogLevel::Stderr => wrt_log_level::WRT_LOG_STDERR,
        };
        // SAFETY: `ctx` is valid by the contract of `new`; `line` is readable for its length.
        unsafe { (self.ops.log)(self.ctx, level, line.as_ptr(), line.len()) };
    }

    fn aborted(&mut self) -> bool {
        // SAFETY: `ctx` is valid by the contract of `new`.
        unsafe { (self.ops.aborted)(self.ctx) }
    }
}
