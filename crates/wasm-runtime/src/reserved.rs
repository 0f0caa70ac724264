//! The directories that no guest is given, because the server trusts what lies in them or the kernel answers from there: a
//! guest that can write compiled programs, modules, configuration or `/proc/self/mem` is no longer in a sandbox.
//!
//! A directory is judged when it is open, by what it is and not by what its path says: paths lead through symbolic links,
//! and may lead elsewhere a moment later. Must not know who asks.

mod kernel;

use crate::{Error, ErrorCode};
use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, open, stat, statat};
use std::fs::canonicalize;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A directory that the server keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedDir {
    /// Where it is; it need not be there yet.
    pub path: PathBuf,
    /// What is in it, for messages: `the cache of compiled programs`.
    pub holds: String,
    /// Whether all directories in it are reserved too. Those that contain it always are.
    pub inside: bool,
}

/// How long the places are believed to be where they were. A directory may be made anew while the server runs.
const FRESH: Duration = Duration::from_secs(1);

/// More directories above one another than any file system has; a walk that goes on has met something odd.
const DEEPEST: usize = 512;

/// The reserved directories of an engine, and where they were when somebody looked last.
pub struct Reserved {
    list: Vec<ReservedDir>,
    state: Mutex<State>,
}

struct State {
    places: Arc<[Place]>,
    looked: Instant,
}

/// What a directory does that has a reserved one somewhere in it.
const CONTAINS: &str = "contains";

/// What the system calls a directory, whatever its path is.
type Id = (u64, u64);

/// Where a reserved directory is: itself, and then what contains it.
#[derive(Clone, Default)]
struct Place {
    /// `None` while it is not there.
    own: Option<Id>,
    above: Vec<Id>,
}

impl Reserved {
    /// These, and what belongs to the kernel.
    pub fn new(list: &[ReservedDir]) -> Reserved {
        let mut list = list.to_vec();
        list.extend(kernel::directories());
        let places = list.iter().map(|dir| Place::of(&dir.path));
        let places = places.map(Option::unwrap_or_default).collect();
        Reserved {
            list,
            state: Mutex::new(State {
                places,
                looked: Instant::now(),
            }),
        }
    }

    /// Judges the directory at `path`; one that cannot be opened is nobody's to give, and whoever opens it later asks again.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`]: why no guest may have it.
    pub fn judge_path(&self, path: &Path) -> Result<(), Error> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match open(path, flags, Mode::empty()) {
            Ok(dir) => self.judge(dir.as_fd(), path),
            Err(_) => Ok(()),
        }
    }

    /// Judges an open directory that was found at `path`.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`]: why no guest may have it.
    pub fn judge(&self, dir: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
        let refused = |why: String| {
            let text = format!("{path:?} cannot be given to a program: {why}");
            Error::new(ErrorCode::Mount, text)
        };
        let unclear = |e: rustix::io::Errno| refused(format!("it cannot be looked at: {e}"));
        if let Some(name) = kernel::file_system(dir).map_err(unclear)? {
            return Err(refused(format!(
                "it is a file system of the kernel, {name}"
            )));
        }
        let chain = chain(dir).map_err(unclear)?;
        let places = self.places();
        let all = self.list.iter().zip(&*places);
        let found = all.filter_map(|(reserved, place)| {
            Some((reserved, place.relation(&chain, reserved.inside)?))
        });
        // Where it is says most, by the innermost directory.
        let found = found.max_by_key(|(reserved, relation)| {
            let contains = *relation == CONTAINS;
            (!contains, reserved.path.components().count())
        });
        match found {
            None => Ok(()),
            Some((reserved, relation)) => Err(refused(format!(
                "it {relation} {:?}, {}",
                reserved.path, reserved.holds
            ))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the directories are. Whoever finds the places old looks again, not under the lock.
    fn places(&self) -> Arc<[Place]> {
        let known = {
            let mut state = self.lock();
            let known = Arc::clone(&state.places);
            if state.looked.elapsed() < FRESH {
                return known;
            }
            state.looked = Instant::now();
            known
        };
        let now = self.list.iter().zip(&*known);
        // What this process may not look at, it could look at before it gave up its rights.
        let now = now.map(|(dir, known)| Place::of(&dir.path).unwrap_or_else(|| known.clone()));
        let places: Arc<[Place]> = now.collect();
        self.lock().places = Arc::clone(&places);
        places
    }
}

impl Place {
    /// `None` if this process may not know.
    fn of(path: &Path) -> Option<Place> {
        let (own, there) = match canonicalize(path) {
            Ok(there) => (id_at(&there), there),
            Err(e) if e.kind() == ErrorKind::PermissionDenied => return None,
            Err(_) => (None, nearest(path)),
        };
        let above = there.ancestors().skip(usize::from(own.is_some()));
        Some(Place {
            own,
            above: above.filter_map(id_at).collect(),
        })
    }

    /// What a directory, of which `chain` says where it is, has to do with this one.
    fn relation(&self, chain: &[Id], inside: bool) -> Option<&'static str> {
        let (own, above) = chain.split_first()?;
        if self.own.as_ref() == Some(own) {
            return Some("is");
        }
        if self.above.contains(own) {
            return Some(CONTAINS);
        }
        let lies_in = self.own.as_ref().is_some_and(|place| above.contains(place));
        (inside && lies_in).then_some("lies in")
    }
}

/// The directory, without symbolic links, in which the way to one that is not there ends.
fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| canonicalize(above).ok());
    there.unwrap_or_else(|| PathBuf::from("/"))
}

