//! Turns `wasm_runtime.h` into a table of the functions of a library loaded at run time.

use std::path::Path;
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let header =
        Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../wasm-runtime/include/wasm_runtime.h");
    println!("cargo::rerun-if-changed={}", header.display());
    bindgen::Builder::default()
        .header(header.to_string_lossy())
        .allowlist_item("(wrt|WRT)_.*")
        // What C hands over is a number: it is checked before it becomes a Rust enum.
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .dynamic_library_name("Functions")
        .dynamic_link_require_all(true)
        .generate_comments(false)
        .layout_tests(false)
        .wrap_unsafe_ops(true)
        .generate()?
        .write_to_file(Path::new(&env::var("OUT_DIR")?).join("wasm_runtime.rs"))?;
    Ok(())
}
