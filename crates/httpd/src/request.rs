//! The request: where httpd stands with it, its tables and its configuration. Knows httpd's `request_rec`, not what a
//! handler makes of it.

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use httpd_sys as sys;

use crate::connection::Connection;
use crate::module::{self, Module};
use crate::table::{Table, bytes};

/// A request, lent to the handler for one call.
///
/// It holds a pointer to httpd's `request_rec` and never makes a Rust reference to the struct itself: httpd and its filters
/// read and write the struct through pointers of their own whenever they are called, which `&mut` to it would rule out. It
/// cannot be copied, so it ends with the call that it is lent for.
#[derive(Debug)]
pub struct Request {
    request: NonNull<sys::request_rec>,
}

/// Reads a field. All of them are plain values, copied out.
macro_rules! field {
    ($request:expr, $field:ident $(. $inner:ident)*) => {{
        // SAFETY: a Request is only made from a live request_rec, and only used on the thread that serves it.
        unsafe { (*$request.as_ptr()).$field $(.$inner)* }
    }};
}

/// Writes a field.
macro_rules! set_field {
    ($request:expr, $field:ident, $value:expr) => {{
        let value = $value;
        // SAFETY: as for reading.
        unsafe { (*$request.as_ptr()).$field = value }
    }};
}

mod file;
mod head;
mod target;

pub use file::{FileKind, FileStamp};

