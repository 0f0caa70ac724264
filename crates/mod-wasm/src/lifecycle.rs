//! From the configuration to running children: modules are checked when the configuration has been read, the engine is
//! made and every module loaded once in the parent, each child is prepared. Must not know about requests.

use std::collections::HashSet;
use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;

use directives::{CacheDir, DEFAULT_MEMORY_LIMIT, Message, ModuleRef, Origin, messages};
use httpd::{
    Failed, Pass, Pool, Server, add_version_component, children_identity, pass,
    runtime_dir_relative, threads_per_child,
};
use wasm_runtime_client::{
    CacheOptions, CompilerOptions, Engine, EngineOptions, EntryPoint, Error, ErrorCode, Runtime,
};

use crate::checked::{self, Check};
use crate::generation::{self, Generation, Loading};
use crate::loading::explained;
use crate::messages::{Fields, log_at_startup, log_server};
use crate::programs;
use crate::registry::{self, Section};
use crate::{log_limit, reserved, script_log, serialize, stamp};

/// Looks at every module that is named, without compiling it: `httpd -t` comes this far. The library must be there even if
/// none is named, for programs that requests name. In the second reading at start all that has just been done. A restart does
/// not wait for what is optional.
pub fn check_config(pconf: Pool<'_>, server: Server<'_>) -> Result<(), Failed> {
    let report: &dyn Fn(&Message, &Fields<'_>) = match pass() {
        Pass::Check => &|message, fields| log_at_startup(message, fields),
        Pass::Restart => &|message, fields| log_server(server, message, fields),
        Pass::Start => return Ok(()),
    };
    let sections = registry::sections();
    let runtime = Runtime::load().map_err(|error| report_load_error(&error, report))?;
    let (limit, compiler) = (memory_limit(), compiler());
    let mut seen = HashSet::new();
    let mut result = check_mounts(pconf, server, runtime, report);
    checked::begin();
    for section in &sections {
        let Some((module, entry_point)) = to_check(section, &sections) else {
            continue;
        };
        let asked = (
            module.path.as_path(),
            format!("{entry_point:?}"),
            module.optional,
        );
        if !seen.insert(asked) || (module.optional && pass() == Pass::Restart) {
            continue;
        }
        let checked = check_program(runtime, &module.path, limit, entry_point, &compiler);
        if let Err(error) = checked {
            let origin = match &section.entry_point {
                Some(named) if error.code == ErrorCode::NoEntryPoint => &named.origin,
                _ => &module.origin,
            };
            report_module(module, &error, origin, report);
            if !module.optional {
                result = Err(Failed);
            }
        }
    }
    result
}

/// Looks at every directory that is given to programs.
fn check_mounts(
    pconf: Pool<'_>,
    server: Server<'_>,
    runtime: &Runtime,
    report: &dyn Fn(&Message, &Fields<'_>),
) -> Result<(), Failed> {
    let reserved = reserved::directories(pconf, server, cache(pconf).as_ref());
    let sections = registry::sections();
    let mut result = Ok(());
    for mount in sections.iter().flat_map(|section| &section.mounts) {
        if let Err(error) = runtime.check_mount(&mount.host, &reserved) {
            let fields: &Fields<'_> = &[
                ("directive", &mount.directive),
                ("detail", &error),
                ("origin", &mount.origin),
            ];
            report(&messages::MOUNT_REFUSED, fields);
            result = Err(Failed);
        }
    }
    result
}

/// Looks at one program, unless the reading before has done so and it is still the same.
fn check_program(
    runtime: &Runtime,
    path: &Path,
    limit: u64,
    entry_point: EntryPoint<'_>,
    compiler: &CompilerOptions,
) -> Result<(), Error> {
    // Its state is taken before it is read: if it changes meanwhile, the next reading sees that.
    let check = stamp::of(path).ok().map(|file| Check {
        path: path.to_owned(),
        file,
        limit,
        garbage_collection: garbage_collection(),
        entry_point: format!("{entry_point:?}"),
    });
    if !check.as_ref().is_some_and(checked::is_known) {
        runtime.check(path, limit, garbage_collection(), entry_point, compiler)?;
    }
    if let Some(check) = check {
        checked::note(check);
    }
    Ok(())
}

