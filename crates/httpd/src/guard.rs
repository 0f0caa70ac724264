//! The guard at the border to C: every function that httpd calls runs inside it. A panic ends here, and its text and
//! place are kept for the log.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; if it panics, logs nothing and returns `fallback`.
pub(crate) fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    guard_with(body, |_| fallback)
}

/// Runs `body`; if it panics, `recover` is given the text of the panic and where it was. A panic in `recover` too aborts
/// the process: then nothing can be relied on any more.
pub(crate) fn guard_with<T>(body: impl FnOnce() -> T, recover: impl FnOnce(&str) -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            let text = LAST_PANIC.take().unwrap_or_else(|| message(&*payload));
            // A payload may panic when it is dropped; it is small, and panics are rare.
            std::mem::forget(payload);
            recover(&text)
        }
    }
}

/// Keeps text and place of a panic for the guard instead of printing them: standard error is the main server's log, where
/// a line without time and code helps nobody. Only panics of this library come here, it has its own copy of `std`.
pub(crate) fn keep_panic_text() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let place = info
                .location()
                .map(|place| format!(" at {}:{}", place.file(), place.line()));
            let text = format!("{}{}", message(info.payload()), place.unwrap_or_default());
            // During thread exit the variable may be gone; the guard then falls back to the payload.
            let _ = LAST_PANIC.try_with(|last| last.replace(Some(text)));
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "no text".to_owned(),
    }
}
