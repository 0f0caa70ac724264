//! From the content of a program to native code that can be mapped: out of the cache, or compiled.
//!
//! Nothing of a program is looked at in this process but its hash, unless the engine has no compiler of its own: then the
//! programs are trusted and compiled here. Whoever compiles waits for three things in turn: its owner's other programs, the
//! same program in another process, and the processor; each for a bounded time.

use crate::cache::{About, Cache, Key, OPERATOR, Owner, Ready, Verified, engine_mark};
use crate::capi::signals::while_blocked;
use crate::compile::compile;
use crate::compiler::{Code, CompilerOptions, Job, JobKind, Summary};
use crate::guest::Plan;
use crate::kind::Shape;
use crate::permits::{Permit, Permits};
use crate::program::{Content, SealedCopy, memory, seal};
use crate::weight::Weight;
use crate::{Allowed, Error, ErrorCode};
use std::fs::File;
use std::io::Write;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How often the caller is told that a compilation goes on.
const PERIOD: Duration = Duration::from_secs(2);

/// How much less than requests a compilation in the background gets of the processor.
const NICE: i32 = 10;

/// Stack of the thread that loads, bytes: four times what the helper has for the same.
const STACK: usize = 16 << 20;

/// Maximum time that a program waits until it may be read, or compiled: longer than any compilation takes.
const PATIENCE: Duration = Duration::from_secs(600);

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

/// How a program is to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// How much it matters.
    pub urgency: Urgency,
    /// Whose program it is.
    pub owner: Owner,
    /// Not if it would have to be compiled.
    pub cached_only: bool,
}

/// What takes time while a program is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is being compiled.
    Compiling,
    /// It waits for others that are being compiled; another process may be at the same one.
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

/// Native code of a program, in a file that nobody changes.
pub enum NativeCode {
    /// Of the cache.
    Kept(Verified),
    /// Just compiled.
    Fresh(Code),
}

impl NativeCode {
    /// The file.
    pub fn file(&self) -> &File {
        match self {
            NativeCode::Kept(entry) => entry.file(),
            NativeCode::Fresh(code) => &code.file,
        }
    }

    /// What the program takes once it is loaded, with so many bytes of the heap.
    fn weight(&self, heap: u64) -> Weight {
        let code = self.file().metadata().map_or(0, |metadata| metadata.len());
        Weight {
            memory: match self {
                NativeCode::Kept(_) => heap,
                // The file is memory of this process.
                NativeCode::Fresh(_) => heap.saturating_add(code),
            },
            code,
        }
    }

    /// What is known of the program.
    pub fn summary(&self) -> Summary {
        match self {
            NativeCode::Kept(entry) => {
                let about = entry.name().about();
                Summary {
                    kind: about.kind,
                    concurrent: about.concurrent,
                    code: 0,
                }
            }
            NativeCode::Fresh(code) => code.summary,
        }
    }
}

/// Numbers of permits: who reads programs, who compiles, and one for each owner.
mod numbers {
    use crate::cache::Owner;
    use std::num::NonZero;
    use std::ops::Range;
    use std::thread::available_parallelism;

    /// Reading takes little time, and no memory.
    pub fn readers() -> Range<i64> {
        0..4
    }

    /// As many as there are processors, so that the memory which compiling takes does not multiply; at least two, so that
    /// one large program does not keep all others waiting.
    pub fn jobs() -> Range<i64> {
        let processors = available_parallelism().map_or(1, NonZero::get);
        100..100 + i64::try_from(processors.clamp(2, 64)).unwrap_or(2)
    }

    /// One program of an owner at a time.
    pub fn of(owner: Owner) -> Range<i64> {
        let number = (1 << 32) + i64::from(owner);
        number..number + 1
    }
}

enum Event {
    Phase(Phase),
    Trouble(Trouble, String),
}

/// What loading a program needs of the engine.
pub struct Loader<'a> {
    /// An engine of the settings that programs are compiled for.
    pub engine: &'a wasmtime::Engine,
    /// The engine's cache.
    pub cache: Option<&'a Cache>,
    /// Who may read and compile.
    pub permits: &'a Permits,
    /// How strangers' programs are compiled; `None`: all are trusted.
    pub compiler: Option<&'a CompilerOptions>,
    /// The largest memory limit of any request, bytes.
    pub memory_limit: u64,
    /// The features that programs may use.
    pub allowed: Allowed,
    /// How it is to be done.
    pub options: LoadOptions,
    /// Maps code and links it. [`ErrorCode::Invalid`] says that it was not made for this engine.
    pub link: &'a (dyn Fn(&NativeCode) -> Result<Linked, Error> + Sync),
}

