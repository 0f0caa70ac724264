//! The entries of a directory as they were at one moment. A guest that lists a directory works on such a copy, so what it removes
//! or others add meanwhile moves nothing, and no entry can fail the listing.
//!
//! It is host memory that a guest makes the server keep, so it is packed, and bounded for all listings of an instance together.
//! It must not know which version of WASI lists.

use crate::outcome::Stop;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, fstat, openat, statat};
use rustix::io::Errno;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all listings of an instance may take: some 300,000 names of the usual length.
const MOST: usize = 16 << 20;

/// Bytes that are read from the kernel at once.
const BUFFER: usize = 32 << 10;

/// Entries that are read between two looks at whether the guest must stop.
const LOOK: usize = 1024;

/// What the listings of an instance take. Clones are the same account.
#[derive(Clone, Default)]
pub struct Account(Arc<AtomicUsize>);

/// A part of the account, given back when it is dropped.
struct Charge {
    account: Account,
    bytes: usize,
}

impl Charge {
    fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        let before = self.account.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        match before + bytes > MOST {
            true => Err(Failure::Errno(Errno::NOMEM)),
            false => Ok(()),
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why there is no listing.
#[derive(Debug)]
pub enum Failure {
    /// The system says so; [`Errno::NOMEM`]: it would take too much memory.
    Errno(Errno),
    /// The guest must stop.
    Stop(Stop),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Errno(errno)
    }
}

/// A directory's entries, `.` and `..` first.
pub struct Listing {
    names: Vec<u8>,
    entries: Vec<Packed>,
    charge: Charge,
}

struct Packed {
    /// Where its name ends in `names`; it begins where the one before ends.
    end: u32,
    kind: FileType,
    inode: u64,
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name, any bytes.
    pub name: &'a [u8],
    /// What it is, as far as that is known.
    pub kind: FileType,
    /// What tells it from all other files.
    pub inode: u64,
}

impl Listing {
    /// Reads the directory behind a descriptor. `stop` is asked every now and then.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn take(
        dir: &File,
        account: &Account,
        mut stop: impl FnMut() -> Result<(), Stop>,
    ) -> Result<Listing, Failure> {
        // Anew: descriptors of one opening share their place in the directory.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(dir, c".", flags, Mode::empty())?;
        let about = fstat(&dir)?;
        let mut listing = Listing {
            names: Vec::new(),
            entries: Vec::new(),
            charge: Charge {
                account: account.clone(),
                bytes: 0,
            },
        };
        let own = inode(about.st_dev, about.st_ino);
        listing.push(b".", FileType::Directory, own)?;
        // The same: what lies outside is not the guest's business.
        listing.push(b"..", FileType::Directory, own)?;
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut entries = RawDir::new(&dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => kind_of(&dir, name),
                kind => kind,
            };
            listing.push(name.to_bytes(), kind, inode(about.st_dev, entry.ino()))?;
            if listing.entries.len().is_multiple_of(LOOK) {
                stop().map_err(Failure::Stop)?;
            }
        }
        listing.names.shrink_to_fit();
        listing.entries.shrink_to_fit();
        Ok(listing)
    }

    /// The entry at a position.
    pub fn get(&self, at: usize) -> Option<Entry<'_>> {
        let packed = self.entries.get(at)?;
        let begin = match at.checked_sub(1) {
            Some(before) => self.entries.get(before)?.end,
            None => 0,
        };
        Some(Entry {
            name: self.names.get(begin as usize..packed.end as usize)?,
            kind: packed.kind,
            inode: packed.inode,
        })
    }

    fn push(&mut self, name: &[u8], kind: FileType, inode: u64) -> Result<(), Failure> {
        self.charge.grow(name.len() + size_of::<Packed>())?;
        self.names.extend_from_slice(name);
        let end = u32::try_from(self.names.len()).map_err(|_| Errno::NOMEM)?;
        self.entries.push(Packed { end, kind, inode });
        Ok(())
    }
}

/// What an entry is, on a file system that does not say it with the name. It may have gone.
fn kind_of(dir: &OwnedFd, name: &std::ffi::CStr) -> FileType {
    statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_or(FileType::Unknown, |stat| {
        FileType::from_raw_mode(stat.st_mode)
    })
}

/// The number of a file, as wasmtime-wasi makes it for `filestat`: programs compare the two.
fn inode(device: u64, inode: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (device, inode).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    fn take(dir: &File, account: &Account) -> Result<Listing, Failure> {
        Listing::take(dir, account, || Ok(()))
    }

    fn names(listing: &Listing) -> Vec<Vec<u8>> {
        let mut names: Vec<_> = (0..)
            .map_while(|at| listing.get(at))
            .map(|entry| entry.name.to_vec())
            .collect();
        names[2..].sort();
        names
    }

    #[test]
    fn it_stays_as_it_was_and_holds_any_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in [&b"a"[..], b"b", b"\xe9t\xe9"] {
            File::create(folder.path().join(OsStr::from_bytes(name))).unwrap();
        }
        let dir = File::open(folder.path()).unwrap();
        let account = Account::default();
        let listing = take(&dir, &account).unwrap();
        std::fs::remove_file(folder.path().join("a")).unwrap();
        let wanted: [&[u8]; 5] = [b".", b"..", b"a", b"b", b"\xe9t\xe9"];
        assert_eq!(names(&listing), wanted);
        assert_eq!(names(&take(&dir, &account).unwrap()).len(), 4);
        assert!(account.0.load(Ordering::Relaxed) > 0);
        drop(listing);
        assert_eq!(account.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_an_instance_keeps_is_bounded() {
        let dir = File::open("/").unwrap();
        let account = Account::default();
        account.0.store(MOST, Ordering::Relaxed);
        let failure = take(&dir, &account).err();
        assert!(
            matches!(failure, Some(Failure::Errno(Errno::NOMEM))),
            "{failure:?}"
        );
        assert_eq!(account.0.load(Ordering::Relaxed), MOST);
    }
}
