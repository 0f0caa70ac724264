//! Engines and guests: handles that free themselves, guests before their engine.
#![expect(
    unsafe_code,
    reason = "calls C functions on handles; each use is argued for where it stands"
)]

use crate::error::Error;
use crate::exchange::{self, Exchange, Outcome};
use crate::load::{self, LoadOptions, Source, Watch};
use crate::permit::{self, Permit};
use crate::request::Request;
use crate::runtime::{GuestKind, Runtime, text_at};
use crate::sys;
use std::path::Path;
use std::sync::Arc;

/// The engine of a process.
pub struct Engine(Arc<Handle>);

struct Handle {
    runtime: &'static Runtime,
    engine: *mut sys::wrt_engine,
}

// SAFETY: the header says that handles may be shared by threads.
unsafe impl Send for Handle {}
// SAFETY: the header says that handles may be shared by threads.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by wrt_engine_new and freed only here; every guest holds this handle, so all
        // of them have been freed before.
        unsafe { self.runtime.functions.wrt_engine_free(self.engine) };
    }
}

impl Engine {
    pub(crate) fn new(runtime: &'static Runtime, engine: *mut sys::wrt_engine) -> Engine {
        Engine(Arc::new(Handle { runtime, engine }))
    }

    /// The library and the engine in it, for calls that stand elsewhere. The engine is alive as long as this handle.
    pub(crate) fn raw(&self) -> (&'static Runtime, *const sys::wrt_engine) {
        (self.0.runtime, self.0.engine)
    }

    /// Why instances are made on demand, which is slower; `None` when they come from a pool.
    pub fn unpooled(&self) -> Option<String> {
        // SAFETY: the engine is alive as long as its handle.
        text_at(unsafe { self.0.runtime.functions.wrt_engine_unpooled(self.0.engine) })
    }

    /// Opens the cache of compiled programs, in the process that made the engine, before it loads any;
    /// and again for each further time. Without it, or when it fails, every program is compiled.
    ///
    /// # Errors
    /// [`ErrorCode::Io`](crate::ErrorCode::Io): why the directory is not used.
    pub fn prepare_cache(&self) -> Result<(), Error> {
        self.0.runtime.call(|error| {
            // SAFETY: the engine is alive, and `error` is valid for a write.
            unsafe {
                self.0
                    .runtime
                    .functions
                    .wrt_cache_prepare(self.0.engine, error)
            }
        })
    }

    /// Loads the program in a file: out of the cache, or it is compiled.
    ///
    /// # Errors
    /// What is wrong with the program; [`ErrorCode`](crate::ErrorCode) `NotCached`, `Busy`; `Io` and `Engine`, for which the
    /// program is not to blame.
    pub fn load(
        &self,
        path: &Path,
        options: LoadOptions,
        watch: &mut dyn Watch,
    ) -> Result<(Guest, Source), Error> {
        let (guest, source) = load::load(self.0.runtime, self.0.engine, path, options, watch)?;
        let engine = Arc::clone(&self.0);
        Ok((Guest { engine, guest }, source))
    }

    /// Takes a permit of this number, if fewer than `most` (at most 1024) are out in all processes that share this engine.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`](crate::ErrorCode::Engine).
    pub fn permit(&self, number: u32, most: u32) -> Result<Option<Permit>, Error> {
        permit::take(self.0.runtime, self.0.engine, number, most)
    }

    /// Lets the background thread of this process end, before the process does: at most 100 ms. It takes
    /// no lock, so it may be called from a signal handler that ends the process.
    pub fn stop(&self) {
        // SAFETY: the engine is alive as long as its handle.
        unsafe { self.0.runtime.functions.wrt_engine_stop(self.0.engine) };
    }
}

/// A loaded program. Any number of threads may run it at once.
pub struct Guest {
    engine: Arc<Handle>,
    guest: *mut sys::wrt_guest,
}

// SAFETY: the header says that handles may be shared by threads.
unsafe impl Send for Guest {}
// SAFETY: the header says that handles may be shared by threads.
unsafe impl Sync for Guest {}

impl Drop for Guest {
    fn drop(&mut self) {
        // SAFETY: made by wrt_guest_load and freed only here; a run borrows the guest.
        unsafe { self.engine.runtime.functions.wrt_guest_free(self.guest) };
    }
}

impl Guest {
    /// What kind of program it is.
    pub fn kind(&self) -> GuestKind {
        // SAFETY: the guest is alive as long as this handle.
        GuestKind::of(unsafe { self.engine.runtime.functions.wrt_guest_kind(self.guest) })
    }

    /// Bytes of memory that the loaded program takes of this process alone, beside its runs.
    pub fn memory(&self) -> u64 {
        // SAFETY: the guest is alive as long as this handle.
        unsafe { self.engine.runtime.functions.wrt_guest_memory(self.guest) }
    }

    /// Bytes of its compiled code.
    pub fn code(&self) -> u64 {
        // SAFETY: the guest is alive as long as this handle.
        unsafe { self.engine.runtime.functions.wrt_guest_code(self.guest) }
    }

    /// Runs the program for one request; returns when it has ended. All calls of `exchange` are made
    /// on this thread. A panic in one of them stops the guest and goes on from here.
    ///
    /// # Errors
    /// The guest has not run: [`ErrorCode`](crate::ErrorCode) `Busy`, `Mount`, `NoEntryPoint`,
    /// `Engine`, `Panic`, `Usage`.
    pub fn run(
        &self,
        request: &Request<'_>,
        exchange: &mut dyn Exchange,
    ) -> Result<Outcome, Error> {
        exchange::run(self.engine.runtime, self.guest, request, exchange)
    }
}