/// A program that has been linked.
pub struct Linked {
    /// How it is run.
    pub plan: Plan,
    /// What it exports.
    pub shape: Shape,
    /// Bytes of the heap that it takes.
    pub heap: u64,
}

/// A program that is ready to be run.
pub struct Loaded {
    /// What is known of it.
    pub summary: Summary,
    /// How it is run.
    pub plan: Plan,
    /// What it exports.
    pub shape: Shape,
    /// What it takes.
    pub weight: Weight,
    /// Where it came from.
    pub source: Source,
}

impl Loaded {
    fn new(code: &NativeCode, linked: Linked, source: Source) -> Loaded {
        Loaded {
            summary: code.summary(),
            plan: linked.plan,
            shape: linked.shape,
            weight: code.weight(linked.heap),
            source,
        }
    }
}

impl Loader<'_> {
    /// Loads a program. All threads started for it have ended when it returns.
    ///
    /// # Errors
    /// What is wrong with the program; [`ErrorCode::NotCached`]; [`ErrorCode::Busy`] when too many others are being
    /// compiled; [`ErrorCode::Io`] and [`ErrorCode::Engine`], for which the program is not to blame.
    pub fn load(&self, content: &Content<'_>, watch: &mut dyn Watch) -> Result<Loaded, Error> {
        self.aside(watch, |events| self.find_or_make(content, &Told { events }))
    }

    fn find_or_make(&self, content: &Content<'_>, told: &Told<'_>) -> Result<Loaded, Error> {
        let deadline = Instant::now() + PATIENCE;
        let ready = self.cache.and_then(Cache::ready);
        let ready = ready.as_ref();
        let mut waiting = told.waiting();
        let reader = self.permit(numbers::readers(), deadline, &mut waiting)?;
        let digest = content.digest()?;
        let key = Key::new(self.engine, &digest);
        if let Some(loaded) = self.find(ready, &key, told)? {
            return Ok(loaded);
        }
        drop(reader);
        if self.options.cached_only {
            let text = "it has not been compiled yet";
            return Err(Error::new(ErrorCode::NotCached, text));
        }
        let _owner = self.owner(deadline, &mut waiting)?;
        let place = ready.map(|ready| {
            let folder = ready.writable()?;
            let lock = folder.lock(&key, deadline, &mut waiting)?;
            Ok::<_, std::io::Error>((ready, folder, lock))
        });
        // Whoever held the lock may have compiled just this.
        if let Some(loaded) = self.find(ready, &key, told)? {
            return Ok(loaded);
        }
        let _job = self.permit(numbers::jobs(), deadline, &mut waiting)?;
        let program = content.copy()?;
        if program.digest != digest {
            let text = "it has been changed while it was read";
            return Err(Error::new(ErrorCode::Io, text));
        }
        told.tell(Event::Phase(Phase::Compiling));
        let fresh = NativeCode::Fresh(self.compile(&program)?);
        drop(program);
        let summary = fresh.summary();
        let about = About {
            kind: summary.kind,
            concurrent: summary.concurrent,
            owner: self.options.owner,
        };
        let kept = place.map(|place| {
            let (ready, folder, lock) = place?;
            ready.store(folder, &lock, &key, about, fresh.file())
        });
        let code = match kept {
            // Mapped from there, its pages are those of every process that maps it.
            Some(Ok(entry)) => NativeCode::Kept(entry),
            Some(Err(e)) => {
                told.trouble(Trouble::NotKept, e.to_string());
                fresh
            }
            None => fresh,
        };
        Ok(Loaded::new(&code, (self.link)(&code)?, Source::Compiled))
    }

    /// The permit of the program's owner; none for the operator, who waits for nobody.
    fn owner(&self, deadline: Instant, waiting: &mut dyn FnMut()) -> Result<Option<Permit>, Error> {
        match self.options.owner {
            OPERATOR => Ok(None),
            owner => self.permit(numbers::of(owner), deadline, waiting),
        }
    }

    /// A permit. A server that starts needs none: it loads one program after the other, and must not wait for what those who
    /// serve are still compiling.
    fn permit(
        &self,
        numbers: Range<i64>,
        deadline: Instant,
        waiting: &mut dyn FnMut(),
    ) -> Result<Option<Permit>, Error> {
        match self.options.urgency {
            Urgency::Foreground => Ok(None),
            Urgency::Background => Ok(Some(self.permits.take(numbers, deadline, waiting)?)),
        }
    }

    /// The program in the cache. What cannot be mapped was made by another engine, and goes; what the machine refuses to map
    /// stays.
    fn find(
        &self,
        ready: Option<&Arc<Ready>>,
        key: &Key,
        told: &Told<'_>,
    ) -> Result<Option<Loaded>, Error> {
        let Some(ready) = ready else { return Ok(None) };
        let found = ready.find(key, &mut |detail| told.trouble(Trouble::Damaged, detail));
        let Some(code) = found.map(NativeCode::Kept) else {
            return Ok(None);
        };
        match (self.link)(&code) {
            Ok(linked) => Ok(Some(Loaded::new(&code, linked, Source::Cache))),
            Err(e) if e.code == ErrorCode::Invalid => {
                if let NativeCode::Kept(entry) = &code {
                    told.trouble(Trouble::Damaged, format!("{}: {e}", &**entry.name()));
                    ready.discard(entry);
                }
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn compile(&self, program: &SealedCopy) -> Result<Code, Error> {
        let job = Job {
            kind: JobKind::Compile,
            memory_limit: self.memory_limit,
            allowed: self.allowed,
            entry_point: None,
            background: self.options.urgency == Urgency::Background,
            engine: &engine_mark(self.engine),
        };
        match self.compiler {
            Some(compiler) => compiler.compile(&job, program),
            None => compile_here(program, self.memory_limit, self.allowed),
        }
    }

    /// Runs `work` on a thread of its own and passes on what it tells.
    fn aside<T: Send>(
        &self,
        watch: &mut dyn Watch,
        work: impl FnOnce(&Sender<Event>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let urgency = self.options.urgency;
        thread::scope(|scope| {
            let (events, told) = mpsc::channel();
            let run = move || {
                if urgency == Urgency::Background {
                    // Of this thread and those it starts; without it, it is only less polite.
                    let _ = rustix::process::nice(NICE);
                }
                work(&events)
            };
            let builder = thread::Builder::new()
                .name("wasm-load".into())
                .stack_size(STACK);
            let runner =
                while_blocked(|| builder.spawn_scoped(scope, run)).map_err(|e| cannot_start(&e))?;
            pass_on(&told, watch);
            match runner.join() {
                Ok(result) => result,
                // On to the boundary of the library, which reports it.
                Err(payload) => std::panic::resume_unwind(payload),
            }
        })
    }
}

/// Passes on what a loading thread tells, until it hangs up.
fn pass_on(told: &mpsc::Receiver<Event>, watch: &mut dyn Watch) {
    let mut phase: Option<(Phase, Instant)> = None;
    loop {
        match told.recv_timeout(PERIOD) {
            Ok(Event::Phase(new)) => {
                phase = Some((new, Instant::now()));
                watch.phase(new, Duration::ZERO);
            }
            Ok(Event::Trouble(trouble, detail)) => watch.trouble(trouble, &detail),
            Err(RecvTimeoutError::Timeout) => {
                if let Some((phase, begun)) = phase {
                    watch.phase(phase, begun.elapsed());
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What is told by the thread that loads to the one that watches.
struct Told<'a> {
    events: &'a Sender<Event>,
}

impl Told<'_> {
    fn tell(&self, event: Event) {
        // The other side listens until this one hangs up.
        let _ = self.events.send(event);
    }

    fn trouble(&self, trouble: Trouble, detail: String) {
        self.tell(Event::Trouble(trouble, detail));
    }

    /// Tells once that the program waits.
    fn waiting(&self) -> impl FnMut() {
        let mut told = false;
        move || {
            if !told {
                told = true;
                self.tell(Event::Phase(Phase::Waiting));
            }
        }
    }
}

/// Checks and compiles a trusted program in this process.
fn compile_here(program: &SealedCopy, memory_limit: u64, allowed: Allowed) -> Result<Code, Error> {
    let failed =
        |e: std::io::Error| Error::new(ErrorCode::Engine, format!("cannot keep the code: {e}"));
    let bytes = program.bytes()?;
    let shape = crate::check_with(&bytes, memory_limit, allowed)?;
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let (kind, concurrent) = (shape.kind()?, shape.is_concurrent());
    let code = compile(&bytes, kind, concurrent, threads, allowed)?;
    let mut file = memory("wasm-code").map_err(failed)?;
    file.write_all(&code).map_err(failed)?;
    seal(&file).map_err(failed)?;
    let summary = Summary {
        kind,
        concurrent,
        code: code.len() as u64,
    };
    Ok(Code { summary, file })
}

fn cannot_start(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::Engine, format!("cannot start a thread: {error}"))
}
