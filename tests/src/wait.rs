//! Waiting for a condition, with a bound. The only place that sleeps, and never as synchronisation.

use std::time::{Duration, Instant};

/// The bound of a wait that is over in milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Calls `probe` until it gives a value; `None` after `bound`.
pub fn poll<T>(bound: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    loop {
        if let Some(value) = probe() {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `condition` holds; the test fails with `what` when it does not within [`PATIENCE`].
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_within(PATIENCE, what, &mut condition);
}

/// As [`until`], with its own bound.
pub fn until_within(bound: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let held = poll(bound, || condition().then_some(()));
    assert!(
        held.is_some(),
        "gave up after {bound:?} waiting for: {what}"
    );
}
