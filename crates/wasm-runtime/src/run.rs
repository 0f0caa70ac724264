//! Runs a guest for one request: a command here, an http guest through [`http`]. Instance, deadline, memory limit, and what
//! came of it.

use crate::budget::Budget;
use crate::channel::{Channel, Exchange};
use crate::guest::{Guest, Plan};
use crate::http;
use crate::journal::Journal;
use crate::network::{Network, Presence};
use crate::outcome::{self, End, Outcome, Phase, Stop};
use crate::state::HostState;
use crate::store::{self, AtTick};
use crate::wake::OwnSignal;
use crate::{Error, ErrorCode, Request};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasmtime::{Instance, Store, bail};
use wasmtime_wasi::I32Exit;

/// How often a waiting guest's client is looked at.
const NAP: Duration = Duration::from_millis(100);

impl Guest {
    /// Runs the program once and returns when it has ended. The calling thread makes all calls of
    /// `exchange`; the guest itself runs on a stack of its own.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`], [`ErrorCode::Mount`], [`ErrorCode::TempDir`],
    /// [`ErrorCode::NoEntryPoint`], [`ErrorCode::Engine`]: the guest has not run.
    pub fn run(
        &self,
        request: &Request<'_>,
        exchange: Box<dyn Exchange>,
    ) -> Result<Outcome, Error> {
        self.check_entry_point(request.entry_point)?;
        let _running = self.shared.clock.run()?;
        if self.kind().answers_http() {
            return http::run(self, request, exchange);
        }
        let _place = self.shared.gate.enter(|| self.shared.idle.evict())?;
        let channel = Channel::new(exchange, Budget::new(request.timeout));
        let journal = Journal::default();
        let at_tick = match self.is_concurrent() {
            true => {
                channel.defer();
                AtTick::Yield
            }
            false => AtTick::Flush,
        };
        let (mut store, _presence) =
            self.store(request, channel.clone(), journal.clone(), at_tick)?;
        let mut phase = Phase::Starting;
        let signal = OwnSignal::take()?;
        let result = supervise(
            &channel,
            &journal,
            &signal,
            pin!(call(&self.plan, request, &mut store, &mut phase)),
        );
        channel.finish_stderr();
        log(&channel, &journal);
        match result {
            Ok(()) => Ok(outcome(&store, End::Completed, String::new())),
            Err(e) if outcome::pool_exhausted(&e) => Err(Error::wasmtime(ErrorCode::Busy, &e)),
            Err(e) => {
                let (end, detail) =
                    outcome::classify(&e, phase, store.data().limits.account().denied());
                Ok(Outcome {
                    backtrace: outcome::backtrace(&e, request.backtrace),
                    ..outcome(&store, end, detail)
                })
            }
        }
    }

    fn store(
        &self,
        request: &Request<'_>,
        channel: Channel,
        journal: Journal,
        at_tick: AtTick,
    ) -> Result<(Store<HostState>, Presence), Error> {
        let network = Network::new(
            &self.shared.outbound,
            self.number(),
            request.outbound.as_ref(),
            journal,
        )?;
        let (state, presence) = match self.plan {
            Plan::Module(_) => HostState::for_module(self, request, channel, network)?,
            _ => HostState::for_component(self, request, channel, network)?,
        };
        let store = store::make(self.plan.engine(), state, &self.shared.clock, at_tick);
        Ok((store, presence))
    }
}

fn outcome(store: &Store<HostState>, end: End, detail: String) -> Outcome {
    let account = store.data().limits.account();
    Outcome {
        end,
        detail,
        backtrace: String::new(),
        memory_denied: account.denied(),
        peak_memory: account.used(),
    }
}

/// Instantiates the guest and calls its entry point.
async fn call(
    plan: &Plan,
    request: &Request<'_>,
    store: &mut Store<HostState>,
    phase: &mut Phase,
) -> wasmtime::Result<()> {
    match plan {
        Plan::Module(pre) => {
            let instance = pre.instantiate_async(&mut *store).await?;
            *phase = Phase::Running;
            call_module(&instance, request.entry_point, store).await
        }
        Plan::Command2(pre) => {
            let command = pre.instantiate_async(&mut *store).await?;
            *phase = Phase::Running;
            succeeded(command.wasi_cli_run().call_run(store).await?)
        }
        Plan::Command3(pre) => {
            let command = pre.instantiate_async(&mut *store).await?;
            *phase = Phase::Running;
            let run = store
                .run_concurrent(async |accessor| {
                    let mut run = pin!(command.wasi_cli_run().call_run(accessor));
                    poll_fn(|cx| {
                        store::check(accessor)?;
                        run.as_mut().poll(cx)
                    })
                    .await
                })
                .await?;
            succeeded(run?)
        }
        // These answer HTTP: `http::run` calls them.
        Plan::Proxy(_) | Plan::Service(_) => bail!("not a command"),
    }
}

async fn call_module(
    instance: &Instance,
    entry_point: Option<&str>,
    store: &mut Store<HostState>,
) -> wasmtime::Result<()> {
    if entry_point.is_some()
        && let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize")
    {
        // A library has to set itself up before any other of its exports is called.
        initialize.call_async(&mut *store, ()).await?;
    }
    let name = entry_point.unwrap_or("_start");
    let function = instance
        .get_func(&mut *store, name)
        .ok_or_else(|| wasmtime::format_err!("no function {name}"))?;
    if let Ok(function) = function.typed::<(), ()>(&*store) {
        return function.call_async(store, ()).await;
    }
    let results = function.ty(&*store).results().len();
    let mut results = vec![wasmtime::Val::I32(0); results];
    function.call_async(store, &[], &mut results).await
}

/// `wasi:cli/run` says only whether it went well; that is exit status 0 or 1.
fn succeeded(result: Result<(), ()>) -> wasmtime::Result<()> {
    result.map_err(|()| I32Exit(1).into())
}

/// Drives a guest and watches over it while it sleeps; a running one is watched by epochs.
fn supervise<F>(
    channel: &Channel,
    journal: &Journal,
    signal: &OwnSignal,
    mut guest: Pin<&mut F>,
) -> wasmtime::Result<()>
where
    F: Future<Output = wasmtime::Result<()>>,
{
    let waker = Waker::from(signal.share());
    let mut cx = Context::from_waker(&waker);
    loop {
        signal.lower();
        let polled = guest.as_mut().poll(&mut cx);
        let delivered = channel.deliver();
        if let Poll::Ready(result) = polled {
            return result.and_then(|()| Ok(delivered.map(drop)?));
        }
        log(channel, journal);
        // Somebody who has waited for that goes on at once.
        if !delivered? {
            // The guest waits for something: let its output out meanwhile.
            channel.flush()?;
            sleep(channel, signal)?;
        }
        channel.check()?;
    }
}

/// Sleeps until the guest has something to do: it is woken, or its client has sent what it waits for.
fn sleep(channel: &Channel, signal: &OwnSignal) -> Result<(), Stop> {
    if channel.feed()? {
        return Ok(());
    }
    let nap = NAP.min(channel.time_left());
    match channel.is_awaited() {
        true => signal.sleep_in(|| false, |wake| channel.wait_for_client(wake, nap)),
        false => signal.sleep(nap, || false),
    }
    Ok(())
}

/// Logs what the engine had to refuse the guest.
fn log(channel: &Channel, journal: &Journal) {
    for (level, line) in journal.take() {
        channel.log(level, &line);
    }
}
