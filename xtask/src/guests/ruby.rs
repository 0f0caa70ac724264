//! The guest `ruby`: Ruby's interpreter, which comes built for WASI in a package of npm, merged with the few modules of the guest's
//! folder that make a command of it. binaryen, another package, does the merging.
//!
//! Knows by which names the modules find each other, not what they do.

use super::{Guest, npm, up_to_date};
use crate::fsx;
use crate::run::{Task, run};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

/// The interpreter with its standard library inside, and the name by which the other modules know it.
const INTERPRETER: (&str, &str) = (
    "node_modules/@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm",
    "ruby",
);

/// The program that merges.
const MERGE: &str = "node_modules/binaryen/bin/wasm-merge";

/// What the interpreter is built with. Whatever else binaryen knows it may use where it is allowed to.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Makes it, unless it is there and newer than all of its folder. That takes ten seconds.
pub fn build(guest: &Guest) -> Task {
    let folder = guest.folder();
    let files = fsx::entries(&folder)?;
    let mut from = files.clone();
    from.push(folder.clone());
    if up_to_date(&guest.file(), &from) {
        return Ok(());
    }
    let dir = npm::dir_of(guest);
    npm::install(&folder, &dir)?;
    let made = dir.join("merged.wasm");
    let mut merge = Command::new("node");
    merge.arg(dir.join(MERGE)).args(FEATURES);
    for module in modules(files) {
        merge
            .arg(&module)
            .arg(module.file_stem().unwrap_or_default());
    }
    merge.arg(dir.join(INTERPRETER.0)).arg(INTERPRETER.1);
    run(merge
        .args(["--skip-export-conflicts", "--output"])
        .arg(&made))?;
    fsx::place(&made, &guest.file())
}

/// Those of the files that are modules, in the text format.
fn modules(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut modules = files;
    modules.retain(|file| file.extension() == Some(OsStr::new("wat")));
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_are_merged() {
        let files = ["a/command.wat", "a/package.json", "a/x.wat"].map(PathBuf::from);
        let expected = ["a/command.wat", "a/x.wat"].map(PathBuf::from);
        assert_eq!(modules(files.to_vec()), expected);
    }
}
