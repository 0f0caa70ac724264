//! A directory of the cache, by its open descriptor: what may be trusted, files by name, locks, size.
//!
//! Everything is relative to the descriptor, and no symbolic link is followed in it, so nobody who can
//! rename a directory further up can put another one in its place.

use super::checksum;
use super::entry::{Name, Verified, unfinished_stripe};
use super::key::Key;
use rustix::fs::{self, AtFlags, Dir, Gid, Mode, OFlags, Stat, Timestamps, Uid};
use rustix::process::geteuid;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How long a process waits for another that compiles the same program: longer than any takes.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it looks.
const PAUSE: Duration = Duration::from_millis(50);

/// An open directory.
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// Held by the one process that compiles a program. The system releases it when the process ends,
/// however it ends.
pub struct Lock {
    _file: File,
    stripe: char,
}

impl Folder {
    /// Opens a directory, or makes it, and checks it.
    pub fn open_or_make(path: &Path, mode: Mode) -> io::Result<Folder> {
        let failed = |e: rustix::io::Errno| named(path, &io::Error::from(e));
        let fd = match fs::open(path, DIRECTORY, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => {
                match fs::mkdir(path, mode) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(e) => return Err(failed(e)),
                }
                let fd = fs::open(path, DIRECTORY, Mode::empty()).map_err(failed)?;
                // The umask is for the files of others.
                fs::fchmod(&fd, mode).map_err(failed)?;
                fd
            }
            // What O_NOFOLLOW and O_DIRECTORY say of a symbolic link.
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                let cause = io::Error::other("it is not a directory but a link or a file");
                return Err(named(path, &cause));
            }
            other => other.map_err(failed)?,
        };
        let folder = Folder {
            fd,
            path: path.to_owned(),
        };
        folder.check()?;
        Ok(folder)
    }

    /// A directory in this one, made when it is missing, of this mode and owner.
    pub fn subfolder(
        &self,
        name: &str,
        mode: u32,
        user: Option<Uid>,
        group: Option<Gid>,
    ) -> io::Result<Folder> {
        let path = self.path.join(name);
        let failed = |e: rustix::io::Errno| named(&path, &io::Error::from(e));
        let mode = Mode::from_raw_mode(mode);
        let made = match fs::mkdirat(&self.fd, name, mode) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(e) => return Err(failed(e)),
        };
        let fd = fs::openat(&self.fd, name, DIRECTORY, Mode::empty()).map_err(failed)?;
        let stat = fs::fstat(&fd).map_err(failed)?;
        let differs = user.is_some_and(|user| user.as_raw() != stat.st_uid)
            || group.is_some_and(|group| group.as_raw() != stat.st_gid);
        // The directory around it is trusted, so whoever made this one was allowed to.
        if differs {
            fs::fchown(&fd, user, group).map_err(failed)?;
        }
        if made || differs {
            fs::fchmod(&fd, mode).map_err(failed)?;
        }
        let folder = Folder { fd, path };
        folder.check_for(user.unwrap_or_else(geteuid))?;
        Ok(folder)
    }

    /// Whether this process may use the directory; its owner.
    pub fn check(&self) -> io::Result<Uid> {
        self.check_for(geteuid())
    }

    fn check_for(&self, user: Uid) -> io::Result<Uid> {
        let stat = fs::fstat(&self.fd)?;
        owned(&stat, user).map_err(|e| named(&self.path, &e))?;
        Ok(Uid::from_raw(stat.st_uid))
    }

    /// Whether this process may use what is in an open file.
    pub fn check_file(&self, file: &File) -> io::Result<()> {
        let stat = fs::fstat(file)?;
        match fs::FileType::from_raw_mode(stat.st_mode) {
            fs::FileType::RegularFile => owned(&stat, geteuid()),
            _ => Err(io::Error::other("it is not a regular file")),
        }
    }

    /// Opens a file that is there.
    pub fn open(&self, name: &str, flags: OFlags) -> io::Result<File> {
        // Without NONBLOCK, opening a pipe would wait for somebody to write to it.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(fs::openat(&self.fd, name, flags, Mode::empty())?.into())
    }

    /// Makes a file that is not there, with this mode whatever the umask.
    pub fn create(&self, name: &str, mode: Mode) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&self.fd, name, flags, mode)?;
        fs::fchmod(&file, mode)?;
        Ok(file.into())
    }

    /// Removes a file, if it can.
    pub fn remove(&self, name: &str) {
        // It may be gone already, or not be ours to remove; both are found out when it matters.
        let _ = fs::unlinkat(&self.fd, name, AtFlags::empty());
    }

    /// The path of a file, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The programs with this key.
    pub fn names(&self, key: &Key) -> io::Result<Vec<Name>> {
        let all = self.list()?;
        let programs = all.iter().filter_map(|name| Name::parse(name));
        Ok(programs.filter(|name| name.is_of(key)).collect())
    }

    /// Opens a program whose content is what its name says, and notes that it has been used.
    pub fn verified(&self, name: &Name) -> io::Result<Verified> {
        let entry = self.trusted(name)?;
        if checksum::of_file(entry.file())? != name.checksum() {
            return Err(io::Error::other("its content is not what was written"));
        }
        // The time of the last use, for make_room. The server's are not its children's to change.
        let _ = fs::futimens(entry.file(), &now());
        Ok(entry)
    }

    /// Opens a program that nobody else can have written.
    pub fn trusted(&self, name: &Name) -> io::Result<Verified> {
        let file = match self.open(name, OFlags::RDONLY) {
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(io::Error::other("it is a symbolic link"));
            }
            other => other?,
        };
        self.check_file(&file)?;
        Ok(Verified::new(name.clone(), file))
    }

    /// Writes a program under its final name in one step. The caller holds its lock.
    pub fn write(&self, name: &Name, program: &[u8]) -> io::Result<()> {
        let unfinished = name.unfinished();
        self.remove(&unfinished);
        let mut mode = Mode::RUSR | Mode::WUSR;
        let stat = fs::fstat(&self.fd)?;
        let shared = Mode::from_raw_mode(stat.st_mode).contains(Mode::RGRP);
        if shared {
            mode |= Mode::RGRP;
        }
        let mut file = self.create(&unfinished, mode)?;
        let written = file
            .write_all(program)
            .and_then(|()| match shared {
                true => Ok(fs::fchown(&file, None, Some(Gid::from_raw(stat.st_gid)))?),
                false => Ok(()),
            })
            // Not forced to the disk: what a crash leaves of it has another checksum.
            .and_then(|()| Ok(fs::renameat(&self.fd, &unfinished, &self.fd, &**name)?));
        if written.is_err() {
            self.remove(&unfinished);
        }
        written
    }

    /// Waits until no other process holds the lock of these keys.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`], and what the system says.
    pub fn lock(&self, stripe: char) -> io::Result<Lock> {
        let file = self.lock_file(stripe)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Lock {
                        _file: file,
                        stripe,
                    });
                }
                Err(TryLockError::Error(e)) => return Err(e),
                Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn lock_file(&self, stripe: char) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = format!("lock-{stripe}");
        let open = || fs::openat(&self.fd, &*name, flags, Mode::RUSR | Mode::WUSR);
        let file = open().or_else(|e| match e {
            // It belongs to the user that the directory belonged to before.
            rustix::io::Errno::ACCESS => {
                self.remove(&name);
                open()
            }
            e => Err(e),
        })?;
        Ok(file.into())
    }

    /// Removes the least recently used programs until the others take at most `bytes`, and what a
    /// process that was killed has left unfinished.
    pub fn make_room(&self, bytes: u64, held: &Lock) -> io::Result<()> {
        let mut programs = Vec::new();
        for name in self.list()? {
            if let Some(stripe) = unfinished_stripe(&name) {
                let free = stripe == held.stripe || self.lock_file(stripe)?.try_lock().is_ok();
                if free {
                    self.remove(&name);
                }
            } else if Name::parse(&name).is_some() {
                let stat = fs::statat(&self.fd, &*name, AtFlags::SYMLINK_NOFOLLOW);
                // One that is gone takes no room.
                if let Ok(stat) = stat {
                    let size = u64::try_from(stat.st_size).unwrap_or(0);
                    programs.push(((stat.st_mtime, stat.st_mtime_nsec), size, name));
                }
            }
        }
        programs.sort_unstable();
        let mut total: u64 = programs.iter().map(|(_, size, _)| size).sum();
        for (_, size, name) in &programs {
            if total <= bytes {
                break;
            }
            self.remove(name);
            total -= size;
        }
        Ok(())
    }

    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = Dir::read_from(self.fd.as_fd())?;
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }
}

/// Whether something belongs to root or to `user` and nobody else can write it.
fn owned(stat: &Stat, user: Uid) -> io::Result<()> {
    let owner = Uid::from_raw(stat.st_uid);
    if owner != user && !owner.is_root() {
        let text = format!(
            "it belongs to user {}, not to {} or root",
            stat.st_uid,
            user.as_raw()
        );
        return Err(io::Error::other(text));
    }
    match stat.st_mode & 0o022 {
        0 => Ok(()),
        _ => Err(io::Error::other(format!(
            "others can write it (mode {:04o}; it must be {:04o} or less)",
            stat.st_mode & 0o7777,
            stat.st_mode & 0o7755
        ))),
    }
}

fn now() -> Timestamps {
    let now = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: fs::UTIME_NOW,
    };
    Timestamps {
        last_access: now,
        last_modification: now,
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
