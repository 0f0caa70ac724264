//! The cache of compiled programs.

use super::engine::{check_size, wrt_engine};
use super::error::{wrt_error, wrt_status};
use super::guard::{guard, usage};
use super::text::c_str;
use crate::{CacheOptions, Error};
use std::ffi::c_char;

/// Where compiled programs are kept.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_cache_options {
    /// `sizeof(wrt_cache_options)`.
    pub size: usize,
    /// The directory, absolute, UTF-8. It is made when it is missing; its parent must be there. It is used only if
    /// it belongs to root or to this process's user and nobody else can write it.
    pub directory: *const c_char,
    /// How many bytes of compiled programs each user's part may hold; the least recently used ones
    /// give way.
    pub max_bytes: u64,
    /// User of the processes that will be forked; `UINT32_MAX`: the one of this process.
    pub children_uid: u32,
    /// Their group; it counts only with a user.
    pub children_gid: u32,
}

impl wrt_cache_options {
    /// As the engine takes them.
    ///
    /// # Safety
    /// `directory` is a NUL-terminated string or NULL.
    pub unsafe fn options(&self) -> Result<CacheOptions, Error> {
        check_size(
            self.size,
            size_of::<wrt_cache_options>(),
            "wrt_cache_options",
        )?;
        // SAFETY: the contract is this function's own.
        let directory = unsafe { c_str(self.directory, "directory") }?
            .ok_or_else(|| usage("directory is NULL"))?;
        let other = self.children_uid != u32::MAX;
        Ok(CacheOptions {
            directory: directory.into(),
            max_size: self.max_bytes,
            children: other.then_some((self.children_uid, self.children_gid)),
        })
    }
}

/// Opens the engine's cache, and makes its directories as far as they are missing. Call it in the
/// process that made the engine, before it loads programs, and again before it loads others after a
/// while. Processes forked later inherit what is open. Without it, or when it fails (WRT_ERR_IO), the
/// engine works and compiles every program. An engine without a cache has nothing to open.
///
/// # Safety
/// `engine` is a live engine; `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_cache_prepare(
    engine: *const wrt_engine,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let prepare = || {
        // SAFETY: the caller promises a live engine or NULL.
        let engine = unsafe { engine.as_ref() }.ok_or_else(|| usage("engine is NULL"))?;
        engine.engine.prepare_cache()
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, prepare) }
}
