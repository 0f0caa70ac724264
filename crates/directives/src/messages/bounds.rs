//! Messages about bounds on what programs send to clients and to the log. Must not know how either is done.

use super::{Fault, Level, Message};

/// Whoever reads on would take what is too much for another response.
pub static MISFRAMED: Message = Message {
    code: "WASM0200",
    level: Level::Error,
    fault: Fault::Guest,
    status: None,
    text: "response cut off and its connection closed: {detail} (module {module})",
    remedy: "The body was longer or shorter than the head said that had gone out. The head is made by the program (with \
             `WasmNPH`, or where `ap_trust_cgilike_cl` is set) or by `Header` lines for `Content-Length` or \
             `Transfer-Encoding`, in a `.htaccess` file perhaps: take those away. What is too much is never sent, since \
             a proxy could take it for the response to somebody else's request.",
};

/// `WasmLogLimit` is passed.
pub static LOG_DROPPED: Message = Message {
    code: "WASM0201",
    level: Level::Warning,
    fault: Fault::Guest,
    status: None,
    text: "{lines} lines, {bytes} bytes of log dropped: more than WasmLogLimit of {limit} a second (module {module})",
    remedy: "Programs of this section wrote, or caused, more lines than may be logged for it, in all child processes together. \
             Programs and requests ran on. The module that is named is the one whose line or request brought it to \
             light. If the lines are wanted, raise `WasmLogLimit` there.",
};
