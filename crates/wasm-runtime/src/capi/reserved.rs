//! The directories that no guest is given.

use super::engine::wrt_engine;
use super::error::{wrt_error, wrt_status};
use super::guard::{guard, usage};
use super::text::{array, wrt_bytes};
use crate::Error;
use crate::reserved::{Reserved, ReservedDir};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A directory that the server keeps for itself.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_reserved_dir {
    /// Where it is, absolute; it need not be there yet.
    pub path: wrt_bytes,
    /// What is in it, for messages, as half a sentence: `which holds the configuration`. UTF-8.
    pub holds: wrt_bytes,
    /// Whether every directory in it is reserved too; those that contain it always are.
    pub inside: bool,
}

/// Replaces the directories that no guest of this engine is given from now on, whatever its `wrt_mount`s say: neither
/// these, nor what contains one, nor, if they say so, what lies in one. A run that asks for one ends with WRT_ERR_MOUNT.
/// Call it before the process forks; the directories of the kernel (`/proc`, `/sys`, `/dev`) need not be named. The list is
/// read during the call only.
///
/// # Safety
/// `engine` is a live engine; at `dirs` lie `dirs_len` valid values, or it is NULL; `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_engine_reserve(
    engine: *const wrt_engine,
    dirs: *const wrt_reserved_dir,
    dirs_len: usize,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let reserve = || {
        // SAFETY: the caller promises a live engine or NULL.
        let engine = unsafe { engine.as_ref() }.ok_or_else(|| usage("engine is NULL"))?;
        // SAFETY: the contract on the list is this function's own.
        let dirs = unsafe { list(dirs, dirs_len) }?;
        engine.engine.reserve(&dirs);
        Ok(())
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, reserve) }
}

/// Says whether the directory at `path` could be given to guests if these were reserved: WRT_ERR_MOUNT and the reason if
/// not. One that is not there or cannot be opened is not judged here, but when a request asks for it. Any process may call
/// it at any time.
///
/// # Safety
/// `path` is valid; at `dirs` lie `dirs_len` valid values, or it is NULL; `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_check_mount(
    path: wrt_bytes,
    dirs: *const wrt_reserved_dir,
    dirs_len: usize,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let check = || {
        // SAFETY: the caller promises valid bytes.
        let path = unsafe { path.as_slice() };
        // SAFETY: the contract on the list is this function's own.
        let dirs = unsafe { list(dirs, dirs_len) }?;
        Reserved::new(&dirs).judge_path(Path::new(OsStr::from_bytes(path)))
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, check) }
}

/// The list in the words of the engine.
///
/// # Safety
/// At `dirs` lie `len` valid values, or it is NULL.
unsafe fn list(dirs: *const wrt_reserved_dir, len: usize) -> Result<Vec<ReservedDir>, Error> {
    // SAFETY: the contract is this function's own.
    let dirs = unsafe { array(dirs, len) };
    let reserved = |dir: &wrt_reserved_dir| {
        // SAFETY: the values are valid by the contract.
        let path = unsafe { dir.path.as_slice() };
        // SAFETY: as the path.
        let holds = unsafe { dir.holds.as_str("what a directory holds") }?;
        Ok(ReservedDir {
            path: OsStr::from_bytes(path).into(),
            holds: holds.into(),
            inside: dir.inside,
        })
    };
    dirs.iter().map(reserved).collect()
}
