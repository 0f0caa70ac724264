//! The response's body, written through httpd's output filters. Small writes are gathered, large ones are passed on at
//! once; the filters block while the client is slower than the writer, which is all the flow control there is.

use httpd_sys as sys;

use crate::brigade::Brigade;
use crate::framing::{Framing, Misframed};
use crate::request::Request;
use crate::status::Status;

/// The body of one response. Dropped without [`end`](Output::end) or [`abort`](Output::abort), httpd ends the response
/// itself after the handler.
#[derive(Debug)]
pub struct Output {
    pending: Brigade,
    framing: Framing,
}

impl Output {
    /// The response to `request`. Nothing is sent before the first [`flush`](Output::flush), [`end`](Output::end) or
    /// large write, so that httpd can set `Content-Length` on a response that fits into one brigade.
    ///
    /// From now on the response is held to the length that its head says when it goes out.
    #[must_use]
    pub fn new(request: &Request) -> Output {
        Output {
            pending: Brigade::new(request),
            framing: Framing::of(request),
        }
    }

    /// How the body does not fit the head that went out, if so: it has been cut off then, and the connection is closed.
    #[must_use]
    pub fn misframed(&self) -> Option<Misframed> {
        self.framing.problem()
    }

    /// Writes `data`: gathers it if it is small, passes it on if it is large or if enough has been gathered.
    ///
    /// # Errors
    /// The client is gone or a filter refused. Nothing more can be sent then.
    pub fn write(&mut self, request: &mut Request, data: &[u8]) -> Result<(), Status> {
        if data.is_empty() {
            return Ok(());
        }
        let filters = request.output_filters_ptr();
        // SAFETY: brigade and filters are alive. `ap_filter_flush` is meant to be this callback, and the filters are its
        // context. Filters that keep data beyond the call copy it first.
        let status = unsafe {
            sys::apr_brigade_write(
                self.pending.as_ptr(),
                Some(sys::ap_filter_flush),
                filters.cast(),
                data.as_ptr().cast(),
                data.len(),
            )
        };
        Status::check(status)
    }

    /// Sends what has been gathered, through all filters, to the client.
    ///
    /// # Errors
    /// As [`write`](Output::write).
    pub fn flush(&mut self, request: &mut Request) -> Result<(), Status> {
        self.pending.push_flush();
        self.pass(request)
    }

    /// Ends the response: in the same brigade as the last data.
    ///
    /// # Errors
    /// As [`write`](Output::write).
    pub fn end(&mut self, request: &mut Request) -> Result<(), Status> {
        self.pending.push_end();
        self.pass(request)
    }

    /// Writes `data` and ends the response, all in one brigade: if nothing has been sent before, httpd can tell its length
    /// and serve ranges of it.
    ///
    /// # Errors
    /// As [`write`](Output::write).
    pub fn finish(&mut self, request: &mut Request, data: &[u8]) -> Result<(), Status> {
        if !data.is_empty() {
            // SAFETY: `end` clears the brigade before this returns, and `data` is lent for longer.
            unsafe { self.pending.push_lent(data) };
        }
        self.end(request)
    }

    /// After the [`end`](Output::end): sends everything to the client that is still on its way there. The filters of the
    /// request have let go of it by then, those of the connection need not have.
    ///
    /// # Errors
    /// As [`write`](Output::write).
    pub fn flush_connection(&mut self, request: &mut Request) -> Result<(), Status> {
        self.pending.push_flush();
        let filters = request.connection_output_filters_ptr();
        // SAFETY: brigade and filters are alive.
        let status = unsafe { sys::ap_pass_brigade(filters, self.pending.as_ptr()) };
        self.pending.clear();
        Status::check(status)
    }

    /// Ends a response that is not whole, in a way that the client can tell: the connection is closed without the last
    /// chunk, or the HTTP/2 stream is reset. The same way as mod_proxy reports a broken backend.
    pub fn abort(&mut self, request: &mut Request) {
        request.forbid_caching();
        self.pending.push_error(request, sys::HTTP_BAD_GATEWAY);
        self.pending.push_end();
        // What should be done about a failure here is being done.
        let _ = self.pass(request);
        request.close_connection();
    }

    fn pass(&mut self, request: &mut Request) -> Result<(), Status> {
        // Read anew each time: filters remove themselves.
        let filters = request.output_filters_ptr();
        // SAFETY: brigade and filters are alive.
        let status = unsafe { sys::ap_pass_brigade(filters, self.pending.as_ptr()) };
        self.pending.clear();
        Status::check(status)
    }
}
