//! Loading a program, and what is told meanwhile.
#![expect(
    unsafe_code,
    reason = "calls a C function and is called back; each use is argued for where it stands"
)]

use crate::error::Error;
use crate::runtime::{Runtime, c_path};
use crate::sys;
use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Duration;
use std::{ptr, slice};

/// Where a program came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was compiled.
    Compiled,
    /// Out of the cache.
    Cache,
}

/// What takes time while a program is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is being compiled.
    Compiling,
    /// It waits while others are being compiled.
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

/// How a program is to be loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Requests are being served meanwhile, and go first.
    pub background: bool,
    /// Whose program it is; 0 is the operator, who waits for no other program of his and may fill the cache.
    pub owner: u32,
    /// Not if it would have to be compiled.
    pub cached_only: bool,
}

/// Who is told how loading goes on, on the thread that loads.
pub trait Watch {
    /// A phase has begun (zero), or goes on: about every two seconds.
    fn phase(&mut self, phase: Phase, elapsed: Duration);
    /// The cache is in trouble, in one line.
    fn trouble(&mut self, trouble: Trouble, detail: &str);
}

/// What the callbacks get.
struct Context<'a> {
    watch: &'a mut dyn Watch,
    /// A panic of the watch, to go on with when the program is loaded.
    panic: Option<Box<dyn Any + Send>>,
}

/// Loads a program into a live engine. The guest is the caller's to free.
pub(crate) fn load(
    runtime: &'static Runtime,
    engine: *const sys::wrt_engine,
    path: &Path,
    options: LoadOptions,
    watch: &mut dyn Watch,
) -> Result<(*mut sys::wrt_guest, Source), Error> {
    let path = c_path(path)?;
    let mut context = Context { watch, panic: None };
    let options = sys::wrt_load_options {
        size: size_of::<sys::wrt_load_options>(),
        background: options.background,
        phase: Some(phase),
        trouble: Some(trouble),
        ctx: ptr::from_mut(&mut context).cast(),
        owner: options.owner,
        cached_only: options.cached_only,
    };
    let mut guest = ptr::null_mut();
    let mut source = 0;
    let result = runtime.call(|error| {
        // SAFETY: the engine is alive by the caller's borrow; path, options and context live until after
        // the call; the others are valid for writes.
        unsafe {
            runtime.functions.wrt_guest_load(
                engine,
                path.as_ptr(),
                &options,
                &mut guest,
                &mut source,
                error,
            )
        }
    });
    if let Some(payload) = context.panic.take() {
        if result.is_ok() {
            // SAFETY: just received, and given to nobody.
            unsafe { runtime.functions.wrt_guest_free(guest) };
        }
        resume_unwind(payload);
    }
    result?;
    let source = match source {
        sys::WRT_SOURCE_CACHE => Source::Cache,
        _ => Source::Compiled,
    };
    Ok((guest, source))
}

unsafe extern "C" fn phase(ctx: *mut c_void, phase: sys::wrt_phase, elapsed_ms: u64) {
    let phase = match phase {
        sys::WRT_PHASE_WAITING => Phase::Waiting,
        _ => Phase::Compiling,
    };
    // SAFETY: the library passes the context back unchanged, one call at a time.
    unsafe {
        enter(ctx, |watch| {
            watch.phase(phase, Duration::from_millis(elapsed_ms))
        })
    };
}

unsafe extern "C" fn trouble(
    ctx: *mut c_void,
    trouble: sys::wrt_trouble,
    text: *const u8,
    n: usize,
) {
    let trouble = match trouble {
        sys::WRT_TROUBLE_DAMAGED => Trouble::Damaged,
        _ => Trouble::NotKept,
    };
    let text = match n {
        0 => &[],
        // SAFETY: the library lends `n` bytes for the call.
        _ => unsafe { slice::from_raw_parts(text, n) },
    };
    let text = String::from_utf8_lossy(text);
    // SAFETY: the library passes the context back unchanged, one call at a time.
    unsafe { enter(ctx, |watch| watch.trouble(trouble, &text)) };
}

/// Enters Rust from a callback; after a panic nobody is told any more.
///
/// # Safety
/// `ctx` is the context of a load that is under way, and no other reference to it is in use.
unsafe fn enter(ctx: *mut c_void, call: impl FnOnce(&mut dyn Watch)) {
    // SAFETY: by this function's contract.
    let context = unsafe { &mut *ctx.cast::<Context<'_>>() };
    if context.panic.is_none() {
        // The watch is not used again after a panic.
        context.panic = catch_unwind(AssertUnwindSafe(|| call(context.watch))).err();
    }
}
