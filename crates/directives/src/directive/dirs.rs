//! What directives with directories share: a host directory that exists, a guest path, and paths relative to ServerRoot.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::args::{Origin, Paths};
use crate::mounts::Mount;

/// The mount of `host`, seen as `guest`, or under its own absolute path without one.
pub(super) fn mount(
    directive: &'static str,
    (host, guest): (&str, Option<&str>),
    origin: &Origin,
    paths: &dyn Paths,
) -> Result<Mount, String> {
    let host = resolved(host, paths)?;
    let host = without_final_slash(&host);
    let is_dir = fs::metadata(host)
        .map_err(|error| format!("\"{host}\": {}", reason(&error)))?
        .is_dir();
    if !is_dir {
        return Err(format!("\"{host}\" is not a directory"));
    }
    let guest = guest_name(guest.unwrap_or(host))?;
    Ok(Mount {
        host: PathBuf::from(host),
        guest,
        directive,
        origin: origin.clone(),
        read_only: false,
    })
}

/// An absolute path, relative to `ServerRoot` if it was not.
pub(super) fn resolved(path: &str, paths: &dyn Paths) -> Result<String, String> {
    paths
        .server_root_relative(path)
        .ok_or_else(|| format!("\"{path}\" is not a usable path"))
}

/// A guest path, without a slash at its end.
pub(super) fn guest_name(guest: &str) -> Result<String, String> {
    if guest.is_empty() {
        return Err("the guest path is empty".to_owned());
    }
    if Path::new(guest)
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return Err(format!("the guest path \"{guest}\" contains \"..\""));
    }
    Ok(without_final_slash(guest).to_owned())
}

/// `/data/` and `/data` are one directory and must overlay each other. The root keeps its slash.
fn without_final_slash(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed }
}

/// The system's words without the number that the standard library adds.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
