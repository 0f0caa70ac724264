//! The imports of components: WASI 0.2, and WASI 0.3 where the engine runs concurrent guests.

use crate::state::HostState;
use wasmtime::component::Linker;

/// A linker for components of an engine; `concurrent` says whether it can run WASI 0.3.
pub fn linker(engine: &wasmtime::Engine, concurrent: bool) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    if concurrent {
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    }
    Ok(linker)
}
