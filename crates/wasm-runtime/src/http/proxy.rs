//! WASI 0.2: the guest's function returns when it has done its work, so an instance has one request at a time. It is polled
//! by the thread that serves the request and by no other.

use super::driver::{Answer, Call, Driver};
use super::failure::{Failure, completed};
use crate::budget::Budget;
use crate::channel::Channel;
use crate::guest::Guest;
use crate::journal::{Journal, LogOnly};
use crate::network::{Network, Presence};
use crate::outcome::Phase;
use crate::state::HostState;
use crate::store::{self, AtTick};
use crate::{Error, Outcome, Request, text};
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use wasmtime::Store;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{self, ProxyPre};
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

/// An instance.
pub struct Proxy {
    /// The first field, as it asks for.
    _presence: Presence,
    store: Store<HostState>,
    /// None before the first request, which instantiates it on its own time.
    exports: Option<bindings::Proxy>,
    budget: Budget,
    journal: Journal,
    served: u32,
    _place: OwnedSemaphorePermit,
}

/// Serves one request.
///
/// # Errors
/// Those of [`Guest::run`].
pub fn run(
    guest: &Guest,
    pre: &ProxyPre<HostState>,
    request: &Request<'_>,
    scheme: Scheme,
    incoming: http::Request<WasiBody>,
    mut driver: Driver,
) -> Result<Outcome, Error> {
    let shared = &guest.shared;
    let owner = request.reuse.map(|reuse| guest.owner(&reuse));
    let kept = owner
        .as_ref()
        .and_then(|owner| shared.idle.take_proxy(owner));
    let mut proxy = match kept {
        Some(proxy) => proxy,
        None => Box::new(Proxy::new(guest, request)?),
    };
    let result = proxy.serve(pre, request, scheme, incoming, &mut driver);
    proxy.store.data().channel.finish_stderr();
    proxy.journal.finish();
    driver.log(&proxy.journal);
    let account = proxy.store.data().limits.account().clone();
    match result {
        Ok(()) => {
            if let (Some(owner), Some(reuse)) = (owner, request.reuse)
                && proxy.served < reuse.max_requests
                && !account.denied()
            {
                shared
                    .idle
                    .keep_proxy(owner, proxy, reuse.idle, &shared.clock);
            }
            Ok(completed(&account))
        }
        Err(failure) => failure.into_outcome(&account),
    }
}

impl Proxy {
    fn new(guest: &Guest, request: &Request<'_>) -> Result<Proxy, Error> {
        let shared = &guest.shared;
        let place = shared.gate.enter(|| shared.idle.evict())?;
        let (journal, budget) = (Journal::default(), Budget::new(request.timeout));
        let channel = Channel::new(Box::new(LogOnly(journal.clone())), budget.clone());
        let network = Network::new(
            &shared.outbound,
            guest.number(),
            request.outbound.as_ref(),
            journal.clone(),
        )?;
        let (state, presence) = HostState::for_component(guest, request, channel, network)?;
        let engine = guest.plan.engine();
        Ok(Proxy {
            _presence: presence,
            store: store::make(engine, state, &shared.clock, AtTick::Yield),
            exports: None,
            budget,
            journal,
            served: 0,
            _place: place,
        })
    }

    fn serve(
        &mut self,
        pre: &ProxyPre<HostState>,
        request: &Request<'_>,
        scheme: Scheme,
        incoming: http::Request<WasiBody>,
        driver: &mut Driver,
    ) -> Result<(), Failure> {
        self.served += 1;
        self.budget.restart(request.timeout);
        driver.time().use_budget(&self.budget);
        let (sender, answer) = oneshot::channel();
        let method = incoming.method().clone();
        let account = self.store.data().limits.account().clone();
        let phase = Cell::new(Phase::Starting);
        let journal = self.journal.clone();
        let mut call = ProxyCall {
            future: pin!(self.call(pre, scheme, incoming, sender, &phase)),
            failed: |error: &wasmtime::Error| {
                Failure::of_guest(error, phase.get(), &account, request.backtrace)
            },
            returned: false,
        };
        driver.run(&mut call, &method, answer, &journal)
    }

    async fn call(
        &mut self,
        pre: &ProxyPre<HostState>,
        scheme: Scheme,
        incoming: http::Request<WasiBody>,
        answer: oneshot::Sender<Answer>,
        phase: &Cell<Phase>,
    ) -> wasmtime::Result<()> {
        let store = &mut self.store;
        let exports = match &mut self.exports {
            Some(exports) => exports,
            None => self
                .exports
                .insert(pre.instantiate_async(&mut *store).await?),
        };
        phase.set(Phase::Running);
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(scheme, incoming)?;
        let response = http.new_response_outparam_from_callback(|response| {
            // Nobody waits for it when the request is over.
            let _ = answer.send(response.map_err(|code| text::line(format_args!("{code:?}"))));
        })?;
        exports
            .wasi_http_incoming_handler()
            .call_handle(store, request, response)
            .await
    }
}

/// A call under way.
struct ProxyCall<'a, F, E> {
    future: Pin<&'a mut F>,
    failed: E,
    returned: bool,
}

impl<F, E> Call for ProxyCall<'_, F, E>
where
    F: Future<Output = wasmtime::Result<()>>,
    E: Fn(&wasmtime::Error) -> Failure,
{
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        if !self.returned {
            self.returned = match self.future.as_mut().poll(cx) {
                Poll::Pending => false,
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => return Err((self.failed)(&error)),
            };
        }
        Ok(self.returned)
    }

    const WRITES_BEFORE: bool = true;
}
