//! Where the module is called by httpd: one trampoline for each hook, each of them guarded.

use std::ffi::c_int;
use std::ptr;

use httpd_sys as sys;

use crate::answer::Answer;
use crate::guard::guard_with;
use crate::module::Module;
use crate::pool::Pool;
use crate::request::Request;
use crate::server::Server;
use crate::{framing, trailers};

/// The server must not start. The reason has been logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

/// Registers all hooks of `M`, and the filters of this crate. httpd forgets them with each configuration, and calls this again.
pub(crate) fn register<M: Module>() {
    let middle = sys::APR_HOOK_MIDDLE.cast_signed();
    let (none, none_after) = (ptr::null(), ptr::null());
    // SAFETY: httpd keeps the function, which has the signature of this hook; null means "no order wanted".
    unsafe { sys::ap_hook_pre_config(Some(pre_config::<M>), none, none_after, middle) };
    // SAFETY: as above.
    unsafe { sys::ap_hook_check_config(Some(check_config::<M>), none, none_after, middle) };
    // SAFETY: as above.
    unsafe { sys::ap_hook_post_config(Some(post_config::<M>), none, none_after, middle) };
    // SAFETY: as above.
    unsafe { sys::ap_hook_child_init(Some(child_init::<M>), none, none_after, middle) };
    // SAFETY: as above.
    unsafe { sys::ap_hook_handler(Some(handler::<M>), none, none_after, middle) };
    framing::register();
    trailers::register();
}

fn code(result: Result<(), Failed>) -> c_int {
    match result {
        Ok(()) => Answer::Ok.code(),
        Err(Failed) => Answer::Http(500).code(),
    }
}

fn failed<M: Module>(text: &str) -> Result<(), Failed> {
    M::panicked(text);
    Err(Failed)
}

unsafe extern "C" fn pre_config<M: Module>(
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
) -> c_int {
    let body = || {
        M::pre_config();
        Ok(())
    };
    code(guard_with(body, failed::<M>))
}

unsafe extern "C" fn check_config<M: Module>(
    pconf: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    server: *mut sys::server_rec,
) -> c_int {
    let body = || {
        // SAFETY: httpd passes the live configuration pool.
        let pconf = unsafe { Pool::from_raw(pconf) }.ok_or(Failed)?;
        // SAFETY: httpd passes the live main server.
        let server = unsafe { Server::from_raw(server) }.ok_or(Failed)?;
        M::check_config(pconf, server)
    };
    code(guard_with(body, failed::<M>))
}

unsafe extern "C" fn post_config<M: Module>(
    pconf: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    server: *mut sys::server_rec,
) -> c_int {
    let body = || {
        // SAFETY: httpd passes the live configuration pool.
        let pconf = unsafe { Pool::from_raw(pconf) }.ok_or(Failed)?;
        // SAFETY: httpd passes the live main server.
        let server = unsafe { Server::from_raw(server) }.ok_or(Failed)?;
        M::post_config(pconf, server)
    };
    code(guard_with(body, failed::<M>))
}

unsafe extern "C" fn child_init<M: Module>(
    pchild: *mut sys::apr_pool_t,
    server: *mut sys::server_rec,
) {
    let body = || {
        // SAFETY: httpd passes the child's live pool.
        let pchild = unsafe { Pool::from_raw(pchild) };
        // SAFETY: httpd passes the live main server.
        let server = unsafe { Server::from_raw(server) };
        if let (Some(pchild), Some(server)) = (pchild, server) {
            M::child_init(pchild, server);
        }
    };
    guard_with(body, M::panicked);
}

unsafe extern "C" fn handler<M: Module>(r: *mut sys::request_rec) -> c_int {
    let body = || {
        // SAFETY: httpd passes a live request to one handler at a time, on the thread that serves it.
        unsafe { Request::from_raw(r) }
            .map_or(Answer::Declined, |mut request| M::handler(&mut request))
    };
    let recover = |text: &str| {
        // SAFETY: as above.
        let request = unsafe { Request::from_raw(r) };
        request.map_or(Answer::Declined, |mut request| {
            M::handler_panicked(&mut request, text)
        })
    };
    guard_with(body, recover).code()
}
