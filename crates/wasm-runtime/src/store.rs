//! Makes the store of an instance and watches over it: memory, handles, deadline, disk.

use crate::clock::Clock;
use crate::held::Scales;
use crate::state::HostState;
use std::sync::atomic::Ordering;
use wasmtime::component::Accessor;
use wasmtime::{Store, UpdateDeadline};

/// What a guest does when the clock ticks while it computes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AtTick {
    /// Its output goes to the client, and it goes on.
    Flush,
    /// It lets the thread that polls it look after everything else first.
    Yield,
}

/// A store for one instance.
pub fn make(
    engine: &wasmtime::Engine,
    state: HostState,
    clock: &Clock,
    at_tick: AtTick,
) -> Store<HostState> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    Scales::set_bounds(&mut store);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        let state = context.data_mut();
        state.channel.check()?;
        check_temp(state)?;
        if at_tick == AtTick::Yield {
            return Ok(UpdateDeadline::Yield(1));
        }
        state.channel.flush()?;
        Ok(UpdateDeadline::Continue(1))
    });
    // Epochs are looked at in loops and calls; a straight line of host calls has neither.
    let ticks = clock.ticks();
    let mut seen = ticks.load(Ordering::Relaxed);
    let mut scales = Scales::default();
    store.call_hook(move |mut context, hook| {
        scales.on(&mut context, hook)?;
        if !hook.exiting_host() {
            return Ok(());
        }
        let now = ticks.load(Ordering::Relaxed);
        if now != seen {
            seen = now;
            context.data().channel.check()?;
        }
        // It may have to be looked at more often: a guest writes much in a tick.
        check_temp(context.data_mut())
    });
    store
}

/// The same for a guest that runs concurrent calls, each time it is polled: it can let the host write for it, from one stream
/// to another, and wait.
pub fn check(accessor: &Accessor<HostState>) -> wasmtime::Result<()> {
    accessor.with(|mut access| check_temp(access.get()))
}

/// Whether the guest's private directory takes no more than it may.
fn check_temp(state: &mut HostState) -> wasmtime::Result<()> {
    match &mut state.temp {
        Some(temp) => Ok(temp.check()?),
        None => Ok(()),
    }
}
