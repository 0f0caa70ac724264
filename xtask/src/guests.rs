//! The guests: every program that `guests/GUESTS` lists, built to `target/guests/<name>.wasm`.
//!
//! Knows the list's columns and which way to build belongs to which language; each way is a file of its own, and what a
//! guest does is its own business.

mod c;
mod go;
mod javascript;
mod npm;
mod python;
mod ruby;
mod rust;
mod venv;

use crate::fsx;
use crate::run::{Task, root};
use crate::setup::{self, Need};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One line of the list.
struct Guest {
    /// The name of the finished file, without `.wasm`.
    name: String,
    /// What rustc calls the target.
    target: String,
    source: String,
}

/// What a guest is written in, which says how it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    C,
    Go,
    JavaScript,
    Python,
    Ruby,
    Rust,
}

impl Guest {
    /// Told by the ending of `source`: it is a file, or a package of the Rust workspace.
    fn language(&self) -> Language {
        let ending = Path::new(&self.source).extension();
        match ending.and_then(|ending| ending.to_str()) {
            Some("c") => Language::C,
            Some("go") => Language::Go,
            Some("js") => Language::JavaScript,
            Some("py") => Language::Python,
            Some("wat") => Language::Ruby,
            _ => Language::Rust,
        }
    }

    /// The finished file.
    fn file(&self) -> PathBuf {
        dir().join(format!("{}.wasm", self.name))
    }

    /// `source` as a path, for a guest whose source is a file.
    fn source_file(&self) -> PathBuf {
        sources().join(&self.source)
    }

    /// The folder of that file.
    fn folder(&self) -> PathBuf {
        let file = self.source_file();
        file.parent().map_or_else(sources, Path::to_path_buf)
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
    rust::build(&list)?;
    for guest in &list {
        match guest.language() {
            Language::C => c::build(guest)?,
            Language::Go => go::build(guest)?,
            Language::JavaScript => javascript::build(guest)?,
            Language::Python => python::build(guest)?,
            Language::Ruby => ruby::build(guest)?,
            Language::Rust => {}
        }
    }
    Ok(())
}

/// Runs clippy over the Rust guests, warnings being errors.
pub fn clippy() -> Task {
    rust::clippy(&list()?)
}

/// The folder `guests/`.
fn sources() -> PathBuf {
    root().join("guests")
}

/// The list as it stands in `guests/GUESTS`.
fn list() -> Task<Vec<Guest>> {
    let text = fsx::read(&sources().join("GUESTS"))?;
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

/// Is `made` there, and newer than all of `from`? A file that is not there is not older than anything.
fn up_to_date(made: &Path, from: &[PathBuf]) -> bool {
    let changed = |path: &Path| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    changed(made).is_some_and(|made| {
        from.iter()
            .all(|path| changed(path).is_some_and(|from| from < made))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::Duration;

    #[test]
    fn a_line_of_the_list_is_read() {
        let guest = parse("hello-p3 example wasm32-wasip2+wasip3 hello_p3").unwrap();
        assert_eq!(
            (guest.name.as_str(), guest.target.as_str()),
            ("hello-p3", "wasm32-wasip2")
        );
        assert_eq!(guest.language(), Language::Rust);
    }

    #[test]
    fn the_source_tells_the_language() {
        for (source, language) in [
            ("hello-c/main.c", Language::C),
            ("hello-go/main.go", Language::Go),
            ("hello-js/hello.js", Language::JavaScript),
            ("hello-py/hello_py.py", Language::Python),
            ("ruby/command.wat", Language::Ruby),
        ] {
            let guest = parse(&format!("x example wasm32-wasip2 {source}")).unwrap();
            assert_eq!(guest.language(), language);
            assert!(guest.folder().join(source).parent().is_some());
            assert!(guest.source_file().starts_with(guest.folder()));
        }
    }

    #[test]
    fn a_short_line_is_refused() {
        assert!(parse("hello example wasm32-wasip1").is_err());
    }

    #[test]
    fn only_what_is_newer_than_its_sources_is_up_to_date() {
        let dir = std::env::temp_dir().join(format!("xtask-guests-{}", std::process::id()));
        fsx::create_dir(&dir).unwrap();
        let (made, source) = (dir.join("made"), dir.join("source"));
        let write = |path: &Path, seconds: u64| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::create(path).unwrap().set_modified(time).unwrap();
        };
        let from = [source.clone()];
        write(&source, 1000);
        assert!(!up_to_date(&made, &from), "it is not there");
        write(&made, 2000);
        assert!(up_to_date(&made, &from));
        write(&source, 2000);
        assert!(!up_to_date(&made, &from), "one may be of after the other");
        fs::remove_file(&source).unwrap();
        assert!(!up_to_date(&made, &from), "a source is gone");
        fsx::remove_dir(&dir).unwrap();
    }
}
