//! What can go wrong outside a running guest, as a number that never changes and a text.
//!
//! What a guest does to itself (traps, exits, time-outs) is an [`Outcome`](crate::Outcome), not an
//! error.

use crate::text;
use std::fmt;

/// Why a call failed. The numbers of the C ABI are in `capi::wrt_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A file could not be read.
    Io,
    /// The file is not WebAssembly.
    NotWasm,
    /// The file is WebAssembly but not valid, or uses a feature that is not enabled.
    Invalid,
    /// An import of the program is unknown here or has another type.
    Unlinkable,
    /// The program does not export the entry point.
    NoEntryPoint,
    /// A valid program of a kind that can not be run.
    UnsupportedKind,
    /// Reading, checking or compiling the program takes more than it may, or ended the process that did it.
    CompileLimit,
    /// The program is not in the cache, and it was not to be compiled.
    NotCached,
    /// No instance was free within the waiting time.
    Busy,
    /// A mounted directory could not be opened.
    Mount,
    /// The request's private directory could not be made.
    TempDir,
    /// The guest may have fewer files open than it is given directories, or the process has too few descriptors left.
    OpenFiles,
    /// An HTTP request that can not be put to an http guest.
    BadRequest,
    /// The engine could not be created or prepared.
    Engine,
    /// A panic in this library was caught at its boundary.
    Panic,
    /// The caller broke the contract: null pointer, wrong size, text that is not UTF-8.
    Usage,
}

/// An error: its code and one line of text for the operator.
#[derive(Clone, Debug)]
pub struct Error {
    /// The class of the error.
    pub code: ErrorCode,
    /// One line, without the code.
    pub message: String,
}

impl Error {
    /// An error with this code and text, which becomes one line of bounded length: much of it may come from a program.
    pub fn new(code: ErrorCode, message: impl fmt::Display) -> Error {
        Error {
            code,
            message: text::line(message),
        }
    }

    /// An error from Wasmtime, with its chain of causes on one line.
    pub(crate) fn wasmtime(code: ErrorCode, error: &wasmtime::Error) -> Error {
        Error::new(code, text::chain(error))
    }

    /// The same, but for what the machine is to blame: then it is [`ErrorCode::Engine`].
    pub(crate) fn of_wasmtime(code: ErrorCode, error: &wasmtime::Error) -> Error {
        if !is_of_machine(error) {
            return Error::wasmtime(code, error);
        }
        let error = Error::wasmtime(ErrorCode::Engine, error);
        // What is refused to a process that maps its own memory is to make it executable.
        match error.message.contains("denied") || error.message.contains("not permitted") {
            true => Error::new(
                ErrorCode::Engine,
                format!(
                    "a security policy of the system forbids executable memory, as MemoryDenyWriteExecute= of systemd does ({error})"
                ),
            ),
            false => error,
        }
    }
}

/// Whether the system refused something, memory for instance: no program is to blame for that.
pub(crate) fn is_of_machine(error: &wasmtime::Error) -> bool {
    error.is::<std::io::Error>()
        || error.is::<rustix::io::Errno>()
        || error
            .chain()
            .any(|cause| cause.is::<std::io::Error>() || cause.is::<rustix::io::Errno>())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
