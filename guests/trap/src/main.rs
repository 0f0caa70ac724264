//! trap: a program with a bug. Indexing beyond the end of a list panics, a panic in a WebAssembly guest is a trap, and the
//! client gets the server's own page for status 500 while the reason stands in the error log.
//!
//! It must not write to stdout: once a response has begun there is no way back to a clean 500.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let planets = ["Mercury", "Venus", "Earth", "Mars"];
    // The index depends on the arguments only so that the compiler does not find the bug.
    let planet = planets[env::args_os().count() + planets.len()];
    ExitCode::from(u8::from(planet.is_empty()))
}
