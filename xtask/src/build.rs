//! The two libraries: built in release mode and put side by side in `dist/`, as they must lie when they run.
//!
//! Knows nothing of guests and of httpd.

use crate::run::{Task, cargo, cargo_target, root, run};
use crate::setup::{self, Need};
use crate::{fsx, header};
use std::path::PathBuf;

/// The libraries by file name.
pub const LIBRARIES: [&str; 2] = ["mod_wasm.so", "libwasm_runtime.so"];

/// Where the finished libraries lie.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// `make build`: both libraries in `dist/`, with their sizes.
pub fn release() -> Task {
    setup::ensure(&[Need::Libraries])?;
    libraries()
}

/// Builds the libraries; what that needs is there.
pub fn libraries() -> Task {
    run(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "wasm-runtime",
        "-p",
        "mod-wasm",
    ]))?;
    let built = cargo_target().join("release");
    for (name, cargo_name) in LIBRARIES
        .into_iter()
        .zip(["libmod_wasm.so", "libwasm_runtime.so"])
    {
        let file = dist().join(name);
        fsx::place(&built.join(cargo_name), &file)?;
        println!("dist/{name}: {}", fsx::mebibytes(&file)?);
    }
    fsx::place(&header::path(), &dist().join("wasm_runtime.h"))
}
