//! Guests in Python: a module put together with CPython by componentize-py, a package of PyPI.
//!
//! Which version of it is the guest's `requirements.txt`. The interface definitions of `wasi:http`, which it makes the bindings
//! from, come with a crate that the Rust guests use.

use super::{Guest, sources, up_to_date, venv};
use crate::fsx;
use crate::run::{Task, cargo, output, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a guest in Python imports and exports.
const WORLD: &str = "wasi:http/proxy";

/// The crate with the interface definitions.
const DEFINITIONS: &str = "wasip2";

/// Builds one, unless it is there and newer than all of its folder and than the list of crates.
pub fn build(guest: &Guest) -> Task {
    let folder = guest.folder();
    let mut from = fsx::entries(&folder)?;
    from.extend([folder.clone(), sources().join("Cargo.lock")]);
    if up_to_date(&guest.file(), &from) {
        return Ok(());
    }
    let dir = venv::dir_of(guest);
    let componentize = venv::program(guest, "componentize-py")?;
    // A copy, because Python leaves its compiled modules beside what it imports.
    let app = dir.join("app");
    fsx::remove_dir(&app)?;
    fsx::copy_dir(&folder, &app)?;
    let module = guest.source_file();
    let module = module.file_stem().unwrap_or_default();
    let made = dir.join("component.wasm");
    run(Command::new(componentize)
        .arg("--quiet")
        .arg("--wit-path")
        .arg(definitions()?)
        .args(["--world", WORLD, "componentize", "--python-path"])
        .arg(app)
        .arg("--output")
        .arg(&made)
        .arg(module)
        .current_dir(&dir))?;
    fsx::place(&made, &guest.file())
}

/// The folder with the interface definitions.
fn definitions() -> Task<PathBuf> {
    let metadata = output(&mut cargo(&[
        "metadata",
        "--locked",
        "--format-version=1",
        "--manifest-path=guests/Cargo.toml",
    ]))?;
    let crate_dir = crate_dir(&metadata, DEFINITIONS);
    let crate_dir =
        crate_dir.ok_or_else(|| format!("guests/Cargo.lock lists no crate {DEFINITIONS}"))?;
    Ok(crate_dir.join("wit"))
}

/// Where a crate of the registry lies, by what `cargo metadata` says: its folder is its name and version.
fn crate_dir(metadata: &str, name: &str) -> Option<PathBuf> {
    let manifests = metadata.split("\"manifest_path\":\"").skip(1);
    let mut dirs = manifests.filter_map(|rest| Path::new(rest.split('"').next()?).parent());
    let found = dirs.find(|dir| {
        let folder = dir.file_name().unwrap_or_default().to_string_lossy();
        let version = folder
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-'));
        version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
    })?;
    Some(found.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_found_by_its_name() {
        let metadata = "{\"packages\":[{\"name\":\"wasip2-x\",\"manifest_path\":\"/r/wasip2-x-1.0.0/Cargo.toml\"},\
                        {\"name\":\"wasip2\",\"manifest_path\":\"/r/wasip2-1.0.4+wasi-0.2.12/Cargo.toml\",\"x\":1}]}";
        assert_eq!(
            crate_dir(metadata, "wasip2"),
            Some(PathBuf::from("/r/wasip2-1.0.4+wasi-0.2.12"))
        );
        assert_eq!(crate_dir(metadata, "wasip3"), None);
    }
}
