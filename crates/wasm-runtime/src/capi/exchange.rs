//! The callbacks that a server lends to a running guest, as an [`Exchange`].

use super::engine::check_size;
use super::guard::usage;
use super::request::wrt_field;
use super::text::{array, wrt_bytes};
use crate::{BodyRead, Closed, Error, Exchange, Field, LogLevel};
use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

/// A callback's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_flow {
    /// Done; go on.
    WRT_CONTINUE = 0,
    /// Stop the guest: the client is gone, or nothing more is wanted from it.
    WRT_CLOSED = 1,
    /// Nothing has come yet; only from `read_body` when it was not to wait.
    WRT_LATER = 2,
}

/// How grave a line of the guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_log_level {
    /// A line the guest wrote to its standard error, or an http guest to its standard output.
    WRT_LOG_STDERR = 0,
    /// A message of the guest through `wasi:logging`, at its level `trace`.
    WRT_LOG_TRACE = 1,
    /// The same, `debug`.
    WRT_LOG_DEBUG = 2,
    /// The same, `info`.
    WRT_LOG_INFO = 3,
    /// The same, `warn`.
    WRT_LOG_WARN = 4,
    /// The same, `error`.
    WRT_LOG_ERROR = 5,
    /// The same, `critical`.
    WRT_LOG_CRITICAL = 6,
    /// Not the guest's: the engine refused the guest a connection; the text says which one and what
    /// destination would allow it.
    WRT_LOG_DENIED = 7,
    /// Not the guest's: the engine refused to open a file, a directory or a socket, since the guest has
    /// `max_open_files` of them. Told once per instance.
    WRT_LOG_FILE_LIMIT = 8,
    /// The same, since the process has few descriptors left. Told once per instance, and not more than once a
    /// second by a process.
    WRT_LOG_FILE_RESERVE = 9,
}

/// What the server offers a running guest. The engine calls these on the thread that called
/// `wrt_exchange_run`, one at a time. They may block. They must not unwind (throw, panic, longjmp)
/// and must not keep any pointer they are given. None may be NULL, also where it is called for http guests
/// only.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_ops {
    /// `sizeof(wrt_ops)`.
    pub size: usize,
    /// Reads at most `cap` bytes of the request body into `buf` and sets `*n`; `*n == 0` is the end
    /// of the body. May read less than `cap`. With `wait` it blocks until there is something, and should
    /// flush pending output before; without, it may answer WRT_LATER.
    pub read_body: unsafe extern "C" fn(
        ctx: *mut c_void,
        buf: *mut u8,
        cap: usize,
        wait: bool,
        n: *mut usize,
    ) -> wrt_flow,
    /// Blocks until `read_body` may have more, the descriptor `wake_fd` can be read, or `timeout_ms`
    /// milliseconds are over. Leaves the descriptor alone. It may return early. A guest waits here for its
    /// client and for other things at once.
    pub wait: unsafe extern "C" fn(ctx: *mut c_void, wake_fd: c_int, timeout_ms: u32),
    /// Sets `*fields` and `*n` to the trailer fields of the request, which stay valid until the run has
    /// ended. Called at most once, after the end of the body. Only for http guests.
    pub read_trailers:
        unsafe extern "C" fn(ctx: *mut c_void, fields: *mut *const wrt_field, n: *mut usize),
    /// Takes the status and the header fields of the response. Only for http guests, and then once, before
    /// `write_body`.
    pub send_head: unsafe extern "C" fn(
        ctx: *mut c_void,
        status: u16,
        fields: *const wrt_field,
        n: usize,
    ) -> wrt_flow,
    /// Takes all of the `n` bytes at `buf` for the response. With `flush`, all that was taken so far
    /// must go out to the client now; such a call may carry no bytes.
    pub write_body:
        unsafe extern "C" fn(ctx: *mut c_void, buf: *const u8, n: usize, flush: bool) -> wrt_flow,
    /// The response is whole: takes its `n` trailer fields. With `flush` the guest has still work to do, and
    /// the client must not wait for that. Only for http guests; a command's response is whole when the run
    /// has ended well.
    pub end_response: unsafe extern "C" fn(
        ctx: *mut c_void,
        trailers: *const wrt_field,
        n: usize,
        flush: bool,
    ) -> wrt_flow,
    /// Takes one line for the log, at most 8192 bytes, without a line end; any bytes.
    pub log:
        unsafe extern "C" fn(ctx: *mut c_void, level: wrt_log_level, text: *const u8, n: usize),
    /// Whether the client has gone. Asked about ten times a second while the guest runs or sleeps.
    pub aborted: unsafe extern "C" fn(ctx: *mut c_void) -> bool,
}

