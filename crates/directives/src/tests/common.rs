//! What the tests of the table share: a reader of configuration lines and a place with a real directory and files.
//! Must not judge anything.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Args, Origin, Paths, Places, ServerSettings, Settings, directive};

/// `ServerRoot` is `/server`; nothing else is known about paths.
pub struct ServerRoot;

impl Paths for ServerRoot {
    fn server_root_relative(&self, path: &str) -> Option<String> {
        if path == "?" {
            return None;
        }
        Some(if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/server/{path}")
        })
    }

    /// Takes everything but a variable called `NO`.
    fn expression(&self, text: &str) -> Result<(), String> {
        match text.contains("%{NO}") {
            true => Err("no such variable".to_owned()),
            false => Ok(()),
        }
    }
}

/// A folder of its own for one test; removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("directives-{test}-{}", std::process::id()));
        fs::create_dir_all(path.join("dir")).unwrap();
        fs::write(path.join("notes.txt"), "not WebAssembly").unwrap();
        fs::write(path.join("hello.wasm"), b"\0asm\x01\0\0\0").unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn places(&self) -> Places {
        let path = |name: &str| self.0.join(name).to_str().unwrap().to_owned();
        Places {
            module: path("hello.wasm"),
            dir: path("dir"),
            file: path("notes.txt"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The words of a line: separated by blanks, or in double quotes.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('"').enumerate() {
        match i % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// Applies lines of our directives to fresh settings.
pub fn read(lines: &str) -> Result<(Settings, ServerSettings), String> {
    let (mut settings, mut server) = (Settings::default(), ServerSettings::default());
    for (number, line) in (1..).zip(lines.lines()) {
        let words = words(line);
        let values: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let origin = Origin {
            file: "test.conf".to_owned(),
            line: number,
        };
        let args = Args {
            values: &values,
            origin: &origin,
        };
        directive(&words[0])
            .unwrap()
            .set(&mut settings, &mut server, &args, &ServerRoot)?;
    }
    Ok((settings, server))
}

/// As [`read`], for lines that are right and concern a section.
pub fn section(lines: &str) -> Settings {
    read(lines).unwrap().0
}
