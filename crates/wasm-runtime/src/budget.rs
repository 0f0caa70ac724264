//! The time a guest may take: its own, without what it waits for the client.
//!
//! Several parties look at one budget (the guest's epochs, the thread that serves the request), so it is
//! shared and never locked. It must not know what a guest or a client is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A span of time that is being used up. Clones are the same budget.
#[derive(Clone)]
pub struct Budget(Arc<Shared>);

struct Shared {
    /// What the other fields count from, nanoseconds.
    base: Instant,
    started: AtomicU64,
    waited: AtomicU64,
    total: AtomicU64,
}

impl Budget {
    /// A budget of `total`, counted from now.
    pub fn new(total: Duration) -> Budget {
        Budget(Arc::new(Shared {
            base: Instant::now(),
            started: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            total: AtomicU64::new(nanos(total)),
        }))
    }

    /// Begins anew, with `total` from now.
    pub fn restart(&self, total: Duration) {
        let shared = &self.0;
        shared.total.store(nanos(total), Ordering::Relaxed);
        shared.waited.store(0, Ordering::Relaxed);
        shared
            .started
            .store(nanos(shared.base.elapsed()), Ordering::Relaxed);
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        let shared = &self.0;
        let since = nanos(shared.base.elapsed())
            .saturating_sub(shared.started.load(Ordering::Relaxed))
            .saturating_sub(shared.waited.load(Ordering::Relaxed));
        Duration::from_nanos(shared.total.load(Ordering::Relaxed).saturating_sub(since))
    }

    /// Whether it is used up.
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    /// Makes a call that may wait for the client. The waiting does not count; what the call computes (filters
    /// that compress, encrypt) does, or endless output would cost nothing.
    pub fn waiting<R>(&self, call: impl FnOnce() -> R) -> R {
        let (begun, busy) = (Instant::now(), thread_cpu_time());
        let result = call();
        let computed = thread_cpu_time().saturating_sub(busy);
        let waited = begun.elapsed().saturating_sub(computed);
        self.0.waited.fetch_add(nanos(waited), Ordering::Relaxed);
        result
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How long this thread has been computing.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // Neither is ever negative.
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_does_not_count_and_computing_does() {
        let budget = Budget::new(Duration::from_secs(3600));
        let pause = Duration::from_millis(20);
        budget.waiting(|| std::thread::park_timeout(pause));
        let used = Duration::from_secs(3600) - budget.left();
        assert!(used < pause, "{used:?} of {pause:?} were counted");
        budget.restart(Duration::ZERO);
        assert!(budget.is_over());
    }
}
