//! Removes a directory with all its content, whatever a guest has made there. Symbolic links are removed, never followed.
//!
//! A guest may nest directories deeper than the stack of a recursion or the descriptors of a process reach. So nothing
//! recurses here: what lies deeper is moved to the top, until nothing lies deeper.

use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, futimens, openat, renameat,
    unlinkat,
};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Makes the directory `name` of `parent` as if it were new, if nothing is in it; says whether that is so.
pub fn reset(parent: BorrowedFd<'_>, name: &CStr) -> Result<bool> {
    let dir = open(parent, name)?;
    if each(&dir, |_| Ok(()))? {
        return Ok(false);
    }
    // A guest can set its times, and the next one could read them.
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    futimens(&dir, &times)?;
    Ok(true)
}

/// Removes the directory `name` of `parent`.
pub fn remove(parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    let top = open(parent, name)?;
    let mut moved = 0;
    while each(&top, |entry| {
        // A file goes at once; a directory says that it is one.
        match unlinkat(&top, entry, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => flatten(top.as_fd(), entry, &mut moved),
            other => other,
        }
    })? {}
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}

/// Removes the directory `name` of `top`; the directories in it are moved to `top`.
fn flatten(top: BorrowedFd<'_>, name: &CStr, moved: &mut u64) -> Result<()> {
    let dir = open(top, name)?;
    while each(&dir, |entry| {
        match unlinkat(&dir, entry, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => lift(dir.as_fd(), entry, top, moved),
            other => other,
        }
    })? {}
    unlinkat(top, name, AtFlags::REMOVEDIR)
}

/// Moves a directory to `top`, under a name that is free there.
fn lift(from: BorrowedFd<'_>, name: &CStr, top: BorrowedFd<'_>, moved: &mut u64) -> Result<()> {
    loop {
        *moved += 1;
        let free = CString::new(moved.to_string()).map_err(|_| Errno::INVAL)?;
        match renameat(from, name, top, &free) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            other => return other,
        }
    }
}

/// Does something with each entry of a directory, and says whether there was any. What is gone already is no failure.
fn each(dir: &OwnedFd, mut act: impl FnMut(&CStr) -> Result<()>) -> Result<bool> {
    let mut any = false;
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        any = true;
        match act(entry.file_name()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(any)
}

fn open(parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{mkdirat, open as open_path};
    use std::fs;

    #[test]
    fn whatever_lies_in_it_goes_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        let keep = base.path().join("keep");
        fs::create_dir(&keep).unwrap();
        fs::write(keep.join("file"), "stays").unwrap();
        let dir = base.path().join("dir");
        fs::create_dir_all(dir.join("1/2/1")).unwrap();
        fs::create_dir_all(dir.join("2/x")).unwrap();
        fs::write(dir.join("1/2/file"), "goes").unwrap();
        fs::write(dir.join("3"), "goes").unwrap();
        std::os::unix::fs::symlink(&keep, dir.join("1/link")).unwrap();
        std::os::unix::fs::symlink(&keep, dir.join("link")).unwrap();
        let parent = open_path(base.path(), OFlags::RDONLY, Mode::empty()).unwrap();
        remove(parent.as_fd(), c"dir").unwrap();
        assert!(!dir.exists());
        assert_eq!(fs::read(keep.join("file")).unwrap(), b"stays");
        assert_eq!(remove(parent.as_fd(), c"dir"), Err(Errno::NOENT));
    }

    #[test]
    fn only_an_empty_one_serves_again_and_tells_nothing() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("dir");
        fs::create_dir(&dir).unwrap();
        let parent = open_path(base.path(), OFlags::RDONLY, Mode::empty()).unwrap();
        fs::write(dir.join("file"), "").unwrap();
        assert_eq!(reset(parent.as_fd(), c"dir"), Ok(false));
        fs::remove_file(dir.join("file")).unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        let handle = fs::File::open(&dir).unwrap();
        handle.set_modified(long_ago).unwrap();
        assert_eq!(reset(parent.as_fd(), c"dir"), Ok(true));
        assert!(fs::metadata(&dir).unwrap().modified().unwrap() > long_ago);
    }

    #[test]
    fn depth_costs_neither_stack_nor_descriptors() {
        let base = tempfile::tempdir().unwrap();
        let parent = open_path(base.path(), OFlags::RDONLY, Mode::empty()).unwrap();
        mkdirat(&parent, c"dir", Mode::RWXU).unwrap();
        let mut at = open(parent.as_fd(), c"dir").unwrap();
        for _ in 0..5000 {
            mkdirat(&at, c"d", Mode::RWXU).unwrap();
            at = open(at.as_fd(), c"d").unwrap();
        }
        drop(at);
        remove(parent.as_fd(), c"dir").unwrap();
        assert!(!base.path().join("dir").exists());
    }
}
