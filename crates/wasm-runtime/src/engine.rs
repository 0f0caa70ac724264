//! The engine of a process: Wasmtime's configuration, the pool of instances, the loader.

use crate::cache::{Cache, CacheOptions};
use crate::capi::signals::block_signals;
use crate::clock::Clock;
use crate::error::one_line;
use crate::features::{self, Allowed, features};
use crate::gate::Gate;
use crate::guest::{Guest, Plan};
use crate::http::Idle;
use crate::kind::{GuestKind, Shape};
use crate::link;
use crate::load::{Loader, Source, Turns, Unwatched, Urgency, Watch};
use crate::reserved::{Reserved, ReservedDir};
use crate::state::HostState;
use crate::temp::Homes;
use crate::{Error, ErrorCode};
use outbound::Outbound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, Module, PoolingAllocationConfig, WasmFeatures,
};

/// Stack a guest may use for itself, bytes.
const GUEST_STACK: usize = 1 << 20;

/// Stack of a guest and of the host functions it calls, bytes.
const FIBER_STACK: usize = 2 << 20;

/// Bytes of an instance's memory that are wiped and kept, instead of given back to the kernel.
const KEEP_RESIDENT: usize = 128 << 10;

/// The pages in which a memory grows, bytes.
const PAGE: usize = 64 << 10;

/// How an engine is made.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// How many guests may run at once.
    pub max_instances: u32,
    /// The largest memory limit of any request, bytes.
    pub memory_limit: u64,
    /// Where compiled programs are kept.
    pub cache: Option<CacheOptions>,
    /// The features that its guests may use.
    pub allowed: Allowed,
}

/// The engine of a process. Make it before forking; run guests after it.
pub struct Engine(Arc<Shared>);

/// What an engine and its guests share.
pub struct Shared {
    options: EngineOptions,
    plain: Host,
    concurrent: Mutex<Option<Arc<Host>>>,
    cache: Option<Cache>,
    /// Held by whoever compiles.
    turns: Turns,
    /// Bounds how many guests run at once.
    pub gate: Gate,
    /// Ticks while guests run.
    pub clock: Clock,
    /// Instances of http guests that wait for their next request.
    pub idle: Idle,
    /// Makes the outgoing HTTP requests of guests.
    pub outbound: Arc<Outbound>,
    /// Where private directories are made.
    pub homes: Homes,
    /// The directories that no guest is given.
    reserved: Mutex<Arc<Reserved>>,
}

/// One configuration of Wasmtime and what is linked for it.
struct Host {
    engine: wasmtime::Engine,
    allowed: Allowed,
    modules: wasmtime::Linker<HostState>,
    components: wasmtime::component::Linker<HostState>,
    unpooled: Option<String>,
}

impl Engine {
    /// Makes an engine. When the pool of instances can not be had (address space limits), instances
    /// are made on demand: see [`Engine::unpooled`].
    ///
    /// # Errors
    /// [`ErrorCode::Engine`].
    pub fn new(options: &EngineOptions) -> Result<Engine, Error> {
        let plain = Host::new(options, false)?;
        let clock = Clock::default();
        clock.add(&plain.engine);
        Ok(Engine(Arc::new(Shared {
            options: options.clone(),
            plain,
            concurrent: Mutex::new(None),
            cache: options.cache.clone().map(Cache::new),
            turns: Turns::default(),
            gate: Gate::new(options.max_instances.max(1)),
            clock,
            idle: Idle::default(),
            outbound: Arc::new(Outbound::new(block_signals)),
            homes: Homes::default(),
            reserved: Mutex::new(Arc::new(Reserved::new(&[]))),
        })))
    }

    /// Replaces the directories that no guest is given. Those of the kernel never are.
    pub fn reserve(&self, dirs: &[ReservedDir]) {
        let reserved = Arc::new(Reserved::new(dirs));
        *self.0.lock_reserved() = reserved;
    }

    /// Why instances do not come from the pool; `None` when they do.
    pub fn unpooled(&self) -> Option<&str> {
        self.0.plain.unpooled.as_deref()
    }

    /// Opens the cache, and makes its directories as far as they are missing. To be called in the
    /// process that makes the engine, before it loads programs; and again when it goes on to use the
    /// engine after a while. Without it, or when it fails, every program is compiled.
    ///
    /// # Errors
    /// [`ErrorCode::Io`]: why the directory is not used.
    pub fn prepare_cache(&self) -> Result<(), Error> {
        self.0.cache.as_ref().map_or(Ok(()), Cache::prepare)
    }

    /// Loads a program and links it, so that a request has only to instantiate it. All threads
    /// it starts have ended when it returns.
    ///
    /// # Errors
    /// Those of [`check`](crate::check()).
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Guest, Error> {
        let (guest, _) = self.load_watched(name, bytes, Urgency::Foreground, &mut Unwatched)?;
        Ok(guest)
    }

    /// As [`Engine::load`], telling how it goes on and where the program came from. It may be called
    /// in a process that serves requests.
    ///
    /// # Errors
    /// Those of [`check`](crate::check()).
    pub fn load_watched(
        &self,
        name: &str,
        bytes: &[u8],
        urgency: Urgency,
        watch: &mut dyn Watch,
    ) -> Result<(Guest, Source), Error> {
        let mut shape = Shape::read(bytes)?;
        let kind = shape.kind()?;
        let mut loader = Loader {
            cache: self.0.cache.as_ref(),
            turns: &self.0.turns,
            urgency,
            watch,
            source: Source::Compiled,
        };
        let plan = match kind {
            GuestKind::CommandP1 => self.0.plain.load_module(bytes, &mut loader)?,
            _ if shape.is_concurrent() => {
                self.0
                    .concurrent()?
                    .load_component(bytes, kind, &mut loader)?
            }
            _ => self.0.plain.load_component(bytes, kind, &mut loader)?,
        };
        if let Plan::Module(pre) = &plan {
            shape.note_types(pre.module());
        }
        let source = loader.source;
        let guest = Guest::new(Arc::clone(&self.0), name, kind, shape, plan);
        Ok((guest, source))
    }

