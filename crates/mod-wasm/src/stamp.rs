//! The state of a file as the system tells it, in the form in which httpd has it of a requested file; and whose it is.

use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use httpd::{FileStamp, children_identity};

/// Whose a program is: what it takes to load it is charged to that owner. Never the operator's 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(u32);

/// Says that an owner is a directory, and not a user.
const DIRECTORY: u32 = 1 << 31;

/// Whether httpd was started by root. Otherwise all files are of one user, and no directory says more than another.
static ROOT: AtomicBool = AtomicBool::new(false);

/// Takes note of who has started httpd, in the parent.
pub fn prepare() {
    ROOT.store(rustix::process::geteuid().is_root(), Ordering::Relaxed);
}

impl Owner {
    /// The user that the file belongs to. Files of root, and of the server's own user, say nothing of whose they are; nor do
    /// directories that programs make as that user. There it is the outermost directory that is not root's which says it, by its
    /// user or by itself; if all are root's, the one that the file is in.
    fn of(file: &Path, metadata: &Metadata) -> Owner {
        let user = metadata.uid();
        let own = rustix::process::geteuid().as_raw();
        let server = children_identity().map(|(user, _)| user);
        let says_nothing = |user| user == own || Some(user) == server || user >= DIRECTORY;
        if user != 0 && !says_nothing(user) {
            return Owner(user);
        }
        let directories: Vec<&Path> = file.ancestors().skip(1).collect();
        let root = ROOT.load(Ordering::Relaxed);
        for directory in directories.iter().rev().take_while(|_| root) {
            match fs::metadata(directory).map(|metadata| metadata.uid()) {
                Ok(0) => {}
                Ok(user) if says_nothing(user) => return Owner::directory(directory),
                Ok(user) => return Owner(user),
                Err(_) => break,
            }
        }
        Owner::directory(directories.first().unwrap_or(&file))
    }

    fn directory(path: &Path) -> Owner {
        let mut hash = DefaultHasher::new();
        path.hash(&mut hash);
        // The lower half of a hash is one too.
        let half = (hash.finish() & u64::from(u32::MAX)) as u32;
        Owner(half | DIRECTORY)
    }

    /// As the engine knows it.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The state of the file at `path`, and its owner.
pub fn and_owner(path: &Path) -> io::Result<(FileStamp, Owner)> {
    let metadata = fs::metadata(path)?;
    Ok((stamp(&metadata), Owner::of(path, &metadata)))
}

/// The state of the file at `path`. A new file has another inode, a changed one another time: that of its last change can not be
/// set back, unlike the time of modification.
pub fn of(path: &Path) -> io::Result<FileStamp> {
    Ok(stamp(&fs::metadata(path)?))
}

fn stamp(metadata: &Metadata) -> FileStamp {
    FileStamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: microseconds(metadata.mtime(), metadata.mtime_nsec()),
        changed: microseconds(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// APR's time.
fn microseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000)
        .saturating_add(nanoseconds / 1000)
}
