//! How a run ended, in C's terms.

use crate::{End, Outcome};
use std::ffi::{CString, c_char};
use std::ptr;

/// How a run ended. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_end {
    /// The guest returned, or exited with status 0.
    WRT_END_COMPLETED = 0,
    /// The guest exited with another status.
    WRT_END_EXITED = 1,
    /// The guest trapped.
    WRT_END_TRAPPED = 2,
    /// The guest took longer than its time.
    WRT_END_TIMED_OUT = 3,
    /// The guest asked for more memory than its limit and then trapped.
    WRT_END_LIMIT_REACHED = 4,
    /// The client went away, or a callback answered WRT_CLOSED.
    WRT_END_CLIENT_GONE = 5,
    /// The guest could not be instantiated.
    WRT_END_NOT_STARTED = 6,
    /// An http guest returned without a response.
    WRT_END_NO_RESPONSE = 7,
    /// An http guest answered with an error code instead of a response, or its response's body was not
    /// whole or not as long as its Content-Length says.
    WRT_END_BAD_RESPONSE = 8,
    /// The guest put more into its private directory than `wrt_temp_dir` allows.
    WRT_END_TEMP_DIR_FULL = 9,
}

/// How a run ended and what to log of it.
#[repr(C)]
pub struct wrt_outcome {
    /// How it ended.
    pub end: wrt_end,
    /// The exit status, for WRT_END_EXITED.
    pub exit_status: u32,
    /// One line that says why; NULL when there is nothing to say.
    pub detail: *mut c_char,
    /// The guest's stack, some lines of bounded length; NULL when there is none or the request does not ask for it.
    pub backtrace: *mut c_char,
    /// Whether the memory limit refused the guest something.
    pub memory_denied: bool,
    /// The most bytes that the guest's memories and tables took.
    pub peak_memory: u64,
}

/// Frees the texts of an outcome and sets them to NULL.
///
/// # Safety
/// `outcome` is NULL or an outcome that `wrt_exchange_run` has filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_outcome_clear(outcome: *mut wrt_outcome) {
    // SAFETY: the caller promises NULL or a valid outcome that nobody else uses meanwhile.
    if let Some(outcome) = unsafe { outcome.as_mut() } {
        for text in [&mut outcome.detail, &mut outcome.backtrace] {
            if !text.is_null() {
                // SAFETY: made by CString::into_raw in `text_of`; set to NULL below, so freed once.
                drop(unsafe { CString::from_raw(*text) });
            }
            *text = ptr::null_mut();
        }
    }
}

impl From<Outcome> for wrt_outcome {
    fn from(outcome: Outcome) -> wrt_outcome {
        let (end, exit_status) = match outcome.end {
            End::Completed => (wrt_end::WRT_END_COMPLETED, 0),
            End::Exited(status) => (wrt_end::WRT_END_EXITED, status),
            End::Trapped => (wrt_end::WRT_END_TRAPPED, 0),
            End::TimedOut => (wrt_end::WRT_END_TIMED_OUT, 0),
            End::LimitReached => (wrt_end::WRT_END_LIMIT_REACHED, 0),
            End::TempDirFull => (wrt_end::WRT_END_TEMP_DIR_FULL, 0),
            End::ClientGone => (wrt_end::WRT_END_CLIENT_GONE, 0),
            End::NotStarted => (wrt_end::WRT_END_NOT_STARTED, 0),
            End::NoResponse => (wrt_end::WRT_END_NO_RESPONSE, 0),
            End::BadResponse => (wrt_end::WRT_END_BAD_RESPONSE, 0),
        };
        wrt_outcome {
            end,
            exit_status,
            detail: text_of(outcome.detail),
            backtrace: text_of(outcome.backtrace),
            memory_denied: outcome.memory_denied,
            peak_memory: outcome.peak_memory,
        }
    }
}

fn text_of(text: String) -> *mut c_char {
    match text.is_empty() {
        true => ptr::null_mut(),
        false => CString::new(text.replace('\0', " "))
            .unwrap_or_default()
            .into_raw(),
    }
}