impl wrt_ops {
    /// The callbacks at `ops`.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`](crate::ErrorCode::Usage): NULL, another size, or a callback is missing.
    ///
    /// # Safety
    /// `ops` is NULL or points to a struct whose `size` is set, and which lives during the call.
    pub unsafe fn read(ops: *const wrt_ops) -> Result<wrt_ops, Error> {
        const WORDS: usize = size_of::<wrt_ops>() / size_of::<usize>();
        if ops.is_null() {
            return Err(usage("ops is NULL"));
        }
        // SAFETY: not null, and the caller promises that it begins with its size.
        let size = unsafe { ops.cast::<usize>().read() };
        check_size(size, size_of::<wrt_ops>(), "wrt_ops")?;
        // As numbers first: a function pointer of Rust is never NULL. Size and callbacks are a word each, without gaps.
        // SAFETY: it has the size that it should have, so all these words are there.
        let words = unsafe { ops.cast::<[usize; WORDS]>().read() };
        if words.contains(&0) {
            return Err(usage("a callback in wrt_ops is NULL"));
        }
        // SAFETY: it is there, and no callback is NULL; the caller promises that they are functions.
        Ok(unsafe { ops.read() })
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

/// A callback's answer where there is nothing to wait for.
fn done(flow: wrt_flow) -> Result<(), Closed> {
    match flow {
        wrt_flow::WRT_CONTINUE | wrt_flow::WRT_LATER => Ok(()),
        wrt_flow::WRT_CLOSED => Err(Closed),
    }
}

fn borrow(fields: &[Field<'_>]) -> Vec<wrt_field> {
    let bytes = |b: &[u8]| wrt_bytes {
        data: b.as_ptr(),
        len: b.len(),
    };
    fields
        .iter()
        .map(|(name, value)| wrt_field {
            name: bytes(name),
            value: bytes(value),
        })
        .collect()
}

impl Exchange for Callbacks {
    fn read_body(&mut self, buf: &mut [u8], wait: bool) -> Result<BodyRead, Closed> {
        let mut n = 0;
        let (data, cap) = (buf.as_mut_ptr(), buf.len());
        // SAFETY: `ctx` is valid by the contract of `new`; `buf` is writable for its length.
        let flow = unsafe { (self.ops.read_body)(self.ctx, data, cap, wait, &mut n) };
        match flow {
            wrt_flow::WRT_CONTINUE if n == 0 => Ok(BodyRead::End),
            wrt_flow::WRT_CONTINUE => Ok(BodyRead::Data(n.min(cap))),
            wrt_flow::WRT_LATER => Ok(BodyRead::Later),
            wrt_flow::WRT_CLOSED => Err(Closed),
        }
    }

    fn wait(&mut self, wake: BorrowedFd<'_>, most: Duration) {
        let most = u32::try_from(most.as_millis()).unwrap_or(u32::MAX);
        // SAFETY: `ctx` is valid by the contract of `new`; the descriptor is open during the call.
        unsafe { (self.ops.wait)(self.ctx, wake.as_raw_fd(), most) };
    }

    fn read_trailers(&mut self) -> Vec<Field<'_>> {
        let (mut fields, mut n) = (ptr::null(), 0);
        // SAFETY: `ctx` is valid by the contract of `new`; both results go to variables of ours.
        unsafe { (self.ops.read_trailers)(self.ctx, &mut fields, &mut n) };
        // SAFETY: the callback says that `n` fields lie there, valid during the run.
        let fields = unsafe { array(fields, n) };
        // SAFETY: so are their bytes.
        let bytes = |b: &wrt_bytes| unsafe { b.as_slice() };
        fields
            .iter()
            .map(|field| (bytes(&field.name), bytes(&field.value)))
            .collect()
    }

    fn send_head(&mut self, status: u16, fields: &[Field<'_>]) -> Result<(), Closed> {
        let fields = borrow(fields);
        // SAFETY: `ctx` is valid by the contract of `new`; the fields and their bytes live during the call.
        done(unsafe { (self.ops.send_head)(self.ctx, status, fields.as_ptr(), fields.len()) })
    }

    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed> {
        // SAFETY: `ctx` is valid by the contract of `new`; `data` is readable for its length.
        done(unsafe { (self.ops.write_body)(self.ctx, data.as_ptr(), data.len(), flush) })
    }

    fn end_response(&mut self, trailers: &[Field<'_>], flush: bool) -> Result<(), Closed> {
        let fields = borrow(trailers);
        // SAFETY: `ctx` is valid by the contract of `new`; the fields and their bytes live during the call.
        done(unsafe { (self.ops.end_response)(self.ctx, fields.as_ptr(), fields.len(), flush) })
    }

    fn log(&mut self, level: LogLevel, line: &[u8]) {
        let level = wrt_log_level::from(level);
        // SAFETY: `ctx` is valid by the contract of `new`; `line` is readable for its length.
        unsafe { (self.ops.log)(self.ctx, level, line.as_ptr(), line.len()) };
    }

    fn aborted(&mut self) -> bool {
        // SAFETY: `ctx` is valid by the contract of `new`.
        unsafe { (self.ops.aborted)(self.ctx) }
    }
}

impl From<LogLevel> for wrt_log_level {
    fn from(level: LogLevel) -> wrt_log_level {
        match level {
            LogLevel::Stderr => wrt_log_level::WRT_LOG_STDERR,
            LogLevel::Trace => wrt_log_level::WRT_LOG_TRACE,
            LogLevel::Debug => wrt_log_level::WRT_LOG_DEBUG,
            LogLevel::Info => wrt_log_level::WRT_LOG_INFO,
            LogLevel::Warn => wrt_log_level::WRT_LOG_WARN,
            LogLevel::Error => wrt_log_level::WRT_LOG_ERROR,
            LogLevel::Critical => wrt_log_level::WRT_LOG_CRITICAL,
            LogLevel::Denied => wrt_log_level::WRT_LOG_DENIED,
            LogLevel::FileLimit => wrt_log_level::WRT_LOG_FILE_LIMIT,
            LogLevel::FileReserve => wrt_log_level::WRT_LOG_FILE_RESERVE,
        }
    }
}
