//! The *home* of a process: one directory below each base that requests name, which holds the private directories of its
//! instances. It has a name that nobody can guess, only this account may enter it, and it is locked for as long as the
//! process lives; the system gives the lock up with the process, however that ends. So a home whose lock can be had is what
//! a killed process has left, also where process numbers are used again or belong to another container.

use super::TempDir;
use super::clear;
use super::usage::{self, Limit};
use crate::{Error, ErrorCode, Mount, request};
use rustix::fs::{
    AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, statat,
    unlinkat,
};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::fs::{Permissions, canonicalize};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the name of a home begins with. Whatever else is called so in a directory for temporary files is taken for what a
/// killed process has left, if it is of our account, closed to others, and nobody has locked it.
const PREFIX: &str = "mod_wasm-home-";

/// How a home is closed to others.
const MODE: u32 = 0o700;

/// How often another name is tried, when somebody takes a new home for one that has been left.
const TRIES: usize = 16;

/// The homes of a process, each made when the first request needs it.
#[derive(Default)]
pub struct Homes(Mutex<Vec<Arc<Home>>>);

/// A home.
pub struct Home {
    /// What requests call the directory that it is in.
    base: PathBuf,
    /// Where it is, without symbolic links.
    path: PathBuf,
    /// The same; made before, because it is removed where memory must not be allocated.
    c_path: CString,
    /// Open and locked.
    dir: OwnedFd,
    /// The number of the next private directory.
    next: AtomicU64,
    /// Private directories in which nothing has been left: on a file system with a journal, to make and to remove one costs
    /// more than many a whole request, and most requests have no use for theirs.
    unused: Mutex<Vec<CString>>,
}

impl Homes {
    /// Makes a private directory.
    ///
    /// # Errors
    /// [`ErrorCode::TempDir`].
    pub fn make(
        &self,
        wanted: &request::TempDir<'_>,
        mounts: &[Mount<'_>],
    ) -> Result<TempDir, Error> {
        let mut home = self.home(wanted.base)?;
        let mut taken = home.take();
        if let Err(e) = &taken
            && e.kind() == std::io::ErrorKind::NotFound
        {
            // Somebody has tidied up the base; what runs keeps what it has open.
            self.forget(&home);
            home = self.home(wanted.base)?;
            taken = home.take();
        }
        home.check_hidden(mounts)?;
        let name = taken.map_err(|e| error(wanted.base, &e))?;
        let limit = Limit {
            bytes: wanted.max_bytes,
            files: wanted.max_files,
        };
        Ok(TempDir::new(home, name, limit))
    }

    fn home(&self, base: &Path) -> Result<Arc<Home>, Error> {
        let mut homes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = homes.iter().find(|home| home.base == base) {
            return Ok(Arc::clone(home));
        }
        let home = Arc::new(Home::new(base).map_err(|e| error(base, &e))?);
        homes.push(Arc::clone(&home));
        Ok(home)
    }

    fn forget(&self, gone: &Arc<Home>) {
        let mut homes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        homes.retain(|home| !Arc::ptr_eq(home, gone));
    }

    /// Removes the homes that are empty, before the process ends. It neither waits nor allocates: a server may call it from
    /// a signal handler. What is in use then is left to the next process.
    pub fn leave(&self) {
        if let Ok(homes) = self.0.try_lock() {
            homes.iter().for_each(|home| home.leave());
        }
    }
}

fn error(base: &Path, reason: &dyn std::fmt::Display) -> Error {
    let text = format!("no private directory in {base:?}: {reason}");
    Error::new(ErrorCode::TempDir, text)
}

impl Home {
    fn new(base: &Path) -> std::io::Result<Home> {
        // Without it, files that a guest has removed and still writes to would be counted nowhere.
        usage::open_proc().map_err(|e| std::io::Error::other(format!("/proc/self/fd: {e}")))?;
        let real = canonicalize(base)?;
        for _ in 0..TRIES {
            let path = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(Permissions::from_mode(MODE))
                .tempdir_in(&real)?
                .keep();
            let dir = rustix::fs::open(&path, DIRECTORY, Mode::empty())?;
            match flock(&dir, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => continue,
                locked => locked?,
            }
            let same = |found| fstat(&dir).is_ok_and(|mine| mine.st_ino == found);
            if !rustix::fs::lstat(&path).is_ok_and(|found| same(found.st_ino)) {
                continue;
            }
            sweep(&real, &dir);
            return Ok(Home {
                base: base.to_owned(),
                c_path: CString::new(path.as_os_str().as_bytes())?,
                path,
                dir,
                next: AtomicU64::new(0),
                unused: Mutex::default(),
            });
        }
        Err(std::io::ErrorKind::AlreadyExists.into())
    }

    /// A private directory that is empty: its name.
    fn take(&self) -> std::io::Result<CString> {
        loop {
            let Some(name) = self.unused().pop() else {
                break;
            };
            if statat(&self.dir, &*name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Ok(name);
            }
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = CString::new(number.to_string())?;
        mkdirat(&self.dir, &name, Mode::RWXU)?;
        Ok(name)
    }

    /// Takes a private directory back; removes it if anything is in it, or if it is not `reusable`. What can not be removed
    /// now is left for the next process to try.
    pub fn give_back(&self, name: &CStr, reusable: bool) {
        if reusable && matches!(clear::reset(self.dir(), name), Ok(true)) {
            self.unused().push(name.to_owned());
        } else {
            // It is tried again when the home is swept.
            let _ = clear::remove(self.dir(), name);
        }
    }

    fn unused(&self) -> MutexGuard<'_, Vec<CString>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory itself.
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// The path of what is called so in it.
    pub fn path_of(&self, name: &CStr) -> PathBuf {
        self.path.join(OsStr::from_bytes(name.to_bytes()))
    }

    /// Whether no mount shows it: a guest could read what others have in theirs.
    fn check_hidden(&self, mounts: &[Mount<'_>]) -> Result<(), Error> {
        for mount in mounts {
            // One that is not there is reported when it is opened.
            if canonicalize(mount.host).is_ok_and(|host| self.path.starts_with(host)) {
                let text = format!(
                    "the program may use {:?}, in which the private directories of all requests are",
                    mount.host
                );
                return Err(Error::new(ErrorCode::TempDir, text));
            }
        }
        Ok(())
    }

    /// See [`Homes::leave`].
    fn leave(&self) {
        if let Ok(unused) = self.unused.try_lock() {
            for name in unused.iter() {
                let _ = unlinkat(&self.dir, &**name, AtFlags::REMOVEDIR);
            }
        }
        // It fails if a guest still runs.
        let _ = rustix::fs::rmdir(&*self.c_path);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.leave();
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Removes the homes that killed processes of this account have left beside `mine`. What fails is tried again by the next
/// process.
fn sweep(base: &Path, mine: &OwnedFd) {
    let Ok(base) = rustix::fs::open(base, DIRECTORY, Mode::empty()) else {
        return;
    };
    let (Ok(entries), Ok(mine)) = (Dir::read_from(&base), fstat(mine)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.to_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let ours = |found: &rustix::fs::Stat| {
            found.st_uid == mine.st_uid
                && Mode::from_raw_mode(found.st_mode) == Mode::from_raw_mode(MODE)
                && FileType::from_raw_mode(found.st_mode) == FileType::Directory
        };
        if !statat(&base, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| ours(&found)) {
            continue;
        }
        if let Ok(left) = openat(&base, name, DIRECTORY, Mode::empty())
            && fstat(&left).is_ok_and(|found| ours(&found))
            && flock(&left, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = clear::remove(base.as_fd(), name);
        }
    }
}
