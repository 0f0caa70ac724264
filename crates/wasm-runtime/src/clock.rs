//! One background thread: it advances the epochs that interrupt running guests, and drives the
//! timers of sleeping ones.
//!
//! Guests themselves never run on it: a guest's future is polled on the thread that asked for it.
//! That thread only *enters* the clock's runtime, which (unlike blocking in it) may nest, as it
//! does when a guest's output makes the server run another guest. The thread is started by the
//! first guest, so that a server may create its engine, fork, and run guests in the children.

use crate::capi::signals::{block_signals, while_blocked};
use crate::{Error, ErrorCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How often running guests are interrupted to look at their deadline.
pub const TICK: Duration = Duration::from_millis(10);

/// How long a process that ends waits for the clock, which takes a tick.
const STOP: Duration = Duration::from_millis(100);

/// Threads that guests may block at once: with names that they look up, until the system's resolver answers; and those of
/// WASI 0.3 with files.
const BLOCKED: usize = 1024;

/// The clock sleeps when no guest has run for this many ticks.
const IDLE_TICKS: u32 = 100;

/// The background thread and what it shares with the threads that run guests.
#[derive(Default)]
pub struct Clock {
    handle: OnceLock<Handle>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    engines: Mutex<Vec<wasmtime::Engine>>,
    active: AtomicU64,
    started: AtomicU64,
    ticks: Arc<AtomicU64>,
    asleep: AtomicBool,
    stopping: AtomicBool,
    ended: AtomicBool,
    wake: Notify,
}

/// Held while a guest runs: keeps the clock ticking and its timers usable on this thread.
pub struct Running<'a> {
    shared: &'a Shared,
    _entered: EnterGuard<'a>,
}

impl Clock {
    /// Makes the clock advance this engine's epoch.
    pub fn add(&self, engine: &wasmtime::Engine) {
        self.shared.engines().push(engine.clone());
    }

    /// A counter of ticks, to notice cheaply that time has passed.
    pub fn ticks(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.ticks)
    }

    /// Announces a guest on this thread, starting or waking the clock.
    pub fn run(&self) -> Result<Running<'_>, Error> {
        let handle = match self.handle.get() {
            Some(handle) => handle,
            None => self.start()?,
        };
        // The clock's thread stores `asleep` and then reads `active`; here it is the other way
        // round, so one of the two sees the other (both are sequentially consistent).
        self.shared.active.fetch_add(1, Ordering::SeqCst);
        self.shared.started.fetch_add(1, Ordering::Relaxed);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.shared.wake.notify_one();
        }
        Ok(Running {
            shared: &self.shared,
            _entered: handle.enter(),
        })
    }

    /// Lets a task run on the clock's thread; it must be short-lived work between sleeps. Only from a thread
    /// that has announced a guest.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(handle) = self.handle.get() {
            handle.spawn(task);
        }
    }

    /// Lets the thread end, for a process that is about to. It takes no lock and waits a bounded time:
    /// a server may call it from a signal handler that has interrupted a guest. A thread that sleeps is
    /// left to the end of the process.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        while self.ticking() && begun.elapsed() < STOP {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn ticking(&self) -> bool {
        let started = self.handle.get().is_some();
        started
            && !self.shared.asleep.load(Ordering::SeqCst)
            && !self.shared.ended.load(Ordering::SeqCst)
    }

    fn lock_thread(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<&Handle, Error> {
        let failed = |e| Error::new(ErrorCode::Engine, format!("cannot start the clock: {e}"));
        let mut thread = self.lock_thread();
        if let Some(handle) = self.handle.get() {
            return Ok(handle);
        }
        // Sockets of guests are driven here too; names are looked up, and files of WASI 0.3 used, on threads that it starts.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKED)
            .on_thread_start(block_signals)
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let shared = Arc::clone(&self.shared);
        let builder = std::thread::Builder::new().name("wasm-clock".into());
        let join =
            while_blocked(|| builder.spawn(move || runtime.block_on(shared.tick_until_stopped())))
                .map_err(failed)?;
        *thread = Some(join);
        Ok(self.handle.get_or_init(|| handle))
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.wake.notify_one();
        let thread = self.lock_thread().take();
        if let Some(thread) = thread {
            // An error means that the thread panicked: it has ended all the same.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn engines(&self) -> std::sync::MutexGuard<'_, Vec<wasmtime::Engine>> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tick_until_stopped(&self) {
        let mut idle = 0;
        let mut seen = 0;
        while !self.stopping.load(Ordering::SeqCst) {
            if idle >= IDLE_TICKS {
                self.sleep_until_needed().await;
                idle = 0;
            }
            // Woken early or not: a tick too many does no harm.
            let _ = timeout(TICK, self.wake.notified()).await;
            self.ticks.fetch_add(1, Ordering::Relaxed);
            for engine in self.engines().iter() {
                engine.increment_epoch();
            }
            let started = self.started.load(Ordering::Relaxed);
            let busy = self.active.load(Ordering::SeqCst) > 0 || started != seen;
            idle = if busy { 0 } else { idle + 1 };
            seen = started;
        }
        self.ended.store(true, Ordering::SeqCst);
    }

    async fn sleep_until_needed(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        let needed =
            || self.active.load(Ordering::SeqCst) > 0 || self.stopping.load(Ordering::SeqCst);
        while !needed() {
            self.wake.notified().await;
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.shared.active.fetch_sub(1, Ordering::SeqCst);
    }
}
