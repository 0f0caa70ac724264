//! The programs that requests name: each file is loaded when it is first asked for, on the thread of that request, and kept for
//! those that follow. Others that want the same file meanwhile wait for it. A file that has changed is another program:
//! whoever runs the old one keeps it to the end.
//!
//! Each child has a store of its own. It must not know who may run what.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use directives::messages;
use httpd::{Answer, FileStamp, Request};
use wasm_runtime_client::{Engine, Error, ErrorCode, Guest};

use crate::loading::{Progress, described};
use crate::messages::log_request;
use crate::{generation, outcome, stamp};

/// So many programs are kept in one child. The one that was asked for longest ago makes room; its code is given back when
/// its last request has ended. A small program has about 1 MB of code, an interpreter of 30 MB about 100 MB.
const KEPT: usize = 64;
/// A file of more bytes is not read: whoever may put a file on the server must not make it run out of memory. The largest
/// interpreters have 30 MB.
const LARGEST: u64 = 256 << 20;
/// So often a file is read anew that changes while it is being loaded.
const ATTEMPTS: usize = 5;

static STORE: Mutex<Store> = Mutex::new(Store {
    entries: Vec::new(),
    asked: 0,
});

#[derive(Default)]
struct Store {
    entries: Vec<Entry>,
    /// How often a program has been asked for: the clock of the store.
    asked: u64,
}

struct Entry {
    program: Arc<Program>,
    last_asked: u64,
}

