//! The server as a whole: which configuration pass this is, how many threads a child has, the server's banner.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::ptr::NonNull;

use httpd_sys as sys;

use crate::pool::Pool;

/// A `server_rec`, lent for `'s`.
#[derive(Debug, Clone, Copy)]
pub struct Server<'s> {
    server: NonNull<sys::server_rec>,
    lent: PhantomData<&'s sys::server_rec>,
}

impl<'s> Server<'s> {
    /// The server that httpd passed.
    ///
    /// # Safety
    /// `server` must be null or a server that lives during `'s`.
    pub(crate) unsafe fn from_raw(server: *mut sys::server_rec) -> Option<Server<'s>> {
        Some(Server {
            server: NonNull::new(server)?,
            lent: PhantomData,
        })
    }

    pub(crate) fn as_ptr(self) -> *mut sys::server_rec {
        self.server.as_ptr()
    }
}

/// httpd reads its configuration twice when it starts, and once for each restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The first reading at start, also the only one of `httpd -t`: what is built now is thrown away.
    Check,
    /// The second reading at start: what is built now will serve.
    Start,
    /// The reading of a restart: what is built now will serve.
    Restart,
}

/// Which reading of the configuration this is.
#[must_use]
pub fn pass() -> Pass {
    // SAFETY: reads a variable of the server.
    let state = unsafe { sys::ap_state_query(sys::AP_SQ_MAIN_STATE.cast_signed()) };
    // SAFETY: reads a variable of the server: how often the configuration has been read to serve, this time included.
    let generation = unsafe { sys::ap_state_query(sys::AP_SQ_CONFIG_GEN.cast_signed()) };
    match state == sys::AP_SQ_MS_CREATE_PRE_CONFIG.cast_signed() {
        true => Pass::Check,
        false if generation <= 1 => Pass::Start,
        false => Pass::Restart,
    }
}

/// How many threads one child has, as far as the MPM says; at least 1.
#[must_use]
pub fn threads_per_child() -> u32 {
    let threads = query(sys::AP_MPMQ_MAX_THREADS).unwrap_or(1);
    u32::try_from(threads).unwrap_or(1).max(1)
}

/// How many requests the server can work on at once, in all its children, as far as the MPM says; at least 1.
#[must_use]
pub fn request_workers() -> u32 {
    let children = query(sys::AP_MPMQ_MAX_DAEMONS).unwrap_or(1);
    let children = u32::try_from(children).unwrap_or(1).max(1);
    children.saturating_mul(threads_per_child())
}

/// User and group that children are given by number (`User`, `Group`), when httpd is started as root; `None`: not known.
#[must_use]
pub fn children_identity() -> Option<(u32, u32)> {
    // SAFETY: a variable of the server, which only the reading of the configuration changes, on this thread.
    let user = unsafe { sys::ap_unixd_config.user_id };
    // SAFETY: as above.
    let group = unsafe { sys::ap_unixd_config.group_id };
    // All ones is what the system takes for "no user".
    (user != u32::MAX && group != u32::MAX).then_some((user, group))
}

/// `name` in httpd's runtime directory (`DefaultRuntimeDir`), absolute; `None` if that cannot be a path.
#[must_use]
pub fn runtime_dir_relative(pool: Pool<'_>, name: &CStr) -> Option<String> {
    // SAFETY: the pool is alive and the name ends with a NUL; httpd only reads it.
    let path = unsafe { sys::ap_runtime_dir_relative(pool.as_ptr(), name.as_ptr()) };
    if path.is_null() {
        return None;
    }
    // SAFETY: not null, so it is a string in that pool.
    let path = unsafe { CStr::from_ptr(path) };
    path.to_str().ok().map(str::to_owned)
}

/// Is this process being stopped, gracefully or not?
pub(crate) fn is_stopping() -> bool {
    query(sys::AP_MPMQ_MPM_STATE) == Some(sys::AP_MPMQ_STOPPING.cast_signed())
}

/// What the MPM says of itself.
fn query(question: u32) -> Option<c_int> {
    let mut answer: c_int = 0;
    // SAFETY: the MPM writes one integer to the address of ours.
    let status = unsafe { sys::ap_mpm_query(question.cast_signed(), &raw mut answer) };
    (status == sys::APR_SUCCESS.cast_signed()).then_some(answer)
}

/// Adds `name/version` to the server's banner, as far as `ServerTokens` shows it.
pub fn add_version_component(pconf: Pool<'_>, component: &CStr) {
    // SAFETY: the pool is alive and the text ends with a NUL; httpd copies it.
    unsafe { sys::ap_add_version_component(pconf.as_ptr(), component.as_ptr()) }
}
