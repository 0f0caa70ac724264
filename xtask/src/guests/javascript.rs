//! Guests in JavaScript: a source put together with an engine for JavaScript by componentize-js, an npm package.
//!
//! Which version of it, and of what it needs, is the guest's `package-lock.json`; npm installs them below `target/js`, never
//! into the source tree, and runs no script of theirs.

use super::{Guest, up_to_date};
use crate::fsx;
use crate::run::{Task, root, run};
use std::path::Path;
use std::process::Command;

/// The program of the package that is called.
const COMPONENTIZE: &str = "node_modules/@bytecodealliance/componentize-js/src/cli.js";

/// What says which packages are installed.
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];

/// Builds one, unless it is there and newer than all of its folder.
pub fn build(guest: &Guest) -> Task {
    let folder = guest.folder();
    let mut from = fsx::entries(&folder)?;
    from.push(folder.clone());
    if up_to_date(&guest.file(), &from) {
        return Ok(());
    }
    let dir = root().join("target/js").join(&guest.name);
    install(&folder, &dir)?;
    let made = dir.join("component.wasm");
    run(Command::new("node")
        .arg(dir.join(COMPONENTIZE))
        .arg(guest.source_file())
        .arg("--wit")
        .arg(folder.join("world.wit"))
        .arg("--out")
        .arg(&made)
        .current_dir(&folder))?;
    fsx::place(&made, &guest.file())
}

/// Installs the packages that the files in `folder` name into `dir`, unless that was done since they changed.
fn install(folder: &Path, dir: &Path) -> Task {
    // npm writes this one when all is installed.
    let done = dir.join("node_modules/.package-lock.json");
    if up_to_date(&done, &PACKAGES.map(|name| folder.join(name))) {
        return Ok(());
    }
    for name in PACKAGES {
        fsx::place(&folder.join(name), &dir.join(name))?;
    }
    let quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").arg("ci").args(quiet).current_dir(dir))
}
