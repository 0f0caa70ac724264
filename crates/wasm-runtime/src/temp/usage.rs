//! What a private directory takes: its files and directories, and the files that have been removed from it and are still
//! open. It changes nothing.

use super::home::Home;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::{Errno, Result};
use std::collections::HashSet;
use std::ffi::CStr;
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

/// How deep directories may be nested: looking holds one open for each level.
const DEPTH: usize = 64;

/// What a directory may take.
#[derive(Clone, Copy)]
pub struct Limit {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Files, directories and links.
    pub files: u32,
}

/// What a directory takes.
#[derive(Default)]
pub struct Usage {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Files, directories and links.
    pub files: u32,
}

/// Why a guest is stopped for what it did in its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// It takes so many bytes, and may take so many.
    Bytes(u64, u64),
    /// It holds more than so many files and directories.
    Files(u32),
    /// Its directories are nested too deep.
    Depth,
    /// It can not be looked at any more.
    Unreadable(Errno),
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Excess::Bytes(taken, limit) => write!(f, "{taken} bytes taken, {limit} allowed"),
            Excess::Files(limit) => write!(f, "more than {limit} files and directories"),
            Excess::Depth => write!(f, "directories nested more than {DEPTH} deep"),
            Excess::Unreadable(errno) => write!(f, "it cannot be looked at: {errno}"),
        }
    }
}

impl From<Errno> for Excess {
    fn from(errno: Errno) -> Excess {
        Excess::Unreadable(errno)
    }
}

/// Looks at what the directory `name` of `home` takes, as far as the limit.
pub fn measure(home: &Home, name: &CStr, limit: &Limit) -> std::result::Result<Usage, Excess> {
    let mut count = Count {
        usage: Usage::default(),
        limit,
        linked: HashSet::new(),
    };
    let top = openat(home.dir(), name, DIRECTORY, Mode::empty())?;
    let device = rustix::fs::fstat(&top)?.st_dev;
    count.tree(top)?;
    count.removed(home, name, device)?;
    Ok(count.usage)
}

/// The table of this process's open files.
pub fn open_proc() -> Result<OwnedFd> {
    rustix::fs::open(c"/proc/self/fd", DIRECTORY, Mode::empty())
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

struct Count<'l> {
    usage: Usage,
    limit: &'l Limit,
    /// Files of several names, which are counted once.
    linked: HashSet<u64>,
}

impl Count<'_> {
    /// Counts everything below `top`.
    fn tree(&mut self, top: OwnedFd) -> std::result::Result<(), Excess> {
        let mut open = vec![Dir::new(top)?];
        while let Some(dir) = open.last_mut() {
            let Some(entry) = dir.read() else {
                open.pop();
                continue;
            };
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let fd = dir.fd()?;
            let Some(found) = there(statat(fd, name, AtFlags::SYMLINK_NOFOLLOW))? else {
                continue;
            };
            self.add(&found)?;
            if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
                let inner = openat(fd, name, DIRECTORY, Mode::empty())?;
                if open.len() >= DEPTH {
                    return Err(Excess::Depth);
                }
                open.push(Dir::new(inner)?);
            }
        }
        Ok(())
    }

    /// Counts the files that are open and have no name any more. The system remembers what it was.
    fn removed(
        &mut self,
        home: &Home,
        name: &CStr,
        device: u64,
    ) -> std::result::Result<(), Excess> {
        let inside = home.path_of(name);
        let inside = inside.as_os_str().as_bytes();
        let proc = open_proc()?;
        let mut buffer = Vec::new();
        for entry in Dir::read_from(&proc)? {
            let entry = entry?;
            let number = entry.file_name();
            let removed;
            (removed, buffer) = match readlinkat(&proc, number, buffer) {
                Ok(path) => (is_removed(path.as_bytes(), inside), path.into_bytes()),
                // Nested so deep that the system can not say where. It may be another guest's; but if nobody counted it,
                // it would be the way to fill a disk. All other errors: another thread has closed it meanwhile.
                Err(error) => (error == Errno::NAMETOOLONG, Vec::new()),
            };
            if !removed {
                continue;
            }
            let Some(found) = there(statat(&proc, number, AtFlags::empty()))? else {
                continue;
            };
            let file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
            let lost = file && found.st_nlink == 0 && found.st_dev == device;
            if lost && self.linked.insert(found.st_ino) {
                self.add(&found)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, found: &Stat) -> std::result::Result<(), Excess> {
        let directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        self.usage.files = self.usage.files.saturating_add(1);
        if directory || found.st_nlink < 2 || self.linked.insert(found.st_ino) {
            self.usage.bytes = self.usage.bytes.saturating_add(taken(found));
        }
        if self.usage.bytes > self.limit.bytes {
            return Err(Excess::Bytes(self.usage.bytes, self.limit.bytes));
        }
        if self.usage.files > self.limit.files {
            return Err(Excess::Files(self.limit.files));
        }
        Ok(())
    }
}

/// Whether the path that the system gives for an open file is that of a file removed from below `inside`.
fn is_removed(path: &[u8], inside: &[u8]) -> bool {
    let below = path.strip_prefix(inside);
    below.is_some_and(|rest| rest.starts_with(b"/") && rest.ends_with(b" (deleted)"))
}

/// Somebody else may have removed it since it was listed.
fn there(found: Result<Stat>) -> Result<Option<Stat>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bytes that it takes. A file with holes has fewer blocks than its size says; one that the system has kept room for
/// beyond its end has more.
fn taken(found: &Stat) -> u64 {
    let number = |n| u64::try_from(n).unwrap_or(u64::MAX);
    let blocks = number(found.st_blocks).saturating_mul(512);
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return blocks;
    }
    let unit = u64::try_from(found.st_blksize).unwrap_or(1).max(1);
    let size = number(found.st_size);
    blocks.min(size.checked_next_multiple_of(unit).unwrap_or(u64::MAX))
}
