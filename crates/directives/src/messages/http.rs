//! Messages of requests that an http component answers (`wasi:http`): its response, its outgoing connections, what it
//! logs. Must not know the handler.

use super::{Fault, Level, Message};

/// The guest ended well and gave no response.
pub static NO_RESPONSE: Message = Message {
    code: "WASM0122",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "guest ended without a response (module {module})",
    remedy: "The program's handler returned and had set no response. On some path it forgets to answer, or an error \
             was dropped there: its own log lines (WASM0120, WASM014x) may say which.",
};

/// The guest gave an error instead of a response, or a response that is none.
pub static BAD_GUEST_RESPONSE: Message = Message {
    code: "WASM0123",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "response of the guest not usable: {detail} (module {module})",
    remedy: "The program answered with an error code of `wasi:http` instead of a response, or with a response that \
             cannot be sent, such as one whose body is shorter or longer than its `Content-Length`.",
};

/// The same, found when a part of the response had been sent.
pub static BAD_RESPONSE_LATE: Message = Message {
    code: "WASM0124",
    level: Level::Error,
    fault: Fault::Guest,
    status: None,
    text: "response of the guest not usable after it had begun, response aborted: {detail} (module {module})",
    remedy: "As WASM0123: the body did not match its `Content-Length`, or the program gave it up half way. The status \
             had been sent already, so the connection is closed early to let the client see that the response is not \
             whole.",
};

/// `WasmAllowOutbound` says no.
pub static OUTBOUND_DENIED: Message = Message {
    code: "WASM0125",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "outgoing connection denied: {detail} (module {module})",
    remedy: "The program wanted to connect to a place that `WasmAllowOutbound` does not grant, and was told so \
             (`HTTP-request-denied`, for a socket `access-denied`). If it should be allowed, add the directive that \
             the line names to the section. If nobody knows why the program goes there, find out first.",
};

/// The guest failed when the response had been sent whole.
pub static AFTER_RESPONSE: Message = Message {
    code: "WASM0126",
    level: Level::Warning,
    fault: Fault::Guest,
    status: None,
    text: "guest failed after its response was complete, response kept: {detail} (module {module})",
    remedy: "The client got the whole response. What the program did afterwards ended with a trap or took longer than \
             `WasmTimeout`, and is not done.",
};

/// A line of the guest at `trace`.
pub static GUEST_LOG_TRACE: Message = guest_log("WASM0140", Level::Trace);
/// A line of the guest at `debug`.
pub static GUEST_LOG_DEBUG: Message = guest_log("WASM0141", Level::Debug);
/// A line of the guest at `info`.
pub static GUEST_LOG_INFO: Message = guest_log("WASM0142", Level::Info);
/// A line of the guest at `warn`.
pub static GUEST_LOG_WARNING: Message = guest_log("WASM0143", Level::Warning);
/// A line of the guest at `error`.
pub static GUEST_LOG_ERROR: Message = guest_log("WASM0144", Level::Error);
/// A line of the guest at `critical`.
pub static GUEST_LOG_CRITICAL: Message = guest_log("WASM0145", Level::Critical);

/// A line that the guest sent to `wasi:logging`. Each of its levels has a code, because the level of a message is fixed.
const fn guest_log(code: &'static str, level: Level) -> Message {
    Message {
        code,
        level,
        fault: Fault::Guest,
        status: None,
        text: "{module}: {line}",
        remedy: "A line that the program sent to `wasi:logging`, at the level that it chose.",
    }
}
