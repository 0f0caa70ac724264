//! The callbacks that the library makes during a run, each of them a guarded way back into an [`Exchange`].
#![expect(
    unsafe_code,
    reason = "is called back from C; each use is argued for where it stands"
)]

use crate::exchange::{BodyRead, Closed, Exchange, LogLevel};
use crate::request::{Field, borrowed};
use crate::sys;
use std::any::Any;
use std::ffi::{c_int, c_void};
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::time::Duration;

/// What the callbacks get as their context.
pub(crate) struct Context<'a> {
    exchange: &'a mut dyn Exchange,
    trailers: Option<Trailers>,
    /// A panic of the exchange, to go on with after the run.
    pub(crate) panic: Option<Box<dyn Any + Send>>,
}

/// The trailer fields of the request: the library reads them until the run has ended.
struct Trailers {
    fields: Vec<sys::wrt_field>,
    // What the fields point to.
    _owned: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(exchange: &'a mut dyn Exchange) -> Context<'a> {
        Context {
            exchange,
            trailers: None,
            panic: None,
        }
    }
}

pub(crate) const OPS: sys::wrt_ops = sys::wrt_ops {
    size: size_of::<sys::wrt_ops>(),
    read_body: Some(read_body),
    wait: Some(wait),
    read_trailers: Some(read_trailers),
    send_head: Some(send_head),
    write_body: Some(write_body),
    end_response: Some(end_response),
    log: Some(log),
    aborted: Some(aborted),
};

/// Enters Rust from a callback. A panic is kept for the end of the run, and every later call answers as if the exchange
/// were closed.
///
/// # Safety
/// `ctx` is the context that the run passed, and no other reference to it is in use.
unsafe fn enter<R>(ctx: *mut c_void, closed: R, call: impl FnOnce(&mut dyn Exchange) -> R) -> R {
    // SAFETY: by this function's contract.
    let context = unsafe { &mut *ctx.cast::<Context<'_>>() };
    if context.panic.is_some() {
        return closed;
    }
    // The exchange is not used again after a panic.
    match catch_unwind(AssertUnwindSafe(|| call(context.exchange))) {
        Ok(answer) => answer,
        Err(payload) => {
            context.panic = Some(payload);
            closed
        }
    }
}

fn flow(result: Result<(), Closed>) -> sys::wrt_flow {
    match result {
        Ok(()) => sys::WRT_CONTINUE,
        Err(Closed) => sys::WRT_CLOSED,
    }
}

/// The bytes that the library lends; it passes any pointer with a length of 0.
///
/// # Safety
/// `n` readable bytes lie at `data`, for `'a`.
unsafe fn lent<'a>(data: *const u8, n: usize) -> &'a [u8] {
    match n {
        0 => &[],
        // SAFETY: by this function's contract.
        _ => unsafe { slice::from_raw_parts(data, n) },
    }
}

/// The fields that the library lends.
///
/// # Safety
/// `n` readable fields lie at `fields`, and what they point to is readable, for `'a`.
unsafe fn lent_fields<'a>(fields: *const sys::wrt_field, n: usize) -> Vec<Field<'a>> {
    if n == 0 {
        return Vec::new();
    }
    // SAFETY: by this function's contract.
    let fields = unsafe { slice::from_raw_parts(fields, n) };
    // SAFETY: by this function's contract.
    let bytes = |b: &sys::wrt_bytes| unsafe { lent(b.data, b.len) };
    fields
        .iter()
        .map(|field| (bytes(&field.name), bytes(&field.value)))
        .collect()
}

unsafe extern "C" fn read_body(
    ctx: *mut c_void,
    buf: *mut u8,
    cap: usize,
    wait: bool,
    n: *mut usize,
) -> sys::wrt_flow {
    let buf = match cap {
        0 => &mut [],
        // SAFETY: the library passes `cap` writable bytes, borrowed for this call.
        _ => unsafe { slice::from_raw_parts_mut(buf, cap) },
    };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    let read = unsafe { enter(ctx, Err(Closed), |exchange| exchange.read_body(buf, wait)) };
    let count = match read {
        Ok(BodyRead::Data(count)) => count,
        Ok(BodyRead::End) => 0,
        Ok(BodyRead::Later) => return sys::WRT_LATER,
        Err(Closed) => return sys::WRT_CLOSED,
    };
    // SAFETY: the library passes a place for the count.
    unsafe { n.write(count) };
    sys::WRT_CONTINUE
}

unsafe extern "C" fn wait(ctx: *mut c_void, wake_fd: c_int, timeout_ms: u32) {
    // SAFETY: the library passes an open descriptor, which stays open during the call.
    let wake = unsafe { BorrowedFd::borrow_raw(wake_fd) };
    let timeout = Duration::from_millis(timeout_ms.into());
    // SAFETY: the library passes the context back unchanged, one call at a time.
    unsafe { enter(ctx, (), |exchange| exchange.wait(wake, timeout)) };
}

unsafe extern "C" fn read_trailers(
    ctx: *mut c_void,
    fields: *mut *const sys::wrt_field,
    n: *mut usize,
) {
    // SAFETY: the library passes the context back unchanged, one call at a time.
    let owned = unsafe { enter(ctx, Vec::new(), |exchange| exchange.read_trailers()) };
    // SAFETY: the context lives until after the run, and the exchange is not in use any more.
    let context = unsafe { &mut *ctx.cast::<Context<'_>>() };
    // Asked again, which the library does not do, they are those of the first time: it may still hold them.
    let trailers = context.trailers.get_or_insert_with(|| {
        let lent: Vec<Field<'_>> = owned
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        Trailers {
            fields: borrowed(&lent),
            _owned: owned,
        }
    });
    // SAFETY: the library passes a place for the fields.
    unsafe { fields.write(trailers.fields.as_ptr()) };
    // SAFETY: the library passes a place for the count.
    unsafe { n.write(trailers.fields.len()) };
}

unsafe extern "C" fn send_head(
    ctx: *mut c_void,
    status: u16,
    fields: *const sys::wrt_field,
    n: usize,
) -> sys::wrt_flow {
    // SAFETY: the library passes `n` readable fields, borrowed for this call with what they point to.
    let fields = unsafe { lent_fields(fields, n) };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    flow(unsafe {
        enter(ctx, Err(Closed), |exchange| {
            exchange.send_head(status, &fields)
        })
    })
}

unsafe extern "C" fn write_body(
    ctx: *mut c_void,
    buf: *const u8,
    n: usize,
    flush: bool,
) -> sys::wrt_flow {
    // SAFETY: the library passes `n` readable bytes, borrowed for this call.
    let data = unsafe { lent(buf, n) };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    flow(unsafe {
        enter(ctx, Err(Closed), |exchange| {
            exchange.write_body(data, flush)
        })
    })
}

unsafe extern "C" fn end_response(
    ctx: *mut c_void,
    trailers: *const sys::wrt_field,
    n: usize,
    flush: bool,
) -> sys::wrt_flow {
    // SAFETY: the library passes `n` readable fields, borrowed for this call with what they point to.
    let trailers = unsafe { lent_fields(trailers, n) };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    flow(unsafe {
        enter(ctx, Err(Closed), |exchange| {
            exchange.end_response(&trailers, flush)
        })
    })
}

unsafe extern "C" fn log(ctx: *mut c_void, level: sys::wrt_log_level, text: *const u8, n: usize) {
    // SAFETY: the library passes `n` readable bytes, borrowed for this call.
    let line = unsafe { lent(text, n) };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    unsafe { enter(ctx, (), |exchange| exchange.log(LogLevel::of(level), line)) };
}

unsafe extern "C" fn aborted(ctx: *mut c_void) -> bool {
    // SAFETY: the library passes the context back unchanged, one call at a time.
    unsafe { enter(ctx, true, |exchange| exchange.aborted()) }
}
