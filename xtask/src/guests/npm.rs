//! The packages of npm that guests are made with, and the guests that come finished in one.
//!
//! Which packages and versions is the `package-lock.json` of the guest's folder; npm installs them below `target/js`, never into
//! the source tree, and runs no script of theirs.

use super::{Guest, up_to_date};
use crate::fsx;
use crate::run::{Task, root, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where npm puts packages.
const MODULES: &str = "node_modules";

/// What says which packages are installed.
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];

/// Takes a finished guest out of its package, unless it is there and newer than all of its folder.
pub fn take(guest: &Guest) -> Task {
    let source = guest.source_file();
    let (folder, file) = split(&source).ok_or_else(|| {
        format!(
            "guests/GUESTS: {}: a finished guest is below {MODULES}",
            guest.source
        )
    })?;
    let mut from = fsx::entries(&folder)?;
    from.push(folder.clone());
    if up_to_date(&guest.file(), &from) {
        return Ok(());
    }
    let dir = dir_of(guest);
    install(&folder, &dir)?;
    fsx::place(&dir.join(file), &guest.file())
}

/// The folder below `target/js` that is this guest's.
pub fn dir_of(guest: &Guest) -> PathBuf {
    root().join("target/js").join(&guest.name)
}

/// Installs the packages that the files in `folder` name into `dir`, unless that was done since they changed.
pub fn install(folder: &Path, dir: &Path) -> Task {
    // npm writes this one when all is installed.
    let done = dir.join(MODULES).join(".package-lock.json");
    if up_to_date(&done, &PACKAGES.map(|name| folder.join(name))) {
        return Ok(());
    }
    for name in PACKAGES {
        fsx::place(&folder.join(name), &dir.join(name))?;
    }
    let quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").arg("ci").args(quiet).current_dir(dir))
}

/// The folder whose packages hold this file, and the file's place below where they are installed.
fn split(source: &Path) -> Option<(PathBuf, PathBuf)> {
    let folder = source
        .ancestors()
        .find(|part| part.ends_with(MODULES))?
        .parent()?;
    Some((
        folder.to_path_buf(),
        source.strip_prefix(folder).ok()?.to_path_buf(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_guest_is_found_below_its_folder() {
        let (folder, file) = split(Path::new("/g/ruby/node_modules/@r/p/dist/r.wasm")).unwrap();
        assert_eq!(folder, Path::new("/g/ruby"));
        assert_eq!(file, Path::new("node_modules/@r/p/dist/r.wasm"));
        assert!(split(Path::new("/g/ruby/r.wasm")).is_none());
    }
}
