//! File operations whose failures name the file, and the few that the standard library lacks.
//!
//! Knows nothing of the project's layout.

use crate::run::{Failure, Task};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Reads a text file.
pub fn read(path: &Path) -> Task<String> {
    fs::read_to_string(path).map_err(|e| failure("read", path, &e))
}

/// Writes a file, with the folders above it.
pub fn write(path: &Path, content: &str) -> Task {
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    fs::write(path, content).map_err(|e| failure("write", path, &e))
}

/// Creates a folder and those above it.
pub fn create_dir(path: &Path) -> Task {
    fs::create_dir_all(path).map_err(|e| failure("create", path, &e))
}

/// Removes a folder with all it holds; one that is not there is no failure.
pub fn remove_dir(path: &Path) -> Task {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failure("remove", path, &e)),
        _ => Ok(()),
    }
}

/// Puts a copy of `from` at `to` in one step, readable by everyone.
///
/// A running httpd has the old file mapped: overwriting it in place would crash it, renaming over it does not.
pub fn place(from: &Path, to: &Path) -> Task {
    place_as(from, to, 0o644)
}

/// The same for a program, which everyone may run.
pub fn place_program(from: &Path, to: &Path) -> Task {
    place_as(from, to, 0o755)
}

fn place_as(from: &Path, to: &Path, mode: u32) -> Task {
    if let Some(parent) = to.parent() {
        create_dir(parent)?;
    }
    let fresh = to.with_extension("new");
    fs::copy(from, &fresh).map_err(|e| failure("copy", from, &e))?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode))
        .map_err(|e| failure("change", &fresh, &e))?;
    fs::rename(&fresh, to).map_err(|e| failure("write", to, &e))
}

/// Copies a folder and all below it, but for what cargo built there; links are followed.
pub fn copy_dir(from: &Path, to: &Path) -> Task {
    create_dir(to)?;
    for entry in entries(from)? {
        let target = to.join(entry.file_name().unwrap_or_default());
        if entry.ends_with("target") {
            continue;
        } else if entry.is_dir() {
            copy_dir(&entry, &target)?;
        } else {
            fs::copy(&entry, &target).map_err(|e| failure("copy", &entry, &e))?;
        }
    }
    Ok(())
}

/// What a folder holds, sorted.
pub fn entries(dir: &Path) -> Task<Vec<PathBuf>> {
    let read = fs::read_dir(dir).map_err(|e| failure("list", dir, &e))?;
    let mut paths: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

/// Fails, naming the first line that differs, when a generated file is not what would be generated now.
pub fn compare(path: &Path, fresh: &str) -> Task {
    let old = read(path)?;
    if old == fresh {
        return Ok(());
    }
    let differs = old
        .lines()
        .zip(fresh.lines())
        .position(|(old, new)| old != new);
    let at = differs.unwrap_or_else(|| old.lines().count().min(fresh.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    let text = format!(
        "{}:{} is not up to date: `make bless` writes it anew\n    there: {}\n    fresh: {}",
        path.display(),
        at + 1,
        line(&old),
        line(fresh)
    );
    Err(text.into())
}

/// Can every user of the machine enter this folder? httpd's children are not root.
pub fn open_to_all(dir: &Path) -> bool {
    dir.ancestors()
        .all(|part| fs::metadata(part).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}

/// A file's size in mebibytes, for messages.
pub fn mebibytes(path: &Path) -> Task<String> {
    let meta = fs::metadata(path).map_err(|e| failure("read", path, &e))?;
    let hundredths = meta.len() * 100 / (1024 * 1024);
    Ok(format!("{}.{:02} MiB", hundredths / 100, hundredths % 100))
}

fn failure(verb: &str, path: &Path, error: &io::Error) -> Failure {
    format!("cannot {verb} {}: {error}", path.display()).into()
}
