//! A directory of the cache, by its open descriptor: what may be trusted, files by name, locks, size.
//!
//! Everything is relative to the descriptor, and no symbolic link is followed in it, so nobody who can
//! rename a directory further up can put another one in its place.

use super::Owner;
use super::entry::{About, Name, SUFFIX, Verified, sealed, unfinished, unfinished_lock};
use super::key::Key;
use super::quota::Kept;
use super::seal::{SECRET, Secret};
use crate::capi::locks::try_lock_byte;
use rustix::fs::{self, AtFlags, Dir, Gid, Mode, OFlags, Stat, Timestamps, Uid};
use rustix::process::geteuid;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How often a process looks that waits for another, which compiles the same program.
const PAUSE: Duration = Duration::from_millis(50);

/// The file on which locks are held.
const LOCKS: &str = "lock";
/// The file with what only the server knows.
const SECRET_FILE: &str = "secret";

/// An open directory.
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// Held by the one process that compiles a program. The system releases it when the process ends,
/// however it ends.
pub struct Lock {
    _file: File,
    offset: i64,
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

    /// What only the server knows, made when it is not there yet.
    pub fn secret(&self) -> io::Result<Secret> {
        let failed = |e: io::Error| named(&self.path_of(SECRET_FILE), &e);
        let mut bytes = [0; SECRET];
        let made = match self.create(SECRET_FILE, Mode::RUSR) {
            Ok(mut file) => {
                File::open("/dev/urandom")?.read_exact(&mut bytes)?;
                file.write_all(&bytes).map_err(failed)?;
                true
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
            Err(e) => return Err(failed(e)),
        };
        if made {
            return Ok(Secret::new(bytes));
        }
        let mut file = self.open(SECRET_FILE, OFlags::RDONLY).map_err(failed)?;
        self.check_file(&file).map_err(failed)?;
        if fs::fstat(&file)?.st_mode & 0o077 != 0 {
            return Err(failed(io::Error::other("others can read it")));
        }
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(Secret::new(bytes)),
            // Its writer was killed, or is at it: nothing can have been kept with it yet.
            Err(_) => {
                self.remove(SECRET_FILE);
                Err(failed(io::Error::other(
                    "it is not whole and has been removed",
                )))
            }
        }
    }

    /// Opens a program whose content is what its name says, and notes that it has been used.
    pub fn verified(&self, name: &Name, secret: &Secret) -> io::Result<Verified> {
        let entry = self.trusted(name)?;
        let mut seal = secret.seal(&name.sealed());
        seal.add_file(entry.file(), |_| Ok(()))?;
        if seal.finish() != name.code() {
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
    pub fn write(&self, key: &Key, about: About, code: &File, secret: &Secret) -> io::Result<Name> {
        let unfinished = unfinished(key);
        self.remove(&unfinished);
        let written = self.write_unfinished(&unfinished, key, about, code, secret);
        if written.is_err() {
            self.remove(&unfinished);
        }
        written
    }

    fn write_unfinished(
        &self,
        unfinished: &str,
        key: &Key,
        about: About,
        code: &File,
        secret: &Secret,
    ) -> io::Result<Name> {
        // Nobody writes to it again, this user included.
        let mut mode = Mode::RUSR;
        let stat = fs::fstat(&self.fd)?;
        let shared = Mode::from_raw_mode(stat.st_mode).contains(Mode::RGRP);
        if shared {
            mode |= Mode::RGRP;
        }
        let mut file = self.create(unfinished, mode)?;
        let mut seal = secret.seal(&sealed(key.as_str(), about));
        let mut from = code;
        io::Seek::rewind(&mut from)?;
        seal.add_file(code, |piece| file.write_all(piece))?;
        if shared {
            fs::fchown(&file, None, Some(Gid::from_raw(stat.st_gid)))?;
        }
        let name = Name::new(key, &seal.finish(), about);
        // Not forced to the disk: what a crash leaves of it has another code.
        fs::renameat(&self.fd, unfinished, &self.fd, &*name)?;
        Ok(name)
    }

    /// Waits until no other process holds the lock of this key. `tick` is called while it waits.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`], and what the system says.
    pub fn lock(&self, key: &Key, deadline: Instant, tick: &mut dyn FnMut()) -> io::Result<Lock> {
        let (file, offset) = (self.lock_file()?, key.lock_offset());
        while !try_lock_byte(&file, offset)? {
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            tick();
            std::thread::sleep(PAUSE);
        }
        Ok(Lock {
            _file: file,
            offset,
        })
    }

    /// Opened anew, since locks belong to the opening.
    fn lock_file(&self) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || fs::openat(&self.fd, LOCKS, flags, Mode::RUSR | Mode::WUSR);
        let file = open().or_else(|e| match e {
            // It belongs to the user that the directory belonged to before.
            rustix::io::Errno::ACCESS => {
                self.remove(LOCKS);
                open()
            }
            e => Err(e),
        })?;
        Ok(file.into())
    }

    /// Removes programs until `size` more bytes fit: the least recently used ones of the owner until that has no more than
    /// `share`, then of whoever has most, until all together take no more than `max`. Also what a process that was killed has
    /// left unfinished.
    pub fn make_room(
        &self,
        size: u64,
        owner: Owner,
        share: u64,
        max: u64,
        held: &Lock,
    ) -> io::Result<()> {
        let mut kept = Kept::default();
        for name in self.list()? {
            if let Some(offset) = unfinished_lock(&name) {
                let free = offset == held.offset
                    || try_lock_byte(&self.lock_file()?, offset).unwrap_or(false);
                if free {
                    self.remove(&name);
                }
            } else if let Some(name) = Name::parse(&name) {
                let stat = fs::statat(&self.fd, &*name, AtFlags::SYMLINK_NOFOLLOW);
                // One that is gone takes no room.
                if let Ok(stat) = stat {
                    let size = u64::try_from(stat.st_size).unwrap_or(0);
                    kept.add((stat.st_mtime, stat.st_mtime_nsec as i64), size, name);
                }
            } else if name.ends_with(SUFFIX) {
                // What a version with other names has kept is of no use to anybody.
                self.remove(&name);
            }
        }
        for name in kept.surplus(size, owner, share, max) {
            self.remove(&name);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_cleaned_up() {
        let dir = tempfile::tempdir().unwrap();
        let folder =
            Folder::open_or_make(&dir.path().join("f"), Mode::from_raw_mode(0o700)).unwrap();
        let engine = wasmtime::Engine::default();
        let [held, left, busy] = [1, 2, 3].map(|n| Key::new(&engine, &[n; 32]));
        let file = |name: &str| {
            std::fs::write(folder.path_of(name), b"half a program").unwrap();
            folder.path_of(name)
        };
        let files = [&held, &left, &busy].map(|key| file(&unfinished(key)));
        let strange = file("notes.txt");
        let older = file(&format!("{}-{}.cwasm", "0a".repeat(32), "1b".repeat(32)));
        let lock = |key: &Key| folder.lock(key, Instant::now(), &mut || {});
        let (held, busy) = (lock(&held).unwrap(), lock(&busy).unwrap());
        folder.make_room(0, 1, 100, 100, &held).unwrap();
        // Somebody else writes the last one.
        assert_eq!(
            files.each_ref().map(|path| path.exists()),
            [false, false, true]
        );
        drop(busy);
        folder.make_room(0, 1, 100, 100, &held).unwrap();
        assert!(!files[2].exists() && !older.exists() && strange.exists());
    }
}
