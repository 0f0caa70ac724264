//! Messages of single requests: what the guest, the client or the configuration did wrong. Must not know the handler.

use super::{Fault, Level, Message};

/// A trap before the response has begun.
pub static GUEST_TRAPPED: Message = Message {
    code: "WASM0101",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "guest trapped: {detail} (module {module})",
    remedy: "The program did what WebAssembly forbids: a panic or abort, an access out of bounds, a division by zero, \
             an overflow of its stack. Only this request is lost. `LogLevel wasm:debug` logs the backtrace \
             (WASM0131).",
};

/// A trap when part of the response had been sent.
pub static GUEST_TRAPPED_LATE: Message = Message {
    code: "WASM0102",
    level: Level::Error,
    fault: Fault::Guest,
    status: None,
    text: "guest trapped after its response had begun, response aborted: {detail} (module {module})",
    remedy: "As WASM0101. The status had been sent already, so the connection is closed early to let the client see \
             that the response is not whole.",
};

/// The guest gave up before it answered.
pub static GUEST_EXITED: Message = Message {
    code: "WASM0103",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "guest exited with status {exit} before its response head was complete (module {module})",
    remedy: "The program ended with an error before it answered. Its own words are in the WASM0120 lines before this \
             one. A CGI program must write its headers and an empty line first.",
};

/// The guest answered and then ended with an error.
pub static GUEST_EXITED_LATE: Message = Message {
    code: "WASM0104",
    level: Level::Warning,
    fault: Fault::Guest,
    status: None,
    text: "guest exited with status {exit} after its output, response kept (module {module})",
    remedy: "The client got the response. If the exit status means nothing, let the program end with 0.",
};

/// `WasmTimeout` before the response has begun.
pub static TIMED_OUT: Message = Message {
    code: "WASM0105",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(504),
    text: "guest timed out after {timeout} (module {module})",
    remedy: "The program took longer than `WasmTimeout` (default: the server's `Timeout`). Waiting for the client does \
             not count. Raise `WasmTimeout` in that section if the work is honest.",
};

/// `WasmTimeout` when part of the response had been sent.
pub static TIMED_OUT_LATE: Message = Message {
    code: "WASM0106",
    level: Level::Error,
    fault: Fault::Guest,
    status: None,
    text: "guest timed out after {timeout}, after its response had begun, response aborted (module {module})",
    remedy: "As WASM0105; the connection is closed early. A program that streams for long needs a `WasmTimeout` that \
             covers all the time that it computes and sleeps.",
};

/// `WasmMemoryLimit`.
pub static MEMORY_LIMIT: Message = Message {
    code: "WASM0107",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "guest reached WasmMemoryLimit of {limit}: {detail} (module {module})",
    remedy: "The program wanted more memory than `WasmMemoryLimit` allows and did not survive the refusal. If it is \
             not a leak, raise the limit in that section. A response that had begun is aborted.",
};

/// The client left.
pub static CLIENT_GONE: Message = Message {
    code: "WASM0108",
    level: Level::Info,
    fault: Fault::Client,
    status: None,
    text: "client went away, guest stopped (module {module})",
    remedy: "Nothing to do: somebody closed a window or a connection broke.",
};

/// The guest never ran.
pub static NOT_INSTANTIATED: Message = Message {
    code: "WASM0109",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "guest could not be instantiated: {detail} (module {module})",
    remedy: "The program needs more than it may have from its first moment (see `WasmMemoryLimit`), or its start \
             function trapped.",
};

/// What the guest wrote is no response.
pub static BAD_RESPONSE: Message = Message {
    code: "WASM0110",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "response head not usable: {detail} (module {module})",
    remedy: "With `WasmEnableCGI On` the output must start with lines `Name: value`, then an empty line. Programs that \
             write their page at once need `WasmEnableCGI Off`.",
};

/// All instances are in use.
pub static NO_FREE_INSTANCE: Message = Message {
    code: "WASM0111",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(503),
    text: "no free instance within {wait} (module {module})",
    remedy: "As many guests as `WasmMaxInstances` allows were running in this child. Raise it, or find out why they \
             take so long. The client is asked to come again (`Retry-After`).",
};

