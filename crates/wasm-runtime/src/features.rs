//! The WebAssembly features that guests may use, and what to tell the operator of a program that uses another.

use crate::{Error, ErrorCode};
use wasmparser::Validator;
use wasmtime::WasmFeatures;

/// Which features guests may use, as far as that is for the operator to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Objects on a heap of the engine's (the proposal for garbage collection). Exceptions, which are such objects too, are
    /// always allowed.
    pub garbage_collection: bool,
}

/// The features guests may use. Threads are not among them: a request has one.
pub fn features(allowed: Allowed) -> WasmFeatures {
    let features = WasmFeatures::default() - WasmFeatures::THREADS;
    match allowed.garbage_collection {
        true => features,
        false => features - WasmFeatures::GC,
    }
}

/// Features that programs come with and that are not to be had: what they are, and what to do.
const MISSING: [(WasmFeatures, &str); 5] = [
    (
        WasmFeatures::THREADS,
        "the program needs threads (shared memory, atomic instructions), which are not available here: each request has one; \
         build it without threads, for wasm32-wasip1 instead of wasm32-wasip1-threads and without -pthread",
    ),
    (
        WasmFeatures::LEGACY_EXCEPTIONS,
        "the program uses exceptions in their legacy form (try and catch), which never became part of WebAssembly; build it for \
         the final form, with clang by the options -fwasm-exceptions -mllvm -wasm-use-legacy-eh=false, libraries included",
    ),
    (
        WasmFeatures::GC,
        "the program needs garbage collection (structs and arrays), which is off by default, because a fault in this Wasmtime \
         lets such a program end the process of the server; if you trust its author, WasmGarbageCollection On allows it",
    ),
    (
        WasmFeatures::CM_MAP,
        "the component uses the type `map`, as programs for WASI 0.3.1 and later may, which this engine does not have; build it \
         for WASI 0.3.0",
    ),
    (
        WasmFeatures::CM_IMPLEMENTS,
        "the component imports or exports an interface under another name (`implements`), as programs for WASI 0.3.1 and later \
         may, which this engine does not have; build it for WASI 0.3.0",
    ),
];

/// An error about a program that is not valid, with what is behind it when that is a feature.
pub fn explain(bytes: &[u8], allowed: Allowed, error: Error) -> Error {
    if error.code != ErrorCode::Invalid {
        return error;
    }
    let mut tried = features(allowed);
    // A program may need more than one of them.
    let needed = MISSING.iter().find(|(feature, _)| {
        let valid = |features| {
            Validator::new_with_features(features)
                .validate_all(bytes)
                .is_ok()
        };
        tried |= *feature;
        valid(tried)
    });
    match needed {
        Some((_, advice)) => {
            Error::new(ErrorCode::Invalid, format!("{advice} ({})", error.message))
        }
        None => error,
    }
}
