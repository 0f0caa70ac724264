//! Requests that run one at a time: each waits for its turn, over all threads and children. Must not know what runs.
//!
//! A lock is two files without a name that the parent has made and children inherit. Each request opens both anew, since
//! it is the opening that holds a lock of `flock`, and lets go of them when it is done; the system does that for a child
//! that is killed. *queue* is held while a request waits for *turn*, so at most one waits for that, and requests that
//! share their turn cannot keep out one that wants it alone.

use std::cell::RefCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use directives::units::show_duration;
use directives::{Origin, Settings, messages};
use httpd::{Answer, Request};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::messages::log_request;
use crate::outcome;

/// How often a request asks for its place in the queue.
const QUEUE_STEP: Duration = Duration::from_millis(4);
/// How long a sub-request waits whose main request has a turn of another section.
const PATIENCE_WITHIN: Duration = Duration::from_secs(2);
/// How often the one at the front of the queue asks for its turn.
const TURN_STEP: Duration = Duration::from_millis(1);

/// What the requests of one line of the configuration have in common.
#[derive(Debug)]
struct Lock {
    origin: Origin,
    queue: File,
    turn: File,
}

static LOCKS: Mutex<Vec<Arc<Lock>>> = Mutex::new(Vec::new());

thread_local! {
    /// What requests of this thread hold: a sub-request is served within the main request.
    static HELD: RefCell<Vec<Origin>> = const { RefCell::new(Vec::new()) };
}

fn locks() -> MutexGuard<'static, Vec<Arc<Lock>>> {
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    LOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a lock for each of these lines, in the parent. One that was there before a restart stays, so that new children wait
/// for old ones.
///
/// # Errors
/// The first that cannot be made, or not be opened as a request will do it.
pub fn prepare<'o>(
    origins: impl Iterator<Item = &'o Origin>,
) -> Result<(), (&'o Origin, io::Error)> {
    let mut locks = locks();
    let mut wanted: Vec<Arc<Lock>> = Vec::new();
    for origin in origins {
        let known = |lock: &&Arc<Lock>| lock.origin == *origin;
        if wanted.iter().any(|lock| known(&lock)) {
            continue;
        }
        let lock = match locks.iter().find(known) {
            Some(lock) => Arc::clone(lock),
            None => Arc::new(Lock::new(origin).map_err(|error| (origin, error))?),
        };
        wanted.push(lock);
    }
    *locks = wanted;
    Ok(())
}

impl Lock {
    fn new(origin: &Origin) -> io::Result<Lock> {
        let lock = Lock {
            origin: origin.clone(),
            queue: nameless()?,
            turn: nameless()?,
        };
        reopen(&lock.queue)?;
        Ok(lock)
    }
}

/// A file in memory. Whoever has it open may open it again, whatever user that is.
fn nameless() -> io::Result<File> {
    Ok(File::from(memfd_create(
        c"mod_wasm-lock",
        MemfdFlags::CLOEXEC,
    )?))
}

/// Another opening of the same file, which has locks of its own.
fn reopen(file: &File) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// It is this request's turn until this is dropped.
#[derive(Debug)]
pub struct Turn {
    file: File,
}

impl Drop for Turn {
    fn drop(&mut self) {
        HELD.with_borrow_mut(Vec::pop);
        // Closing alone would not do while another module forks: its child has the same opening for a moment. A lock that
        // is held can be let go of.
        let _ = self.file.unlock();
    }
}

/// Waits until the request may run. `None`: it need not wait for others. `module`: what log lines call the program.
///
/// # Errors
/// What its client gets instead, which has been logged.
pub fn wait(request: &Request, settings: &Settings, module: &str) -> Result<Option<Turn>, Answer> {
    let Some(serialize) = settings.serialize() else {
        return Ok(None);
    };
    let origin = &serialize.origin;
    if HELD.with_borrow(|held| held.contains(origin)) {
        return Ok(None);
    }
    let mut patience = request.server_timeout();
    if HELD.with_borrow(|held| !held.is_empty()) {
        // Whoever it waits for may be waiting for what this thread holds.
        patience = patience.min(PATIENCE_WITHIN);
    }
    let wait = Wait {
        request,
        alone: serialize.is_alone(request.method()),
        end: Instant::now() + patience,
    };
    let failed = match turn(origin, &wait) {
        Ok(file) => {
            HELD.with_borrow_mut(|held| held.push(origin.clone()));
            return Ok(Some(Turn { file }));
        }
        Err(failed) => failed,
    };
    Err(match failed {
        Failed::Gone => {
            log_request(request, &messages::CLIENT_GONE, &[("module", &module)]);
            Answer::Http(400)
        }
        Failed::Late => {
            let wait = show_duration(patience);
            let fields: &[(&str, &dyn std::fmt::Display)] = &[("wait", &wait), ("origin", origin)];
            log_request(request, &messages::NO_TURN, fields);
            outcome::come_again(request)
        }
        Failed::Unusable(error) => {
            let fields: &[(&str, &dyn std::fmt::Display)] =
                &[("detail", &error), ("origin", origin)];
            log_request(request, &messages::LOCK_UNUSABLE, fields);
            Answer::Http(500)
        }
    })
}

/// Why it will not be this request's turn.
enum Failed {
    /// Its client does not wait for it.
    Gone,
    /// It has waited for too long.
    Late,
    /// The lock is of no use.
    Unusable(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Unusable(error)
    }
}

fn turn(origin: &Origin, wait: &Wait<'_>) -> Result<File, Failed> {
    let lock = locks().iter().find(|lock| lock.origin == *origin).cloned();
    let lock = lock.ok_or_else(|| io::Error::other("not made when the server started"))?;
    let (queue, turn) = (reopen(&lock.queue)?, reopen(&lock.turn)?);
    wait.lock(&queue, QUEUE_STEP)?;
    let result = wait.lock(&turn, TURN_STEP);
    queue.unlock()?;
    result.map(|()| turn)
}

/// A request that waits.
struct Wait<'r> {
    request: &'r Request,
    alone: bool,
    end: Instant,
}

impl Wait<'_> {
    /// Takes the lock, for this request alone or together with others that share it. It is asked for again and again: a call
    /// that blocks could not be left when the client goes.
    fn lock(&self, file: &File, step: Duration) -> Result<(), Failed> {
        loop {
            let result = match self.alone {
                true => file.try_lock(),
                false => file.try_lock_shared(),
            };
            match result {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            let connection = self.request.connection();
            if connection.is_none_or(|connection| connection.client_gone()) {
                return Err(Failed::Gone);
            }
            if Instant::now() >= self.end {
                return Err(Failed::Late);
            }
            std::thread::sleep(step);
        }
    }
}
