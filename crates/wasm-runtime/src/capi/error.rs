//! Errors across the C ABI: a status number for the program, a text for the operator.

use crate::{Error, ErrorCode};
use std::ffi::{CString, c_char};
use std::ptr;

/// The result of a call. 0 is success; the other numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_status {
    /// Success.
    WRT_OK = 0,
    /// A file could not be read.
    WRT_ERR_IO = 1,
    /// The file is not WebAssembly.
    WRT_ERR_NOT_WASM = 2,
    /// The file is WebAssembly but not valid, or uses a feature that is not enabled.
    WRT_ERR_INVALID = 3,
    /// An import of the program is unknown here or has another type.
    WRT_ERR_UNLINKABLE = 4,
    /// The program does not export the entry point.
    WRT_ERR_NO_ENTRY_POINT = 5,
    /// A valid program of a kind that can not be run.
    WRT_ERR_UNSUPPORTED_KIND = 6,
    /// No instance was free within the waiting time.
    WRT_ERR_BUSY = 7,
    /// A mounted directory could not be opened.
    WRT_ERR_MOUNT = 8,
    /// The engine could not be created or prepared.
    WRT_ERR_ENGINE = 9,
    /// A panic in the library was caught at its boundary.
    WRT_ERR_PANIC = 10,
    /// The caller broke the contract: null pointer, wrong size, text that is not UTF-8.
    WRT_ERR_USAGE = 11,
    /// The HTTP request has a method, an authority or a path that HTTP does not know.
    WRT_ERR_BAD_REQUEST = 12,
    /// The request's private directory could not be made.
    WRT_ERR_TEMP_DIR = 13,
    /// Reading, checking or compiling the program takes more than it may, or ended the process that did it.
    WRT_ERR_COMPILE_LIMIT = 14,
    /// The program is not in the cache, and it was not to be compiled.
    WRT_ERR_NOT_CACHED = 15,
    /// The guest may have fewer files open than it is given directories, or the process has too few descriptors left.
    WRT_ERR_OPEN_FILES = 16,
}

impl From<ErrorCode> for wrt_status {
    fn from(code: ErrorCode) -> wrt_status {
        match code {
            ErrorCode::Io => wrt_status::WRT_ERR_IO,
            ErrorCode::NotWasm => wrt_status::WRT_ERR_NOT_WASM,
            ErrorCode::Invalid => wrt_status::WRT_ERR_INVALID,
            ErrorCode::Unlinkable => wrt_status::WRT_ERR_UNLINKABLE,
            ErrorCode::NoEntryPoint => wrt_status::WRT_ERR_NO_ENTRY_POINT,
            ErrorCode::UnsupportedKind => wrt_status::WRT_ERR_UNSUPPORTED_KIND,
            ErrorCode::CompileLimit => wrt_status::WRT_ERR_COMPILE_LIMIT,
            ErrorCode::NotCached => wrt_status::WRT_ERR_NOT_CACHED,
            ErrorCode::Busy => wrt_status::WRT_ERR_BUSY,
            ErrorCode::Mount => wrt_status::WRT_ERR_MOUNT,
            ErrorCode::TempDir => wrt_status::WRT_ERR_TEMP_DIR,
            ErrorCode::OpenFiles => wrt_status::WRT_ERR_OPEN_FILES,
            ErrorCode::Engine => wrt_status::WRT_ERR_ENGINE,
            ErrorCode::Panic => wrt_status::WRT_ERR_PANIC,
            ErrorCode::Usage => wrt_status::WRT_ERR_USAGE,
            ErrorCode::BadRequest => wrt_status::WRT_ERR_BAD_REQUEST,
        }
    }
}

/// An error: owned by whoever received it, freed with `wrt_error_free`.
pub struct wrt_error {
    message: CString,
}

/// One line that says what failed, UTF-8, without a line end. It lives as long as the error.
/// NULL for NULL.
///
/// # Safety
/// `error` is NULL or an error of this library that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_error_message(error: *const wrt_error) -> *const c_char {
    // SAFETY: the caller promises NULL or a live error; it is only borrowed for this call, and
    // its text is not moved before the error is freed.
    match unsafe { error.as_ref() } {
        Some(error) => error.message.as_ptr(),
        None => ptr::null(),
    }
}

/// Frees an error. NULL is allowed.
///
/// # Safety
/// `error` is NULL or an error of this library that has not been freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_error_free(error: *mut wrt_error) {
    if !error.is_null() {
        // SAFETY: errors are handed out by `give` through Box::into_raw, and the caller promises
        // that this one has not been freed.
        drop(unsafe { Box::from_raw(error) });
    }
}

/// Hands an error to the caller when it asked for one, and returns its status.
///
/// # Safety
/// `out` is NULL or valid for a write.
pub unsafe fn give(error: Error, out: *mut *mut wrt_error) -> wrt_status {
    let status = error.code.into();
    if !out.is_null() {
        let message = CString::new(error.message.replace('\0', " ")).unwrap_or_default();
        let boxed = Box::into_raw(Box::new(wrt_error { message }));
        // SAFETY: not null, and valid for a write by this function's contract.
        unsafe { out.write(boxed) };
    }
    status
}
