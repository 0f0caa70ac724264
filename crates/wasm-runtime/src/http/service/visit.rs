//! A request's stay in an instance: how it comes in, what it does there, and that it leaves, whatever happens. It must not know
//! how the instance came to be.

use super::super::driver::{Answer, Call};
use super::super::failure::Failure;
use super::{Instance, Job, lock};
use crate::wake::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

/// A request's stay in an instance.
pub(super) struct Visit<'a> {
    instance: &'a Instance,
    thread: Arc<Signal>,
    answered: Arc<AtomicBool>,
    /// It has not polled the instance yet, as it has promised the bell.
    fresh: bool,
    /// It leaves its work after the response to another request, and is counted as inside no more.
    counted_out: bool,
    /// Set before it leaves: the instance may serve others.
    pub(super) went_well: bool,
}

impl<'a> Visit<'a> {
    /// Puts the request to the instance, and calls for somebody to poll it.
    pub(super) fn new(
        instance: &'a Instance,
        thread: Arc<Signal>,
        incoming: http::Request<WasiBody>,
        answer: oneshot::Sender<Answer>,
    ) -> Visit<'a> {
        let answered = Arc::new(AtomicBool::new(false));
        instance.bell.join(Arc::clone(&thread));
        instance.desk.quiet.store(false, Ordering::SeqCst);
        lock(&instance.desk.jobs).push(Job {
            incoming,
            answer,
            answered: Arc::clone(&answered),
        });
        // Another thread may be polling already, past where it looks for jobs.
        instance.bell.ring();
        Visit {
            instance,
            thread,
            answered,
            fresh: true,
            counted_out: false,
            went_well: false,
        }
    }

    /// Whether another request will stay until the guest has done all its work. The last one inside must stay itself.
    fn count_out(&mut self) -> bool {
        let mut admission = lock(&self.instance.admission);
        if !self.counted_out && admission.inside > 1 {
            admission.inside -= 1;
            self.counted_out = true;
        }
        self.counted_out
    }
}

impl Drop for Visit<'_> {
    /// Leaves the instance, which takes no more requests if this one did not go well; a panic is no good end either.
    fn drop(&mut self) {
        if self.fresh {
            self.instance.bell.end();
        }
        self.instance.bell.leave(&self.thread);
        let mut admission = lock(&self.instance.admission);
        if !self.counted_out {
            admission.inside -= 1;
        }
        if !self.went_well || self.instance.is_spent() {
            admission.left = 0;
        }
        drop(admission);
        if std::thread::panicking() {
            self.instance.fail(Failure::of_panic());
        }
    }
}

impl Call for Visit<'_> {
    fn advance(&mut self, _: &mut Context<'_>) -> Result<bool, Failure> {
        let instance = self.instance;
        instance.poll();
        if std::mem::take(&mut self.fresh) {
            instance.bell.end();
        }
        if let Some(failure) = instance.failure.get() {
            return Err(failure.clone());
        }
        // Work that goes on after the response has the thread of the last request; others take it along.
        let answered = self.answered.load(Ordering::SeqCst);
        Ok(answered && (instance.desk.quiet.load(Ordering::SeqCst) || self.count_out()))
    }

    /// The body may be somebody else's, passed on: its pieces come when the guest has long returned.
    const WRITES_BEFORE: bool = false;
}
