//! The programs that requests name: each file is loaded when it is first asked for, on a thread beside those of requests, and
//! kept for those that follow. Requests wait for it for a bounded time ([`wait`]); files wait for each other in a fair queue
//! ([`queue`]). A file that has changed is another program: whoever runs the old one keeps it to the end.
//!
//! Each child has a store of its own. It must not know who may run what.

mod queue;
mod store;
mod wait;

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cgi::Weight;
use directives::messages;
use httpd::{Answer, FileStamp, HostLog, Request};
use wasm_runtime_client::{Engine, Error, ErrorCode, Guest, LoadOptions};

use crate::loading::{Progress, described, explained};
use crate::messages::{log_host, log_request};
use crate::stamp::{self, Owner};
use crate::{generation, outcome};

use queue::Stage;

pub use store::forget;

/// Maximum number of times that a file is looked at anew because it changes while it is being loaded.
const ATTEMPTS: usize = 5;

/// One state of a file.
struct Program {
    file: PathBuf,
    stamp: FileStamp,
    owner: Owner,
    /// When it was asked for first.
    since: Instant,
    /// Where lines about loading it go: the log of the request that asked first.
    log: Option<HostLog>,
    /// Empty while it is being loaded; whoever asks then waits.
    loading: OnceLock<Loading>,
    /// Held for a moment by whoever waits for `loading`, and by whoever sets it.
    changing: Mutex<()>,
    changed: Condvar,
}

/// What came of it.
enum Loading {
    Loaded(Arc<Guest>),
    /// The program's own fault: the same file would fail in the same way.
    Unusable(Error),
    /// Not the program's fault, or not for certain: the next request tries anew.
    Failed(Error),
    /// The file was changed meanwhile, so what was read may be neither the old nor the new one.
    Changed,
}

impl Loading {
    /// What is kept of it.
    fn weight(&self) -> Weight {
        let (memory, code) = match self {
            Loading::Loaded(guest) => (guest.memory(), guest.code()),
            // A text of bounded length.
            Loading::Unusable(_) | Loading::Failed(_) | Loading::Changed => (0, 0),
        };
        Weight {
            programs: 1,
            memory,
            code,
        }
    }
}

/// Why a request gets no program.
pub enum Refusal {
    /// The client gets this; the log says why.
    Answer(Answer),
    /// The file cannot be used, and that is in the log.
    Unusable(String),
}

/// The program in `file`, the file that the request leads to.
///
/// # Errors
/// What the client gets; the log says why.
pub fn load(request: &Request, file: &Path) -> Result<Arc<Guest>, Answer> {
    let engine = generation::engine().ok_or_else(|| outcome::not_loaded(request))?;
    // httpd has just looked at the file: as long as it is known in that state there is no need to look again.
    let known = store::lock().find(&request.file_stamp());
    if let Some(program) = known
        && let Some(result) = take(request, &engine, &program, false)
    {
        return result.map_err(answer);
    }
    find(request, &engine, file, |stamp| {
        // httpd has judged the links that it followed. One that has come since then has been judged by nobody.
        *stamp == request.file_stamp() || !file.is_symlink()
    })
    .map_err(answer)
}

/// The program in `file`, which the configuration names and which was not loaded when the server started.
///
/// # Errors
/// Why there is none.
pub fn load_named(request: &Request, file: &Path) -> Result<Arc<Guest>, Refusal> {
    let engine = generation::engine();
    let engine = engine.ok_or_else(|| Refusal::Answer(outcome::not_loaded(request)))?;
    find(request, &engine, file, |_| true)
}

fn answer(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Answer(answer) => answer,
        Refusal::Unusable(_) => Answer::Http(500),
    }
}

/// The program in the file as it is now, if that may be used.
fn find(
    request: &Request,
    engine: &Engine,
    file: &Path,
    is_good: impl Fn(&FileStamp) -> bool,
) -> Result<Arc<Guest>, Refusal> {
    for _ in 0..ATTEMPTS {
        let (stamp, owner) = stamp::and_owner(file).map_err(|e| vanished(request, file, &e))?;
        if !is_good(&stamp) {
            break;
        }
        let new = || Program {
            file: file.to_owned(),
            stamp,
            owner,
            since: Instant::now(),
            log: HostLog::of(request),
            loading: OnceLock::new(),
            changing: Mutex::default(),
            changed: Condvar::new(),
        };
        let (program, is_new, outdated) = store::lock().find_or_add(&stamp, new);
        // Giving back the code of large programs takes time, which the lock must not be held for.
        drop(outdated);
        if is_new && !queue::add(&program, Stage::Find) {
            store::lock().remove(&program);
            let fields: &[(&str, &dyn Display)] = &[("module", &file.display())];
            log_request(request, &messages::TOO_MANY_PROGRAMS, fields);
            program.set(Loading::Failed(Error {
                code: ErrorCode::Busy,
                message: "too many others wait".to_owned(),
            }));
        }
        if let Some(result) = take(request, engine, &program, is_new) {
            return result;
        }
    }
    let detail = "it changes while it is being read";
    Err(unusable(request, file, &detail))
}

