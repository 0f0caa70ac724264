//! A loaded program: compiled, linked, ready to be instantiated for a request.

use crate::engine::Shared;
use crate::http::Owner;
use crate::kind::{GuestKind, Shape};
use crate::load::Loaded;
use crate::state::HostState;
use crate::{Error, Reuse, Weight};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component;
use wasmtime_wasi::{p2, p3};
use wasmtime_wasi_http::{p2 as http2, p3 as http3};

/// A loaded program. Any number of threads may run it at once, each run in an instance of its own.
pub struct Guest {
    /// The engine it belongs to.
    pub(crate) shared: Arc<Shared>,
    /// How it is run.
    pub(crate) plan: Plan,
    name: String,
    kind: GuestKind,
    weight: Weight,
    /// What it exports.
    shape: Shape,
    /// It makes concurrent calls, as WASI 0.3 does.
    concurrent: bool,
    /// Tells guests apart, in all processes that inherit it; never used twice.
    number: u64,
}

/// How a guest is instantiated and called; all type checks are done.
pub enum Plan {
    /// A preview 1 module.
    Module(wasmtime::InstancePre<HostState>),
    /// A component with `wasi:cli/run` 0.2.
    Command2(p2::bindings::CommandPre<HostState>),
    /// A component with `wasi:cli/run` 0.3.
    Command3(p3::bindings::CommandPre<HostState>),
    /// A component with `wasi:http/incoming-handler` 0.2.
    Proxy(http2::bindings::ProxyPre<HostState>),
    /// A component with `wasi:http/handler` 0.3.
    Service(http3::bindings::ServicePre<HostState>),
}

impl Plan {
    /// The plan for a component of this kind.
    pub fn component(
        pre: component::InstancePre<HostState>,
        kind: GuestKind,
    ) -> wasmtime::Result<Plan> {
        Ok(match kind {
            GuestKind::CommandP3 => Plan::Command3(p3::bindings::CommandPre::new(pre)?),
            GuestKind::ProxyP2 => Plan::Proxy(http2::bindings::ProxyPre::new(pre)?),
            GuestKind::ServiceP3 => Plan::Service(http3::bindings::ServicePre::new(pre)?),
            GuestKind::CommandP1 | GuestKind::CommandP2 => {
                Plan::Command2(p2::bindings::CommandPre::new(pre)?)
            }
        })
    }

    /// The engine the program was compiled for.
    pub fn engine(&self) -> &wasmtime::Engine {
        match self {
            Plan::Module(pre) => pre.module().engine(),
            Plan::Command2(pre) => pre.engine(),
            Plan::Command3(pre) => pre.engine(),
            Plan::Proxy(pre) => pre.engine(),
            Plan::Service(pre) => pre.engine(),
        }
    }
}

impl Guest {
    pub(crate) fn new(shared: Arc<Shared>, name: &str, loaded: Loaded) -> Guest {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Guest {
            shared,
            shape: loaded.shape,
            plan: loaded.plan,
            name: name.to_owned(),
            kind: loaded.summary.kind,
            weight: loaded.weight,
            concurrent: loaded.summary.concurrent,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The name it was loaded under, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of program it is.
    pub fn kind(&self) -> GuestKind {
        self.kind
    }

    /// What it takes as long as it is loaded.
    pub fn weight(&self) -> Weight {
        self.weight
    }

    /// Whether it makes concurrent calls, as WASI 0.3 does.
    pub(crate) fn is_concurrent(&self) -> bool {
        self.concurrent
    }

    /// Its number, which tells it from all other guests.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Who may share an instance of it by these terms.
    pub(crate) fn owner(&self, reuse: &Reuse<'_>) -> Owner {
        Owner {
            guest: self.number,
            key: reuse.key.into(),
        }
    }

    /// Whether it has this entry point.
    ///
    /// # Errors
    /// [`ErrorCode::NoEntryPoint`](crate::ErrorCode::NoEntryPoint).
    pub fn check_entry_point(&self, name: Option<&str>) -> Result<(), Error> {
        self.shape.check_entry_point(name)
    }
}

impl Drop for Guest {
    /// Its instances go with it.
    fn drop(&mut self) {
        self.shared.idle.forget(self.number);
    }
}
