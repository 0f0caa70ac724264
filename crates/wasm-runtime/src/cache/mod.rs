//! The cache of compiled programs: files that are mapped instead of compiling a program again.
//!
//! A cached program is native code, so whoever can write one runs code in the process that maps it.
//! Therefore a directory or a file is used only if it belongs to root or to the user of this process
//! and nobody else can write it ([`Folder`]). A file's name holds an authentication code of its content ([`seal`]), so damage
//! and what somebody else wrote is found before it is mapped. There are two directories: the process that makes the engine writes
//! `server`; those forked from it, which may run as another user, read that one and write `children`.
//!
//! It must not know what a program is: it keeps bytes under keys.

mod entry;
mod folder;
mod key;
mod quota;
mod seal;

pub use entry::{About, Verified};
pub use folder::{Folder, Lock};
pub use key::{Key, engine_mark};

use crate::{Error, ErrorCode};
use rustix::fs::{Gid, Mode, Uid};
use rustix::process::geteuid;
use seal::Secret;
use std::fs::File;
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

/// Whose program it is: a number that the server gives, the same for the programs of one customer. 0 is the operator, who
/// may fill the cache.
pub type Owner = u32;

/// The operator.
pub const OPERATOR: Owner = 0;

/// One owner may fill the cache divided by this.
const SHARES: u64 = 2;

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
    secret: Secret,
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
        let secret = base.secret()?;
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
            secret,
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
                .find_map(|name| match folder.verified(&name, &self.secret) {
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

    /// Keeps the code of a program in `folder`, which must be [`Ready::writable`]; the least recently used programs of the same
    /// owner, or of the one who has most, make room for it. `lock` is the one for this key.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn store(
        &self,
        folder: &Folder,
        lock: &Lock,
        key: &Key,
        about: About,
        code: &File,
    ) -> io::Result<Verified> {
        let size = code.metadata()?.len();
        let share = match about.owner {
            OPERATOR => self.max_size,
            _ => self.max_size / SHARES,
        };
        if size > share {
            return Err(io::Error::other(format!(
                "the compiled program has {size} bytes, more than the {share} that the cache may hold of one owner's"
            )));
        }
        folder.make_room(size, about.owner, share, self.max_size, lock)?;
        let name = folder.write(key, about, code, &self.secret)?;
        folder.trusted(&name)
    }
}
