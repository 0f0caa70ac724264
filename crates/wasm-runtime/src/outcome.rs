//! How a guest's run ended.
//!
//! The server that embeds the engine decides what each end means for its client.

use crate::temp::Excess;
use crate::text;
use std::fmt;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// How the run ended.
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
    /// The client went away, or a callback asked to stop.
    ClientGone,
    /// The guest could not be instantiated.
    NotStarted,
    /// An http guest returned without a response.
    NoResponse,
    /// An http guest answered with an error code, or its response's body was not what its head says.
    BadResponse,
}

/// The end of a run and what to log of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the run ended.
    pub end: End,
    /// One line that says why; empty for [`End::Completed`].
    pub detail: String,
    /// The guest's stack, some lines of bounded length; empty when there is none or the request does not ask for it.
    pub backtrace: String,
    /// Whether the memory limit refused the guest something.
    pub memory_denied: bool,
    /// The most bytes that the guest's memories and tables took.
    pub peak_memory: u64,
}

/// Why the host stops a guest that would go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its time is up.
    TimedOut,
    /// Its private directory takes too much.
    TempDir(Excess),
    /// The host holds so many bytes for it that they pass its memory limit.
    Held(usize),
    /// Nobody is there to read its output.
    ClientGone,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::TimedOut => f.write_str("the guest took longer than its time"),
            Stop::TempDir(excess) => excess.fmt(f),
            Stop::Held(bytes) => write!(
                f,
                "with the {bytes} bytes that the server holds for it: objects behind its handles, their texts and buffers, \
                 calls under way"
            ),
            Stop::ClientGone => f.write_str("the client went away"),
        }
    }
}

impl std::error::Error for Stop {}

impl From<Stop> for End {
    fn from(stop: Stop) -> End {
        match stop {
            Stop::TimedOut => End::TimedOut,
            Stop::TempDir(_) => End::TempDirFull,
            Stop::Held(_) => End::LimitReached,
            Stop::ClientGone => End::ClientGone,
        }
    }
}

/// Where a run was when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Creating the instance, its start function included.
    Starting,
    /// Calling its entry point.
    Running,
}

/// Sorts a failure of Wasmtime into an end and the line that explains it.
pub fn classify(error: &wasmtime::Error, phase: Phase, memory_denied: bool) -> (End, String) {
    if let Some(&stop) = error.downcast_ref::<Stop>() {
        return (stop.into(), stop.to_string());
    }
    if let Some(&I32Exit(status)) = error.downcast_ref::<I32Exit>() {
        return match status.cast_unsigned() {
            0 => (End::Completed, String::new()),
            n => (End::Exited(n), format!("exit status {n}")),
        };
    }
    let cause = cause(error);
    match phase {
        _ if memory_denied || has_no_place(error, &cause) => (End::LimitReached, cause),
        Phase::Starting => (End::NotStarted, cause),
        Phase::Running => (End::Trapped, cause),
    }
}

/// Whether a table of handles or objects is full, whose size follows from the memory limit ([`held`](crate::held)).
fn has_no_place(error: &wasmtime::Error, cause: &str) -> bool {
    // Wasmtime has no type for the first.
    cause.ends_with("store handle limit exceeded")
        || matches!(error.downcast_ref(), Some(ResourceTableError::Full))
}

/// Whether the pool of instances was exhausted.
pub fn pool_exhausted(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>()
}

/// The guest's stack, when it is wanted and Wasmtime recorded one.
pub fn backtrace(error: &wasmtime::Error, wanted: bool) -> String {
    error
        .downcast_ref::<WasmBacktrace>()
        .filter(|_| wanted)
        .map(text::backtrace)
        .unwrap_or_default()
}

fn cause(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => text::cause(error),
    }
}
