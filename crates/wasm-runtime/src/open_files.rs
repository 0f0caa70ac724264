//! Bounds the files, directories and sockets that a guest has open: by its own limit, and by what the process has left, so that
//! no guest and no number of guests leaves the server without descriptors.
//!
//! The kernel gives each new descriptor the lowest number that is free, so the number that it would give next says how full
//! the process is, whoever has filled it. Guests never get a number of the last part, which is the server's own; and the less is
//! free, the less one of them may have, so that there is always something left for one that wants little.
//! It must not know which version of WASI opens what.

use crate::{Error, ErrorCode, LogLevel};
use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::{ResourceTable, p2, sockets};

/// What the server keeps for itself: the fourth part of all descriptors, but not fewer than these, and never more than half.
const LEAST_RESERVE: u64 = 64;

/// A guest may have one descriptor, beside those of its directories, for so many that are free. With the usual 1024 of a process a
/// few guests get 64, and 25 that want as many leave some 40.
const SHARE: usize = 8;

/// How often a process says that it is short of descriptors.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// What one instance has open.
pub struct OpenFiles {
    limit: usize,
    /// Directories that are open as long as the instance lives.
    mounted: usize,
    /// All files and directories that were opened. What the guest has given up may still be open, for a stream or for work that
    /// is under way.
    files: Vec<Weak<File>>,
    /// At least as many sockets as are open.
    sockets: usize,
    /// One more reference for each that is being opened.
    opening: Arc<()>,
    said: bool,
}

/// Held while a descriptor is being opened.
pub struct Opening(#[expect(dead_code, reason = "it counts by being there")] Arc<()>);

/// Why nothing more can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The instance has as many as it may have.
    Limit(usize),
    /// The process has too few left.
    Reserve {
        /// How many descriptors the process may have.
        limit: usize,
        /// How many of them the guest has.
        held: usize,
    },
}

impl Refusal {
    /// Whether it is to be logged: the process says of itself not too often that it is short of descriptors.
    pub fn says(self) -> bool {
        matches!(self, Refusal::Limit(_)) || process_says()
    }

    /// The line for the log.
    pub fn text(self) -> (LogLevel, String) {
        match self {
            Refusal::Limit(limit) => (
                LogLevel::FileLimit,
                format!("{limit} files, directories and sockets are open"),
            ),
            Refusal::Reserve { limit, held } => (
                LogLevel::FileReserve,
                format!(
                    "it has {held} of the {limit} descriptors of the process, and too few are left"
                ),
            ),
        }
    }
}

impl OpenFiles {
    /// An instance that may have `limit` open, and begins with so many directories.
    ///
    /// # Errors
    /// These are too many.
    pub fn new(limit: u32, mounted: usize) -> Result<OpenFiles, Refusal> {
        let limit = limit as usize;
        let refusal = match mounted {
            0 => None,
            _ if mounted > limit => Some(Refusal::Limit(limit)),
            _ => judge_process(mounted, 0, mounted),
        };
        match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(OpenFiles {
                limit,
                mounted,
                files: Vec::new(),
                sockets: 0,
                opening: Arc::new(()),
                said: false,
            }),
        }
    }

    /// Asks for one more descriptor.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open(&mut self, table: &mut ResourceTable) -> Result<Opening, Refusal> {
        let mut refusal = self.judge();
        if refusal.is_some() {
            self.count(table);
            refusal = self.judge();
        }
        match refusal {
            None => Ok(Opening(Arc::clone(&self.opening))),
            Some(refusal) => Err(refusal),
        }
    }

    /// Whether a refusal is to be logged: the first one of an instance, unless the whole process has just said it.
    pub fn says(&mut self, refusal: Refusal) -> bool {
        let first = !std::mem::replace(&mut self.said, true);
        first && refusal.says()
    }

    /// A file or directory has been opened, which is this entry of the table.
    pub fn opened_file(&mut self, table: &ResourceTable, rep: u32) {
        self.files
            .extend(file(table, rep).map(|file| Arc::downgrade(&file)));
    }

    /// A socket has been opened.
    pub fn opened_socket(&mut self) {
        self.sockets += 1;
    }

    fn judge(&self) -> Option<Refusal> {
        let opening = Arc::strong_count(&self.opening) - 1;
        let own = self.files.len() + self.sockets + opening;
        match self.mounted + own >= self.limit {
            true => Some(Refusal::Limit(self.limit)),
            false => judge_process(self.mounted, own, 1),
        }
    }

    /// Finds out what is really open still.
    fn count(&mut self, table: &mut ResourceTable) {
        self.files.retain(|file| file.strong_count() > 0);
        if self.sockets > 0 {
            self.sockets = table.iter_mut().filter(|entry| is_socket(*entry)).count();
        }
    }
}

