//! What can go wrong outside a running guest, as a number that never changes and a text.
//!
//! What a guest does to itself (traps, exits, time-outs) is an [`Outcome`](crate::Outcome), not an
//! error.

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
    /// An error with this code and text.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
        }
    }

    /// An error from Wasmtime, with its chain of causes on one line.
    pub(crate) fn wasmtime(code: ErrorCode, error: &wasmtime::Error) -> Error {
        Error::new(code, one_line(&format!("{error:#}")))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Folds a text of several lines into one, for a log that keeps one entry a line.
pub(crate) fn one_line(text: &str) -> String {
    text.split('\n')
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
