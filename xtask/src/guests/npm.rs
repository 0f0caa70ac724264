//! The packages of npm that guests are made with.
//!
//! Which packages and versions is the `package-lock.json` of the guest's folder; npm installs them below `target/js`, never into
//! the source tree, and runs no script of theirs.

use super::{Guest, up_to_date};
use crate::fsx;
use crate::run::{Task, root, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What says which packages are installed.
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];

/// The folder below `target/js` that is this guest's.
pub fn dir_of(guest: &Guest) -> PathBuf {
    root().join("target/js").join(&guest.name)
}

/// Installs the packages that the files in `folder` name into `dir`, unless that was done since they changed.
pub fn install(folder: &Path, dir: &Path) -> Task {
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
