//! mod_wasm: runs WebAssembly programs as content handlers of Apache httpd.
//!
//! This crate is the glue: it reads the configuration into `directives`, starts the engine behind
//! `wasm-runtime-client`, and moves bytes between `httpd` and a guest as `cgi` decides. It holds no unsafe code and knows
//! neither httpd's structs nor Wasmtime.

mod body;
mod checked;
mod config;
mod exchange;
mod generation;
mod handler;
mod http;
mod lifecycle;
mod links;
mod loading;
mod log_limit;
mod messages;
mod nph;
mod outcome;
#[cfg(feature = "test-panic")]
mod panics;
mod program;
mod programs;
mod registry;
mod reserved;
mod response;
mod script;
mod script_log;
mod serialize;
mod specs;
mod spool;
mod stamp;
mod temp;
mod values;

use httpd::{Answer, Command, Failed, Module, Pool, Record, Request, Server};

use config::DirConfig;

httpd::module!(wasm_module, Wasm, c"mod_wasm.c", specs::SPECS);

/// The module, as httpd knows it.
struct Wasm;

impl Module for Wasm {
    type DirConfig = DirConfig;

    fn record() -> *const Record {
        &raw const wasm_module
    }

    fn create_dir_config() -> DirConfig {
        DirConfig::default()
    }

    fn merge_dir_config(outer: &DirConfig, inner: &DirConfig) -> DirConfig {
        #[cfg(feature = "test-panic")]
        panics::while_merging(inner.settings());
        DirConfig::merge(outer, inner)
    }

    fn command(command: &Command<'_>, config: &mut DirConfig) -> Result<(), String> {
        config::apply(command, config)
    }

    fn pre_config() {
        registry::reset();
    }

    fn check_config(pconf: Pool<'_>, server: Server<'_>) -> Result<(), Failed> {
        lifecycle::check_config(pconf, server)
    }

    fn post_config(pconf: Pool<'_>, server: Server<'_>) -> Result<(), Failed> {
        lifecycle::post_config(pconf, server)
    }

    fn child_init(pchild: Pool<'_>, server: Server<'_>) {
        lifecycle::child_init(pchild, server);
    }

    fn handler(request: &mut Request) -> Answer {
        handler::handle(request)
    }

    fn handler_panicked(request: &mut Request, text: &str) -> Answer {
        outcome::panicked(request, text)
    }

    fn panicked(text: &str) {
        messages::log_at_startup(&directives::messages::PANIC, &[("detail", &text)]);
    }
}
