//! The engine of a process: Wasmtime's configuration, the pool of instances, the loader.

use crate::cache::{Cache, CacheOptions};
use crate::capi::artifact::{map_component, map_module};
use crate::capi::counted::counted;
use crate::capi::signals::block_signals;
use crate::clock::Clock;
use crate::compiler::CompilerOptions;
use crate::features::{Allowed, features};
use crate::gate::Gate;
use crate::guest::{Guest, Plan};
use crate::http::Idle;
use crate::kind::{GuestKind, Shape};
use crate::link;
use crate::load::{Linked, LoadOptions, Loader, NativeCode, Source, Unwatched, Urgency, Watch};
use crate::permits::{Permit, Permits};
use crate::pool::pool;
use crate::program::{Content, ProgramFile};
use crate::reserved::{Reserved, ReservedDir};
use crate::state::HostState;
use crate::temp::Homes;
use crate::{Error, ErrorCode, text};
use outbound::Outbound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::{Config, InstanceAllocationStrategy, WasmBacktraceDetails, WasmFeatures};

/// Stack that one call of a guest may use for itself, bytes.
pub(crate) const GUEST_STACK: usize = 768 << 10;

/// A stack, bytes. The host calls a guest in the middle of its own call, to have memory for a result, and Wasmtime gives that
/// call as much again. Whoever comes to the end of a stack in spite of that ends the process, so there is room for both, and
/// for the functions of the host. No more than this: a huge page would fit between the guard pages, and be taken as a whole.
pub(crate) const FIBER_STACK: usize = 2 << 20;

/// Maximum size of a trusted program, bytes: it could take all memory. The largest interpreters have 30 MB.
const PROGRAM_SIZE: u64 = 256 << 20;
/// How an engine is made.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// How many guests may run at once.
    pub max_instances: u32,
    /// The largest memory limit of any request, bytes.
    pub memory_limit: u64,
    /// Where compiled programs are kept.
    pub cache: Option<CacheOptions>,
    /// How programs are compiled in a process of their own; `None`: in this one, since all of them are trusted.
    pub compiler: Option<CompilerOptions>,
    /// The features that its guests may use.
    pub allowed: Allowed,
}

/// The engine of a process. Make it before forking; run guests after it.
pub struct Engine(Arc<Shared>);

