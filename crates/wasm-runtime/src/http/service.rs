//! WASI 0.3: the guest's function is asynchronous, so an instance may have several requests at once, each served by a thread
//! of its own. None of these threads owns the instance: whichever has nothing else to do polls it, for all of them, and one
//! that waits for its client holds up nobody. An instance that no request is in is not polled by anybody.

mod visit;

use super::bell::Bell;
use super::driver::{Answer, Driver};
use super::failure::{Failure, completed};
use crate::budget::Budget;
use crate::channel::Channel;
use crate::guest::Guest;
use crate::journal::{Journal, LogOnly};
use crate::limits::Account;
use crate::network::{Network, Presence};
use crate::outcome::Phase;
use crate::state::HostState;
use crate::store::{self, AtTick};
use crate::{Error, Outcome, Request, text};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use visit::Visit;
use wasmtime::Store;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p3::Request as GuestRequest;
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

/// An instance.
pub struct Instance {
    /// The first field, as it asks for.
    _presence: Presence,
    guest: Mutex<Seat>,
    desk: Arc<Desk>,
    bell: Arc<Bell>,
    failure: OnceLock<Failure>,
    admission: Mutex<Admission>,
    channel: Channel,
    budget: Budget,
    journal: Journal,
    account: Account,
    /// Its failure tells its stack, if the first request wanted that.
    backtrace: bool,
    _place: OwnedSemaphorePermit,
}

/// The guest, for whoever polls it.
enum Seat {
    Running(Pin<Box<dyn Future<Output = Ended> + Send>>),
    /// It has failed. The pipes that its responses come through live in the store, and would look properly closed without it.
    Over {
        _store: Store<HostState>,
    },
}

/// How a guest failed, and its store.
type Ended = (wasmtime::Error, Store<HostState>);

/// How many requests an instance has and may have.
struct Admission {
    inside: u32,
    left: u32,
    at_once: u32,
}

/// What the threads and the guest's future pass each other.
#[derive(Default)]
struct Desk {
    jobs: Mutex<Vec<Job>>,
    started: AtomicBool,
    /// The guest has a private directory, which must be looked at.
    watched: bool,
    /// The guest has no task left that anybody might be interested in.
    quiet: AtomicBool,
}

/// A request for the guest.
struct Job {
    incoming: http::Request<WasiBody>,
    answer: oneshot::Sender<Answer>,
    answered: Arc<AtomicBool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one request.
///
/// # Errors
/// Those of [`Guest::run`].
pub fn run(
    guest: &Guest,
    pre: &ServicePre<HostState>,
    request: &Request<'_>,
    incoming: http::Request<WasiBody>,
    mut driver: Driver,
) -> Result<Outcome, Error> {
    let instance = find(guest, pre, request)?;
    instance.budget.restart(request.timeout);
    // What it waited for its place is not the guest's time.
    driver.time().restart(request.timeout);
    driver.time().share(&instance.budget, &instance.bell);
    let (sender, answer) = oneshot::channel();
    let method = incoming.method().clone();
    let mut visit = Visit::new(&instance, driver.signal(), incoming, sender);
    let result = driver.run(&mut visit, &method, answer, &instance.journal);
    visit.went_well = result.is_ok();
    drop(visit);
    if instance.is_idle() {
        instance.channel.finish_stderr();
        instance.journal.finish();
    }
    driver.log(&instance.journal);
    guest.shared.idle.left_service(&instance);
    match result {
        Ok(()) => Ok(completed(&instance.account)),
        Err(failure) => failure.into_outcome(&instance.account),
    }
}

/// An instance that has room for this request: one that others use or have used, or a new one.
fn find(
    guest: &Guest,
    pre: &ServicePre<HostState>,
    request: &Request<'_>,
) -> Result<Arc<Instance>, Error> {
    let shared = &guest.shared;
    let place = || shared.gate.enter(|| shared.idle.evict());
    let Some(reuse) = request.reuse else {
        return Instance::new(guest, pre, request, (1, 1), place()?);
    };
    let owner = guest.owner(&reuse);
    if let Some(instance) = shared.idle.join_service(&owner) {
        return Ok(instance);
    }
    let place = place();
    // Requests that come together belong into one instance: one of them makes it, the others look again.
    let _one_at_a_time = shared.idle.make();
    if let Some(instance) = shared.idle.join_service(&owner) {
        return Ok(instance);
    }
    let terms = (reuse.max_requests, reuse.max_concurrent);
    let instance = Instance::new(guest, pre, request, terms, place?)?;
    shared
        .idle
        .keep_service(owner, Arc::clone(&instance), reuse.idle, &shared.clock);
    Ok(instance)
}

impl Instance {
    /// A new instance, with one request inside. It is instantiated when it is polled first.
    fn new(
        guest: &Guest,
        pre: &ServicePre<HostState>,
        request: &Request<'_>,
        (max_requests, at_once): (u32, u32),
        place: OwnedSemaphorePermit,
    ) -> Result<Arc<Instance>, Error> {
        let shared = &guest.shared;
        let (journal, budget) = (Journal::default(), Budget::new(request.timeout));
        let channel = Channel::new(Box::new(LogOnly(journal.clone())), budget.clone());
        let network = Network::new(
            &shared.outbound,
            guest.number(),
            request.outbound.as_ref(),
            journal.clone(),
        )?;
        let (state, presence) = HostState::for_component(guest, request, channel.clone(), network)?;
        let account = state.limits.account().clone();
        let desk = Arc::new(Desk {
            watched: state.temp.is_some(),
            ..Desk::default()
        });
        let store = store::make(guest.plan.engine(), state, &shared.clock, AtTick::Yield);
        let running = serve(pre.clone(), store, Arc::clone(&desk));
        Ok(Arc::new(Instance {
            _presence: presence,
            guest: Mutex::new(Seat::Running(Box::pin(running))),
            desk,
            bell: Arc::new(Bell::default()),
            failure: OnceLock::new(),
            admission: Mutex::new(Admission {
                inside: 1,
                left: max_requests.saturating_sub(1),
                at_once,
            }),
            channel,
            budget,
            journal,
            account,
            backtrace: request.backtrace,
            _place: place,
        }))
    }

