//! The WebAssembly features that guests may use, and what to tell the operator of a program that uses another.

use crate::{Error, ErrorCode};
use wasmparser::Validator;
use wasmtime::WasmFeatures;

/// The features guests may use. Threads are not among them: a request has one.
pub fn features() -> WasmFeatures {
    WasmFeatures::default() - WasmFeatures::THREADS
}

/// Features that programs come with and that are not to be had: what they are, and what to do.
const MISSING: [(WasmFeatures, &str); 2] = [
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
];

/// An error about a program that is not valid, with what is behind it when that is a feature.
pub fn explain(bytes: &[u8], error: Error) -> Error {
    if error.code != ErrorCode::Invalid {
        return error;
    }
    let mut allowed = features();
    // A program may need more than one of them.
    let needed = MISSING.iter().find(|(feature, _)| {
        let valid = |features| {
            Validator::new_with_features(features)
                .validate_all(bytes)
                .is_ok()
        };
        allowed |= *feature;
        valid(allowed)
    });
    match needed {
        Some((_, advice)) => {
            Error::new(ErrorCode::Invalid, format!("{advice} ({})", error.message))
        }
        None => error,
    }
}
