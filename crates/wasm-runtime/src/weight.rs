//! How much of a process a loaded program takes for as long as it is kept, and how much a stranger's may take.
//!
//! The code is in a file that all processes map. What it takes beside that is on the heap of each: Wasmtime's account of the
//! types, names, tables, imports and exports. A program of 1.7 KB can make that 380 MiB.

use crate::capi::artifact::Loaded;
use crate::capi::counted::counted;
use crate::engine::base_config;
use crate::kind::GuestKind;
use crate::{Allowed, Error, ErrorCode};
use wasmtime::Engine;

/// Maximum number of bytes that a program may take of the heap. CPython takes 2 MB, and no program that is known more.
const MOST: u64 = 16 << 20;

/// What a loaded program takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Bytes of memory that only this process has.
    pub memory: u64,
    /// Bytes of its code.
    pub code: u64,
}

/// Refuses a program that takes so much of the heap.
///
/// # Errors
/// [`ErrorCode::Invalid`].
pub fn expect_light(memory: u64) -> Result<(), Error> {
    let show = |bytes: u64| bytes.div_ceil(1 << 20);
    match memory > MOST {
        true => Err(Error::new(
            ErrorCode::Invalid,
            format!(
                "its types, names, tables and the like would take {} MiB of the server's memory, more than the {} that a program may have for them",
                show(memory),
                show(MOST)
            ),
        )),
        false => Ok(()),
    }
}

/// The same of a program that has just been compiled: it is loaded, in a process that ends soon.
///
/// # Errors
/// Those of [`expect_light`]; [`ErrorCode::CompileLimit`] when there is too little memory to find out.
pub fn expect_light_code(
    code: &[u8],
    kind: GuestKind,
    concurrent: bool,
    allowed: Allowed,
) -> Result<(), Error> {
    let engine = Engine::new(&base_config(concurrent, allowed))
        .map_err(|e| Error::wasmtime(ErrorCode::Engine, &e))?;
    let (loaded, memory) = counted(|| {
        let loaded = Loaded::from(&engine, code, kind)?;
        let shape = loaded.shape();
        Ok((loaded, shape))
    });
    loaded.map_err(|e: wasmtime::Error| {
        let text = format!("it was compiled, and cannot be loaded to see what that takes: {e:#}");
        Error::new(ErrorCode::CompileLimit, text)
    })?;
    expect_light(memory)
}
