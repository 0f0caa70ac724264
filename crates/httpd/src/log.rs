//! httpd's error log. The level is checked before a line is made, the line is made in Rust and handed over as the one
//! argument of "%s", and control characters are escaped by httpd itself.

use std::ffi::{CStr, CString, c_char, c_int};
use std::panic::Location;
use std::ptr::{self, NonNull};

use httpd_sys as sys;

use crate::module::index;
use crate::request::Request;
use crate::server::Server;

/// How loud a line is, as in `LogLevel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `APLOG_CRIT`
    Critical,
    /// `APLOG_ERR`
    Error,
    /// `APLOG_WARNING`
    Warning,
    /// `APLOG_NOTICE`
    Notice,
    /// `APLOG_INFO`
    Info,
    /// `APLOG_DEBUG`
    Debug,
    /// `APLOG_TRACE1`
    Trace1,
}

impl Level {
    fn code(self) -> c_int {
        let code = match self {
            Level::Critical => sys::APLOG_CRIT,
            Level::Error => sys::APLOG_ERR,
            Level::Warning => sys::APLOG_WARNING,
            Level::Notice => sys::APLOG_NOTICE,
            Level::Info => sys::APLOG_INFO,
            Level::Debug => sys::APLOG_DEBUG,
            Level::Trace1 => sys::APLOG_TRACE1,
        };
        code.cast_signed()
    }
}

/// Returns whether lines of this level are logged, in the log of the request's virtual host.
#[must_use]
pub fn is_logged(request: &Request, level: Level) -> bool {
    // SAFETY: the request is alive; the function only reads it.
    let limit = unsafe { sys::ap_get_request_module_loglevel(request.as_ptr(), index()) };
    limit >= level.code()
}

/// Logs a line about a request, into the log of its virtual host. `line` is called only if the level is on.
#[track_caller]
pub fn log_request(request: &Request, level: Level, line: impl FnOnce() -> String) {
    if !is_logged(request, level) {
        return;
    }
    let r = request.as_ptr();
    let place = Location::caller();
    let line = c_text(line());
    // SAFETY: the request is alive, and "%s" takes exactly the one NUL-terminated string that follows.
    unsafe {
        sys::ap_log_rerror_(
            place.file_as_c_str().as_ptr(),
            place.line().cast_signed(),
            index(),
            level.code(),
            0,
            r,
            c"%s".as_ptr(),
            line.as_ptr(),
        );
    }
}

/// Logs a line about the server as a whole. `line` is called only if the level is on.
#[track_caller]
pub fn log_server(server: Server<'_>, level: Level, line: impl FnOnce() -> String) {
    // SAFETY: the server is alive; the function only reads it.
    let limit = unsafe { sys::ap_get_server_module_loglevel(server.as_ptr(), index()) };
    if limit < level.code() {
        return;
    }
    let place = Location::caller();
    let line = c_text(line());
    // SAFETY: the server is alive, and "%s" takes exactly the one NUL-terminated string that follows.
    unsafe {
        sys::ap_log_error_(
            place.file_as_c_str().as_ptr(),
            place.line().cast_signed(),
            index(),
            level.code(),
            0,
            server.as_ptr(),
            c"%s".as_ptr(),
            line.as_ptr(),
        );
    }
}

/// The log of a request's virtual host, for lines about what goes on when the request is over. Any thread may have it.
#[derive(Debug, Clone, Copy)]
pub struct HostLog(NonNull<sys::server_rec>);

// SAFETY: it is only handed to functions of httpd that write to a log, which any thread may call for any server.
unsafe impl Send for HostLog {}
// SAFETY: as above.
unsafe impl Sync for HostLog {}

impl HostLog {
    /// The log of a request's virtual host.
    #[must_use]
    pub fn of(request: &Request) -> Option<HostLog> {
        // SAFETY: the request is alive; a plain pointer is read.
        let server = unsafe { (*request.as_ptr()).server };
        NonNull::new(server).map(HostLog)
    }

    /// Logs a line. `line` is called only if the level is on.
    #[track_caller]
    pub fn log(self, level: Level, line: impl FnOnce() -> String) {
        // SAFETY: it is the server of a request, and processes that serve requests never read their configuration anew: their
        // servers live as long as they do.
        let server = unsafe { Server::from_raw(self.0.as_ptr()) };
        if let Some(server) = server {
            log_server(server, level, line);
        }
    }
}

/// Writes a line to where the operator looks while the server starts: standard error, without time and process number,
/// as httpd's own messages about the configuration.
#[track_caller]
pub fn log_startup(line: &str) {
    let place = Location::caller();
    let line = c_text(line.to_owned());
    let level = (sys::APLOG_STARTUP | sys::APLOG_CRIT).cast_signed();
    // SAFETY: without a server httpd writes to standard error; "%s" takes exactly the one string that follows.
    unsafe {
        sys::ap_log_error_(
            place.file_as_c_str().as_ptr(),
            place.line().cast_signed(),
            index(),
            level,
            0,
            ptr::null(),
            c"%s".as_ptr(),
            line.as_ptr(),
        );
    }
}

/// A NUL would end the line early, and guests may write one. Other control characters are escaped by httpd, with backslashes
/// that it would escape once more here.
fn c_text(line: String) -> CString {
    let line = if line.contains('\0') {
        line.replace('\0', "^@")
    } else {
        line
    };
    CString::new(line).unwrap_or_default()
}

/// The time, in the words and the zone that httpd's logs use: `Tue Nov 24 09:30:00 2026`.
#[must_use]
pub fn now() -> String {
    let mut buffer = [0 as c_char; sys::APR_CTIME_LEN as usize];
    // SAFETY: reads the clock.
    let time = unsafe { sys::apr_time_now() };
    // SAFETY: the function writes APR_CTIME_LEN bytes, the last of them NUL, and the buffer has as many.
    let status = unsafe { sys::apr_ctime(buffer.as_mut_ptr(), time) };
    if status != sys::APR_SUCCESS.cast_signed() {
        return String::new();
    }
    // SAFETY: just written, with a NUL at its end.
    let text = unsafe { CStr::from_ptr(buffer.as_ptr()) };
    text.to_string_lossy().into_owned()
}