/// The request's body stopped.
pub static BODY_UNREADABLE: Message = Message {
    code: "WASM0112",
    level: Level::Info,
    fault: Fault::Client,
    status: Some(400),
    text: "request body could not be read: {detail} (module {module})",
    remedy: "The client sent a malformed body, was too slow (`Timeout`, mod_reqtimeout; the status is then 408) or \
             stopped in the middle.",
};

/// Endless headers.
pub static HEAD_TOO_LARGE: Message = Message {
    code: "WASM0113",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "response head larger than {limit} bytes (module {module})",
    remedy: "The program's headers are too long, or it writes its page where headers belong: see WASM0110.",
};

/// A mounted directory is gone.
pub static MOUNT_FAILED: Message = Message {
    code: "WASM0115",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "a directory of WasmDir or WasmMapDir cannot be opened: {detail} (module {module})",
    remedy: "The directory was there when the server started. It has been removed since, or the user that the server \
             runs as (`User`) may not open it, or a link on the way to it now leads to one that is refused (WASM0207).",
};

/// Our own fault.
pub static PANIC: Message = Message {
    code: "WASM0116",
    level: Level::Error,
    fault: Fault::Us,
    status: Some(500),
    text: "panic inside mod_wasm: {detail}",
    remedy: "A fault of the module. Only this request is lost. Please report it with the line.",
};

/// The sections of a request could not be merged.
pub static NO_CONFIGURATION: Message = Message {
    code: "WASM0127",
    level: Level::Error,
    fault: Fault::Us,
    status: Some(500),
    text: "no configuration for this request",
    remedy: "A fault of the module while it read or merged the sections that hold for this URL: a WASM0116 line on the server's \
             standard error, or in its main log, says which. The file at the URL is not sent in place of what it would \
             answer. Please report it with both lines.",
};

/// The request's body is too long.
pub static BODY_TOO_LARGE: Message = Message {
    code: "WASM0117",
    level: Level::Info,
    fault: Fault::Client,
    status: Some(413),
    text: "request body larger than LimitRequestBody of {limit} bytes (module {module})",
    remedy: "Raise `LimitRequestBody` in that section if such bodies are wanted.",
};

/// No function to call.
pub static NO_ENTRY_POINT: Message = Message {
    code: "WASM0118",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "entry point not exported: {detail} (module {module})",
    remedy: "`WasmEntryPoint` must name a function that the module exports, without parameters and results. Remove it \
             to call `_start`.",
};

/// Something that cannot be an argument or a variable.
pub static BAD_ARGUMENT: Message = Message {
    code: "WASM0119",
    level: Level::Error,
    fault: Fault::Client,
    status: Some(400),
    text: "argument or environment variable not usable: {detail} (module {module})",
    remedy: "A value that reaches the guest as an argument or a variable holds a NUL byte. It comes from the request, \
             or from a directive such as `SetEnvIf` that copies a part of the request.",
};

/// What the guest says.
pub static GUEST_STDERR: Message = Message {
    code: "WASM0120",
    level: Level::Error,
    fault: Fault::Guest,
    status: None,
    text: "{module}: {line}",
    remedy: "A line that the program wrote to its standard error; of a program that answers through `wasi:http`, also \
             one that it wrote to its standard output.",
};

/// What the guest says is too much.
pub static GUEST_STDERR_DROPPED: Message = Message {
    code: "WASM0121",
    level: Level::Warning,
    fault: Fault::Guest,
    status: None,
    text: "further standard error output of this request dropped (module {module})",
    remedy: "A request may log 256 lines or 64 KiB. The program runs on.",
};

/// How a request ended.
pub static REQUEST_DONE: Message = Message {
    code: "WASM0130",
    level: Level::Debug,
    fault: Fault::Nobody,
    status: None,
    text: "{outcome} in {time}, {memory} bytes of memory (module {module})",
    remedy: "One line for each request, for measuring.",
};

/// Where the guest trapped.
pub static GUEST_BACKTRACE: Message = Message {
    code: "WASM0131",
    level: Level::Debug,
    fault: Fault::Guest,
    status: None,
    text: "backtrace (module {module}): {line}",
    remedy: "Belongs to the WASM0101 or WASM0102 line before it. Build the program with its names (the \
             `name` section) to see functions; they are shown as they are in the program.",
};
