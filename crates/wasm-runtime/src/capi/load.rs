//! Loading a program, and telling the caller how that goes on.

use super::engine::{check_size, wrt_engine};
use super::error::{wrt_error, wrt_status};
use super::guard::{guard, usage};
use super::guest::wrt_guest;
use super::heap::trim;
use super::text::c_path;
use crate::{LoadOptions, OPERATOR, Phase, Source, Trouble, Urgency, Watch};
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// What takes time while a program is loaded. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_phase {
    /// It is being compiled.
    WRT_PHASE_COMPILING = 1,
    /// It waits while others are being compiled; another process may be at the same one.
    WRT_PHASE_WAITING = 2,
}

/// What went wrong with the cache; the program is loaded all the same. The numbers never change their
/// meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_trouble {
    /// A file in the cache was not what had been written there. It has been removed.
    WRT_TROUBLE_DAMAGED = 1,
    /// The compiled program could not be kept.
    WRT_TROUBLE_NOT_KEPT = 2,
}

/// Where a program came from. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum wrt_source {
    /// It was compiled.
    WRT_SOURCE_COMPILED = 1,
    /// Out of the cache.
    WRT_SOURCE_CACHE = 2,
}

/// How a program is loaded. Callbacks are made on the thread that loads; each may be NULL.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_load_options {
    /// `sizeof(wrt_load_options)`.
    pub size: usize,
    /// Requests are being served meanwhile: compile at a lower priority than theirs.
    pub background: bool,
    /// A phase has begun (0 milliseconds), or goes on, about every two seconds.
    pub phase: Option<unsafe extern "C" fn(ctx: *mut c_void, phase: wrt_phase, elapsed_ms: u64)>,
    /// The cache is in trouble. The text is UTF-8, one line, borrowed for the call.
    pub trouble: Option<
        unsafe extern "C" fn(ctx: *mut c_void, trouble: wrt_trouble, text: *const u8, n: usize),
    >,
    /// Passed to the callbacks.
    pub ctx: *mut c_void,
    /// Whose program it is: one program of an owner is compiled at a time, in all processes that share the engine, and each
    /// owner has a share of the cache. 0 is whoever runs the server, who waits for no other program of his and may fill the
    /// cache.
    pub owner: u32,
    /// Not if it would have to be compiled: then the status is WRT_ERR_NOT_CACHED.
    pub cached_only: bool,
}

/// Loads the program in the file at `path` and links it: out of the cache, or it is compiled. The
/// file is not needed afterwards. All threads and processes started for it have ended when it returns; they
/// take no signals. As many programs are compiled at once as there are processors, others wait, at most ten minutes
/// (WRT_ERR_BUSY). `options` may be
/// NULL. `*source` says where it came from; it may be NULL. The caller owns `*guest` and frees it with
/// `wrt_guest_free`. A process that serves requests may call it.
///
/// # Safety
/// `engine` is a live engine, `path` a NUL-terminated string, `options` NULL or options whose `size`
/// is set and whose callbacks may be called with `ctx`, `guest` valid for a write, `source` and
/// `error` NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_guest_load(
    engine: *const wrt_engine,
    path: *const c_char,
    options: *const wrt_load_options,
    guest: *mut *mut wrt_guest,
    source: *mut wrt_source,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let load = || {
        // SAFETY: the caller promises a live engine or NULL.
        let engine = unsafe { engine.as_ref() }.ok_or_else(|| usage("engine is NULL"))?;
        // SAFETY: the caller promises a NUL-terminated string or NULL.
        let path = unsafe { c_path(path) }.ok_or_else(|| usage("path is NULL"))?;
        // SAFETY: the caller promises NULL or valid options.
        let mut options = Options(unsafe { options.as_ref() }.copied());
        if guest.is_null() {
            return Err(usage("guest is NULL"));
        }
        let how = options.how()?;
        let loaded = engine.engine.load_file(path, how, &mut options);
        trim();
        let loaded = loaded?;
        if !source.is_null() {
            // SAFETY: not null, and the caller promises that it is valid for a write.
            unsafe { source.write(loaded.1.into()) };
        }
        // SAFETY: not null, and the caller promises that it is valid for a write.
        unsafe { guest.write(Box::into_raw(Box::new(wrt_guest(loaded.0)))) };
        Ok(())
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, load) }
}

/// The caller's options, for one call of [`wrt_guest_load`], which promises that the callbacks may be
/// called.
struct Options(Option<wrt_load_options>);

impl Options {
    fn how(&self) -> Result<LoadOptions, crate::Error> {
        let Some(options) = &self.0 else {
            return Ok(LoadOptions {
                urgency: Urgency::Foreground,
                owner: OPERATOR,
                cached_only: false,
            });
        };
        check_size(
            options.size,
            size_of::<wrt_load_options>(),
            "wrt_load_options",
        )?;
        Ok(LoadOptions {
            urgency: match options.background {
                true => Urgency::Background,
                false => Urgency::Foreground,
            },
            owner: options.owner,
            cached_only: options.cached_only,
        })
    }
}

impl Watch for Options {
    fn phase(&mut self, phase: Phase, elapsed: Duration) {
        let Some((options, call)) = self.0.and_then(|options| Some((options, options.phase?)))
        else {
            return;
        };
        let phase = match phase {
            Phase::Compiling => wrt_phase::WRT_PHASE_COMPILING,
            Phase::Waiting => wrt_phase::WRT_PHASE_WAITING,
        };
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        // SAFETY: the caller of wrt_guest_load promises that it may be called with this context.
        unsafe { call(options.ctx, phase, elapsed) };
    }

    fn trouble(&mut self, trouble: Trouble, detail: &str) {
        let Some((options, call)) = self.0.and_then(|options| Some((options, options.trouble?)))
        else {
            return;
        };
        let trouble = match trouble {
            Trouble::Damaged => wrt_trouble::WRT_TROUBLE_DAMAGED,
            Trouble::NotKept => wrt_trouble::WRT_TROUBLE_NOT_KEPT,
        };
        // SAFETY: as above; the text lives until after the call.
        unsafe { call(options.ctx, trouble, detail.as_ptr(), detail.len()) };
    }
}

impl From<Source> for wrt_source {
    fn from(source: Source) -> wrt_source {
        match source {
            Source::Compiled => wrt_source::WRT_SOURCE_COMPILED,
            Source::Cache => wrt_source::WRT_SOURCE_CACHE,
        }
    }
}