    /// Lets one more request in, if it may have one: not if it has failed, also while those that met the failure are inside.
    pub fn admit(&self) -> bool {
        let mut admission = lock(&self.admission);
        if admission.left == 0 || admission.inside >= admission.at_once || self.is_spent() {
            return false;
        }
        admission.left -= 1;
        admission.inside += 1;
        true
    }

    /// Whether what has happened in it rules out further requests.
    fn is_spent(&self) -> bool {
        self.failure.get().is_some() || self.account.denied()
    }

    /// Whether no request is inside.
    pub fn is_idle(&self) -> bool {
        lock(&self.admission).inside == 0
    }

    /// Whether it may be worth keeping: it will take requests, or has some.
    pub fn takes_more(&self) -> bool {
        let admission = lock(&self.admission);
        admission.left > 0 || admission.inside > 0
    }

    /// Polls the guest, unless another thread does; whoever does sees to everything that is rung for meanwhile.
    fn poll(&self) {
        let mut guest = match self.guest.try_lock() {
            Ok(guest) => guest,
            Err(TryLockError::WouldBlock) => return,
            Err(TryLockError::Poisoned(_)) => return self.fail(Failure::of_panic()),
        };
        let Seat::Running(running) = &mut *guest else {
            return;
        };
        self.bell.begin();
        let waker = Waker::from(Arc::clone(&self.bell));
        let polled = running.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready((error, store)) = polled {
            let phase = match self.desk.started.load(Ordering::Relaxed) {
                true => Phase::Running,
                false => Phase::Starting,
            };
            *guest = Seat::Over { _store: store };
            self.fail(Failure::of_guest(
                &error,
                phase,
                &self.account,
                self.backtrace,
            ));
        }
        drop(guest);
        self.bell.end();
    }

    /// Tells all requests inside that the guest has failed.
    fn fail(&self, failure: Failure) {
        // The first reason counts.
        let _ = self.failure.set(failure);
        self.bell.wake_all();
    }
}

/// Runs the guest for as long as the instance lives: until it fails.
async fn serve(pre: ServicePre<HostState>, mut store: Store<HostState>, desk: Arc<Desk>) -> Ended {
    match serve_in(&pre, &mut store, &desk).await {
        Err(error) => (error, store),
        Ok(never) => match never {},
    }
}

async fn serve_in(
    pre: &ServicePre<HostState>,
    store: &mut Store<HostState>,
    desk: &Desk,
) -> wasmtime::Result<Infallible> {
    let service = pre.instantiate_async(&mut *store).await?;
    desk.started.store(true, Ordering::Relaxed);
    store
        .run_concurrent(async |accessor| {
            let mut calls = FuturesUnordered::new();
            poll_fn(|cx| {
                if desk.watched {
                    store::check(accessor)?;
                }
                loop {
                    for job in std::mem::take(&mut *lock(&desk.jobs)) {
                        calls.push(answer(accessor, &service, job));
                    }
                    match calls.poll_next_unpin(cx) {
                        Poll::Ready(Some(Ok(()))) => {}
                        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                        Poll::Ready(None) | Poll::Pending => break,
                    }
                }
                let quiet = calls.is_empty() && accessor.poll_no_interesting_tasks(cx).is_ready();
                desk.quiet.store(quiet, Ordering::SeqCst);
                Poll::Pending
            })
            .await
        })
        .await?
}

/// One request's call. What the request is made of is handed over at once: the future holds none of it and stays small
/// enough for the allocator to have it at hand.
fn answer<'a>(
    accessor: &'a Accessor<HostState>,
    service: &'a Service,
    job: Job,
) -> impl Future<Output = wasmtime::Result<()>> + 'a {
    let Job {
        incoming,
        answer,
        answered,
    } = job;
    let handed_over = accessor.with(|mut store| {
        let http = store.get().http();
        let (request, sent) = GuestRequest::from_http(http.hooks, incoming);
        // Boxed, it borrows nothing any more.
        let sent: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(sent);
        wasmtime::error::Ok((http.table.push(request)?, sent))
    });
    async move {
        let (request, sent) = handed_over?;
        let handler = service.wasi_http_handler();
        let response = match handler.call_handle(accessor, request).await? {
            Ok(response) => Ok(accessor.with(|mut store| {
                let response = store.get().http().table.delete(response)?;
                response.into_http(store, sent)
            })?),
            Err(code) => Err(text::line(format_args!("{code:?}"))),
        };
        // Sending wakes the request's thread, which must see that nothing more comes.
        answered.store(true, Ordering::SeqCst);
        // Nobody waits for it when the request is over.
        let _ = answer.send(response);
        Ok(())
    }
}
