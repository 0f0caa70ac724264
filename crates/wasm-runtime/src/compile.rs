//! From the bytes of a program that has been checked to native code. It takes as much time and memory as the program wants:
//! for programs of strangers it runs in the helper process.

use crate::cache::engine_mark;
use crate::engine::base_config;
use crate::kind::GuestKind;
use crate::{Allowed, Error, ErrorCode};
use wasmtime::Engine;

/// Stack of a thread that compiles, bytes.
const STACK: usize = 8 << 20;

/// Whether code compiled here is for the engine with this mark.
///
/// # Errors
/// [`ErrorCode::Engine`]: it is not.
pub fn expect_engine(mark: &str, allowed: Allowed) -> Result<(), Error> {
    let engine = Engine::new(&base_config(false, allowed))
        .map_err(|e| Error::wasmtime(ErrorCode::Engine, &e))?;
    match engine_mark(&engine) == mark {
        true => Ok(()),
        false => {
            let text = "libwasm_runtime.so has been replaced since the server started, which must be stopped and started";
            Err(Error::new(ErrorCode::Engine, text))
        }
    }
}

/// The native code of a program, for an engine of this library.
///
/// # Errors
/// [`ErrorCode::Invalid`] with the compiler's reason, [`ErrorCode::Engine`].
pub fn compile(
    program: &[u8],
    kind: GuestKind,
    concurrent: bool,
    threads: usize,
    allowed: Allowed,
) -> Result<Vec<u8>, Error> {
    // Where instances come from later makes no difference to code.
    let engine = Engine::new(&base_config(concurrent, allowed))
        .map_err(|e| Error::wasmtime(ErrorCode::Engine, &e))?;
    let work = || match kind {
        GuestKind::CommandP1 => engine.precompile_module(program),
        _ => engine.precompile_component(program),
    };
    let result = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|i| format!("wasm-compile-{i}"))
        .build_scoped(|thread| thread.run(), |pool| pool.install(work))
        .map_err(|e| Error::new(ErrorCode::Engine, format!("cannot start compiling: {e}")))?;
    result.map_err(|e| Error::of_wasmtime(ErrorCode::Invalid, &e))
}
