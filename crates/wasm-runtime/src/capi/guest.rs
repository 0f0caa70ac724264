//! A loaded program and one run of it.

use super::engine::check_size;
use super::error::{wrt_error, wrt_status};
use super::exchange::{Callbacks, wrt_ops};
use super::guard::{guard, guard_silently, usage};
use super::heap::{Run, trim};
use super::outcome::wrt_outcome;
use super::request::wrt_request;
use crate::{Guest, GuestKind};
use std::ffi::c_void;

/// A loaded program. Any number of threads may run it at once.
pub struct wrt_guest(pub(super) Guest);

/// What kind of program a guest is. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_kind {
    /// A core module for WASI preview 1 with an entry point.
    WRT_KIND_COMMAND_P1 = 1,
    /// A component that exports `wasi:cli/run` 0.2.
    WRT_KIND_COMMAND_P2 = 2,
    /// A component that exports `wasi:cli/run` 0.3.
    WRT_KIND_COMMAND_P3 = 3,
    /// A component that exports `wasi:http/incoming-handler` 0.2.
    WRT_KIND_PROXY_P2 = 4,
    /// A component that exports `wasi:http/handler` 0.3.
    WRT_KIND_SERVICE_P3 = 5,
}

impl From<GuestKind> for wrt_kind {
    fn from(kind: GuestKind) -> wrt_kind {
        match kind {
            GuestKind::CommandP1 => wrt_kind::WRT_KIND_COMMAND_P1,
            GuestKind::CommandP2 => wrt_kind::WRT_KIND_COMMAND_P2,
            GuestKind::CommandP3 => wrt_kind::WRT_KIND_COMMAND_P3,
            GuestKind::ProxyP2 => wrt_kind::WRT_KIND_PROXY_P2,
            GuestKind::ServiceP3 => wrt_kind::WRT_KIND_SERVICE_P3,
        }
    }
}

/// The kind of a guest.
///
/// # Safety
/// `guest` is a live guest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_guest_kind(guest: *const wrt_guest) -> wrt_kind {
    // SAFETY: the caller promises a live guest.
    let guest = unsafe { &*guest };
    guest.0.kind().into()
}

/// Bytes of memory that a guest takes of this process alone, until it is freed: what is kept of it on the heap, and its code
/// where that is not in a cache. What its runs take is not in them.
///
/// # Safety
/// `guest` is a live guest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_guest_memory(guest: *const wrt_guest) -> u64 {
    // SAFETY: the caller promises a live guest.
    let guest = unsafe { &*guest };
    guest.0.weight().memory
}

/// Bytes of the compiled code of a guest. The file that it is in takes room on the disk until the guest is freed, even if the
/// cache has given it up.
///
/// # Safety
/// `guest` is a live guest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_guest_code(guest: *const wrt_guest) -> u64 {
    // SAFETY: the caller promises a live guest.
    let guest = unsafe { &*guest };
    guest.0.weight().code
}

/// Bytes of memory of a guest from which on the heap is trimmed when it is freed.
const MUCH: u64 = 1 << 20;

/// Frees a guest. NULL is allowed. No run of it may be under way.
///
/// # Safety
/// `guest` is NULL or a guest that has not been freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_guest_free(guest: *mut wrt_guest) {
    if !guest.is_null() {
        // SAFETY: made by Box::into_raw in wrt_guest_load, and not freed yet by the contract.
        let guest = unsafe { Box::from_raw(guest) };
        guard_silently(|| {
            let much = guest.0.weight().memory >= MUCH;
            drop(guest);
            if much {
                trim();
            }
        });
    }
}

/// Runs a guest for one request and blocks until it has ended. All callbacks in `ops` are made on
/// the calling thread and none after this returns. With WRT_OK, `*outcome` says how it ended; its
/// texts are owned by the caller until `wrt_outcome_clear`. With any other status the guest has not
/// run.
///
/// # Safety
/// `guest` is a live guest; `request` and `ops` point to structs whose `size` is set and whose
/// pointers stay valid during the call; `outcome` is valid for a write; `error` is NULL or valid
/// for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_exchange_run(
    guest: *const wrt_guest,
    request: *const wrt_request,
    ops: *const wrt_ops,
    ctx: *mut c_void,
    outcome: *mut wrt_outcome,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let run = || {
        // SAFETY: the caller promises a live guest or NULL.
        let guest = unsafe { guest.as_ref() }.ok_or_else(|| usage("guest is NULL"))?;
        // SAFETY: the caller promises a valid request or NULL.
        let request = unsafe { request.as_ref() }.ok_or_else(|| usage("request is NULL"))?;
        check_size(request.size, size_of::<wrt_request>(), "wrt_request")?;
        // SAFETY: the caller promises valid callbacks or NULL.
        let ops = unsafe { wrt_ops::read(ops) }?;
        if outcome.is_null() {
            return Err(usage("outcome is NULL"));
        }
        // SAFETY: the caller promises that the request's pointers are valid during the call.
        let parts = unsafe { request.parts() }?;
        // SAFETY: `callbacks` ends with the run, during which the caller keeps `ctx` valid.
        let callbacks = unsafe { Callbacks::new(ops, ctx) };
        let _run = Run::begin();
        let ended = guest.0.run(&parts.borrow(), Box::new(callbacks))?;
        // SAFETY: not null, and the caller promises that it is valid for a write.
        unsafe { outcome.write(wrt_outcome::from(ended)) };
        Ok(())
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, run) }
}
