//! The imports of components: WASI 0.2, WASI 0.3 where the engine runs concurrent guests, and the proposals
//! `wasi:config` and `wasi:logging`. In front of some of wasmtime-wasi's own functions for files and sockets stand ours.

pub(super) mod files;
mod files3;

use super::{component_paths, http, paths};
use crate::LogLevel;
use crate::state::HostState;
use wasmtime::component::{ComponentType, Lift, Linker};
use wasmtime_wasi_config::WasiConfig;

/// A linker for components of an engine; `concurrent` says whether it can run WASI 0.3.
pub fn linker(engine: &wasmtime::Engine, concurrent: bool) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    http::bound_p2(&mut linker)?;
    component_paths::add(&mut linker)?;
    if concurrent {
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        http::bound_p3(&mut linker)?;
        paths::bound_p3(&mut linker)?;
    }
    linker.allow_shadowing(true);
    files::add(&mut linker)?;
    if concurrent {
        files3::add(&mut linker)?;
    }
    linker.allow_shadowing(false);
    wasmtime_wasi_config::add_to_linker(&mut linker, |state: &mut HostState| {
        WasiConfig::from(&state.config)
    })?;
    for name in LOGGING {
        add_logging(&mut linker, name)?;
    }
    Ok(linker)
}

/// The names under which programs import `wasi:logging`, a proposal that never had a release.
const LOGGING: [&str; 2] = ["wasi:logging/logging", "wasi:logging/logging@0.1.0-draft"];

/// `level` of `wasi:logging/logging`.
#[derive(Clone, Copy, ComponentType, Lift)]
#[expect(
    dead_code,
    reason = "its values are made by lifting them out of guests"
)]
#[component(enum)]
#[repr(u8)]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

fn add_logging(linker: &mut Linker<HostState>, name: &str) -> wasmtime::Result<()> {
    linker.instance(name)?.func_wrap(
        "log",
        |context, (level, source, message): (Level, String, String)| {
            let level = match level {
                Level::Trace => LogLevel::Trace,
                Level::Debug => LogLevel::Debug,
                Level::Info => LogLevel::Info,
                Level::Warn => LogLevel::Warn,
                Level::Error => LogLevel::Error,
                Level::Critical => LogLevel::Critical,
            };
            let text = match source.is_empty() {
                true => message,
                false => format!("{source}: {message}"),
            };
            context.data().channel.log(level, text.as_bytes());
            Ok(())
        },
    )
}
