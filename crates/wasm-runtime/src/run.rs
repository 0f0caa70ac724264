//! Runs a guest for one request: instance, deadline, memory limit, and what came of it.

use crate::channel::{Channel, Exchange};
use crate::guest::{Guest, Plan};
use crate::outcome::{self, End, Outcome, Phase, Stop};
use crate::state::{HostState, Request};
use crate::{Error, ErrorCode};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;
use wasmtime::{Instance, Store, UpdateDeadline};
use wasmtime_wasi::I32Exit;

/// The most streams, futures and tasks that a component may hold at once: they take host memory, which
/// its memory limit does not see.
const MAX_HANDLES: usize = 4096;

/// How often a waiting guest's client is looked at.
const NAP: Duration = Duration::from_millis(100);

impl Guest {
    /// Runs the program once and returns when it has ended. The calling thread makes all calls of
    /// `exchange`; the guest itself runs on a stack of its own.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`], [`ErrorCode::Mount`], [`ErrorCode::NoEntryPoint`],
    /// [`ErrorCode::Engine`]: the guest has not run.
    pub fn run(
        &self,
        request: &Request<'_>,
        exchange: Box<dyn Exchange>,
    ) -> Result<Outcome, Error> {
        self.check_entry_point(request.entry_point)?;
        let _running = self.shared.clock.run()?;
        let _place = self.shared.gate.enter()?;
        let channel = Channel::new(exchange, request.timeout);
        let mut store = self.store(request, channel.clone())?;
        let mut phase = Phase::Starting;
        let result = pollster::block_on(supervise(
            &channel,
            pin!(call(&self.plan, request, &mut store, &mut phase)),
        ));
        channel.finish_stderr();
        match result {
            Ok(()) => Ok(outcome(&store, End::Completed, String::new())),
            Err(e) if outcome::pool_exhausted(&e) => Err(Error::wasmtime(ErrorCode::Busy, &e)),
            Err(e) => {
                let (end, detail) = outcome::classify(&e, phase, store.data().limits.denied());
                Ok(Outcome {
                    backtrace: outcome::backtrace(&e),
                    ..outcome(&store, end, detail)
                })
            }
        }
    }

    fn store(&self, request: &Request<'_>, channel: Channel) -> Result<Store<HostState>, Error> {
        let state = match self.plan {
            Plan::Module(_) => HostState::for_module(request, channel)?,
            Plan::Command2(_) | Plan::Command3(_) => HostState::for_component(request, channel)?,
        };
        let mut store = Store::new(self.plan.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let channel = &context.data().channel;
            channel.check()?;
            channel.flush()?;
            Ok(UpdateDeadline::Continue(1))
        });
        // Epochs are looked at in loops and calls; a straight line of host calls has neither.
        let ticks = self.shared.clock.ticks();
        let mut seen = ticks.load(Ordering::Relaxed);
        store.call_hook(move |context, hook| {
            let now = ticks.load(Ordering::Relaxed);
            if now != seen && hook.exiting_host() {
                seen = now;
                context.data().channel.check()?;
            }
            Ok(())
        });
        Ok(store)
    }
}

fn outcome(store: &Store<HostState>, end: End, detail: String) -> Outcome {
    let limits = &store.data().limits;
    Outcome {
        end,
        detail,
        backtrace: String::new(),
        memory_denied: limits.denied(),
        peak_memory: limits.used(),
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
                .run_concurrent(async |store| command.wasi_cli_run().call_run(store).await)
                .await?;
            succeeded(run?)
        }
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
async fn supervise<F>(channel: &Channel, mut guest: Pin<&mut F>) -> wasmtime::Result<()>
where
    F: Future<Output = wasmtime::Result<()>>,
{
    let mut polled = poll_fn(|cx| match guest.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result),
        // The guest waits for something: let its output out meanwhile.
        Poll::Pending => match channel.flush() {
            Ok(()) => Poll::Pending,
            Err(stop) => Poll::Ready(Err(stop.into())),
        },
    });
    loop {
        let nap = NAP.min(channel.time_left());
        match timeout(nap, &mut polled).await {
            Ok(result) => return result,
            Err(_) => channel
                .check()
                .map_err(<Stop as Into<wasmtime::Error>>::into)?,
        }
    }
}
