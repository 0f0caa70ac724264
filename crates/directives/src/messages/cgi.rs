//! Messages that only CGI programs have a reason for: request bodies that are read before the program starts, and what
//! else their directives ask for. Must not know the handler.

use super::{Fault, Level, Message};

/// A temporary file for a body could not be used.
pub static SPOOL_FAILED: Message = Message {
    code: "WASM0160",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "request body could not be kept in a temporary file: {detail} (module {module})",
    remedy: "The body was larger than 64 KiB, and no file could be used for it in the directory for temporary files: \
             `TMPDIR` in the server's environment, or `/tmp`. The user that the server runs as (`User`) must be able to \
             write there. `WasmBodyWithoutLength Stream` needs no file.",
};

/// There is no room for a body.
pub static SPOOL_FULL: Message = Message {
    code: "WASM0161",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(507),
    text: "no room for a request body: {detail} (module {module})",
    remedy: "The file system of the directory for temporary files (`TMPDIR` in the server's environment, or `/tmp`) is \
             full, or a quota or a limit on the size of files was reached. Make room, set `TMPDIR` to a directory that \
             has more, or lower `LimitRequestBody` in that section.",
};

/// A length is wanted and none has been said.
pub static LENGTH_REQUIRED: Message = Message {
    code: "WASM0162",
    level: Level::Info,
    fault: Fault::Client,
    status: Some(411),
    text: "request body without Content-Length refused (module {module})",
    remedy: "`WasmBodyWithoutLength Refuse` holds in that section. Set it to `Spool` or `Stream` if such bodies are wanted.",
};

/// The file of `WasmScriptLog` cannot be had.
pub static SCRIPT_LOG_UNUSABLE: Message = Message {
    code: "WASM0163",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "the file of WasmScriptLog cannot be opened: {file}: {detail} ({origin})",
    remedy: "The server opens the file when it starts or restarts, as the user that starts it. It does not start without it.",
};

/// An entry could not be written.
pub static SCRIPT_LOG_FAILED: Message = Message {
    code: "WASM0164",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "no entry written to the file of WasmScriptLog: {file}: {detail} (module {module})",
    remedy: "The file system is full or failing. The request itself is not affected.",
};

/// Requests can not wait for each other.
pub static LOCK_UNUSABLE: Message = Message {
    code: "WASM0165",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "the lock of WasmSerialize cannot be used: {detail} ({origin})",
    remedy: "Each request opens the lock through `/proc/self/fd`. It must be there for the children too: with `ChrootDir`, \
             mount it below that directory. At start, the server may have too many files open (`ulimit -n`).",
};

/// It was not its turn for too long.
pub static NO_TURN: Message = Message {
    code: "WASM0166",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(503),
    text: "other requests of the section ran for {wait}, and WasmSerialize lets this one run only after them ({origin})",
    remedy: "The requests before it took longer than the server's `Timeout`. A lower `WasmTimeout` bounds each of them; \
             `WasmSerialize Writes` lets those that only read run side by side. The client is asked to come again \
             (`Retry-After`).",
};

/// There is no status line in HTTP/2.
pub static NPH_NOT_HTTP_1: Message = Message {
    code: "WASM0167",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "WasmNPH On cannot be obeyed over HTTP/2 (module {module})",
    remedy: "A program that writes its whole response can do that in HTTP/1 only. Set `Protocols http/1.1` in that virtual \
             host, or `WasmNPH Off` for a program that can do without.",
};

/// A whole response has no place in another one.
pub static NPH_INCLUDED: Message = Message {
    code: "WASM0168",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "a program with WasmNPH On cannot be part of another response (module {module})",
    remedy: "The program writes a whole response, and was asked for in a sub-request, such as an include of mod_include. The \
             sub-request gets 403. Include a program with `WasmNPH Off` instead.",
};
