//! Holds a response to what its head says of its length. A handler, an operator's `Header` line or a tenant's `.htaccess` file
//! may have httpd announce any `Content-Length`, and httpd sends whatever body follows: what is too much of it would be
//! another response to whoever reads on, for requests of others as well where a proxy sent them. A filter of ours behind
//! the one that makes the head compares, lets no more through than was said, and closes the connection of a response
//! that is not as long. Must not know whose response it is.

use std::cell::Cell;
use std::ffi::CStr;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use httpd_sys as sys;

use crate::brigade::{hold_to, push_error_before_end};
use crate::guard::guard;
use crate::pool::Pool;
use crate::request::Request;

const NAME: &CStr = c"RESPONSE_LENGTH";
/// Behind the filter `HTTP_HEADER`, which is of type `AP_FTYPE_PROTOCOL`, and before `CHUNK`, which is of type
/// `AP_FTYPE_TRANSCODE`: all that changes the content is over, the head is final, and only framing follows.
const AFTER_HEAD: sys::ap_filter_type = sys::AP_FTYPE_PROTOCOL + 5;

/// What httpd calls the filter. Written when the configuration is read, by one thread.
static HANDLE: AtomicPtr<sys::ap_filter_rec_t> = AtomicPtr::new(ptr::null_mut());

/// Makes the filter known to httpd, once for each reading of the configuration.
pub(crate) fn register() {
    // SAFETY: httpd copies the name and keeps the function, which has the signature of an output filter; it needs none
    // to initialise it.
    let handle =
        unsafe { sys::ap_register_output_filter(NAME.as_ptr(), Some(filter), None, AFTER_HEAD) };
    HANDLE.store(handle, Ordering::Relaxed);
}

/// How a response does not fit its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misframed {
    /// There is more body than was said.
    TooLong,
    /// There is less.
    TooShort,
    /// The head can be read in more than one way: lengths that differ or are none, or a transfer coding that httpd has not
    /// made.
    Ambiguous,
}

impl fmt::Display for Misframed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misframed::TooLong => "its body is longer than its head says",
            Misframed::TooShort => "its body is shorter than its head says",
            Misframed::Ambiguous => {
                "its head has lengths that differ or are none, or a Transfer-Encoding that is not httpd's"
            }
        })
    }
}

/// What is known of the response of one request.
#[derive(Debug, Default)]
struct State {
    expected: Cell<Expected>,
    problem: Cell<Option<Misframed>>,
}

impl State {
    /// Takes note of what the head says that has gone out, of whose body so many bytes have passed.
    fn read_head(&self, request: &Request, passed: u64) {
        let expected = expected(request);
        if expected.is_err() {
            self.problem.set(Some(Misframed::Ambiguous));
        }
        self.expected.set(match expected {
            Ok(Expected::Bytes(length)) | Err(length) => {
                Expected::Bytes(length.saturating_sub(passed))
            }
            Ok(other) => other,
        });
    }
}

/// How much more body there must be.
#[derive(Debug, Clone, Copy, Default)]
enum Expected {
    /// The head has not gone out.
    #[default]
    Unknown,
    /// The framing says itself where the body ends.
    Anything,
    /// This number of bytes.
    Bytes(u64),
}

/// The filter of one response. A part of another request, such as an include, has that of the whole.
///
/// As a brigade it holds no lifetime: the state lives in the request's pool, and its owner is used with that request.
#[derive(Debug)]
pub(crate) struct Framing(Option<NonNull<State>>);

impl Framing {
    /// Puts the filter in place, unless it is there.
    pub(crate) fn of(request: &Request) -> Framing {
        let handle = HANDLE.load(Ordering::Relaxed);
        let request = &request.outermost();
        if handle.is_null() {
            return Framing(None);
        }
        if let Some(state) = present(request, handle) {
            return Framing(Some(state));
        }
        // SAFETY: the pool lives as long as the request, which is served by this thread.
        let Some(pool) = (unsafe { Pool::from_raw(request.pool_ptr()) }) else {
            return Framing(None);
        };
        let state = State::default();
        if request.head_is_out() {
            state.read_head(request, request.body_passed());
        }
        let state = pool.own(state);
        let (context, r) = (state.as_ptr().cast(), request.as_ptr());
        // SAFETY: the handle is of this reading of the configuration, whose filters live as long as any request; request and
        // connection are alive, and so is the context, as long as the request's pool.
        unsafe { sys::ap_add_output_filter_handle(handle, context, r, request.connection_ptr()) };
        Framing(Some(state))
    }

