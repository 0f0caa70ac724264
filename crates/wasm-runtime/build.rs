//! Names the Wasmtime version for `wrt_version`, and the library for the dynamic linker.

use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lock = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock)?;
    let version = text
        .split("[[package]]")
        .find(|package| package.contains("name = \"wasmtime\"\n"))
        .and_then(|package| package.split("version = \"").nth(1)?.split('"').next())
        .ok_or("Cargo.lock does not name wasmtime")?;
    println!("cargo::rustc-env=WASMTIME_VERSION={version}");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libwasm_runtime.so");
    // Thread-local destructors and signal handlers point into the library for ever.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    Ok(())
}
