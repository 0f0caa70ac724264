//! What a handler answers to httpd. One place turns meaning into httpd's integers.

use std::ffi::c_int;

use httpd_sys as sys;

/// The result of a content handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The request was served, whatever its status (`OK`).
    Ok,
    /// Not ours: httpd asks the next handler (`DECLINED`).
    Declined,
    /// A filter has already answered with an error; nothing more may be sent (`AP_FILTER_ERROR`).
    FilterError,
    /// httpd makes the response for this status, with `ErrorDocument` if there is one.
    Http(u16),
}

impl Answer {
    /// The integer that httpd expects.
    #[must_use]
    pub fn code(self) -> c_int {
        match self {
            Answer::Ok => sys::OK.cast_signed(),
            Answer::Declined => sys::DECLINED,
            Answer::FilterError => sys::AP_FILTER_ERROR,
            Answer::Http(status) => c_int::from(status),
        }
    }

    /// The meaning of an integer that one of httpd's functions returned. A number that is no HTTP status, which none of
    /// them should return, counts as an internal error.
    pub(crate) fn from_code(code: c_int) -> Answer {
        match code {
            0 => Answer::Ok,
            sys::DECLINED => Answer::Declined,
            sys::AP_FILTER_ERROR => Answer::FilterError,
            status => Answer::Http(u16::try_from(status).unwrap_or(500)),
        }
    }
}
