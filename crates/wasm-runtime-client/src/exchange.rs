//! One run of a guest: what the server offers it, and its outcome.
#![expect(
    unsafe_code,
    reason = "calls a C function with structs of ours; each use is argued for where it stands"
)]

use crate::callbacks::{Context, OPS};
use crate::error::Error;
use crate::request::{Field, Lists, Request};
use crate::runtime::{Runtime, text_at};
use crate::sys;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::panic::resume_unwind;
use std::time::Duration;

/// What the server offers a guest during one run; all calls come on the thread that runs it.
pub trait Exchange {
    /// Reads more of the request body. With `wait` it flushes pending output and blocks until there is something;
    /// without, the answer may be [`BodyRead::Later`].
    ///
    /// # Errors
    /// [`Closed`] stops the guest.
    fn read_body(&mut self, buf: &mut [u8], wait: bool) -> Result<BodyRead, Closed>;

    /// Blocks until `read_body` may have more, `wake` can be read, or `most` is over. Leaves the descriptor alone. It may
    /// return early. A guest waits here for its client and for other things at once.
    fn wait(&mut self, wake: BorrowedFd<'_>, most: Duration);

    /// The trailer fields of the request. Called at most once, after the end of the body, for guests that answer HTTP.
    fn read_trailers(&mut self) -> Vec<(Vec<u8>, Vec<u8>)>;

    /// Takes the status and the header fields of the response. Only for guests that answer HTTP, and then once, before
    /// `write_body`.
    ///
    /// # Errors
    /// [`Closed`] stops the guest.
    fn send_head(&mut self, status: u16, fields: &[Field<'_>]) -> Result<(), Closed>;

    /// Takes a piece of the response; with `flush`, all that was taken so far goes to the client.
    ///
    /// # Errors
    /// [`Closed`] stops the guest.
    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed>;

    /// The response is whole, with these trailer fields. With `flush` the guest has still work to do, and the client must
    /// not wait for that. Only for guests that answer HTTP.
    ///
    /// # Errors
    /// [`Closed`] stops the guest.
    fn end_response(&mut self, trailers: &[Field<'_>], flush: bool) -> Result<(), Closed>;

    /// Takes one line for the log: any bytes, no line end, at most 8192 of them.
    fn log(&mut self, level: LogLevel, line: &[u8]);

    /// Whether the client has gone.
    fn aborted(&mut self) -> bool;
}

/// What reading the request body gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRead {
    /// So many bytes, at least one.
    Data(usize),
    /// The body is over.
    End,
    /// Nothing has come yet.
    Later,
}

/// A callback's word to stop the guest.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

/// What kind of line it is and how grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// A line written to stderr, or by a guest that answers HTTP to stdout.
    Stderr,
    /// A message through `wasi:logging`, at its level `trace`.
    Trace,
    /// The same, `debug`.
    Debug,
    /// The same, `info`.
    Info,
    /// The same, `warn`.
    Warn,
    /// The same, `error`.
    Error,
    /// The same, `critical`.
    Critical,
    /// Not the guest's: the engine refused it a connection. The line says which, and what would allow it.
    Denied,
    /// Not the guest's: the engine refused to open a file, since the guest has as many as it may.
    FileLimit,
    /// The same, since the process has few descriptors left.
    FileReserve,
}

impl LogLevel {
    /// A level that only a newer library knows is as a line on stderr.
    pub(crate) fn of(level: sys::wrt_log_level) -> LogLevel {
        match level {
            sys::WRT_LOG_TRACE => LogLevel::Trace,
            sys::WRT_LOG_DEBUG => LogLevel::Debug,
            sys::WRT_LOG_INFO => LogLevel::Info,
            sys::WRT_LOG_WARN => LogLevel::Warn,
            sys::WRT_LOG_ERROR => LogLevel::Error,
            sys::WRT_LOG_CRITICAL => LogLevel::Critical,
            sys::WRT_LOG_DENIED => LogLevel::Denied,
            sys::WRT_LOG_FILE_LIMIT => LogLevel::FileLimit,
            sys::WRT_LOG_FILE_RESERVE => LogLevel::FileReserve,
            _ => LogLevel::Stderr,
        }
    }
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
    /// The guest put more into its private directory than it may.
    TempDirFull,
    /// The client went away, or a callback answered [`Closed`].
    ClientGone,
    /// The guest could not be instantiated.
    NotStarted,
    /// A guest that answers HTTP returned without a response.
    NoResponse,
    /// A guest that answers HTTP gave an error code instead of a response, or its body was not whole or not as long as its
    /// `Content-Length` says.
    BadResponse,
}

/// The end of a run and what to log of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the run ended.
    pub end: End,
    /// One line that says why; empty when there is nothing to say.
    pub detail: String,
    /// The guest's stack, some lines; empty when there is none or the request does not ask for it.
    pub backtrace: String,
    /// Whether the memory limit refused the guest something.
    pub memory_denied: bool,
    /// The most bytes that the guest's memories and tables took.
    pub peak_memory: u64,
}

pub(crate) fn run(
    runtime: &Runtime,
    guest: *const sys::wrt_guest,
    request: &Request<'_>,
    exchange: &mut dyn Exchange,
) -> Result<Outcome, Error> {
    let lists = Lists::of(request)?;
    let request = lists.request(request);
    let mut context = Context::new(exchange);
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

fn read_outcome(outcome: &sys::wrt_outcome) -> Outcome {
    let end = match outcome.end {
        sys::WRT_END_COMPLETED => End::Completed,
        sys::WRT_END_EXITED => End::Exited(outcome.exit_status),
        sys::WRT_END_TIMED_OUT => End::TimedOut,
        sys::WRT_END_LIMIT_REACHED => End::LimitReached,
        sys::WRT_END_TEMP_DIR_FULL => End::TempDirFull,
        sys::WRT_END_CLIENT_GONE => End::ClientGone,
        sys::WRT_END_NOT_STARTED => End::NotStarted,
        sys::WRT_END_NO_RESPONSE => End::NoResponse,
        sys::WRT_END_BAD_RESPONSE => End::BadResponse,
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