    /// What the filter has found.
    pub(crate) fn problem(&self) -> Option<Misframed> {
        // SAFETY: the state lives in the pool of the request that this is used with; there are shared references only.
        let state = unsafe { self.0?.as_ref() };
        state.problem.get()
    }
}

/// The state of the filter, if it is among those of the request: put there by one that was redirected to this.
fn present(request: &Request, handle: *mut sys::ap_filter_rec_t) -> Option<NonNull<State>> {
    let mut filter = request.output_filters_ptr();
    // SAFETY: null or a filter of this request or of its connection; the list ends with null.
    while let Some(current) = unsafe { filter.as_ref() } {
        if current.frec == handle {
            return NonNull::new(current.ctx.cast());
        }
        filter = current.next;
    }
    None
}

/// Passes on what belongs to the response, and fails when there is more.
unsafe extern "C" fn filter(
    f: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t {
    let held = guard(None, || {
        // SAFETY: httpd calls the filter with itself, alive, and a live brigade.
        Some(unsafe { hold(f, brigade) })
    });
    let Some(fits) = held else {
        // Nothing goes out that has not been looked at.
        return sys::APR_EGENERAL.cast_signed();
    };
    // SAFETY: httpd calls the filter with itself, alive.
    let next = unsafe { (*f).next };
    // SAFETY: the next filter and the brigade are alive.
    let status = unsafe { sys::ap_pass_brigade(next, brigade) };
    match fits {
        true => status,
        false => sys::APR_EGENERAL.cast_signed(),
    }
}

/// Takes out of the brigade what is too much. Returns whether there was nothing.
///
/// # Safety
/// `f` must be this filter, put in place by [`Framing::of`], and `brigade` a live brigade used by nobody else meanwhile.
unsafe fn hold(f: *mut sys::ap_filter_t, brigade: *mut sys::apr_bucket_brigade) -> bool {
    // SAFETY: by this function's contract.
    let r = unsafe { (*f).r };
    // SAFETY: as above.
    let state: *const State = unsafe { (*f).ctx }.cast();
    // SAFETY: the filter was added for a request, which is alive while its response is being sent.
    let request = unsafe { Request::from_raw(r) };
    // SAFETY: the context is that of this filter, which lives as long as the request.
    let state = unsafe { state.as_ref() };
    let (Some(mut request), Some(state)) = (request, state) else {
        return true;
    };
    if !request.head_is_out() || request.is_head_alone() {
        return true;
    }
    if let Expected::Unknown = state.expected.get() {
        state.read_head(&request, 0);
    }
    let Expected::Bytes(mut left) = state.expected.get() else {
        return true;
    };
    // SAFETY: by this function's contract.
    let held = unsafe { hold_to(brigade, &mut left) };
    state.expected.set(Expected::Bytes(left));
    let found = match held.excess {
        true => Some(Misframed::TooLong),
        false => (held.ended && left > 0).then_some(Misframed::TooShort),
    };
    let problem = state.problem.get().or(found);
    state.problem.set(problem);
    if problem.is_some() {
        request.close_connection();
        if held.ended {
            // What a stream of HTTP/2 is reset by.
            // SAFETY: by this function's contract.
            unsafe { push_error_before_end(brigade, &request, sys::HTTP_BAD_GATEWAY) };
        }
    }
    !held.excess
}

/// What the head says that has just gone out.
///
/// # Errors
/// It can be read in more than one way; the least that a reader may take for the length.
fn expected(request: &Request) -> Result<Expected, u64> {
    if request.is_chunked() {
        return Ok(Expected::Anything);
    }
    let mut lengths = Vec::new();
    for (name, value) in request.headers_out().iter().flat_map(|table| table.iter()) {
        if name.eq_ignore_ascii_case(b"Transfer-Encoding") {
            return Err(0);
        }
        if name.eq_ignore_ascii_case(b"Content-Length") {
            lengths.push(number(value).ok_or(0_u64)?);
        }
    }
    let least = lengths.iter().copied().min();
    match least {
        None => Ok(Expected::Anything),
        Some(least) if lengths.iter().all(|length| *length == least) => Ok(Expected::Bytes(least)),
        Some(least) => Err(least),
    }
}

/// Digits and nothing else.
fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    str::from_utf8(value).ok()?.parse().ok().filter(|_| digits)
}
