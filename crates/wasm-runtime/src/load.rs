//! From the bytes of a program to one that can be instantiated: out of the cache, or compiled.
//!
//! A compilation runs on threads of its own, which have ended when it is over: a process that
//! compiled on a shared pool of threads and then forks leaves its children a pool without threads.
//! They take no signals. One process compiles one program at a time, so that the memory this takes
//! does not multiply.

use crate::cache::{Cache, Key, Lock, Ready};
use crate::capi::artifact::Artifact;
use crate::capi::signals::while_blocked;
use crate::{Error, ErrorCode};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use wasmtime::Engine;

/// How often the caller is told that a compilation goes on.
const PERIOD: Duration = Duration::from_secs(2);

/// How much less than requests a compilation in the background gets of the processor.
const NICE: i32 = 10;

/// Where a loaded program came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was compiled.
    Compiled,
    /// Out of the cache.
    Cache,
}

/// What a program is being loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Nothing else is to be done: as fast as can be.
    Foreground,
    /// Requests are being served meanwhile, and go first.
    Background,
}

/// What takes time while a program is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is being compiled.
    Compiling,
    /// Another process may be compiling it.
    Waiting,
}

/// What went wrong with the cache. The program is loaded all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A file was not what had been written there; it has been removed.
    Damaged,
    /// The compiled program could not be kept.
    NotKept,
}

/// Who is told how loading goes on. All calls are made on the thread that loads.
pub trait Watch {
    /// It has begun (0), or still goes on after this time: about every two seconds.
    fn phase(&mut self, phase: Phase, elapsed: Duration);
    /// The cache is in trouble.
    fn trouble(&mut self, trouble: Trouble, detail: &str);
}

/// Nobody is told.
pub struct Unwatched;

impl Watch for Unwatched {
    fn phase(&mut self, _: Phase, _: Duration) {}
    fn trouble(&mut self, _: Trouble, _: &str) {}
}

enum Event {
    Phase(Phase),
    Trouble(Trouble, String),
}

/// A program of more bytes takes its time.
const SMALL: usize = 1 << 20;

/// One program at a time is compiled in a process, so that the memory which that takes does not multiply; and one small one
/// beside it, so that it need not wait for an interpreter.
#[derive(Default)]
pub struct Turns {
    small: Mutex<()>,
    large: Mutex<()>,
}

impl Turns {
    fn take(&self, program: &[u8]) -> MutexGuard<'_, ()> {
        let turn = match program.len() <= SMALL {
            true => &self.small,
            false => &self.large,
        };
        turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads one program.
pub struct Loader<'a> {
    /// The engine's cache.
    pub cache: Option<&'a Cache>,
    /// Who may compile in this process.
    pub turns: &'a Turns,
    /// How much it matters.
    pub urgency: Urgency,
    /// Who is told.
    pub watch: &'a mut dyn Watch,
    /// Where the program came from, once it is loaded.
    pub source: Source,
}

