//! Making, using and freeing an engine.

use super::cache::wrt_cache_options;
use super::compiler::wrt_compiler_options;
use super::error::{wrt_error, wrt_status};
use super::guard::{guard, guard_silently, usage};
use super::signals::while_preparing;
use crate::{Allowed, Engine, EngineOptions, Error};
use std::ffi::{CString, c_char};
use std::ptr;

/// The engine of a process: the compiled programs' memory, the pool of instances.
pub struct wrt_engine {
    pub(super) engine: Engine,
    unpooled: Option<CString>,
}

/// How to make an engine.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_engine_options {
    /// `sizeof(wrt_engine_options)`.
    pub size: usize,
    /// How many guests may run at once in one process; at least 1.
    pub max_instances: u32,
    /// The largest memory limit that a request will have, bytes.
    pub memory_limit: u64,
    /// Where compiled programs are kept; NULL: they are not. Read during the call only.
    pub cache: *const wrt_cache_options,
    /// How programs are read, checked and compiled in a process of their own; NULL: in this one, for programs that are trusted.
    /// Read during the call only.
    pub compiler: *const wrt_compiler_options,
    /// Whether guests may keep objects on a garbage-collected heap; exceptions they may throw in any case.
    pub garbage_collection: bool,
}

/// Makes an engine. Call it before the process forks or starts threads, if it ever does; guests run
/// in the children. It leaves the process's signal handlers as they were and no thread behind.
/// The caller owns `*engine` and frees it with `wrt_engine_free`, after all its guests.
///
/// # Safety
/// `options` points to options whose `size` is set and whose pointers are valid; `engine` is valid for a write; `error` is NULL
/// or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_engine_new(
    options: *const wrt_engine_options,
    engine: *mut *mut wrt_engine,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let make = || {
        // SAFETY: the caller promises NULL or valid options.
        let options = unsafe { options.as_ref() }.ok_or_else(|| usage("options is NULL"))?;
        check_size(
            options.size,
            size_of::<wrt_engine_options>(),
            "wrt_engine_options",
        )?;
        if engine.is_null() {
            return Err(usage("engine is NULL"));
        }
        // SAFETY: the caller promises NULL or valid options.
        let cache = unsafe { options.cache.as_ref() };
        // SAFETY: the caller promises NULL or valid options.
        let compiler = unsafe { options.compiler.as_ref() };
        let options = EngineOptions {
            max_instances: options.max_instances,
            memory_limit: options.memory_limit,
            cache: cache
                // SAFETY: by the caller's promise its pointers are valid too.
                .map(|cache| unsafe { cache.options() })
                .transpose()?,
            compiler: compiler
                // SAFETY: by the caller's promise its pointers are valid too.
                .map(|compiler| unsafe { compiler.options() })
                .transpose()?,
            allowed: Allowed {
                garbage_collection: options.garbage_collection,
            },
        };
        let made = while_preparing(|| Engine::new(&options))?;
        let unpooled = made
            .unpooled()
            .map(|reason| CString::new(reason).unwrap_or_default());
        let made = Box::new(wrt_engine {
            engine: made,
            unpooled,
        });
        // SAFETY: not null, and the caller promises that it is valid for a write.
        unsafe { engine.write(Box::into_raw(made)) };
        Ok(())
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, make) }
}

/// Why instances are made on demand, which is slower, instead of taken from a pool; NULL when
/// there is a pool. The text lives as long as the engine.
///
/// # Safety
/// `engine` is NULL or an engine that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_engine_unpooled(engine: *const wrt_engine) -> *const c_char {
    // SAFETY: the caller promises NULL or a live engine.
    let engine = unsafe { engine.as_ref() };
    engine
        .and_then(|engine| engine.unpooled.as_ref())
        .map_or(ptr::null(), |reason| reason.as_ptr())
}

/// Lets the background thread end that the first guest of this process started, and waits for it, at
/// most 100 milliseconds; removes what the process has on the disk for `wrt_temp_dir`, unless a guest
/// uses it. For a process that is about to end: a guest that still runs is no longer interrupted. It
/// waits for no lock, so a signal handler that ends the process may call it.
///
/// # Safety
/// `engine` is NULL or an engine that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_engine_stop(engine: *const wrt_engine) {
    // SAFETY: the caller promises NULL or a live engine.
    if let Some(engine) = unsafe { engine.as_ref() } {
        guard_silently(|| engine.engine.stop());
    }
}

/// Frees an engine. NULL is allowed. Guests loaded into it are freed before.
///
/// # Safety
/// `engine` is NULL or an engine that has not been freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_engine_free(engine: *mut wrt_engine) {
    if !engine.is_null() {
        // SAFETY: made by Box::into_raw in wrt_engine_new, and not freed yet by the contract.
        let engine = unsafe { Box::from_raw(engine) };
        guard_silently(|| drop(engine));
    }
}

/// Refuses a struct of another size: a caller built against another header.
pub fn check_size(given: usize, expected: usize, what: &str) -> Result<(), Error> {
    match given == expected {
        true => Ok(()),
        false => Err(usage(format!(
            "{what} has size {given}, this library expects {expected}"
        ))),
    }
}
