//! `wasm_runtime.h`: generated from the Rust side of the C ABI, checked in, and compared on every check.
//!
//! What it looks like is set in `crates/wasm-runtime/cbindgen.toml`, not here.

use crate::fsx;
use crate::run::{Task, root};
use std::path::PathBuf;

/// The checked-in header.
pub fn path() -> PathBuf {
    root().join("crates/wasm-runtime/include/wasm_runtime.h")
}

/// The header that the sources ask for.
pub fn generate() -> Task<String> {
    let krate = root().join("crates/wasm-runtime");
    let config = cbindgen::Config::from_file(krate.join("cbindgen.toml"))?;
    let bindings =
        cbindgen::generate_with_config(&krate, config).map_err(|e| format!("cbindgen: {e}"))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Fails when the checked-in header is not what the sources ask for.
pub fn check() -> Task {
    fsx::compare(&path(), &generate()?)
}
