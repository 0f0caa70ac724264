//! The C ABI of the engine: the only unsafe code of this crate.
//!
//! `include/wasm_runtime.h` is generated from these files. Every exported function has the same
//! shape: enter the guard (no panic leaves it), check the pointers, call the safe engine, hand
//! the error over. Handles are boxes that the caller owns until it frees them.
#![expect(
    unsafe_code,
    reason = "a C ABI takes and gives raw pointers; each use is argued for where it stands"
)]
#![expect(
    non_camel_case_types,
    reason = "the names are those of the C header, written as C writes them"
)]

pub(crate) mod artifact;
mod cache;
mod compiler;
pub(crate) mod confine;
pub(crate) mod counted;
mod engine;
mod error;
mod exchange;
mod guard;
mod guest;
mod heap;
mod helper;
mod load;
pub(crate) mod locks;
mod outcome;
mod permit;
mod request;
mod reserved;
pub(crate) mod signals;
pub(crate) mod stack;
mod text;

pub use cache::*;
pub use compiler::*;
pub use engine::*;
pub use error::*;
pub use exchange::*;
pub use guest::*;
pub use helper::wrt_helper_main;
pub use load::*;
pub use outcome::*;
pub use permit::*;
pub use request::*;
pub use reserved::*;
pub use signals::wrt_signals_install;

/// The version of this ABI. It grows by one whenever a change breaks a caller built against the
/// header of the version before; additions do not change it.
pub const WRT_ABI_VERSION: u32 = 4;

/// The version of the ABI that the loaded library implements. Compare it with
/// `WRT_ABI_VERSION` before any other call. Callable from any thread at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wrt_abi_version() -> u32 {
    WRT_ABI_VERSION
}

/// The versions of this library and of the Wasmtime in it, for a log: a static string.
#[unsafe(no_mangle)]
pub extern "C" fn wrt_version() -> *const std::ffi::c_char {
    VERSION.as_ptr()
}

const VERSION: &std::ffi::CStr = match std::ffi::CStr::from_bytes_with_nul(
    concat!(
        env!("CARGO_PKG_VERSION"),
        " (Wasmtime ",
        env!("WASMTIME_VERSION"),
        ")\0"
    )
    .as_bytes(),
) {
    Ok(text) => text,
    Err(_) => c"unknown",
};
