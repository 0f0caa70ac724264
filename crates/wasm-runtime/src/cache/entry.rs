//! One file of the cache: its name, and the proof that it may be mapped.

use super::key::{Key, lock_offset};
use crate::kind::GuestKind;
use std::fmt;
use std::fs::File;
use std::ops::Deref;

/// Ends the name of a compiled program.
pub const SUFFIX: &str = ".cwasm";
/// Ends the name of one that is being written.
const UNFINISHED: &str = ".part";

/// What the cache tells of a program besides its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// What kind of program it is.
    pub kind: GuestKind,
    /// Whether it is compiled for the engine for concurrent calls.
    pub concurrent: bool,
    /// Who has it kept, for the quota; see [`Owner`](super::Owner).
    pub owner: u32,
}

/// The name of a file: `<key>-<code>-<kind><c or p>-<owner>.cwasm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    text: String,
    about: About,
}

impl Name {
    /// The name of a program whose content has this code, see [`Secret`](super::seal::Secret).
    pub fn new(key: &Key, code: &str, about: About) -> Name {
        Name {
            text: format!("{key}-{code}-{about}{SUFFIX}"),
            about,
        }
    }

    /// A file name, if it has the form of a program's.
    pub fn parse(name: &str) -> Option<Name> {
        let mut parts = name.strip_suffix(SUFFIX)?.split('-');
        let (key, code) = (parts.next()?, parts.next()?);
        let (kind, owner) = (parts.next()?, parts.next()?);
        let digits = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if parts.next().is_some() || !digits(key) || !digits(code) || owner.len() != 8 {
            return None;
        }
        let (kind, concurrent) = match kind.as_bytes() {
            [kind, b'c'] => (kind, true),
            [kind, b'p'] => (kind, false),
            _ => return None,
        };
        let about = About {
            kind: GuestKind::from_number(kind.checked_sub(b'0')?)?,
            concurrent,
            owner: u32::from_str_radix(owner, 16).ok()?,
        };
        Some(Name {
            text: name.to_owned(),
            about,
        })
    }

    /// What it says of the program.
    pub fn about(&self) -> About {
        self.about
    }

    /// Whether this is a program with that key.
    pub fn is_of(&self, key: &Key) -> bool {
        self.text.starts_with(key.as_str())
    }

    /// The digits of the key.
    fn key(&self) -> &str {
        self.text.get(..64).unwrap_or_default()
    }

    /// The code of the content.
    pub fn code(&self) -> &str {
        self.text.get(65..129).unwrap_or_default()
    }

    /// What the code covers besides the content.
    pub fn sealed(&self) -> String {
        sealed(self.key(), self.about)
    }
}

/// What the code of a program covers besides its content: all that its name says.
pub fn sealed(key: &str, about: About) -> String {
    format!("{key}-{about}")
}

/// The name of a program with this key while it is written. Who writes it holds the lock of the key, so a file of this name
/// whose lock is free was left behind.
pub fn unfinished(key: &Key) -> String {
    format!("{key}{UNFINISHED}")
}

/// Where the lock of an unfinished file of this name lies; `None`: it is none.
pub fn unfinished_lock(name: &str) -> Option<i64> {
    let key = name.strip_suffix(UNFINISHED)?;
    let known = key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit());
    known.then(|| lock_offset(key))
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flavour = if self.concurrent { 'c' } else { 'p' };
        write!(f, "{}{flavour}-{:08x}", self.kind.number(), self.owner)
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_was_made_of_and_no_other_file_has_one() {
        let about = About {
            kind: GuestKind::CommandP3,
            concurrent: true,
            owner: 0xbeef,
        };
        let name = format!("{}-{}-{about}.cwasm", "0a".repeat(32), "1b".repeat(32));
        let parsed = Name::parse(&name).unwrap();
        assert_eq!((parsed.about(), &*parsed), (about, name.as_str()));
        assert_eq!(parsed.code(), "1b".repeat(32));
        for wrong in [
            name.replace("-3c-", "-9c-"),
            name.replace("-3c-", "-3x-"),
            name.replace("beef", "be"),
            name.replace(".cwasm", ""),
            name.replacen("0a", "", 1),
            "notes.txt".to_owned(),
        ] {
            assert_eq!(Name::parse(&wrong), None, "{wrong}");
        }
    }
}
