//! APR's status numbers: why reading from or writing to the client failed.

use std::ffi::{CStr, c_char, c_int};
use std::fmt;

use httpd_sys as sys;

use crate::answer::Answer;

/// An `apr_status_t` that is not success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(sys::apr_status_t);

impl Status {
    /// `Ok` for `APR_SUCCESS`.
    pub(crate) fn check(status: sys::apr_status_t) -> Result<(), Status> {
        if status == sys::APR_SUCCESS.cast_signed() {
            Ok(())
        } else {
            Err(Status(status))
        }
    }

    /// Nothing to read at the moment (`APR_EAGAIN`).
    #[must_use]
    pub fn is_again(self) -> bool {
        self.0 == sys::APR_EAGAIN.cast_signed()
    }

    /// A filter has already sent an error response (`AP_FILTER_ERROR`).
    #[must_use]
    pub fn is_filter_error(self) -> bool {
        self.0 == sys::AP_FILTER_ERROR
    }

    /// What a handler must answer when this came from reading the request's body: 413, 408, 501, or 400 for
    /// everything else. `ap_map_http_request_error`.
    #[must_use]
    pub fn as_request_error(self) -> Answer {
        // SAFETY: a pure function on integers.
        let code =
            unsafe { sys::ap_map_http_request_error(self.0, sys::HTTP_BAD_REQUEST.cast_signed()) };
        Answer::from_code(code as c_int)
    }
}

/// APR's words for it, or ours for what is httpd's own.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            sys::AP_FILTER_ERROR => return f.write_str("refused by a filter of the server"),
            sys::AP_NOBODY_WROTE => return f.write_str("malformed or too large"),
            _ => {}
        }
        let mut buffer = [0 as c_char; 256];
        // SAFETY: the buffer is ours, its true size is passed, and APR ends what it writes with a NUL.
        let text = unsafe { sys::apr_strerror(self.0, buffer.as_mut_ptr(), buffer.len()) };
        // SAFETY: `apr_strerror` returns the buffer that it was given, which lives here.
        let text = unsafe { CStr::from_ptr(text) };
        f.write_str(&text.to_string_lossy())
    }
}
