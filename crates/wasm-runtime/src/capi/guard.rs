//! The boundary: nothing unwinds into C.

use super::error::{give, wrt_error, wrt_status};
use crate::{Error, ErrorCode};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an exported function; an error or a panic becomes a status and a text.
///
/// # Safety
/// `out` is NULL or valid for a write.
pub unsafe fn guard(
    out: *mut *mut wrt_error,
    body: impl FnOnce() -> Result<(), Error>,
) -> wrt_status {
    // What a panic leaves behind belongs to this one call and is dropped with it.
    let result =
        catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panicked(&*payload)));
    match result {
        Ok(()) => wrt_status::WRT_OK,
        // SAFETY: the contract on `out` is this function's own.
        Err(error) => unsafe { give(error, out) },
    }
}

/// Runs something that has no way to report failure.
pub fn guard_silently(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    Error::new(ErrorCode::Panic, format!("panic in the runtime: {text}"))
}

/// The error for a broken contract.
pub fn usage(text: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::Usage, text)
}