impl Loader<'_> {
    /// The program, ready to be linked.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`], [`ErrorCode::Engine`].
    pub fn load<T: Artifact>(&mut self, engine: &Engine, program: &[u8]) -> Result<T, Error> {
        let Some(ready) = self.cache.and_then(Cache::ready) else {
            let _turn = self.turns.take(program);
            return self.aside(|events| {
                tell(events, Event::Phase(Phase::Compiling));
                compile(|| T::compile(engine, program))
            });
        };
        let key = Key::new(engine, T::FORM, program);
        let mut damaged = Vec::new();
        let found = find(engine, &ready, &key, &mut |detail| damaged.push(detail));
        for detail in damaged {
            self.watch.trouble(Trouble::Damaged, &detail);
        }
        if let Some(found) = found {
            self.source = Source::Cache;
            return Ok(found);
        }
        let _turn = self.turns.take(program);
        let (loaded, source) = self.aside(|events| {
            let caching = Caching {
                engine,
                ready: &ready,
                key: &key,
                events,
            };
            caching.load(program)
        })?;
        self.source = source;
        Ok(loaded)
    }

    /// Runs `work` on a thread of its own and passes on what it tells.
    fn aside<T: Send>(
        &mut self,
        work: impl FnOnce(&Sender<Event>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let urgency = self.urgency;
        thread::scope(|scope| {
            let (events, told) = mpsc::channel();
            let run = move || {
                if urgency == Urgency::Background {
                    // Of this thread and those it starts; without it, it is only less polite.
                    let _ = rustix::process::nice(NICE);
                }
                work(&events)
            };
            let builder = thread::Builder::new().name("wasm-compile".into());
            let runner =
                while_blocked(|| builder.spawn_scoped(scope, run)).map_err(|e| cannot_start(&e))?;
            self.pass_on(&told);
            match runner.join() {
                Ok(result) => result,
                // On to the boundary of the library, which reports it.
                Err(payload) => std::panic::resume_unwind(payload),
            }
        })
    }

    /// Until the other side hangs up.
    fn pass_on(&mut self, told: &mpsc::Receiver<Event>) {
        let mut phase: Option<(Phase, Instant)> = None;
        loop {
            match told.recv_timeout(PERIOD) {
                Ok(Event::Phase(new)) => {
                    phase = Some((new, Instant::now()));
                    self.watch.phase(new, Duration::ZERO);
                }
                Ok(Event::Trouble(trouble, detail)) => self.watch.trouble(trouble, &detail),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some((phase, begun)) = phase {
                        self.watch.phase(phase, begun.elapsed());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// A program that was not in the cache.
struct Caching<'a> {
    engine: &'a Engine,
    ready: &'a Arc<Ready>,
    key: &'a Key,
    events: &'a Sender<Event>,
}

impl Caching<'_> {
    fn load<T: Artifact>(&self, program: &[u8]) -> Result<(T, Source), Error> {
        let place = self.ready.writable().and_then(|folder| {
            tell(self.events, Event::Phase(Phase::Waiting));
            Ok((folder, folder.lock(self.key.stripe())?))
        });
        if place.is_ok() {
            // Whoever held the lock, or this process's turn, may have compiled just this.
            let mut damaged = |detail| self.trouble(Trouble::Damaged, detail);
            if let Some(found) = find(self.engine, self.ready, self.key, &mut damaged) {
                return Ok((found, Source::Cache));
            }
        }
        tell(self.events, Event::Phase(Phase::Compiling));
        let fresh = compile(|| T::precompile(self.engine, program))?;
        let kept = place.and_then(|(folder, lock): (_, Lock)| {
            self.ready.store(folder, &lock, self.key, fresh.bytes())
        });
        let mapped = match kept {
            // Mapped rather than copied: its pages are those of every process that maps it.
            Ok(entry) => T::map(self.engine, &entry).map_err(|e| format!("{e:#}")),
            Err(e) => Err(e.to_string()),
        };
        let loaded = match mapped {
            Ok(mapped) => mapped,
            Err(detail) => {
                self.trouble(Trouble::NotKept, detail);
                T::from_fresh(self.engine, &fresh).map_err(|e| invalid(&e))?
            }
        };
        Ok((loaded, Source::Compiled))
    }

    fn trouble(&self, trouble: Trouble, detail: String) {
        tell(self.events, Event::Trouble(trouble, detail));
    }
}

/// The program in the cache. What cannot be mapped was made by another engine, and goes.
fn find<T: Artifact>(
    engine: &Engine,
    ready: &Ready,
    key: &Key,
    damaged: &mut dyn FnMut(String),
) -> Option<T> {
    let entry = ready.find(key, damaged)?;
    match T::map(engine, &entry) {
        Ok(mapped) => Some(mapped),
        Err(e) => {
            damaged(crate::error::one_line(&format!(
                "{}: {e:#}",
                &**entry.name()
            )));
            ready.discard(&entry);
            None
        }
    }
}

fn tell(events: &Sender<Event>, event: Event) {
    // The other side listens until this one hangs up.
    let _ = events.send(event);
}

/// Runs a compilation on as many threads as there are processors.
fn compile<T: Send>(work: impl FnOnce() -> wasmtime::Result<T> + Send) -> Result<T, Error> {
    let result = rayon::ThreadPoolBuilder::new()
        .thread_name(|i| format!("wasm-compile-{i}"))
        .build_scoped(|thread| thread.run(), |pool| pool.install(work))
        .map_err(|e| cannot_start(&e))?;
    result.map_err(|e| invalid(&e))
}

fn invalid(error: &wasmtime::Error) -> Error {
    Error::wasmtime(ErrorCode::Invalid, error)
}

fn cannot_start(error: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::Engine,
        format!("cannot start compiling: {error}"),
    )
}