/// What an engine and its guests share.
pub struct Shared {
    options: EngineOptions,
    plain: Host,
    concurrent: Lazy,
    /// For what does not fit the pool: as it is there, and for concurrent calls.
    unpooled: [Lazy; 2],
    cache: Option<Cache>,
    permits: Permits,
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

/// A host that is made when the first guest needs it.
type Lazy = Mutex<Option<Arc<Host>>>;

/// One configuration of Wasmtime and what is linked for it.
struct Host {
    engine: wasmtime::Engine,
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
        let plain = Host::pooled(options, false)?;
        let clock = Clock::default();
        clock.add(&plain.engine);
        Ok(Engine(Arc::new(Shared {
            options: options.clone(),
            plain,
            concurrent: Lazy::default(),
            unpooled: Default::default(),
            cache: options.cache.clone().map(Cache::new),
            permits: Permits::new()?,
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
        let options = LoadOptions {
            urgency,
            owner: crate::cache::OPERATOR,
            cached_only: false,
        };
        self.load_content(name, &Content::Bytes(bytes), options, watch)
    }

    /// Loads the program in a file. Nothing of the file is read before its turn has come.
    ///
    /// # Errors
    /// Those of [`check`](crate::check()); [`ErrorCode::CompileLimit`], [`ErrorCode::NotCached`], [`ErrorCode::Busy`];
    /// [`ErrorCode::Io`] and [`ErrorCode::Engine`], for which the program is not to blame.
    pub fn load_file(
        &self,
        path: &Path,
        options: LoadOptions,
        watch: &mut dyn Watch,
    ) -> Result<(Guest, Source), Error> {
        let compiler = self.0.options.compiler.as_ref();
        let most = compiler.map_or(PROGRAM_SIZE, |compiler| compiler.program_size);
        let file = ProgramFile::open(path, most)?;
        self.load_content(
            &path.to_string_lossy(),
            &Content::File(file),
            options,
            watch,
        )
    }

    fn load_content(
        &self,
        name: &str,
        content: &Content<'_>,
        options: LoadOptions,
        watch: &mut dyn Watch,
    ) -> Result<(Guest, Source), Error> {
        let loader = Loader {
            engine: &self.0.plain.engine,
            cache: self.0.cache.as_ref(),
            permits: &self.0.permits,
            compiler: self.0.options.compiler.as_ref(),
            memory_limit: self.0.options.memory_limit,
            allowed: self.0.options.allowed,
            options,
            link: &|code| self.0.link(code),
        };
        let loaded = loader.load(content, watch)?;
        let source = loaded.source;
        Ok((Guest::new(Arc::clone(&self.0), name, loaded), source))
    }

    /// A permit of the caller's own, if one is free: at most `most` with this number are out at once, in all processes that
    /// share this engine. One that ends gives back its permits.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`].
    pub fn permit(&self, number: u32, most: u32) -> Result<Option<Permit>, Error> {
        // Beyond the numbers that loading uses, room for so many each.
        const EACH: i64 = 1024;
        let first = (1 << 40) + i64::from(number) * EACH;
        self.0
            .permits
            .try_take(first..first + i64::from(most).min(EACH))
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

    /// Maps code and links it. What does not fit the pool of instances is made without: slower, but within the same limits.
    fn link(&self, code: &NativeCode) -> Result<Linked, Error> {
        let concurrent = code.summary().concurrent;
        let own;
        let pooled = match concurrent {
            // What Wasmtime keeps for concurrent calls costs every other guest a fifth of its speed.
            true => {
                own = self.lazily(&self.concurrent, || Host::pooled(&self.options, true))?;
                &*own
            }
            false => &self.plain,
        };
        match pooled.link_counted(code) {
            Err(e) if e.code == ErrorCode::Invalid && pooled.unpooled.is_none() => {
                let slot = &self.unpooled[usize::from(concurrent)];
                self.lazily(slot, || Host::on_demand(concurrent, self.options.allowed))?
                    .link_counted(code)
            }
            result => result,
        }
    }

    fn lazily(
        &self,
        slot: &Lazy,
        make: impl FnOnce() -> Result<Host, Error>,
    ) -> Result<Arc<Host>, Error> {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = &*slot {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(make()?);
        self.clock.add(&host.engine);
        *slot = Some(Arc::clone(&host));
        Ok(host)
    }
}

impl Host {
    /// A host whose instances come from a pool, if there is address space for one.
    fn pooled(options: &EngineOptions, concurrent: bool) -> Result<Host, Error> {
        let (engine, unpooled) = make_engine(options, concurrent)?;
        Host::of(engine, unpooled, concurrent)
    }

    /// A host whose instances are made on demand.
    fn on_demand(concurrent: bool, allowed: Allowed) -> Result<Host, Error> {
        let mut config = base_config(concurrent, allowed);
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        let engine =
            wasmtime::Engine::new(&config).map_err(|e| Error::wasmtime(ErrorCode::Engine, &e))?;
        Host::of(engine, None, concurrent)
    }

    fn of(
        engine: wasmtime::Engine,
        unpooled: Option<String>,
        concurrent: bool,
    ) -> Result<Host, Error> {
        let failed = |e: wasmtime::Error| Error::wasmtime(ErrorCode::Engine, &e);
        Ok(Host {
            modules: link::preview1::linker(&engine).map_err(failed)?,
            components: link::component::linker(&engine, concurrent).map_err(failed)?,
            engine,
            unpooled,
        })
    }

    fn link_counted(&self, code: &NativeCode) -> Result<Linked, Error> {
        let (linked, heap) = counted(|| {
            let plan = self.link(code)?;
            let shape = match &plan {
                Plan::Module(pre) => Shape::of_module(pre.module()),
                _ => Shape::of_component(),
            };
            Ok((plan, shape))
        });
        linked.map(|(plan, shape)| Linked { plan, shape, heap })
    }

    /// # Errors
    /// [`ErrorCode::Invalid`] for code that this engine cannot use, [`ErrorCode::Unlinkable`], [`ErrorCode::Engine`].
    fn link(&self, code: &NativeCode) -> Result<Plan, Error> {
        let invalid = |e| Error::of_wasmtime(ErrorCode::Invalid, &e);
        match code.summary().kind {
            GuestKind::CommandP1 => {
                let module = map_module(&self.engine, code).map_err(invalid)?;
                let pre = self.modules.instantiate_pre(&module).map_err(unlinkable)?;
                Ok(Plan::Module(pre))
            }
            kind => {
                let component = map_component(&self.engine, code).map_err(invalid)?;
                let pre = self.components.instantiate_pre(&component);
                Plan::component(pre.map_err(unlinkable)?, kind).map_err(unlinkable)
            }
        }
    }
}

pub fn unlinkable(error: wasmtime::Error) -> Error {
    Error::of_wasmtime(ErrorCode::Unlinkable, &error)
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
        // Else the environment decides, and a program's debugging data is read when it traps.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
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
        Err(e) => text::chain(&e),
    };
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    match wasmtime::Engine::new(&config) {
        Ok(engine) => Ok((engine, Some(reason))),
        Err(e) => Err(Error::wasmtime(ErrorCode::Engine, &e)),
    }
}
