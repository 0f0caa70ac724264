//! The engine and what is loaded in it, from one reading of the configuration to the next. A restart takes over what has
//! not changed: while httpd's parent compiles, no child accepts requests, so a restart that compiles everything anew is a
//! gap in service, of many seconds with a large interpreter. Must not know how the configuration is written.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use directives::Message;
use httpd::FileStamp;
use wasm_runtime_client::{Engine, EngineOptions, Error, ErrorCode, Guest, LoadOptions, Runtime};

use crate::loading::{Progress, described};
use crate::messages::Fields;
use crate::{programs, stamp};

/// What the children of the configuration in use run.
pub struct Generation {
    options: EngineOptions,
    engine: Arc<Engine>,
    loaded: Vec<Loaded>,
}

/// One program in the engine.
struct Loaded {
    file: FileStamp,
    /// The program, or why it cannot be used.
    guest: Result<Arc<Guest>, Error>,
}

/// A program that was just loaded, or kept.
pub struct Loading {
    /// The program.
    pub guest: Arc<Guest>,
    /// The file's size in bytes.
    pub size: u64,
    /// Where it came from and how long it took, for the log.
    pub time: String,
}

/// The generation in use. The parent holds one at a time; children inherit it by fork.
static CURRENT: Mutex<Option<Generation>> = Mutex::new(None);

/// Puts a generation in use and returns the one before.
pub fn replace(generation: Option<Generation>) -> Option<Generation> {
    std::mem::replace(
        &mut *CURRENT.lock().unwrap_or_else(PoisonError::into_inner),
        generation,
    )
}

/// The engine in use; none while the configuration is only checked.
pub fn engine() -> Option<Arc<Engine>> {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    current
        .as_ref()
        .map(|generation| Arc::clone(&generation.engine))
}

impl Generation {
    /// A generation without programs, on the engine of the one before if that was made with the same options.
    pub fn new(
        runtime: &'static Runtime,
        options: EngineOptions,
        previous: Option<&Generation>,
    ) -> Result<Generation, Error> {
        let engine = match previous.filter(|previous| previous.options == options) {
            Some(previous) => Arc::clone(&previous.engine),
            None => Arc::new(runtime.new_engine(&options)?),
        };
        Ok(Generation {
            options,
            engine,
            loaded: Vec::new(),
        })
    }

    /// Why instances do not come from a pool, if they do not.
    pub fn unpooled(&self) -> Option<String> {
        self.engine.unpooled()
    }

    /// Opens the cache of compiled programs. Without it everything is compiled.
    pub fn prepare_cache(&self) -> Result<(), Error> {
        self.engine.prepare_cache()
    }

    /// Loads the program of a file, or takes it over from the generation before, as what came of it. `cached_only`: it must
    /// not be compiled.
    ///
    /// # Errors
    /// Those of [`Engine::load`].
    pub fn load(
        &mut self,
        path: &Path,
        previous: Option<&Generation>,
        cached_only: bool,
        report: &dyn Fn(&Message, &Fields<'_>),
    ) -> Result<Loading, Error> {
        let start = Instant::now();
        // Before it is read: if it changes meanwhile, the next restart sees that. A file that cannot be looked at cannot
        // be loaded either, and the engine says why.
        let file = stamp::of(path).ok();
        let size = file.as_ref().map_or(0, |file| file.size);
        let kept = previous
            .filter(|previous| Arc::ptr_eq(&previous.engine, &self.engine))
            .and_then(|previous| {
                previous
                    .loaded
                    .iter()
                    .find(|loaded| Some(&loaded.file) == file.as_ref())
            });
        let (guest, time) = match kept {
            Some(loaded) => (loaded.guest.clone(), "unchanged".to_owned()),
            None => {
                let mut progress = Progress {
                    module: &path.display(),
                    size,
                    report,
                };
                let options = LoadOptions {
                    // No requests are held up in the parent, which accepts none.
                    background: false,
                    // What the configuration names is the operator's.
                    owner: 0,
                    cached_only,
                };
                match self.engine.load(path, options, &mut progress) {
                    Ok((guest, source)) => {
                        (Ok(Arc::new(guest)), described(source, start.elapsed()))
                    }
                    Err(error) => (Err(error), String::new()),
                }
            }
        };
        let lasting = match &guest {
            Ok(_) => true,
            Err(error) => error.code != ErrorCode::NotCached && !programs::is_passing(error.code),
        };
        if let Some(file) = file.filter(|_| lasting) {
            self.loaded.push(Loaded {
                file,
                guest: guest.clone(),
            });
        }
        Ok(Loading {
            guest: guest?,
            size,
            time,
        })
    }
}
