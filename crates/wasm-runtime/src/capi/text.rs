//! Borrowing the caller's strings and arrays.

use super::guard::usage;
use crate::Error;
use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::slice;

/// A borrowed run of bytes, which need not be NUL-terminated. `data` may be NULL when `len` is 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

impl wrt_bytes {
    /// The bytes.
    ///
    /// # Safety
    /// They stay valid and unchanged for `'a`.
    pub unsafe fn as_slice<'a>(&self) -> &'a [u8] {
        // SAFETY: the contract is the same.
        unsafe { array(self.data, self.len) }
    }

    /// The bytes as text.
    ///
    /// # Safety
    /// As for [`wrt_bytes::as_slice`].
    pub unsafe fn as_str<'a>(&self, what: &str) -> Result<&'a str, Error> {
        // SAFETY: the contract is the same.
        let bytes = unsafe { self.as_slice() };
        str::from_utf8(bytes).map_err(|_| usage(format!("{what} is not UTF-8")))
    }
}

/// The array at `data`; an empty one for NULL.
///
/// # Safety
/// `data` is NULL, or `len` values lie there that stay valid and unchanged for `'a`.
pub unsafe fn array<'a, T>(data: *const T, len: usize) -> &'a [T] {
    match data.is_null() {
        true => &[],
        // SAFETY: not null, and the rest is this function's contract.
        false => unsafe { slice::from_raw_parts(data, len) },
    }
}

/// A NUL-terminated string; `None` for NULL.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string that stays valid and unchanged for `'a`.
pub unsafe fn c_str<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and the rest is this function's contract.
    let text = unsafe { CStr::from_ptr(text) };
    let text = text
        .to_str()
        .map_err(|_| usage(format!("{what} is not UTF-8")))?;
    Ok(Some(text))
}

/// A path, whatever its encoding; `None` for NULL.
///
/// # Safety
/// As for [`c_str`].
pub unsafe fn c_path<'a>(path: *const c_char) -> Option<&'a Path> {
    if path.is_null() {
        return None;
    }
    // SAFETY: not null, and the rest is this function's contract.
    let path = unsafe { CStr::from_ptr(path) };
    Some(Path::new(OsStr::from_bytes(path.to_bytes())))
}
