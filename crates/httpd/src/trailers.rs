//! Trailer fields of a response. httpd 2.4 has a table for them, which mod_http2 sends and its own chunk filter does not: a
//! filter of ours behind that one puts them where the chunk filter ends the body. Must not know whose fields they are.

use std::ffi::CStr;
use std::ptr;

use httpd_sys as sys;

use crate::brigade::replace_last_chunk;
use crate::guard::guard;
use crate::request::Request;

const NAME: &CStr = c"RESPONSE_TRAILERS";
/// Behind the filter `CHUNK`, which is of type `AP_FTYPE_TRANSCODE`, and before those of the connection.
const AFTER_CHUNK: sys::ap_filter_type = sys::AP_FTYPE_TRANSCODE + 5;

/// Makes the filter known to httpd, once for each reading of the configuration.
pub(crate) fn register() {
    // SAFETY: httpd copies the name and keeps the function, which has the signature of an output filter; it needs none
    // to initialise it.
    unsafe { sys::ap_register_output_filter(NAME.as_ptr(), Some(filter), None, AFTER_CHUNK) };
}

/// Where a response to a request may have trailer fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailers {
    /// Nowhere: HTTP/1.0.
    Nowhere,
    /// Behind a chunked body: HTTP/1.1.
    BehindChunks,
    /// Behind any body: HTTP/2.
    Anywhere,
}

impl Request {
    /// Where the response may have trailer fields.
    #[must_use]
    pub fn trailers(&self) -> Trailers {
        match self.protocol() {
            ..1001 => Trailers::Nowhere,
            1001..2000 => Trailers::BehindChunks,
            2000.. => Trailers::Anywhere,
        }
    }

    /// Sends what is in [`trailers_out`](Request::trailers_out) when the response ends, if its framing allows that: there is
    /// none for them behind a body of a known length, or one that ends with the connection. Names and values must have been
    /// checked, nobody looks at them any more.
    pub fn send_trailers(&mut self) {
        let unchunked = self.response_begun() && !self.is_chunked();
        if self.trailers() != Trailers::BehindChunks || unchunked {
            return;
        }
        let r = self.as_ptr();
        // SAFETY: the filter was registered under this name; request and connection are alive.
        unsafe {
            sys::ap_add_output_filter(NAME.as_ptr(), ptr::null_mut(), r, self.connection_ptr())
        };
    }
}

/// Passes everything on, and in the brigade with the end of a chunked response the trailer fields.
unsafe extern "C" fn filter(
    f: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t {
    guard((), || {
        // SAFETY: httpd calls the filter with itself, alive.
        let r = unsafe { (*f).r };
        // SAFETY: it was added for a request, which is alive while its response is being sent.
        let Some(request) = (unsafe { Request::from_raw(r) }) else {
            return;
        };
        // Only now is it certain: the filter that makes the head decides on the framing, and its output is what comes here.
        if !request.is_chunked() {
            return;
        }
        // SAFETY: httpd passes a live brigade.
        unsafe { replace_last_chunk(brigade, || section(&request)) };
    });
    // SAFETY: httpd calls the filter with itself, alive.
    let next = unsafe { (*f).next };
    // SAFETY: the next filter and the brigade are alive.
    unsafe { sys::ap_pass_brigade(next, brigade) }
}

/// The last chunk, the trailer section and the end of the body, as RFC 9112 has them.
fn section(request: &Request) -> Vec<u8> {
    let mut section = b"0\r\n".to_vec();
    for (name, value) in request.trailers_out().iter().flat_map(|table| table.iter()) {
        section.extend_from_slice(name);
        section.extend_from_slice(b": ");
        section.extend_from_slice(value);
        section.extend_from_slice(b"\r\n");
    }
    section.extend_from_slice(b"\r\n");
    section
}
