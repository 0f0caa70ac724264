//! Guests in JavaScript: a source put together with an engine for JavaScript by componentize-js, an npm package.
//!
//! Which version of it, and of what it needs, is the guest's `package-lock.json`.

use super::{Guest, npm, up_to_date};
use crate::fsx;
use crate::run::{Task, run};
use std::process::Command;

/// The program of the package that is called.
const COMPONENTIZE: &str = "node_modules/@bytecodealliance/componentize-js/src/cli.js";

/// Builds one, unless it is there and newer than all of its folder.
pub fn build(guest: &Guest) -> Task {
    let folder = guest.folder();
    let mut from = fsx::entries(&folder)?;
    from.push(folder.clone());
    if up_to_date(&guest.file(), &from) {
        return Ok(());
    }
    let dir = npm::dir_of(guest);
    npm::install(&folder, &dir)?;
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
