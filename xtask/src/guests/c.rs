//! Guests in C: one file each, compiled by the line in `guests/CLANG`.
//!
//! Knows nothing of what that line says.

use super::{Guest, sources};
use crate::fsx;
use crate::run::{Task, run};
use std::process::Command;

/// Compiles one.
pub fn build(guest: &Guest) -> Task {
    let line = fsx::read(&sources().join("CLANG"))?;
    let mut words = line.split_whitespace();
    let program = words.next().ok_or("guests/CLANG is empty")?;
    run(Command::new(program)
        .args(words)
        .arg("-o")
        .arg(guest.file())
        .arg(&guest.source)
        .current_dir(sources()))
}
