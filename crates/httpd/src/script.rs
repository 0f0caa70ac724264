//! What httpd does for every CGI-like handler: the environment, the response head in a script's output, and internal
//! redirects. Must not know where the output comes from.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use httpd_sys as sys;

use crate::answer::Answer;
use crate::brigade::Brigade;
use crate::module::index;
use crate::request::Request;

/// httpd's `MAX_STRING_LEN`: the size of the buffer that its head parser writes the offending line to.
const LINE_BUFFER: usize = 8192;

impl Request {
    /// Fills [`environment`](Request::environment) with the variables of CGI.
    ///
    /// `split`: the script's name and the path behind it, where httpd cannot know them because they are not on disk.
    pub fn add_cgi_environment(&mut self, split: Option<(&CStr, &CStr)>) {
        // SAFETY: the request is alive.
        unsafe { sys::ap_add_common_vars(self.as_ptr()) };
        let Some((script_name, path_info)) = split else {
            // SAFETY: the request is alive.
            unsafe { sys::ap_add_cgi_vars(self.as_ptr()) };
            return;
        };
        // httpd derives PATH_TRANSLATED from the path behind the script's name, so it must see the right one meanwhile.
        let path_info = self.string(path_info);
        let old = self.swap_path_info(path_info);
        // SAFETY: the request is alive.
        unsafe { sys::ap_add_cgi_vars(self.as_ptr()) };
        self.swap_path_info(old);
        if let Some(environment) = self.environment() {
            environment.set(c"SCRIPT_NAME", script_name);
        }
    }

    /// Reads a script's response head, which must end with an empty line, into the response's header fields and status.
    /// What is wrong with it is logged by httpd.
    ///
    /// # Errors
    /// The answer that the handler must give instead of a response: 304 or 412 if a condition of the request decides so,
    /// 500 if the head is bad.
    pub fn scan_script_head(&mut self, head: &[u8]) -> Result<(), Answer> {
        let mut brigade = Brigade::new(self);
        brigade.push_copy(head).map_err(|_| Answer::Http(500))?;
        brigade.push_end();
        // With a buffer of its own for bad lines, the parser does not go on to read all the rest.
        let mut line = MaybeUninit::<[c_char; LINE_BUFFER]>::uninit();
        // SAFETY: request and brigade are alive; the buffer has the size that the function demands, which only writes it.
        let code = unsafe {
            sys::ap_scan_script_header_err_brigade_ex(
                self.as_ptr(),
                brigade.as_ptr(),
                line.as_mut_ptr().cast(),
                index(),
            )
        };
        match Answer::from_code(code) {
            Answer::Ok => Ok(()),
            other => Err(other),
        }
    }

    /// Serves the local URL `uri` in place of this request, as a GET without a body. Its response is complete when this
    /// returns; the handler has nothing more to do.
    pub fn redirect_internally(&mut self, uri: &CStr) {
        // What is left of the body is httpd's to skip, which it can no longer do by the header fields. A sub-request has
        // header fields of its own, and the body is not its own to read.
        if !self.is_sub_request() && self.begin_body().is_err() {
            self.close_connection();
        }
        self.become_get();
        if let Some(headers) = self.headers_in() {
            headers.unset(c"Content-Length");
            headers.unset(c"Transfer-Encoding");
        }
        let uri = self.string(uri);
        // SAFETY: the request is alive, and the text ends with a NUL and lives in its pool.
        unsafe { sys::ap_internal_redirect_handler(uri, self.as_ptr()) };
    }
}
