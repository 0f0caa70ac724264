//! The engine: loads WebAssembly programs and runs one for each request.
//!
//! It must know nothing of httpd. Everything a server needs is reachable through the C ABI in
//! [`capi`] (`include/wasm_runtime.h`), so that another server can embed it and a Wasmtime
//! security release is a swap of one file. Only `capi` holds unsafe code.

mod budget;
mod cache;
pub mod capi;
mod channel;
mod check;
mod clock;
mod compile;
mod compiler;
mod engine;
mod error;
mod features;
mod gate;
mod given;
mod guest;
mod held;
mod hollow;
mod http;
mod journal;
mod kind;
mod limits;
mod lines;
mod link;
mod links;
mod listing;
mod load;
mod network;
mod open_files;
mod outcome;
mod permits;
mod pool;
mod program;
mod request;
mod reserved;
mod run;
mod state;
mod stdio;
mod store;
mod temp;
mod text;
mod wake;
mod weight;
mod working;

pub use cache::{CacheOptions, OPERATOR};
pub use channel::{BodyRead, Closed, Exchange, Field, LogLevel};
pub use check::{check, check_with};
pub use compiler::CompilerOptions;
pub use engine::{Engine, EngineOptions};
pub use error::{Error, ErrorCode};
pub use features::Allowed;
pub use guest::Guest;
pub use kind::{GuestKind, Shape};
pub use load::{LoadOptions, Phase, Source, Trouble, Unwatched, Urgency, Watch};
pub use outcome::{End, Outcome};
pub use request::{HttpRequest, Mount, OutboundGrant, Request, Reuse, TempDir};
pub use reserved::ReservedDir;
pub use weight::Weight;
