//! The guests: every program that `guests/GUESTS` lists, built to `target/guests/<name>.wasm`.
//!
//! Knows the list's columns and the two ways to build; what a guest does is its own business.

use crate::fsx;
use crate::run::{Task, cargo, root, run};
use crate::setup::{self, Need};
use std::path::PathBuf;
use std::process::Command;

/// One line of the list.
struct Guest {
    /// The name of the finished file, without `.wasm`.
    name: String,
    target: String,
    source: String,
}

impl Guest {
    /// Is it written in C? Then `source` is its file, otherwise a package.
    fn is_c(&self) -> bool {
        self.source.ends_with(".c")
    }
}

/// Where the finished guests lie.
pub fn dir() -> PathBuf {
    root().join("target/guests")
}

/// `cargo xtask guests`.
pub fn build() -> Task {
    setup::ensure(&[Need::Guests])?;
    all()?;
    println!("The guests are in target/guests.");
    Ok(())
}

/// Builds all guests; what that needs is there.
pub fn all() -> Task {
    let list = list()?;
    fsx::create_dir(&dir())?;
    for target in targets(&list) {
        let packages: Vec<&Guest> = of_target(&list, &target);
        let mut command = workspace(&["build", "--release", "--locked"], &target);
        for guest in &packages {
            command.args(["-p", &guest.source]);
        }
        run(&mut command)?;
        for guest in packages {
            let file = format!("{target}/release/{}.wasm", guest.source);
            fsx::place(&build_dir().join(file), &file_of(guest))?;
        }
    }
    for guest in list.iter().filter(|guest| guest.is_c()) {
        compile_c(guest)?;
    }
    Ok(())
}

/// Runs clippy over the Rust guests, warnings being errors.
pub fn clippy() -> Task {
    let list = list()?;
    for target in targets(&list) {
        let mut command = workspace(&["clippy", "--release", "--locked"], &target);
        for guest in of_target(&list, &target) {
            command.args(["-p", &guest.source]);
        }
        run(command.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// The list as it stands in `guests/GUESTS`.
fn list() -> Task<Vec<Guest>> {
    let text = fsx::read(&root().join("guests/GUESTS"))?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(parse).collect()
}

fn parse(line: &str) -> Task<Guest> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let &[name, "example" | "test", target, source] = columns.as_slice() else {
        return Err(
            format!("guests/GUESTS: not a name, a kind, a target and a source: {line}").into(),
        );
    };
    // What follows the `+` is for the reader: rustc has no target of that name.
    let target = target.split('+').next().unwrap_or(target);
    Ok(Guest {
        name: name.into(),
        target: target.into(),
        source: source.into(),
    })
}

/// The targets of the Rust guests, each once.
fn targets(list: &[Guest]) -> Vec<String> {
    let mut targets: Vec<String> = list
        .iter()
        .filter(|guest| !guest.is_c())
        .map(|guest| guest.target.clone())
        .collect();
    targets.sort();
    targets.dedup();
    targets
}

fn of_target<'a>(list: &'a [Guest], target: &str) -> Vec<&'a Guest> {
    list.iter()
        .filter(|guest| !guest.is_c() && guest.target == target)
        .collect()
}

fn file_of(guest: &Guest) -> PathBuf {
    dir().join(format!("{}.wasm", guest.name))
}

/// Where cargo builds the guests: never among the libraries' files.
fn build_dir() -> PathBuf {
    root().join("target/guests-build")
}

/// A cargo command on the guests' workspace.
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

/// Compiles a guest of one C file by the line in `guests/CLANG`.
fn compile_c(guest: &Guest) -> Task {
    let guests = root().join("guests");
    let line = fsx::read(&guests.join("CLANG"))?;
    let mut words = line.split_whitespace();
    let program = words.next().ok_or("guests/CLANG is empty")?;
    let out = file_of(guest);
    run(Command::new(program)
        .args(words)
        .arg("-o")
        .arg(&out)
        .arg(&guest.source)
        .current_dir(guests))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_is_read() {
        let guest = parse("hello-p3 example wasm32-wasip2+wasip3 hello_p3").unwrap();
        assert_eq!(
            (guest.name.as_str(), guest.target.as_str()),
            ("hello-p3", "wasm32-wasip2")
        );
        assert!(!guest.is_c());
    }

    #[test]
    fn a_short_line_is_refused() {
        assert!(parse("hello example wasm32-wasip1").is_err());
    }
}
