//! The cache of compiled programs: files that are mapped instead of compiling a program again.
//!
//! A cached program is native code, so whoever can write one runs code in the process that maps it.
//! Therefore a directory or a file is used only if it belongs to root or to the user of this process
//! and nobody else can write it ([`Folder`]). A file's name holds a checksum of its content, so damage
//! is found before it is mapped. There are two directories: the process that makes the engine writes
//! `server`; those forked from it, which may run as another user, read that one and write `children`.
//!
//! It must not know what a program is: it keeps bytes under keys.

mod checksum;
mod entry;
mod folder;
mod key;

pub use entry::{Name, Verified};
pub use folder::{Folder, Lock};
pub use key::Key;

use crate::{Error, ErrorCode};
use rustix::fs::{Gid, Mode, Uid};
use rustix::process::geteuid;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Where compiled programs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// The directory, absolute. It is made when it is missing, its parent is not.
    pub directory: PathBuf,
    /// How many bytes each user's part of it may hold.
    pub max_size: u64,
    /// User and group of the processes that will be forked, where they are not those of this one.
    pub children: Option<(u32, u32)>,
}

/// A cache of compiled programs.
pub struct Cache {
    options: CacheOptions,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// A cache whose directories have been opened.
pub struct Ready {
    server: Folder,
    children: Option<Folder>,
    max_size: u64,
}

impl Cache {
    /// A cache that is not used before [`Cache::prepare`].
    pub fn new(options: CacheOptions) -> Cache {
        Cache {
            options,
            ready: Mutex::default(),
        }
    }

    /// Makes the directories as far as they are missing, and opens them. Processes forked later
    /// inherit what is open.
    ///
    /// # Errors
    /// [`ErrorCode::Io`]: why the directory is not used. The engine works without.
    pub fn prepare(&self) -> Result<(), Error> {
        let ready = Ready::open(&self.options);
        let mut slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = ready.as_ref().ok().cloned();
        ready
            .map(drop)
            .map_err(|e| Error::new(ErrorCode::Io, e.to_string()))
    }

    /// What has been prepared.
    pub fn ready(&self) -> Option<Arc<Ready>> {
        let slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        slot.clone()
    }
}

impl Ready {
    fn open(options: &CacheOptions) -> io::Result<Arc<Ready>> {
        // Whoever starts a server as root and runs its children as root has one user.
        let children = options
            .children
            .filter(|(uid, _)| geteuid().is_root() && *uid != geteuid().as_raw())
            .map(|(uid, gid)| (Uid::from_raw(uid), Gid::from_raw(gid)));
        let base = Folder::open_or_make(&options.directory, Mode::from_raw_mode(0o755))?;
        // Its entries are made of programs that not everybody may be able to read.
        let server = match children {
            Some((_, group)) => base.subfolder("server", 0o750, None, Some(group))?,
            None => base.subfolder("server", 0o700, None, None)?,
        };
        let children = match children {
            Some((user, group)) => {
                Some(base.subfolder("children", 0o700, Some(user), Some(group))?)
            }
            None => None,
        };
        Ok(Arc::new(Ready {
            server,
            children,
            max_size: options.max_size,
        }))
    }

    /// The folders that this process may read from.
    fn readable(&self) -> impl Iterator<Item = &Folder> {
        let both = std::iter::once(&self.server).chain(&self.children);
        both.filter(|folder| folder.check().is_ok())
    }

    /// The folder that this process writes to.
    ///
    /// # Errors
    /// Why there is none.
    pub fn writable(&self) -> io::Result<&Folder> {
        let mut reason = None;
        for folder in std::iter::once(&self.server).chain(&self.children) {
            match folder.check() {
                Ok(owner) if owner == geteuid() => return Ok(folder),
                Ok(_) => {}
                Err(e) => reason = Some(e),
            }
        }
        Err(reason.unwrap_or_else(|| io::Error::other("no directory is this user's own")))
    }

    /// The program kept under this key, if there is a good one. Each bad one is removed, as far as
    /// this process may, and told to `damaged`.
    pub fn find(&self, key: &Key, damaged: &mut dyn FnMut(String)) -> Option<Verified> {
        let mut in_folder = |folder: &Folder| {
            let names = folder.names(key).unwrap_or_default();
            names
                .into_iter()
                .find_map(|name| match folder.verified(&name) {
                    Ok(entry) => Some(entry),
                    // Another process has removed it meanwhile, or it is for children of another group.
                    Err(e)
                        if matches!(
                            e.kind(),
                            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                        ) =>
                    {
                        None
                    }
                    Err(e) => {
                        damaged(format!("{}: {e}", folder.path_of(&name).display()));
                        folder.remove(&name);
                        None
                    }
                })
        };
        self.readable().find_map(&mut in_folder)
    }

    /// Removes a program that [`Ready::find`] has given and that turned out to be unusable.
    pub fn discard(&self, entry: &Verified) {
        for folder in self.readable() {
            folder.remove(entry.name());
        }
    }

    /// Keeps a program in `folder`, which must be [`Ready::writable`]; the least recently used ones
    /// make room for it. `lock` is the one for this key.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn store(
        &self,
        folder: &Folder,
        lock: &Lock,
        key: &Key,
        program: &[u8],
    ) -> io::Result<Verified> {
        let size = u64::try_from(program.len()).unwrap_or(u64::MAX);
        if size > self.max_size {
            return Err(io::Error::other(format!(
                "the compiled program has {size} bytes, more than the {} that the cache may hold",
                self.max_size
            )));
        }
        folder.make_room(self.max_size - size, lock)?;
        let name = Name::new(key, &checksum::of_bytes(program));
        folder.write(&name, program)?;
        folder.trusted(&name)
    }
}