impl Request {
    /// The request that httpd passed.
    ///
    /// # Safety
    /// `r` must be null or a live request that outlives the result and is served by the current thread.
    pub(crate) unsafe fn from_raw(r: *mut sys::request_rec) -> Option<Request> {
        Some(Request {
            request: NonNull::new(r)?,
        })
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::request_rec {
        self.request.as_ptr()
    }

    pub(crate) fn pool_ptr(&self) -> *mut sys::apr_pool_t {
        field!(self, pool)
    }

    pub(crate) fn connection_ptr(&self) -> *mut sys::conn_rec {
        field!(self, connection)
    }

    pub(crate) fn input_filters_ptr(&self) -> *mut sys::ap_filter_t {
        field!(self, input_filters)
    }

    /// The last of the input filters, which know the body's framing and nothing of its content.
    pub(crate) fn protocol_input_filters_ptr(&self) -> *mut sys::ap_filter_t {
        field!(self, proto_input_filters)
    }

    pub(crate) fn output_filters_ptr(&self) -> *mut sys::ap_filter_t {
        field!(self, output_filters)
    }

    pub(crate) fn connection_output_filters_ptr(&self) -> *mut sys::ap_filter_t {
        let connection = self.connection_ptr();
        // SAFETY: a request's connection is alive as long as the request.
        unsafe { (*connection).output_filters }
    }

    /// Puts other output filters in place; null stands for none. Returns those that were there.
    pub(crate) fn swap_output_filters(
        &mut self,
        filters: *mut sys::ap_filter_t,
    ) -> *mut sys::ap_filter_t {
        let old = field!(self, output_filters);
        set_field!(self, output_filters, filters);
        old
    }

    /// The module's merged configuration for this request, if any section that applies has one.
    #[must_use]
    pub fn dir_config<M: Module>(&self) -> Option<&M::DirConfig> {
        let vector = field!(self, per_dir_config);
        // SAFETY: the vector is this request's, and the record is that of the loaded module.
        let config = unsafe { sys::ap_get_module_config(vector, module::current()) };
        // SAFETY: the module's slot holds null or what `M`'s create or merge function made, which lives with its pool.
        unsafe { config.cast::<M::DirConfig>().as_ref() }
    }

    /// The handler that the configuration chose, such as `wasm-handler`.
    #[must_use]
    pub fn handler(&self) -> &[u8] {
        self.text(field!(self, handler))
    }

    /// The path of the URL, decoded.
    #[must_use]
    pub fn uri(&self) -> &[u8] {
        self.text(field!(self, uri))
    }

    /// The part of the URL behind what was found on disk.
    #[must_use]
    pub fn path_info(&self) -> &[u8] {
        self.text(field!(self, path_info))
    }

    /// The status line that a script gave, such as `404 Not here`.
    #[must_use]
    pub fn status_line(&self) -> Option<&[u8]> {
        let line = field!(self, status_line);
        // SAFETY: null or a string in the request's pool.
        unsafe { bytes(line) }
    }

    /// The status to be sent. Not always one that HTTP knows: a script may have set anything.
    #[must_use]
    pub fn status(&self) -> c_int {
        field!(self, status)
    }

    /// Sets the status, and forgets a status line that a script gave.
    pub fn set_status(&mut self, status: u16) {
        set_field!(self, status, c_int::from(status));
        set_field!(self, status_line, std::ptr::null());
    }

    /// The request that this is a part of, itself if it is none.
    pub(crate) fn outermost(&self) -> Request {
        let mut request = self.request;
        // SAFETY: a request that has others as its parts is alive as long as they are, and served by the same thread.
        while let Some(main) = NonNull::new(unsafe { (*request.as_ptr()).main }) {
            request = main;
        }
        Request { request }
    }

    /// Does `AcceptPathInfo Off` hold?
    #[must_use]
    pub fn rejects_path_info(&self) -> bool {
        field!(self, used_path_info) == sys::AP_REQ_REJECT_PATH_INFO.cast_signed()
    }

    /// Is the body that the client has sent, if any, meant for what is served? A sub-request has one only if its header fields
    /// say so, which httpd sees to. Whoever redirects to a page of his own, such as an `ErrorDocument`, makes a GET of what
    /// need not have been one: that must not read what was sent for another resource. A redirect that only finds the
    /// resource, such as one of mod_rewrite in a `.htaccess` file, leaves the method as it was.
    #[must_use]
    pub fn owns_body(&self) -> bool {
        if self.is_sub_request() {
            return self
                .headers_in()
                .is_some_and(|headers| headers.get(c"Content-Length").is_some());
        }
        let redirected = !field!(self, prev).is_null();
        let asked = self.request_line().split(|&byte| byte == b' ').next();
        !redirected
            || field!(self, method_number) != sys::M_GET.cast_signed()
            || asked == Some(self.method())
    }

    /// Does the request say that it has a body, by a length that is not 0 or by a transfer coding? Whatever the method:
    /// `ap_request_has_body` says no for HEAD. mod_http2 gives a transfer coding to bodies without a length.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.headers_in().is_some_and(|headers| {
            let length = headers.get(c"Content-Length");
            headers.get(c"Transfer-Encoding").is_some()
                || length.is_some_and(|length| length != b"0")
        })
    }

    /// Do filters of the content, such as mod_deflate's `INFLATE`, stand between the client's body and the handler? Then it
    /// may have another length than the client says.
    #[must_use]
    pub fn body_is_filtered(&self) -> bool {
        self.input_filters_ptr() != self.protocol_input_filters_ptr()
    }

    /// Has the client been sent a part of the response's body, or a head without one?
    #[must_use]
    pub fn response_begun(&self) -> bool {
        field!(self, sent_bodyct) != 0 || field!(self, bytes_sent) != 0
    }

    /// Does httpd send the response's body in chunks? Decided when the head goes out.
    pub(crate) fn is_chunked(&self) -> bool {
        field!(self, chunked) != 0
    }

    /// Has the end of the response been passed to the output filters?
    #[must_use]
    pub fn response_ended(&self) -> bool {
        field!(self, eos_sent) != 0
    }

    /// Does the client wait for `100 Continue` before it sends the body?
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        field!(self, expecting_100) != 0
    }

    /// Sends `100 Continue`, for which the client waits. A read that blocks sends it by itself, one that does not block never
    /// does.
    pub fn send_continue(&mut self) {
        let (status, line) = (self.status(), field!(self, status_line));
        self.set_status(100);
        // SAFETY: the request is alive; without its header fields only the status line goes out, past all filters that
        // make the response.
        unsafe { sys::ap_send_interim_response(self.as_ptr(), 0) };
        set_field!(self, status, status);
        set_field!(self, status_line, line);
        self.forget_expectation();
    }

    /// Lets no `100 Continue` be sent any more.
    pub fn forget_expectation(&mut self) {
        set_field!(self, expecting_100, 0);
    }

    /// The server's `Timeout`.
    #[must_use]
    pub fn server_timeout(&self) -> Duration {
        let server = field!(self, server);
        // SAFETY: every request has a server, which outlives it.
        let microseconds = unsafe { (*server).timeout };
        Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
    }

    /// `LimitRequestBody` in bytes; none if there is no limit.
    #[must_use]
    pub fn body_limit(&self) -> Option<u64> {
        // SAFETY: the request is alive; the function only reads it.
        let limit = unsafe { sys::ap_get_limit_req_body(self.as_ptr()) };
        u64::try_from(limit).ok().filter(|&limit| limit > 0)
    }

    /// The connection it came on.
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'_>> {
        // SAFETY: a request's connection lives as long as the request.
        unsafe { Connection::from_raw(self.connection_ptr()) }
    }

    /// The request's header fields.
    #[must_use]
    pub fn headers_in(&self) -> Option<Table<'_>> {
        let table = field!(self, headers_in);
        // SAFETY: the table lives in the request's pool.
        unsafe { Table::from_raw(table) }
    }

    /// The response's header fields.
    #[must_use]
    pub fn headers_out(&self) -> Option<Table<'_>> {
        let table = field!(self, headers_out);
        // SAFETY: the table lives in the request's pool.
        unsafe { Table::from_raw(table) }
    }

    /// The trailer fields of the request, known once its body has been read to the end.
    #[must_use]
    pub fn trailers_in(&self) -> Option<Table<'_>> {
        let table = field!(self, trailers_in);
        // SAFETY: the table lives in the request's pool.
        unsafe { Table::from_raw(table) }
    }

    /// The trailer fields of the response; see [`send_trailers`](Request::send_trailers).
    #[must_use]
    pub fn trailers_out(&self) -> Option<Table<'_>> {
        let table = field!(self, trailers_out);
        // SAFETY: the table lives in the request's pool.
        unsafe { Table::from_raw(table) }
    }

    /// The response's header fields that are kept on an error.
    #[must_use]
    pub fn err_headers_out(&self) -> Option<Table<'_>> {
        let table = field!(self, err_headers_out);
        // SAFETY: the table lives in the request's pool.
        unsafe { Table::from_raw(table) }
    }

    /// The environment that httpd has made for scripts.
    #[must_use]
    pub fn environment(&self) -> Option<Table<'_>> {
        let table = field!(self, subprocess_env);
        // SAFETY: the table lives in the request's pool.
        unsafe { Table::from_raw(table) }
    }

    /// Turns the request into a GET, for an internal redirect.
    pub(crate) fn become_get(&mut self) {
        set_field!(self, method, c"GET".as_ptr());
        set_field!(self, method_number, sys::M_GET.cast_signed());
    }

    /// Puts another path behind the script's name; `None` restores nothing, it means "no such path".
    pub(crate) fn swap_path_info(
        &mut self,
        path_info: *mut std::ffi::c_char,
    ) -> *mut std::ffi::c_char {
        let old = field!(self, path_info);
        set_field!(self, path_info, path_info);
        old
    }

    /// Keeps mod_cache from storing the response, also that of the request around a sub-request.
    pub(crate) fn forbid_caching(&mut self) {
        set_field!(self, no_cache, 1);
        let main = field!(self, main);
        if !main.is_null() {
            // SAFETY: the main request outlives its sub-requests and is served by the same thread.
            unsafe { (*main).no_cache = 1 };
        }
    }

    /// Is it a part of another request, such as an include?
    #[must_use]
    pub fn is_sub_request(&self) -> bool {
        !field!(self, main).is_null()
    }

    /// Makes way for a response that is written as it goes over the connection, which serves no further request: nothing
    /// httpd would add or change is left among the output filters. As mod_cgid does it for such programs.
    pub fn take_over_connection(&mut self) {
        let mut filter = field!(self, proto_output_filters);
        // SAFETY: null or a filter of this request or of its connection; the list ends with null.
        while let Some(current) = unsafe { filter.as_ref() } {
            // SAFETY: every filter has its static record.
            let kind = unsafe { (*current.frec).ftype };
            if kind >= sys::AP_FTYPE_CONNECTION {
                break;
            }
            filter = current.next;
        }
        set_field!(self, proto_output_filters, filter);
        self.swap_output_filters(filter);
        // What httpd goes by to tell whether a response has begun; the filter that sets it is gone.
        set_field!(self, sent_bodyct, 1);
        self.close_connection();
    }

    /// The connection serves no further request.
    pub(crate) fn close_connection(&mut self) {
        let connection = self.connection_ptr();
        // SAFETY: the connection is alive and served by this thread.
        unsafe { (*connection).keepalive = sys::AP_CONN_CLOSE };
    }

    /// A string of the request; empty for null.
    fn text(&self, text: *const std::ffi::c_char) -> &[u8] {
        // SAFETY: null or a string in the request's pool, not changed while the handler looks at it.
        unsafe { bytes(text) }.unwrap_or_default()
    }

    /// `text` as a C string of this request.
    pub(crate) fn string(&self, text: &CStr) -> *mut std::ffi::c_char {
        // SAFETY: the pool is alive; pointer and length are those of `text`, which is only read.
        unsafe { sys::apr_pstrmemdup(self.pool_ptr(), text.as_ptr(), text.count_bytes()) }
    }
}
