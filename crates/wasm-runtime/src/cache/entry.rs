//! One file of the cache: its name, and the proof that it may be mapped.

use super::key::Key;
use std::fs::File;
use std::ops::Deref;

/// Ends the name of a compiled program.
const SUFFIX: &str = ".cwasm";
/// Ends the name of one that is being written.
const UNFINISHED: &str = ".part";

/// The name of a file: key and checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name of a program.
    pub fn new(key: &Key, checksum: &str) -> Name {
        Name(format!("{key}-{checksum}{SUFFIX}"))
    }

    /// A file name, if it has the form of a program's.
    pub fn parse(name: &str) -> Option<Name> {
        let (key, checksum) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let digits = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        (digits(key) && digits(checksum)).then(|| Name(name.to_owned()))
    }

    /// Whether this is a program with that key.
    pub fn is_of(&self, key: &Key) -> bool {
        self.0.starts_with(key.as_str())
    }

    /// The checksum of the content.
    pub fn checksum(&self) -> &str {
        let digits = self.0.strip_suffix(SUFFIX).unwrap_or_default();
        digits.split_once('-').map_or("", |(_, checksum)| checksum)
    }

    /// The name while the file is written. Who writes it holds the lock for its first digit, so a
    /// file of this name whose lock is free was left behind.
    pub fn unfinished(&self) -> String {
        let key = self.0.get(..64).unwrap_or_default();
        format!("{key}{UNFINISHED}")
    }
}

/// The lock of an unfinished file of this name; `None`: it is none.
pub fn unfinished_stripe(name: &str) -> Option<char> {
    let key = name.strip_suffix(UNFINISHED)?;
    let known = key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit());
    known.then(|| key.chars().next()).flatten()
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// An open file that this library wrote: it lies in a directory that only root or this user can
/// write, belongs to one of them, and has the content that its name was made for. Only this module's
/// parent makes one.
pub struct Verified {
    name: Name,
    file: File,
}

impl Verified {
    /// To be called when all of that has been checked.
    pub(super) fn new(name: Name, file: File) -> Verified {
        Verified { name, file }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The file, open for reading.
    pub fn file(&self) -> &File {
        &self.file
    }
}
