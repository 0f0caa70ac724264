//! Whose time runs while a request is served: the request's own, and that of the instance that it may share with others. What
//! is waited for a client is nobody's, and must not keep the others waiting. It must not know what is waited for.

use super::bell::Bell;
use crate::budget::Budget;
use std::sync::Arc;
use std::time::Duration;

/// The time of one request.
pub struct Time {
    own: Budget,
    /// That of an instance that several requests share, and the bell that calls their threads to it.
    shared: Option<(Budget, Arc<Bell>)>,
}

impl Time {
    /// So much, from now on.
    pub fn new(total: Duration) -> Time {
        Time {
            own: Budget::new(total),
            shared: None,
        }
    }

    /// Begins anew, with `total` from now.
    pub fn restart(&self, total: Duration) {
        self.own.restart(total);
    }

    /// Makes the guest's own budget that of the request.
    pub fn use_budget(&mut self, budget: &Budget) {
        self.own = budget.clone();
    }

    /// Joins an instance that several requests share.
    pub fn share(&mut self, budget: &Budget, bell: &Arc<Bell>) {
        self.shared = Some((budget.clone(), Arc::clone(bell)));
    }

    /// Whether the instance is shared.
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// What is left of the request's own.
    pub fn left(&self) -> Duration {
        self.own.left()
    }

    /// Whether that is used up.
    pub fn is_over(&self) -> bool {
        self.own.is_over()
    }

    /// Tells whether the bell of a shared instance calls in vain: then this thread is needed.
    pub fn call(&self) -> impl Fn() -> bool + use<> {
        let bell = self.shared.as_ref().map(|(_, bell)| Arc::clone(bell));
        move || bell.as_ref().is_some_and(|bell| bell.is_unheard())
    }

    /// Makes a call that may wait for the client.
    pub fn waiting<R>(&self, call: impl FnOnce() -> R) -> R {
        let timed = || self.own.waiting(call);
        match &self.shared {
            Some((budget, bell)) => {
                bell.hand_over();
                budget.waiting(timed)
            }
            None => timed(),
        }
    }
}