impl From<Refusal> for Error {
    /// Why an instance is not made.
    fn from(refusal: Refusal) -> Error {
        let text = match refusal {
            Refusal::Limit(limit) => {
                format!("it is given more directories than the {limit} files that it may have open")
            }
            Refusal::Reserve { limit, .. } => {
                format!("too few of the {limit} descriptors of the process are left")
            }
        };
        Error::new(ErrorCode::OpenFiles, text)
    }
}

/// The file behind an entry of the table.
pub fn file(table: &ResourceTable, rep: u32) -> Option<Arc<File>> {
    match table.get(&wasmtime::component::Resource::<Descriptor>::new_borrow(
        rep,
    )) {
        Ok(Descriptor::File(file)) => Some(Arc::clone(&file.file)),
        Ok(Descriptor::Dir(dir)) => Some(Arc::clone(&dir.dir)),
        Err(_) => None,
    }
}

fn is_socket(entry: &(dyn std::any::Any + Send)) -> bool {
    entry.is::<p2::TcpSocket>()
        || entry.is::<p2::UdpSocket>()
        || entry.is::<sockets::TcpSocket>()
        || entry.is::<sockets::UdpSocket>()
}

/// Whether the process has room for a descriptor that somebody else opens for a guest.
pub fn process_has_room() -> Result<(), Refusal> {
    judge_process(0, 0, 1).map_or(Ok(()), Err)
}

/// Whether the process has no room for `more` descriptors of a guest that is given so many directories and has opened `own` files.
fn judge_process(mounted: usize, own: usize, more: usize) -> Option<Refusal> {
    let (limit, guests) = limits();
    let free = guests.saturating_sub(next_number());
    let held = mounted + own;
    (free < more || free < own.saturating_mul(SHARE)).then_some(Refusal::Reserve { limit, held })
}

/// How many descriptors the process may have, and how many of them there are for guests and the server together.
fn limits() -> (usize, usize) {
    static LIMIT: OnceLock<u64> = OnceLock::new();
    let limit = *LIMIT.get_or_init(|| getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX));
    let size = |n| usize::try_from(n).unwrap_or(usize::MAX);
    (size(limit), size(limit - reserve(limit)))
}

fn reserve(limit: u64) -> u64 {
    (limit / 4).max(LEAST_RESERVE).min(limit / 2)
}

/// The number that a new descriptor of this process would get.
fn next_number() -> usize {
    static PROBE: OnceLock<OwnedFd> = OnceLock::new();
    let full = usize::MAX;
    let probe = match PROBE.get() {
        Some(probe) => probe,
        None => match eventfd(0, EventfdFlags::CLOEXEC) {
            Ok(made) => PROBE.get_or_init(|| made),
            Err(_) => return full,
        },
    };
    let number = |copy: OwnedFd| usize::try_from(copy.as_raw_fd()).unwrap_or(full);
    rustix::io::fcntl_dupfd_cloexec(probe, 0).map_or(full, number)
}

/// Whether the process may say once more that it is short of descriptors.
fn process_says() -> bool {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let again = last.is_none_or(|last| last.elapsed() >= SAY_AGAIN);
    if again {
        *last = Some(Instant::now());
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_keeps_a_quarter_and_at_least_64() {
        assert_eq!(reserve(1024), 256);
        assert_eq!(reserve(200), 64);
        assert_eq!(reserve(100), 50);
        assert_eq!(reserve(u64::MAX), u64::MAX / 4);
    }

    #[test]
    fn what_is_closed_counts_no_more() {
        let mut table = ResourceTable::new();
        let mut files = OpenFiles::new(3, 1).unwrap();
        let open = |files: &mut OpenFiles| {
            let file = Arc::new(File::open("/dev/null").unwrap());
            files.files.push(Arc::downgrade(&file));
            file
        };
        let (first, _second) = (open(&mut files), open(&mut files));
        assert_eq!(files.open(&mut table).err(), Some(Refusal::Limit(3)));
        drop(first);
        let opening = files.open(&mut table).unwrap();
        assert_eq!(files.open(&mut table).err(), Some(Refusal::Limit(3)));
        drop(opening);
        assert!(files.open(&mut table).is_ok());
    }

    #[test]
    fn more_directories_than_may_be_open_are_refused() {
        assert_eq!(OpenFiles::new(2, 3).err(), Some(Refusal::Limit(2)));
        assert!(OpenFiles::new(2, 2).is_ok());
    }
}