/// One state of a file.
struct Program {
    file: PathBuf,
    stamp: FileStamp,
    /// Empty while it is being loaded; whoever asks then waits.
    loading: OnceLock<Loading>,
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

/// Forgets all programs, before a child serves.
pub fn forget() {
    let forgotten = std::mem::take(&mut *lock());
    drop(forgotten);
}

/// The program in `file`, the file that the request leads to.
///
/// # Errors
/// What the client gets; the log says why.
pub fn load(request: &Request, file: &Path) -> Result<Arc<Guest>, Answer> {
    let engine = generation::engine().ok_or_else(|| outcome::not_loaded(request))?;
    // httpd has just looked at the file: as long as it is known in that state there is no need to look again.
    let known = lock().find(&request.file_stamp());
    if let Some(program) = known
        && let Some(result) = take(request, &engine, &program)
    {
        return result;
    }
    for _ in 0..ATTEMPTS {
        let stamp = stamp::of(file).map_err(|error| vanished(request, file, &error))?;
        // httpd has judged the links that it followed. One that has come since then has been judged by nobody.
        if stamp != request.file_stamp() && file.is_symlink() {
            break;
        }
        let (program, outdated) = lock().find_or_add(file, &stamp);
        // Giving back the code of large programs takes time, which the lock must not be held for.
        drop(outdated);
        if let Some(result) = take(request, &engine, &program) {
            return result;
        }
    }
    let detail = "it changes while it is being read";
    Err(unusable(request, file, &detail))
}

/// What came of the program, which this request loads if it is the first; none if the file has changed since.
fn take(
    request: &Request,
    engine: &Engine,
    program: &Arc<Program>,
) -> Option<Result<Arc<Guest>, Answer>> {
    let mut first = false;
    let loading = program.loading.get_or_init(|| {
        first = true;
        compile(request, engine, program)
    });
    if first && matches!(loading, Loading::Failed(_) | Loading::Changed) {
        lock().remove(program);
    }
    match loading {
        Loading::Loaded(guest) => Some(Ok(Arc::clone(guest))),
        Loading::Changed => None,
        Loading::Unusable(error) | Loading::Failed(error) if first => {
            Some(Err(unusable(request, &program.file, error)))
        }
        Loading::Unusable(error) | Loading::Failed(error) => {
            let file = program.file.display();
            let fields: &[(&str, &dyn Display)] = &[("module", &file), ("detail", error)];
            log_request(request, &messages::PROGRAM_STILL_UNUSABLE, fields);
            Some(Err(Answer::Http(500)))
        }
    }
}

fn compile(request: &Request, engine: &Engine, program: &Program) -> Loading {
    let start = Instant::now();
    let file = &program.file;
    if program.stamp.size > LARGEST {
        return Loading::Unusable(Error {
            code: ErrorCode::Invalid,
            message: format!("it is larger than {LARGEST} bytes"),
        });
    }
    let module = file.display();
    let mut progress = Progress {
        module: &module,
        size: program.stamp.size,
        report: &|message, fields| log_request(request, message, fields),
    };
    // Other requests are served meanwhile, and come first.
    let result = engine.load(file, true, &mut progress);
    // What is kept under a state of the file must be what the file was in that state.
    if stamp::of(file).ok() != Some(program.stamp) {
        return Loading::Changed;
    }
    match result {
        Ok((guest, source)) => {
            let fields: &[(&str, &dyn Display)] = &[
                ("module", &module),
                ("kind", &guest.kind()),
                ("size", &program.stamp.size),
                ("time", &described(source, start.elapsed())),
            ];
            log_request(request, &messages::PROGRAM_LOADED, fields);
            Loading::Loaded(Arc::new(guest))
        }
        Err(error) if matches!(error.code, ErrorCode::Io | ErrorCode::Engine) => {
            Loading::Failed(error)
        }
        Err(error) => Loading::Unusable(error),
    }
}

/// The file could not be looked at, although httpd could a moment ago.
fn vanished(request: &Request, file: &Path, error: &io::Error) -> Answer {
    if error.kind() != io::ErrorKind::NotFound {
        return unusable(request, file, error);
    }
    let file = file.display();
    log_request(request, &messages::FILE_MISSING, &[("file", &file)]);
    Answer::Http(404)
}

fn unusable(request: &Request, file: &Path, detail: &dyn Display) -> Answer {
    let module = file.display();
    let fields: &[(&str, &dyn Display)] = &[("module", &module), ("detail", detail)];
    log_request(request, &messages::PROGRAM_UNUSABLE, fields);
    Answer::Http(500)
}

fn lock() -> MutexGuard<'static, Store> {
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    fn find(&mut self, stamp: &FileStamp) -> Option<Arc<Program>> {
        self.asked += 1;
        let mut entries = self.entries.iter_mut();
        let entry = entries.find(|entry| entry.program.stamp == *stamp)?;
        entry.last_asked = self.asked;
        Some(Arc::clone(&entry.program))
    }

    /// The program in that state of the file, and what has to make room for it if it is new: the file in another state, and
    /// one program if there are too many.
    fn find_or_add(&mut self, file: &Path, stamp: &FileStamp) -> (Arc<Program>, Vec<Entry>) {
        if let Some(program) = self.find(stamp) {
            return (program, Vec::new());
        }
        let outdated = self
            .entries
            .extract_if(.., |entry| entry.program.file == file);
        let mut outdated: Vec<Entry> = outdated.collect();
        if self.entries.len() >= KEPT {
            outdated.extend(self.oldest().map(|at| self.entries.swap_remove(at)));
        }
        let program = Arc::new(Program {
            file: file.to_owned(),
            stamp: *stamp,
            loading: OnceLock::new(),
        });
        self.entries.push(Entry {
            program: Arc::clone(&program),
            last_asked: self.asked,
        });
        (program, outdated)
    }

    /// Where the program is that was asked for longest ago. One that is being loaded stays, for those who wait for it.
    fn oldest(&self) -> Option<usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.program.loading.get().is_some())
            .min_by_key(|(_, entry)| entry.last_asked)
            .map(|(at, _)| at)
    }

    fn remove(&mut self, program: &Arc<Program>) {
        self.entries
            .retain(|entry| !Arc::ptr_eq(&entry.program, program));
    }
}
