//! What is logged while a program is loaded. Must not know who loads it, nor into which log the lines go.

use std::fmt::Display;
use std::time::Duration;

use directives::{Message, messages};
use wasm_runtime_client::{Error, ErrorCode, Phase, Source, Trouble, Watch};

use crate::messages::Fields;

/// Tells the operator what takes time, and what is wrong with the cache.
pub struct Progress<'a> {
    /// The program, as messages name it.
    pub module: &'a dyn Display,
    /// The file's size in bytes.
    pub size: u64,
    /// Logs a message.
    pub report: &'a dyn Fn(&Message, &Fields<'_>),
}

impl Watch for Progress<'_> {
    fn phase(&mut self, phase: Phase, elapsed: Duration) {
        let (module, elapsed) = (self.module, elapsed.as_secs());
        let message = match (phase, elapsed) {
            (Phase::Compiling, 0) => {
                let fields: &Fields<'_> = &[("module", &module), ("size", &self.size)];
                return (self.report)(&messages::COMPILING, fields);
            }
            // It has not come to waiting yet.
            (Phase::Waiting, 0) => return,
            (Phase::Compiling, _) => &messages::STILL_COMPILING,
            (Phase::Waiting, _) => &messages::WAITING_FOR_COMPILER,
        };
        (self.report)(message, &[("module", &module), ("elapsed", &elapsed)]);
    }

    fn trouble(&mut self, trouble: Trouble, detail: &str) {
        let message = match trouble {
            Trouble::Damaged => &messages::CACHE_DAMAGED,
            Trouble::NotKept => &messages::NOT_KEPT,
        };
        let fields: &Fields<'_> = match trouble {
            Trouble::Damaged => &[("detail", &detail)],
            Trouble::NotKept => &[("module", &self.module), ("detail", &detail)],
        };
        (self.report)(message, fields);
    }
}

/// Where a program came from and how long that took, for the log.
pub fn described(source: Source, time: Duration) -> String {
    let what = match source {
        Source::Compiled => "compiled in",
        Source::Cache => "from the cache in",
    };
    format!("{what} {} ms", time.as_millis())
}

/// An error about a program, with the directive that bounds what it went beyond.
pub fn explained(error: &Error) -> String {
    match error.code {
        ErrorCode::CompileLimit => format!("{error} (WasmCompileLimit)"),
        _ => error.to_string(),
    }
}
