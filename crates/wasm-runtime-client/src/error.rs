//! Errors of the library and of loading it.

use crate::sys;
use std::fmt;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// `libwasm_runtime.so` can not be loaded.
    LibraryMissing,
    /// `libwasm_runtime.so` has another ABI version.
    AbiMismatch,
    /// A file could not be read.
    Io,
    /// The file is not WebAssembly.
    NotWasm,
    /// The file is WebAssembly but not valid, or uses a feature that is not enabled.
    Invalid,
    /// An import of the program is unknown or has another type.
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
    /// The engine could not be created or prepared.
    Engine,
    /// A panic in the library was caught at its boundary.
    Panic,
    /// This client broke the library's contract.
    Usage,
}

impl ErrorCode {
    /// The code for a status other than `WRT_OK`.
    pub(crate) fn of(status: sys::wrt_status) -> ErrorCode {
        match status {
            sys::WRT_ERR_IO => ErrorCode::Io,
            sys::WRT_ERR_NOT_WASM => ErrorCode::NotWasm,
            sys::WRT_ERR_INVALID => ErrorCode::Invalid,
            sys::WRT_ERR_UNLINKABLE => ErrorCode::Unlinkable,
            sys::WRT_ERR_NO_ENTRY_POINT => ErrorCode::NoEntryPoint,
            sys::WRT_ERR_UNSUPPORTED_KIND => ErrorCode::UnsupportedKind,
            sys::WRT_ERR_COMPILE_LIMIT => ErrorCode::CompileLimit,
            sys::WRT_ERR_NOT_CACHED => ErrorCode::NotCached,
            sys::WRT_ERR_BUSY => ErrorCode::Busy,
            sys::WRT_ERR_MOUNT => ErrorCode::Mount,
            sys::WRT_ERR_TEMP_DIR => ErrorCode::TempDir,
            sys::WRT_ERR_OPEN_FILES => ErrorCode::OpenFiles,
            sys::WRT_ERR_ENGINE => ErrorCode::Engine,
            sys::WRT_ERR_PANIC => ErrorCode::Panic,
            _ => ErrorCode::Usage,
        }
    }
}

/// An error: its class and one line for the operator.
#[derive(Clone, Debug)]
pub struct Error {
    /// The class.
    pub code: ErrorCode,
    /// One line, without a code.
    pub message: String,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
