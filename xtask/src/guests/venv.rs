//! The packages of PyPI that guests are made with: one virtual environment for each guest, below `target/python`.
//!
//! Which packages and versions is the `requirements.txt` of the guest's folder.

use super::{Guest, up_to_date};
use crate::fsx;
use crate::run::{Task, root, run};
use std::path::PathBuf;
use std::process::Command;

/// The folder below `target/python` that is this guest's.
pub fn dir_of(guest: &Guest) -> PathBuf {
    root().join("target/python").join(&guest.name)
}

/// Installs what the guest's requirements name into a new virtual environment, unless that was done since they changed, and
/// gives the program of that name.
pub fn program(guest: &Guest, name: &str) -> Task<PathBuf> {
    let requirements = guest.folder().join("requirements.txt");
    let venv = dir_of(guest).join("venv");
    let program = venv.join("bin").join(name);
    if up_to_date(&program, std::slice::from_ref(&requirements)) {
        return Ok(program);
    }
    fsx::remove_dir(&venv)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let quiet = ["--quiet", "--disable-pip-version-check", "--no-input"];
    run(Command::new(venv.join("bin/pip"))
        .arg("install")
        .args(quiet)
        .arg("--requirement")
        .arg(requirements))?;
    Ok(program)
}
