//! Permits that the server gives to its requests, over all its processes.

use super::engine::wrt_engine;
use super::error::{wrt_error, wrt_status};
use super::guard::{guard, guard_silently, usage};
use crate::permits::Permit;
use std::ptr;

/// A permit. It is given back when it is freed, or when the process ends, however it ends.
pub struct wrt_permit(#[expect(dead_code, reason = "dropping it gives the permit back")] Permit);

/// Takes a permit of this number if fewer than `most` (at most 1024) are out, counted over all processes that were forked from
/// the one that made the engine. `*permit` is NULL if none is free; it never waits. What a number stands for is the caller's
/// business. The caller owns `*permit` and frees it with `wrt_permit_free`.
///
/// # Safety
/// `engine` is a live engine, `permit` valid for a write, `error` NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_permit_take(
    engine: *const wrt_engine,
    number: u32,
    most: u32,
    permit: *mut *mut wrt_permit,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let take = || {
        // SAFETY: the caller promises a live engine or NULL.
        let engine = unsafe { engine.as_ref() }.ok_or_else(|| usage("engine is NULL"))?;
        if permit.is_null() {
            return Err(usage("permit is NULL"));
        }
        let taken = engine.engine.permit(number, most)?;
        let taken = taken.map_or(ptr::null_mut(), |taken| {
            Box::into_raw(Box::new(wrt_permit(taken)))
        });
        // SAFETY: not null, and the caller promises that it is valid for a write.
        unsafe { permit.write(taken) };
        Ok(())
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, take) }
}

/// Gives a permit back. NULL is allowed.
///
/// # Safety
/// `permit` is NULL or a permit that has not been freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_permit_free(permit: *mut wrt_permit) {
    if !permit.is_null() {
        // SAFETY: made by Box::into_raw in wrt_permit_take, and not freed yet by the contract.
        let permit = unsafe { Box::from_raw(permit) };
        guard_silently(|| drop(permit));
    }
}
