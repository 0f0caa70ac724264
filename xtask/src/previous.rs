//! The libraries of the release before this one, built from the history of the repository: tests put them in the place of this
//! release's.
//!
//! Which release that is stands in `tests/PREVIOUS_RELEASE`. Knows nothing of what is tested.

use crate::fsx;
use crate::run::{Task, cargo, cargo_target, command, root, run, succeeds};
use std::path::{Path, PathBuf};

/// Its libraries: the folder of the crate, the name that cargo gives the library, the name of the file.
const LIBRARIES: [(&str, &str, &str); 2] = [
    ("crates/wasm-runtime", "wasm_runtime", "libwasm_runtime.so"),
    ("crates/mod-wasm", "mod_wasm", "mod_wasm.so"),
];

/// Added to the names of its libraries while they are built.
const MARK: &str = "_before";

/// Says in the folder of the finished libraries of what they were made.
const MADE_OF: &str = "COMMIT";

/// Builds them to `target/previous/<version>/`, once. Where the history is not there (a shallow clone, an unpacked archive), there
/// is nothing to be built, which is said.
pub fn libraries() -> Task {
    let text = fsx::read(&root().join("tests/PREVIOUS_RELEASE"))?;
    let (version, commit) = parse(&text)?;
    let place = root().join("target/previous");
    let (source, finished) = (place.join("src"), place.join(version));
    if is_made_of(&finished, commit) {
        return Ok(());
    }
    if !succeeds("git", &["cat-file", "-e", &format!("{commit}^{{commit}}")]) {
        eprintln!(
            "Release {version} is not built, because its commit is not in this checkout: \
             tests that replace libraries by its are skipped."
        );
        return Ok(());
    }
    check_out(commit, &source)?;
    for (folder, name, _) in LIBRARIES {
        rename(&source.join(folder).join("Cargo.toml"), name)?;
    }
    // In the same target directory, because the dependencies are the same and are built.
    let target = cargo_target();
    let mut build = cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "wasm-runtime",
        "-p",
        "mod-wasm",
    ]);
    run(build.arg("--target-dir").arg(&target).current_dir(&source))?;
    for (_, name, file) in LIBRARIES {
        let built = target.join(format!("release/lib{name}{MARK}.so"));
        fsx::place(&built, &finished.join(file))?;
    }
    fsx::write(&finished.join(MADE_OF), commit)?;
    fsx::remove_dir(&source)
}

fn is_made_of(finished: &Path, commit: &str) -> bool {
    fsx::read(&finished.join(MADE_OF)).is_ok_and(|made_of| made_of == commit)
}

/// The version and the commit.
fn parse(text: &str) -> Task<(&str, &str)> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut words = lines.next().unwrap_or_default().split_whitespace();
    match (words.next(), words.next()) {
        (Some(version), Some(commit)) => Ok((version, commit)),
        _ => Err("tests/PREVIOUS_RELEASE does not name a version and a commit".into()),
    }
}

fn check_out(commit: &str, source: &PathBuf) -> Task {
    fsx::remove_dir(source)?;
    fsx::create_dir(source)?;
    let archive = source.join("source.tar");
    let mut save = command("git", &["archive", "--format=tar", "--output"]);
    run(save.arg(&archive).arg(commit))?;
    run(command("tar", &["--extract", "--file"])
        .arg(&archive)
        .arg("--directory")
        .arg(source))
}

/// Gives a library another name. Cargo builds libraries that are loaded by other programs under their names alone, so that this
/// release's and the other's would take each other's place in the target directory, and count as fresh there.
fn rename(manifest: &Path, name: &str) -> Task {
    let text = fsx::read(manifest)?;
    let renamed = text.replace(
        &format!("[lib]\nname = \"{name}\"\n"),
        &format!("[lib]\nname = \"{name}{MARK}\"\n"),
    );
    if renamed == text {
        return Err(format!("{} does not name its library {name}", manifest.display()).into());
    }
    fsx::write(manifest, &renamed)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_release_is_named_below_comments() {
        let named = parse("# why\n1.2.3 abcdef 7\n").unwrap();
        assert_eq!(named, ("1.2.3", "abcdef"));
        assert!(parse("# why\n1.2.3\n").is_err());
    }
}
