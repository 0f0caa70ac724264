//! How programs are read and compiled.

use crate::sys;
use std::ptr;
use std::time::Duration;

/// What reading, checking and compiling one program may take, in the process of its own in which that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerOptions {
    /// Processor time.
    pub time: Duration,
    /// Memory, bytes.
    pub memory: u64,
    /// Maximum size of a program, bytes.
    pub program_size: u64,
    /// User and group of that process where this one is root; `None`: nobody.
    pub identity: Option<(u32, u32)>,
}

impl CompilerOptions {
    /// As the library takes them.
    pub(crate) fn raw(&self) -> sys::wrt_compiler_options {
        let (uid, gid) = self.identity.unwrap_or((u32::MAX, u32::MAX));
        sys::wrt_compiler_options {
            size: size_of::<sys::wrt_compiler_options>(),
            // The one beside the library.
            helper: ptr::null(),
            time_ms: u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX),
            memory: self.memory,
            program_size: self.program_size,
            uid,
            gid,
        }
    }
}
