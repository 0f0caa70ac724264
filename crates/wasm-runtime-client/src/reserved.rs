//! The directories that no guest is given.
#![expect(
    unsafe_code,
    reason = "calls C functions with arrays; each use is argued for where it stands"
)]

use crate::error::Error;
use crate::handles::Engine;
use crate::request::bytes;
use crate::runtime::Runtime;
use crate::sys;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A directory that the server keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedDir {
    /// Where it is, absolute; it need not be there yet.
    pub path: PathBuf,
    /// What is in it, for messages, as half a sentence: `which holds the configuration`.
    pub holds: &'static str,
    /// Whether every directory in it is reserved too; those that contain it always are.
    pub inside: bool,
}

impl Runtime {
    /// Says whether the directory at `path` could be given to guests if these were reserved. Any process may call it at any
    /// time.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`](crate::ErrorCode::Mount): why not.
    pub fn check_mount(&self, path: &Path, reserved: &[ReservedDir]) -> Result<(), Error> {
        let list = raw(reserved);
        let path = bytes(path.as_os_str().as_bytes());
        self.call(|error| {
            // SAFETY: path and list live until after the call, and `error` is valid for a write.
            unsafe {
                self.functions
                    .wrt_check_mount(path, list.as_ptr(), list.len(), error)
            }
        })
    }
}

impl Engine {
    /// Replaces the directories that no guest is given from now on. Those of the kernel need not be named.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`](crate::ErrorCode::Usage).
    pub fn reserve(&self, reserved: &[ReservedDir]) -> Result<(), Error> {
        let list = raw(reserved);
        let (runtime, engine) = self.raw();
        runtime.call(|error| {
            // SAFETY: the engine is alive, the list lives until after the call, and `error` is valid for a write.
            unsafe {
                runtime
                    .functions
                    .wrt_engine_reserve(engine, list.as_ptr(), list.len(), error)
            }
        })
    }
}

/// As the library takes them; they borrow the list.
fn raw(reserved: &[ReservedDir]) -> Vec<sys::wrt_reserved_dir> {
    let dir = |dir: &ReservedDir| sys::wrt_reserved_dir {
        path: bytes(dir.path.as_os_str().as_bytes()),
        holds: bytes(dir.holds.as_bytes()),
        inside: dir.inside,
    };
    reserved.iter().map(dir).collect()
}
