//! Guests in Rust: the packages of the workspace `guests/`.
//!
//! Knows how cargo is called for them, not what they need at run time.

use super::{Guest, Language};
use crate::fsx;
use crate::run::{Task, cargo, root, run};
use std::path::PathBuf;
use std::process::Command;

/// Builds all of them, those of one target at once.
pub fn build(list: &[Guest]) -> Task {
    for target in targets(list) {
        let packages: Vec<&Guest> = of_target(list, &target);
        let mut command = workspace(&["build", "--release", "--locked"], &target);
        for guest in &packages {
            command.args(["-p", &guest.source]);
        }
        run(&mut command)?;
        for guest in packages {
            let file = format!("{target}/release/{}.wasm", guest.source);
            fsx::place(&build_dir().join(file), &guest.file())?;
        }
    }
    Ok(())
}

/// Runs clippy over them, warnings being errors.
pub fn clippy(list: &[Guest]) -> Task {
    for target in targets(list) {
        let mut command = workspace(&["clippy", "--release", "--locked"], &target);
        for guest in of_target(list, &target) {
            command.args(["-p", &guest.source]);
        }
        run(command.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// Their targets, each once.
fn targets(list: &[Guest]) -> Vec<String> {
    let mut targets: Vec<String> = list
        .iter()
        .filter(|guest| guest.language() == Language::Rust)
        .map(|guest| guest.target.clone())
        .collect();
    targets.sort();
    targets.dedup();
    targets
}

fn of_target<'a>(list: &'a [Guest], target: &str) -> Vec<&'a Guest> {
    list.iter()
        .filter(|guest| guest.language() == Language::Rust && guest.target == target)
        .collect()
}

/// Where cargo builds them: never among the libraries' files.
fn build_dir() -> PathBuf {
    root().join("target/guests-build")
}

/// A cargo command on their workspace.
fn workspace(args: &[&str], target: &str) -> Command {
    let mut command = cargo(args);
    command
        .args([
            "--manifest-path",
            "guests/Cargo.toml",
            "--target",
            target,
            "--target-dir",
        ])
        .arg(build_dir());
    command
}
