//! Running other programs and saying so: every command that changes something is printed before it runs.
//!
//! Knows nothing of what the programs are for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a task gives back.
pub type Task<T = ()> = Result<T, Failure>;

/// Why a task stopped: one text for the person who typed the command.
#[derive(Debug)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo puts what it builds for the host: `CARGO_TARGET_DIR`, else `target/`.
pub fn cargo_target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The value of an argument given as `make NAME=value`; an empty one counts as not given.
pub fn argument(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Is this a run of a continuous-integration service?
pub fn in_ci() -> bool {
    argument("CI").is_some_and(|value| value != "false")
}

/// A command run in the root of the checkout.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// A cargo command run in the root of the checkout, by the cargo that runs us. What that says of this package is taken out of
/// its environment: some build scripts look at it, and would run again, with all that depends on them, each time after cargo
/// was called directly.
pub fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = command(&cargo, args);
    for (name, _) in std::env::vars_os() {
        let of_package = |prefix| name.to_str().is_some_and(|name| name.starts_with(prefix));
        if of_package("CARGO_PKG_") || of_package("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Prints the command, runs it with our standard streams, and fails when it fails.
pub fn run(command: &mut Command) -> Task {
    let text = line(command);
    eprintln!("+ {text}");
    let status = command
        .status()
        .map_err(|e| format!("cannot run `{text}`: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{text}` ended with {status}").into())
    }
}

/// Runs the command silently and gives its standard output; its standard error is part of the failure's text.
pub fn output(command: &mut Command) -> Task<String> {
    let text = line(command);
    let output = command
        .output()
        .map_err(|e| format!("cannot run `{text}`: {e}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "`{text}` ended with {}:\n{}",
            output.status,
            stderr.trim_end()
        )
        .into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Does the command run and end with status 0? Prints nothing.
pub fn succeeds(program: &str, args: &[&str]) -> bool {
    command(program, args)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Where a program is found in `PATH` or in the folders of system programs, which a user's `PATH` may lack.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Are we root? The standard library does not tell.
pub fn is_root() -> bool {
    output(&mut command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
