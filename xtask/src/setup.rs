//! Finding out what is missing on this machine, and installing it where that is ours to do.
//!
//! Root on a machine with apt: it is installed, and each command is printed first. Anyone else is given the exact line
//! to type. Nothing here builds the project.

use crate::packages::{self, Package};
use crate::run::{Task, cargo, command, is_root, output, run, succeeds, which};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What a task needs from the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To build the two libraries.
    Libraries,
    /// To build the guests.
    Guests,
    /// To run httpd.
    Server,
    /// To run the tests.
    Tests,
    /// To run `make check`.
    Checks,
    /// To run `make bench`.
    Bench,
}

/// The Rust targets of the guests.
const TARGETS: [&str; 2] = ["wasm32-wasip1", "wasm32-wasip2"];

/// `make setup`: whatever any task needs.
pub fn everything() -> Task {
    use Need::{Bench, Checks, Guests, Libraries, Server, Tests};
    ensure(&[Libraries, Guests, Server, Tests, Checks, Bench])?;
    println!("Everything that the tasks need is installed.");
    Ok(())
}

/// Sees to it that what these needs name is on the machine, or says what to type.
pub fn ensure(needs: &[Need]) -> Task {
    distribution(needs)?;
    if needs.contains(&Need::Guests) {
        targets()?;
    }
    if needs.contains(&Need::Checks) {
        components()?;
        cargo_tool("cargo-deny")?;
    }
    if needs.contains(&Need::Tests) && cargo_tool("cargo-nextest").is_err() {
        eprintln!("cargo-nextest could not be installed; `cargo test` takes its place.");
    }
    Ok(())
}

/// The packages of the distribution.
fn distribution(needs: &[Need]) -> Task {
    let wanted = needs.iter().flat_map(|need| of(*need));
    let mut missing: Vec<String> = wanted
        .filter(|package| !package.present())
        .map(|package| package.name.to_owned())
        .collect();
    let runtime = needs.contains(&Need::Guests) && packages::wasm_runtime_package().is_some();
    if missing.is_empty() && !runtime {
        return Ok(());
    }
    if which("apt-get").is_none() {
        return Err(elsewhere(&missing, runtime).into());
    }
    if !is_root() {
        missing.extend(packages::wasm_runtime_package().filter(|_| runtime));
        return Err(format!(
            "some packages are missing; please type\n    sudo apt-get update && \
             sudo apt-get install --no-install-recommends {}\nand try again.",
            missing.join(" ")
        )
        .into());
    }
    eprintln!(
        "Some packages are missing and will be installed: {}",
        missing.join(" ")
    );
    run(&mut apt(&["update"]))?;
    // Only now are the lists there from which the name of the runtime's package is read.
    missing.extend(packages::wasm_runtime_package().filter(|_| runtime));
    let quiet = NoServices::during_installation()?;
    let mut install = apt(&["install", "-y", "--no-install-recommends"]);
    let outcome = run(install.args(&missing));
    drop(quiet);
    outcome
}

fn of(need: Need) -> &'static [Package] {
    match need {
        Need::Libraries => packages::LIBRARIES,
        Need::Guests => packages::GUESTS,
        Need::Server => packages::SERVER,
        Need::Tests => packages::TESTS,
        Need::Bench => packages::BENCH,
        Need::Checks => &[],
    }
}

fn elsewhere(missing: &[String], runtime: bool) -> String {
    let more = if runtime {
        " and clang's runtime library for wasm32"
    } else {
        ""
    };
    format!(
        "missing, by Debian's names: {}{more}.\nThis system has no apt-get: please install your distribution's \
         packages of httpd with its headers (apxs), libclang, clang, lld, wasi-libc, Node.js with npm, and Python 3 \
         with venv, and try again.",
        missing.join(" ")
    )
}

fn apt(args: &[&str]) -> std::process::Command {
    let mut apt = command("apt-get", args);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

fn targets() -> Task {
    for target in TARGETS {
        let libdir = output(&mut command(
            "rustc",
            &["--print", "target-libdir", "--target", target],
        ))?;
        if Path::new(libdir.trim()).is_dir() {
            continue;
        }
        if which("rustup").is_none() {
            return Err(format!(
                "the Rust target {target} is missing and there is no rustup to add it"
            )
            .into());
        }
        run(&mut command("rustup", &["target", "add", target]))?;
    }
    Ok(())
}

fn components() -> Task {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !succeeds("cargo", &[subcommand, "--version"]) {
            run(&mut command("rustup", &["component", "add", component]))?;
        }
    }
    Ok(())
}

/// A tool written in Rust; building it takes some minutes, once.
fn cargo_tool(name: &str) -> Task {
    if which(name).is_some() || succeeds(name, &["--version"]) {
        return Ok(());
    }
    eprintln!("{name} is missing; building it takes some minutes, once.");
    run(&mut cargo(&["install", "--locked", name]))
}

/// Keeps packages from starting services while it lives: installing httpd must not open port 80.
///
/// Debian asks `/usr/sbin/policy-rc.d` before it starts a service. The file written here says no only as long as this
/// process lives, so that it does no harm should we be interrupted.
struct NoServices(Option<&'static Path>);

impl NoServices {
    fn during_installation() -> Task<Self> {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        let mark = "# Written by the setup of mod_wasm.";
        if policy.exists() && !fs::read_to_string(policy).is_ok_and(|text| text.contains(mark)) {
            let denies = command("/usr/sbin/policy-rc.d", &["apache2", "start"])
                .status()
                .is_ok_and(|status| status.code() == Some(101));
            return if denies {
                Ok(Self(None))
            } else {
                Err("/usr/sbin/policy-rc.d of this machine would let apt-get start httpd on port 80; \
                     please install the packages named above yourself and try again"
                    .into())
            };
        }
        let pid = std::process::id();
        let text = format!("#!/bin/sh\n{mark}\nkill -0 {pid} 2>/dev/null && exit 101\nexit 0\n");
        crate::fsx::write(policy, &text)?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))
            .map_err(|e| format!("cannot make {} executable: {e}", policy.display()))?;
        Ok(Self(Some(policy)))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = self.0 {
            // Left behind it does no harm: it permits everything once this process has ended.
            drop(fs::remove_file(policy));
        }
    }
}
