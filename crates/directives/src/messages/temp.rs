//! Messages about private temporary directories. Must not know how they are made.

use super::{Fault, Level, Message};

/// `WasmTempDir` has limits.
pub static TEMP_DIR_FULL: Message = Message {
    code: "WASM0175",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "guest went beyond WasmTempDir max={max} files={files}: {detail} (module {module})",
    remedy: "The program put more into its private directory than it may. If the work is honest, raise the limit that \
             the line names in that section. The directory has been removed. A response that had begun is aborted.",
};

/// The disk or the configuration does not allow one.
pub static TEMP_DIR_FAILED: Message = Message {
    code: "WASM0176",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "the private directory of WasmTempDir cannot be made: {detail} (module {module})",
    remedy: "The user that the server runs as (`User`) must be able to write to the directory for temporary files, \
             which `TMPDIR` in the server's environment names, `/tmp` without it. There must be room, and `/proc` must \
             be there. No `WasmDir` or `WasmMapDir` of the section may show the program that directory.",
};
