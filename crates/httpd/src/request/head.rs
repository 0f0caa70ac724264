//! The head of the response, as a handler sets it that is not a script.

use std::ffi::{CString, c_int};

use httpd_sys as sys;

use crate::answer::Answer;
use crate::request::Request;
use crate::table::bytes;

impl Request {
    /// Has the client to get the head alone, whatever the body is? A HEAD request, or a status that has no body.
    #[must_use]
    pub fn sends_no_body(&self) -> bool {
        self.is_head_alone() || self.status() == 205
    }

    /// Does the message end with its head, whatever that says of a length? As httpd has it: with 205 the head must say itself
    /// that there is no body.
    pub(crate) fn is_head_alone(&self) -> bool {
        field!(self, header_only) != 0 || matches!(self.status(), 204 | 304)
    }

    /// Has httpd handed the head of the response to the filters of the connection, so that what comes now is body?
    pub(crate) fn head_is_out(&self) -> bool {
        field!(self, sent_bodyct) != 0
    }

    /// How many bytes of the body have passed the filter of httpd that counts them.
    pub(crate) fn body_passed(&self) -> u64 {
        u64::try_from(field!(self, bytes_sent)).unwrap_or(0)
    }

    /// Says nothing of the length of a body that there is not.
    pub fn forget_content_length(&mut self) {
        for table in [self.headers_out(), self.err_headers_out()]
            .into_iter()
            .flatten()
        {
            table.unset(c"Content-Length");
        }
    }

    /// Sets a status that httpd need not know. It would send 500 for one that it has no words for.
    pub fn set_any_status(&mut self, status: u16) {
        self.set_status(status);
        // SAFETY: a pure function on integers.
        let line = unsafe { sys::ap_get_status_line(c_int::from(status)) };
        // SAFETY: httpd's own words, static.
        let known = unsafe { bytes(line) }.unwrap_or_default();
        let number = status.to_string();
        if !known.starts_with(number.as_bytes())
            && let Ok(line) = CString::new(format!("{number} Status {number}"))
        {
            set_field!(self, status_line, self.string(&line));
        }
    }

    /// Sets the type of the content, by which filters are chosen and to which `AddDefaultCharset` applies.
    pub fn set_content_type(&mut self, value: &[u8]) {
        let Ok(value) = CString::new(value) else {
            return;
        };
        let value = self.string(&value);
        // SAFETY: the request is alive, and the text ends with a NUL and lives in its pool.
        unsafe { sys::ap_set_content_type(self.as_ptr(), value) };
    }

    /// Forgets what httpd has concluded from the URL about type, encoding and language of the content.
    pub fn forget_content_type(&mut self) {
        set_field!(self, content_type, std::ptr::null());
        set_field!(self, content_encoding, std::ptr::null());
        set_field!(self, content_languages, std::ptr::null_mut());
    }

    /// Says how long the body is, in bytes. Filters that change the body take that back.
    pub fn set_content_length(&mut self, length: u64) {
        let length = sys::apr_off_t::try_from(length).unwrap_or(sys::apr_off_t::MAX);
        // SAFETY: the request is alive.
        unsafe { sys::ap_set_content_length(self.as_ptr(), length) };
    }

    /// Says when the content was last modified, for [`meets_conditions`](Request::meets_conditions). Does nothing if that is
    /// no date; returns whether it is one.
    pub fn set_modified(&mut self, date: &[u8]) -> bool {
        let Ok(date) = CString::new(date) else {
            return false;
        };
        // SAFETY: the text ends with a NUL and is only read.
        let time = unsafe { sys::apr_date_parse_http(date.as_ptr()) };
        // `APR_DATE_BAD`, which is a cast in C.
        let known = time != 0;
        if known {
            set_field!(self, mtime, time);
        }
        known
    }

    /// Does the response, with its `ETag` and time of modification, meet the conditions of the request?
    ///
    /// # Errors
    /// 304 or 412, which is what the client must get instead.
    pub fn meets_conditions(&mut self) -> Result<(), Answer> {
        // SAFETY: the request is alive.
        let code = unsafe { sys::ap_meets_conditions(self.as_ptr()) };
        match Answer::from_code(code) {
            Answer::Ok => Ok(()),
            other => Err(other),
        }
    }
}
