//! What is logged about expressions in values: WASM0180 to WASM0184. Must not know how one is evaluated.

use super::{Fault, Level, Message};

/// An expression gives a path that the guest cannot know.
pub static PATH_NOT_MAPPED: Message = Message {
    code: "WASM0180",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "{value} is {path}, which no WasmDir or WasmMapDir covers (module {module})",
    remedy: "A program knows a file of the host only through a mounted directory, and a path of the host is not shown to \
             it. Add `WasmMapDir` with the directory that holds the file to the section, or take the expression out of \
             `WasmArg` or `WasmEnv`.",
};

/// httpd could not evaluate an expression.
pub static EXPRESSION_FAILED: Message = Message {
    code: "WASM0181",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "the expression {value} could not be evaluated: {detail} (module {module})",
    remedy: "The expression of a `WasmArg` or `WasmEnv` could be parsed but not evaluated for this request. The reason is \
             httpd's, for example that a file it is to read is missing.",
};
