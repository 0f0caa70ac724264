//! The two libraries and the helper of the engine: built in release mode and put side by side in `dist/`, as they must lie when
//! they run.
//!
//! Knows nothing of guests and of httpd.

use crate::run::{Task, cargo, cargo_target, root, run};
use crate::setup::{self, Need};
use crate::{fsx, header};
use std::path::{Path, PathBuf};

/// The product by file name, each with the name that cargo gives it. The last is a program, the others are libraries.
pub const PRODUCT: [(&str, &str); 3] = [
    ("mod_wasm.so", "libmod_wasm.so"),
    ("libwasm_runtime.so", "libwasm_runtime.so"),
    (HELPER, HELPER),
];

/// The process in which the engine reads and compiles programs.
const HELPER: &str = "wasm_runtime_helper";

/// Where the finished libraries lie.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// `make build`: all of it in `dist/`, with the sizes.
pub fn release() -> Task {
    setup::ensure(&[Need::Libraries])?;
    libraries()
}

/// Builds the product; what that needs is there.
pub fn libraries() -> Task {
    run(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "wasm-runtime",
        "-p",
        "wasm-helper",
        "-p",
        "mod-wasm",
    ]))?;
    let built = cargo_target().join("release");
    for (name, cargo_name) in PRODUCT {
        let file = dist().join(name);
        put(name, &built.join(cargo_name), &file)?;
        println!("dist/{name}: {}", fsx::mebibytes(&file)?);
    }
    fsx::place(&header::path(), &dist().join("wasm_runtime.h"))
}

/// Puts a part of the product in its place.
pub fn put(name: &str, from: &Path, to: &Path) -> Task {
    match name {
        HELPER => fsx::place_program(from, to),
        _ => fsx::place(from, to),
    }
}
