//! What is asked for, as far as a gateway must know it: method, scheme, authority and the target on the request line.

use std::ffi::{c_char, c_int};
use std::hash::Hash;

use httpd_sys as sys;

use crate::connection::Connection;
use crate::request::Request;
use crate::table::bytes;

impl Request {
    /// The version of HTTP: a thousand times the first number, and the second.
    pub(crate) fn protocol(&self) -> c_int {
        field!(self, proto_num)
    }

    /// Has the request come in HTTP/1, with whose status lines a response begins?
    #[must_use]
    pub fn speaks_http_1(&self) -> bool {
        self.protocol() < 2000 && self.connection().is_some_and(Connection::is_primary)
    }

    /// The method, such as `GET`.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        self.text(field!(self, method))
    }

    /// The request line exactly as received, or as mod_http2 makes it up. After an internal redirect it is still the first.
    #[must_use]
    pub fn request_line(&self) -> &[u8] {
        self.text(field!(self, the_request))
    }

    /// The target of the request exactly as received, in whichever form: `/path?query`, `http://host/path?query` or `*`.
    /// After an internal redirect it is the URI that was redirected to.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.text(field!(self, unparsed_uri))
    }

    /// Is what is served still what [`target`](Request::target) says? httpd decodes and normalises path and query where it
    /// parsed them; whoever rewrites them, such as mod_rewrite with `[PT]`, makes new ones.
    #[must_use]
    pub fn serves_target(&self) -> bool {
        field!(self, uri) == field!(self, parsed_uri.path)
            && field!(self, args) == field!(self, parsed_uri.query)
    }

    /// The path that is served, encoded anew as far as a path must be.
    #[must_use]
    pub fn served_path(&self) -> &[u8] {
        let path: *const c_char = field!(self, uri);
        if path.is_null() {
            return &[];
        }
        // SAFETY: pool and path are alive; with 1 as its last argument the function puts nothing before the path.
        let path = unsafe { sys::ap_os_escape_path(self.pool_ptr(), path, 1) };
        self.text(path)
    }

    /// The query that is served, as it is.
    #[must_use]
    pub fn query(&self) -> Option<&[u8]> {
        let query = field!(self, args);
        // SAFETY: null or a string in the request's pool.
        unsafe { bytes(query) }
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &[u8] {
        // SAFETY: the request is alive; the function only reads it.
        let scheme = unsafe { sys::ap_run_http_scheme(self.as_ptr()) };
        self.text(scheme)
    }

    /// Name and port by which the server calls itself for this request, the port only if it is not the scheme's own.
    #[must_use]
    pub fn server_authority(&self) -> &[u8] {
        let r = self.as_ptr();
        // SAFETY: the request is alive; the function only reads it.
        let name = unsafe { sys::ap_get_server_name_for_url(r) };
        // SAFETY: as above.
        let port = unsafe { sys::ap_get_server_port(r) };
        // SAFETY: pool, name and request are alive.
        let authority = unsafe { sys::ap_construct_server(self.pool_ptr(), name, port, r) };
        self.text(authority)
    }

    /// A number that tells the virtual host from all others of this configuration.
    #[must_use]
    pub fn virtual_host(&self) -> usize {
        field!(self, server).addr()
    }

    /// What tells the virtual host from others over restarts too, while its lines stay the same: name and port, and the file and
    /// line that begin it.
    #[must_use]
    pub fn virtual_host_origin(&self) -> impl Hash {
        let server = field!(self, server);
        // SAFETY: a request's server is alive as long as the request, and is not changed while requests are served.
        let name = unsafe { (*server).server_hostname };
        // SAFETY: as above.
        let port = unsafe { (*server).port };
        // SAFETY: as above.
        let file = unsafe { (*server).defn_name };
        // SAFETY: as above.
        let line = unsafe { (*server).defn_line_number };
        (self.text(name), port, self.text(file), line)
    }
}
