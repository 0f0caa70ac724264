//! The request's body, read through httpd's input filters: de-chunked, inflated, limited as the server is configured.
//! Bounded: takes no more from the filters than the caller's buffer holds.

use httpd_sys as sys;

use crate::brigade::{Brigade, Front};
use crate::request::Request;
use crate::status::Status;

/// The body of one request.
#[derive(Debug)]
pub struct Input {
    pending: Brigade,
    ended: bool,
}

/// What [`Input::read`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, at least one.
    Data(usize),
    /// The body is over.
    End,
    /// Nothing has arrived yet; only when it was not to wait.
    Nothing,
}

impl Input {
    /// The body of `request`. Reads nothing yet, so a client that waits for `100 Continue` still waits.
    #[must_use]
    pub fn new(request: &Request) -> Input {
        Input {
            pending: Brigade::new(request),
            ended: false,
        }
    }

    /// Takes what has arrived, up to `at_most` bytes, so that filters such as mod_deflate's `INFLATE` correct the header
    /// fields that they falsify: they do that when they are first asked for data.
    ///
    /// # Errors
    /// As [`read`](Input::read).
    pub fn prefetch(&mut self, request: &mut Request, at_most: usize) -> Result<(), Status> {
        self.fetch(request, at_most, false).map(drop)
    }

    /// Reads into `buffer`, which must not be empty. `wait`: block until something has arrived.
    ///
    /// # Errors
    /// The client's body is malformed, too large, too slow or cut off: see [`Status::as_request_error`].
    pub fn read(
        &mut self,
        request: &mut Request,
        buffer: &mut [u8],
        wait: bool,
    ) -> Result<Read, Status> {
        loop {
            let count = self.take_pending(buffer, wait)?;
            if count > 0 {
                return Ok(Read::Data(count));
            }
            if self.ended {
                return Ok(Read::End);
            }
            if !self.fetch(request, buffer.len(), wait)? {
                return Ok(Read::Nothing);
            }
        }
    }

    /// Moves what has been fetched into `buffer`, across buckets.
    fn take_pending(&mut self, buffer: &mut [u8], wait: bool) -> Result<usize, Status> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.pending.front() {
                Front::Empty => break,
                Front::End => {
                    self.ended = true;
                    self.pending.clear();
                }
                Front::Metadata => self.pending.drop_front(),
                // Only the first bucket may be worth waiting for.
                Front::Data => match self
                    .pending
                    .take(&mut buffer[filled..], wait && filled == 0)
                {
                    Ok(count) => filled += count,
                    Err(status) if status.is_again() => break,
                    Err(status) => return Err(status),
                },
            }
        }
        Ok(filled)
    }

    /// Asks the filters for more. `false`: there is nothing yet.
    fn fetch(&mut self, request: &mut Request, at_most: usize, wait: bool) -> Result<bool, Status> {
        if self.pending.front() != Front::Empty {
            // A bucket whose data has not arrived: asking for more would only lengthen the queue.
            return Ok(wait);
        }
        let block = if wait {
            sys::APR_BLOCK_READ
        } else {
            sys::APR_NONBLOCK_READ
        };
        let at_most = sys::apr_off_t::try_from(at_most).unwrap_or(sys::apr_off_t::MAX);
        let filters = request.input_filters_ptr();
        let shielded = request.response_begun().then(|| shield(request));
        let result = get(filters, &mut self.pending, block, at_most);
        if let Some(output) = shielded {
            request.swap_output_filters(output);
        }
        match result {
            Err(status) if status.is_again() && !wait => Ok(false),
            Err(status) => Err(status),
            // Success without a bucket is how some filters say "not yet".
            Ok(()) => Ok(wait || self.pending.front() != Front::Empty),
        }
    }
}

impl Request {
    /// Lets httpd's HTTP filter look at the header fields, as it does when it is first asked for the body: only from then on
    /// does it know by itself what is left of that, for instance to skip it before the next request on the connection. May
    /// drop a byte of the body. Does not wait, so a client that waits for `100 Continue` still waits.
    ///
    /// # Errors
    /// The body is malformed, so nobody can know where it ends.
    pub(crate) fn begin_body(&mut self) -> Result<(), Status> {
        let mut dropped = Brigade::new(self);
        let filters = self.protocol_input_filters_ptr();
        let output = shield(self);
        let result = get(filters, &mut dropped, sys::APR_NONBLOCK_READ, 1);
        self.swap_output_filters(output);
        match result {
            Err(status) if status.is_again() => Ok(()),
            result => result,
        }
    }
}

/// `ap_get_brigade`, for a piece of a body.
fn get(
    filters: *mut sys::ap_filter_t,
    brigade: &mut Brigade,
    block: sys::apr_read_type_e,
    at_most: sys::apr_off_t,
) -> Result<(), Status> {
    let brigade = brigade.as_ptr();
    // SAFETY: the filters belong to a live request, and the brigade is the caller's.
    Status::check(unsafe {
        sys::ap_get_brigade(filters, brigade, sys::AP_MODE_READBYTES, block, at_most)
    })
}

/// Takes a response out of reach of the input filters, until the filters that this returns are put back. On a malformed or
/// too large body httpd's HTTP filter sends an error and the end of the stream down the output filters: before a response
/// that makes the error page, but in the middle of one it would look to the client as if the response were whole. With no
/// filters there, reading fails instead.
fn shield(request: &mut Request) -> *mut sys::ap_filter_t {
    request.swap_output_filters(std::ptr::null_mut())
}
