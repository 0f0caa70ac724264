//! Safe Rust client of the C ABI of libwasm_runtime.so (`wasm_runtime.h`).
//!
//! It finds the library beside the one it is linked into, compares the ABI versions, and turns
//! handles, callbacks and errors into Rust. It must know neither httpd nor Wasmtime.

mod cache;
mod callbacks;
mod compiler;
mod error;
mod exchange;
mod handles;
mod load;
mod permit;
mod request;
mod reserved;
mod runtime;

#[expect(
    unsafe_code,
    clippy::too_many_arguments,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    non_camel_case_types,
    reason = "generated from the header, where the contracts are written"
)]
mod sys {
    include!(concat!(env!("OUT_DIR"), "/wasm_runtime.rs"));
}

pub use cache::CacheOptions;
pub use compiler::CompilerOptions;
pub use error::{Error, ErrorCode};
pub use exchange::{BodyRead, Closed, End, Exchange, LogLevel, Outcome};
pub use handles::{Engine, Guest};
pub use load::{LoadOptions, Phase, Source, Trouble, Watch};
pub use permit::Permit;
pub use request::{Field, Http, Mount, Outbound, Request, Reuse, TempDir};
pub use reserved::ReservedDir;
pub use runtime::{EngineOptions, EntryPoint, GuestKind, Runtime};