/// What came of the program; none if the file has changed since. `first`: this request has asked for it to be loaded.
fn take(
    request: &Request,
    engine: &Engine,
    program: &Program,
    first: bool,
) -> Option<Result<Arc<Guest>, Refusal>> {
    let loading = match program.loading.get() {
        Some(loading) => loading,
        None => match wait::until_loaded(request, engine, program) {
            Ok(loading) => loading,
            Err(answer) => return Some(Err(Refusal::Answer(answer))),
        },
    };
    match loading {
        Loading::Loaded(guest) => Some(Ok(Arc::clone(guest))),
        Loading::Changed => None,
        Loading::Failed(error) if error.code != ErrorCode::Io => {
            Some(Err(Refusal::Answer(outcome::come_again(request))))
        }
        Loading::Unusable(error) | Loading::Failed(error) => {
            let detail = explained(error);
            if !first {
                let file = program.file.display();
                let fields: &[(&str, &dyn Display)] = &[("module", &file), ("detail", &detail)];
                log_request(request, &messages::PROGRAM_STILL_UNUSABLE, fields);
            }
            Some(Err(Refusal::Unusable(detail)))
        }
    }
}

impl Program {
    /// Says what came of it, to whoever waits.
    fn set(&self, loading: Loading) {
        let guard = self.changing();
        // The first one stays.
        let _ = self.loading.set(loading);
        drop(guard);
        self.changed.notify_all();
    }

    /// Waits until something came of it, or for `most`.
    fn wait(&self, most: Duration) -> Option<&Loading> {
        let guard = self.changing();
        if self.loading.get().is_none() {
            let waited = self.changed.wait_timeout(guard, most);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
        self.loading.get()
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads it. On a thread of its own, while requests are being served. `false`: it has to be compiled.
    fn load(&self, stage: Stage) -> bool {
        let Some(engine) = generation::engine() else {
            self.set(Loading::Failed(Error {
                code: ErrorCode::Engine,
                message: "there is no engine".to_owned(),
            }));
            return true;
        };
        let Some(loading) = self.load_into(&engine, stage) else {
            return false;
        };
        if matches!(loading, Loading::Failed(_) | Loading::Changed) {
            store::lock().remove(self);
        }
        if let Loading::Unusable(error) | Loading::Failed(error) = &loading {
            let fields: &[(&str, &dyn Display)] = &[
                ("module", &self.file.display()),
                ("detail", &explained(error)),
            ];
            log_host(self.log, &messages::PROGRAM_UNUSABLE, fields);
        }
        // Before anybody is told of it: who is told may ask for what had to go.
        let gone = store::lock().weigh(self, loading.weight());
        self.set(loading);
        drop(gone);
        true
    }

    /// What comes of it; none if it has to be compiled.
    fn load_into(&self, engine: &Engine, stage: Stage) -> Option<Loading> {
        let start = Instant::now();
        let module = self.file.display();
        let mut progress = Progress {
            module: &module,
            size: self.stamp.size,
            report: &|message, fields| log_host(self.log, message, fields),
        };
        let options = LoadOptions {
            background: true,
            owner: self.owner.number(),
            cached_only: stage == Stage::Find,
        };
        let result = engine.load(&self.file, options, &mut progress);
        // What is kept under a state of the file must be what the file was in that state.
        if stamp::of(&self.file).ok() != Some(self.stamp) {
            return Some(Loading::Changed);
        }
        Some(match result {
            Ok((guest, source)) => {
                let fields: &[(&str, &dyn Display)] = &[
                    ("module", &module),
                    ("kind", &guest.kind()),
                    ("size", &self.stamp.size),
                    ("time", &described(source, start.elapsed())),
                ];
                log_host(self.log, &messages::PROGRAM_LOADED, fields);
                Loading::Loaded(Arc::new(guest))
            }
            Err(error) if error.code == ErrorCode::NotCached => return None,
            Err(error) if is_passing(error.code) => Loading::Failed(error),
            Err(error) => Loading::Unusable(error),
        })
    }
}

/// Whether the program is not to blame, so that it may be different next time.
pub fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Io | ErrorCode::Engine | ErrorCode::Busy | ErrorCode::Panic
    )
}

/// The file could not be looked at, although httpd could a moment ago.
fn vanished(request: &Request, file: &Path, error: &io::Error) -> Refusal {
    if error.kind() != io::ErrorKind::NotFound {
        return unusable(request, file, error);
    }
    let file = file.display();
    log_request(request, &messages::FILE_MISSING, &[("file", &file)]);
    Refusal::Answer(Answer::Http(404))
}

fn unusable(request: &Request, file: &Path, detail: &dyn Display) -> Refusal {
    let module = file.display();
    let fields: &[(&str, &dyn Display)] = &[("module", &module), ("detail", detail)];
    log_request(request, &messages::PROGRAM_UNUSABLE, fields);
    Refusal::Unusable(detail.to_string())
}
