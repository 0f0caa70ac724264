//! Messages about how many files may be open. Must not know how they are counted.

use super::{Fault, Level, Message};

/// `WasmMaxOpenFiles`.
pub static FILE_LIMIT: Message = Message {
    code: "WASM0195",
    level: Level::Warning,
    fault: Fault::Guest,
    status: None,
    text: "guest may open no more files, WasmMaxOpenFiles is reached: {detail} (module {module})",
    remedy: "The program wanted one more file, directory or socket than `WasmMaxOpenFiles` lets it have open at once, and was \
             told so. If the work is honest, raise the number in that section; else the program forgets to close what it has \
             opened. Said once for each request, or instance where `WasmReuse` shares it.",
};

/// The process has few descriptors left.
pub static FILE_RESERVE: Message = Message {
    code: "WASM0196",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "guest may open no more files, the rest is kept for others and for httpd: {detail} (module {module})",
    remedy: "The programs of one child, and httpd itself, have so many files and connections open that the program was refused \
             one more, before its `WasmMaxOpenFiles` was reached. Raise how many the server's processes may open (`ulimit -n`, \
             `LimitNOFILE` of systemd), or lower `WasmMaxOpenFiles` where programs have many open. Said at most once a second \
             by each child.",
};

/// Not even the directories of the section can be opened.
pub static NO_FILES_LEFT: Message = Message {
    code: "WASM0197",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(503),
    text: "guest not started, its directories cannot be opened: {detail} (module {module})",
    remedy: "The section gives the program more directories (`WasmDir`, `WasmMapDir`, `WasmTempDir`, and that of the script, in \
             which it starts to work) than `WasmMaxOpenFiles` lets it have open, or the process has too few descriptors left: then raise how many it may open (`ulimit -n`, \
             `LimitNOFILE` of systemd). The log has WASM0196 of the programs that want more than there is.",
};