/// The module of a section and the entry point that it must have.
///
/// A section with a module alone runs the standard entry point, unless a section elsewhere names one: whether they are
/// merged with each other only a request can tell, so then nothing is demanded yet.
fn to_check<'s>(
    section: &'s Section,
    all: &'s [Section],
) -> Option<(&'s ModuleRef, EntryPoint<'s>)> {
    let module = section.module.as_ref()?;
    let entry_point = match &section.entry_point {
        Some(entry_point) => EntryPoint::Named(&entry_point.name),
        None if all.iter().any(|other| other.entry_point.is_some()) => EntryPoint::Unchecked,
        None => EntryPoint::Standard,
    };
    Some((module, entry_point))
}

fn report_load_error(error: &Error, report: &dyn Fn(&Message, &Fields<'_>)) -> Failed {
    let message = match error.code {
        ErrorCode::AbiMismatch => &messages::ABI_MISMATCH,
        _ => &messages::LIBRARY_MISSING,
    };
    report(message, &[("detail", error)]);
    Failed
}

fn report_module(
    module: &ModuleRef,
    error: &Error,
    origin: &Origin,
    report: &dyn Fn(&Message, &Fields<'_>),
) {
    let message = match module.optional {
        true => &messages::MODULE_LEFT_OUT,
        false => &messages::MODULE_UNUSABLE,
    };
    let fields: &Fields<'_> = &[
        ("module", &module.path.display()),
        ("detail", &explained(error)),
        ("origin", origin),
    ];
    report(message, fields);
}

/// Makes the engine and loads every module, in the reading of the configuration that will serve. Children inherit all of
/// it by fork. No thread is started here.
pub fn post_config(pconf: Pool<'_>, server: Server<'_>) -> Result<(), Failed> {
    add_version_component(pconf, component());
    if pass() == Pass::Check {
        return Ok(());
    }
    open_script_logs(server)?;
    prepare_locks(server)?;
    prepare_log_limit(server)?;
    stamp::prepare();
    let previous = generation::replace(None);
    let programs = registry::programs();
    let report = |message: &Message, fields: &Fields<'_>| log_server(server, message, fields);
    let runtime = Runtime::load().map_err(|error| report_load_error(&error, &report))?;
    let mut generation =
        Generation::new(runtime, options(pconf), previous.as_ref()).map_err(|error| {
            report(&messages::ENGINE_FAILED, &[("detail", &error)]);
            Failed
        })?;
    if let Some(reason) = generation.unpooled() {
        report(&messages::NO_POOLING, &[("detail", &reason)]);
    }
    if let Err(error) = generation.prepare_cache() {
        report(&messages::CACHE_REFUSED, &[("detail", &error)]);
    }
    let mut loaded = 0;
    for program in &programs {
        let Some(line) = naming(&program.path) else {
            continue;
        };
        // No child accepts requests while the parent compiles for a restart.
        let cached_only = line.optional && pass() == Pass::Restart;
        let loading = match generation.load(&program.path, previous.as_ref(), cached_only, &report)
        {
            Ok(loading) => loading,
            Err(error) if error.code == ErrorCode::NotCached => {
                program.set_started(None);
                continue;
            }
            Err(error) => {
                report_module(&line, &error, &line.origin, &report);
                if !line.optional {
                    return Err(Failed);
                }
                program.set_started(Some(Err(explained(&error))));
                continue;
            }
        };
        let Loading { guest, size, time } = loading;
        let module = program.path.display();
        let fields: &Fields<'_> = &[
            ("module", &module),
            ("kind", &guest.kind()),
            ("size", &size),
            ("time", &time),
        ];
        report(&messages::MODULE_LOADED, fields);
        program.set_started(Some(Ok(guest)));
        loaded += 1;
    }
    let version = env!("CARGO_PKG_VERSION");
    let fields: &Fields<'_> = &[
        ("version", &version),
        ("runtime", &runtime.version()),
        ("modules", &loaded),
    ];
    report(&messages::READY, fields);
    generation::replace(Some(generation));
    reserve(pconf, server)
}

/// Tells the engine, before children are made, which directories no guest is given.
fn reserve(pconf: Pool<'_>, server: Server<'_>) -> Result<(), Failed> {
    let Some(engine) = generation::engine() else {
        return Ok(());
    };
    let reserved = reserved::directories(pconf, server, cache(pconf).as_ref());
    engine.reserve(&reserved).map_err(|error| {
        log_server(server, &messages::ENGINE_FAILED, &[("detail", &error)]);
        Failed
    })
}