    /// Lets the background thread end and removes what is on the disk, before the process ends.
    pub fn stop(&self) {
        self.0.clock.stop();
        self.0.homes.leave();
    }
}

impl Shared {
    /// The directories that no guest is given.
    pub fn reserved(&self) -> Arc<Reserved> {
        Arc::clone(&self.lock_reserved())
    }

    fn lock_reserved(&self) -> MutexGuard<'_, Arc<Reserved>> {
        // Only replaced as a whole: a poisoned lock is as good as another.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine for WASI 0.3, made when the first such guest is loaded: what it keeps for
    /// concurrent calls costs every other guest a fifth of its speed.
    fn concurrent(&self) -> Result<Arc<Host>, Error> {
        let mut slot = self
            .concurrent
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = &*slot {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host::new(&self.options, true)?);
        self.clock.add(&host.engine);
        *slot = Some(Arc::clone(&host));
        Ok(host)
    }
}

impl Host {
    fn new(options: &EngineOptions, concurrent: bool) -> Result<Host, Error> {
        let (engine, unpooled) = make_engine(options, concurrent)?;
        let failed = |e: wasmtime::Error| Error::wasmtime(ErrorCode::Engine, &e);
        Ok(Host {
            modules: link::preview1::linker(&engine).map_err(failed)?,
            components: link::component::linker(&engine, concurrent).map_err(failed)?,
            engine,
            allowed: options.allowed,
            unpooled,
        })
    }

    fn load_module(&self, bytes: &[u8], loader: &mut Loader<'_>) -> Result<Plan, Error> {
        let module: Module = loader
            .load(&self.engine, bytes)
            .map_err(|error| features::explain(bytes, self.allowed, error))?;
        let pre = self.modules.instantiate_pre(&module).map_err(unlinkable)?;
        Ok(Plan::Module(pre))
    }

    fn load_component(
        &self,
        bytes: &[u8],
        kind: GuestKind,
        loader: &mut Loader<'_>,
    ) -> Result<Plan, Error> {
        let component: Component = loader
            .load(&self.engine, bytes)
            .map_err(|error| features::explain(bytes, self.allowed, error))?;
        let pre = self
            .components
            .instantiate_pre(&component)
            .map_err(unlinkable)?;
        Plan::component(pre, kind).map_err(unlinkable)
    }
}

pub fn unlinkable(error: wasmtime::Error) -> Error {
    Error::wasmtime(ErrorCode::Unlinkable, &error)
}

/// What every configuration has in common.
pub fn base_config(concurrent: bool, allowed: Allowed) -> Config {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(features(allowed), true)
        .wasm_component_model_async(concurrent)
        .concurrency_support(concurrent)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBER_STACK);
    config
}

fn make_engine(
    options: &EngineOptions,
    concurrent: bool,
) -> Result<(wasmtime::Engine, Option<String>), Error> {
    let mut config = base_config(concurrent, options.allowed);
    let pool = pool(options, concurrent);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let reason = match wasmtime::Engine::new(&config) {
        Ok(engine) => return Ok((engine, None)),
        Err(e) => one_line(&format!("{e:#}")),
    };
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    match wasmtime::Engine::new(&config) {
        Ok(engine) => Ok((engine, Some(reason))),
        Err(e) => Err(Error::wasmtime(ErrorCode::Engine, &e)),
    }
}

/// The most memories, tables and core instances that one guest may have. Every guest that runs finds
/// as many free, so none can take what another needs. Slots cost address space, not memory.
const MEMORIES: u32 = 4;
/// See [`MEMORIES`].
const TABLES: u32 = 8;
/// See [`MEMORIES`].
const CORE_INSTANCES: u32 = 128;
/// Stacks of a guest, and of the one that an exchange of it may run in its turn.
const STACKS: u32 = 2;
/// The same where calls are concurrent: each that waits in the middle of another has one, and a component may consist of many
/// others that call each other.
const CONCURRENT_STACKS: u32 = 64;

/// The pool of instances; [`check`](crate::check()) has one of its own, to refuse what this refuses.
pub fn pool(options: &EngineOptions, concurrent: bool) -> PoolingAllocationConfig {
    let n = options.max_instances.max(1);
    // Whole pages: what a guest may take is counted elsewhere, and a heap whose reservation ends within a page aborts the
    // process (GHSA-wvgq-g5hf-6gm6).
    let memory = usize::try_from(options.memory_limit).unwrap_or(usize::MAX);
    let memory = memory.checked_next_multiple_of(PAGE).unwrap_or(memory);
    let stacks = match concurrent {
        true => CONCURRENT_STACKS,
        false => STACKS,
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(n.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_component_instances(n)
        // A heap for garbage-collected objects, which exceptions are too, takes the place of a memory.
        .total_memories(n.saturating_mul(MEMORIES + 1))
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .total_tables(n.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .total_stacks(n.saturating_mul(stacks))
        .total_gc_heaps(n)
        .max_memory_size(memory)
        .table_elements(256 * 1024)
        .max_core_instance_size(16 << 20)
        .max_component_instance_size(4 << 20)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes);
    }
    pool
}