/// An open directory and those above it, up to the root.
fn chain(dir: BorrowedFd<'_>) -> rustix::io::Result<Vec<Id>> {
    let mut chain = vec![id(&fstat(dir)?)];
    let mut up = String::with_capacity(64);
    while chain.len() < DEEPEST {
        up.push_str("../");
        let above = id(&statat(dir, up.as_str(), AtFlags::empty())?);
        // The root is what lies above itself.
        if chain.last() == Some(&above) {
            return Ok(chain);
        }
        chain.push(above);
    }
    Err(rustix::io::Errno::NAMETOOLONG)
}

fn id_at(path: &Path) -> Option<Id> {
    stat(path).ok().map(|stat| id(&stat))
}

fn id(stat: &Stat) -> Id {
    (stat.st_dev, stat.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::create_dir_all;
    use std::os::unix::fs::symlink;

    fn reserved(root: &Path, inside: bool) -> Reserved {
        Reserved::new(&[ReservedDir {
            path: root.join("server/cache"),
            holds: "which holds secrets".into(),
            inside,
        }])
    }

    fn refusal(reserved: &Reserved, path: &Path) -> String {
        reserved
            .judge_path(path)
            .map_or_else(|e| e.message, |()| String::new())
    }

    #[test]
    fn what_is_contains_or_lies_in_a_reserved_directory_is_refused() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path();
        for dir in ["server/cache/v1", "server/site", "server/cached"] {
            create_dir_all(root.join(dir)).expect("directories");
        }
        symlink("server/cache/v1", root.join("link")).expect("a link");
        let strict = reserved(root, true);
        for (path, relation) in [
            ("server/cache", "it is "),
            ("server", "it contains "),
            ("", "it contains "),
            ("server/cache/v1", "it lies in "),
            ("link", "it lies in "),
            ("server/site/../cache", "it is "),
        ] {
            assert!(
                refusal(&strict, &root.join(path)).contains(relation),
                "{path}"
            );
        }
        for path in ["server/site", "server/cached", "gone"] {
            assert_eq!(refusal(&strict, &root.join(path)), "", "{path}");
        }
        let loose = reserved(root, false);
        assert_eq!(refusal(&loose, &root.join("server/cache/v1")), "");
        assert!(refusal(&loose, &root.join("server")).contains("it contains "));
    }

    #[test]
    fn one_that_is_not_there_yet_is_reserved_too() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path();
        create_dir_all(root.join("server")).expect("a directory");
        let strict = reserved(root, true);
        assert!(refusal(&strict, &root.join("server")).contains("it contains "));
        create_dir_all(root.join("server/cache/v1")).expect("directories");
        strict.lock().looked = Instant::now().checked_sub(FRESH).expect("a running clock");
        assert!(refusal(&strict, &root.join("server/cache/v1")).contains("it lies in "));
    }

    #[test]
    fn what_belongs_to_the_kernel_is_refused() {
        let none = Reserved::new(&[]);
        for path in [
            "/",
            "/proc",
            "/proc/self",
            "/proc/self/fd",
            "/sys",
            "/dev",
            "/sys/kernel",
            "/proc/self/root",
        ] {
            assert_ne!(refusal(&none, Path::new(path)), "", "{path}");
        }
        assert_eq!(refusal(&none, Path::new("/usr")), "");
    }
}