fn open_script_logs(server: Server<'_>) -> Result<(), Failed> {
    let sections = registry::sections();
    let logs = sections
        .iter()
        .filter_map(|section| section.script_log.as_ref());
    script_log::open(logs).map_err(|(log, error)| {
        let fields: &Fields<'_> = &[
            ("file", &log.path.display()),
            ("detail", &error),
            ("origin", &log.origin),
        ];
        log_server(server, &messages::SCRIPT_LOG_UNUSABLE, fields);
        Failed
    })
}

fn prepare_locks(server: Server<'_>) -> Result<(), Failed> {
    let sections = registry::sections();
    let origins = sections
        .iter()
        .filter_map(|section| section.serialize.as_ref());
    serialize::prepare(origins).map_err(|(origin, error)| {
        let fields: &Fields<'_> = &[("detail", &error), ("origin", origin)];
        log_server(server, &messages::LOCK_UNUSABLE, fields);
        Failed
    })
}

fn prepare_log_limit(server: Server<'_>) -> Result<(), Failed> {
    log_limit::prepare().map_err(|error| {
        log_server(server, &messages::NO_SHARED_MEMORY, &[("detail", &error)]);
        Failed
    })
}

/// The line that names this module: the first of those without which the server must not start, else the first. None if
/// later lines of their sections have replaced all of them, so that no request can lead to it.
fn naming(path: &Path) -> Option<ModuleRef> {
    let sections = registry::sections().into_iter();
    let lines = sections.filter_map(|section| section.module);
    lines
        .filter(|module| module.path == path)
        .min_by_key(|module| module.optional)
}

/// What `ServerTokens` may show.
fn component() -> &'static CStr {
    const VERSION: &str = concat!("mod_wasm/", env!("CARGO_PKG_VERSION"), "\0");
    CStr::from_bytes_with_nul(VERSION.as_bytes()).unwrap_or(c"mod_wasm")
}

/// As many guests as there can be requests in one child: its own threads and, half as many again as those, the workers of
/// mod_http2 by its default. Memory for the largest limit that any section sets.
fn options(pconf: Pool<'_>) -> EngineOptions {
    let threads = threads_per_child();
    let room = threads.saturating_mul(5).div_ceil(2);
    let max_instances =
        registry::with_server_settings(|server| server.max_instances()).unwrap_or(room);
    EngineOptions {
        max_instances,
        memory_limit: memory_limit(),
        cache: cache(pconf),
        compiler: compiler(),
        garbage_collection: garbage_collection(),
    }
}

/// How programs are read and compiled: by the user that requests are served as, who is not root.
fn compiler() -> CompilerOptions {
    let limit = registry::with_server_settings(|server| server.compile_limit());
    CompilerOptions {
        time: limit.time,
        memory: limit.memory,
        program_size: limit.size,
        identity: children_identity(),
    }
}

fn garbage_collection() -> bool {
    registry::with_server_settings(|server| server.garbage_collection())
}

fn memory_limit() -> u64 {
    let largest = registry::sections()
        .iter()
        .map(|section| section.memory_limit)
        .max()
        .unwrap_or(0);
    largest.max(DEFAULT_MEMORY_LIMIT)
}

/// Where compiled programs are kept. Children read what the parent, often root, has compiled, and it never reads theirs.
fn cache(pconf: Pool<'_>) -> Option<CacheOptions> {
    let (configured, max_bytes) =
        registry::with_server_settings(|server| (server.cache_dir().cloned(), server.cache_max()));
    let directory = match configured {
        Some(CacheDir::None) => return None,
        Some(CacheDir::Path(path)) => path,
        None => runtime_dir_relative(pconf, c"mod_wasm")?.into(),
    };
    Some(CacheOptions {
        directory,
        max_bytes,
        children: children_identity(),
    })
}

/// Prepares a child: faults of guests become traps from now on, what the child starts is stopped with it, and programs that
/// requests name are loaded into the engine of now.
pub fn child_init(pchild: Pool<'_>, server: Server<'_>) {
    let Some(engine) = generation::engine() else {
        return;
    };
    programs::forget();
    pchild.own(StopAtExit(engine));
    if let Err(error) = Runtime::load().and_then(Runtime::install_signal_handlers) {
        log_server(server, &messages::SIGNAL_HANDLERS, &[("detail", &error)]);
    }
}

/// Ends the engine's background thread before the child ends.
struct StopAtExit(Arc<Engine>);

impl Drop for StopAtExit {
    fn drop(&mut self) {
        self.0.stop();
    }
}
