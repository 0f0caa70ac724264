//! Messages about requests whose program, or its script, is the file that was asked for. Must not know how it is found.

use super::{Fault, Level, Message};

/// A program that a request named is ready.
pub static PROGRAM_LOADED: Message = Message {
    code: "WASM0150",
    level: Level::Info,
    fault: Fault::Nobody,
    status: None,
    text: "program {module} loaded: {kind}, {size} bytes, {time}",
    remedy: "Nothing to do. A file that is itself the program is loaded when it is first asked for, once in each child, and \
             again when it has changed.",
};

/// A program that a request named cannot be run.
pub static PROGRAM_UNUSABLE: Message = Message {
    code: "WASM0151",
    level: Level::Error,
    fault: Fault::Guest,
    status: Some(500),
    text: "program {module} cannot be used: {detail}",
    remedy: "The cause is in the line. If it is the machine (no memory, no more processes, executable memory forbidden, \
             `wasm_runtime_helper` not beside libwasm_runtime.so), the client gets 503 and the next request tries again. \
             Otherwise the requested file is not WebAssembly, is damaged or not readable for the user that the server runs as, or \
             imports something that is not provided; or reading and compiling it takes more than `WasmCompileLimit` allows, which \
             the line says then. The same child does not try it again until it changes; each request meanwhile logs \
             WASM0152 at level `debug`.",
};

/// As before.
pub static PROGRAM_STILL_UNUSABLE: Message = Message {
    code: "WASM0152",
    level: Level::Debug,
    fault: Fault::Guest,
    status: Some(500),
    text: "program {module} has not changed since it could not be used: {detail}",
    remedy: "See the WASM0151 line of the same child.",
};

/// `Options ExecCGI`.
pub static EXECUTION_OFF: Message = Message {
    code: "WASM0153",
    level: Level::Error,
    fault: Fault::Client,
    status: Some(403),
    text: "Options ExecCGI is off for {file}",
    remedy: "Files that are programs, and scripts of an interpreter, run only where `Options +ExecCGI` or `ScriptAlias` says \
             so, as with mod_cgid. If the program does not depend on a file, name it with `WasmModule` in a `<Location>`.",
};

/// No file.
pub static FILE_MISSING: Message = Message {
    code: "WASM0154",
    level: Level::Info,
    fault: Fault::Client,
    status: Some(404),
    text: "no such program or script: {file}",
    remedy: "Somebody has asked for a file that is not there. If the program does not depend on a file, name it with \
             `WasmModule` in a `<Location>`.",
};

/// A directory, a socket.
pub static NOT_A_FILE: Message = Message {
    code: "WASM0155",
    level: Level::Error,
    fault: Fault::Client,
    status: Some(403),
    text: "{file} is no regular file and cannot be run",
    remedy: "The handler is in force for a directory that has none of the files of `DirectoryIndex`, or for something else that \
             can be neither a program nor a script.",
};

/// `AcceptPathInfo Off`.
pub static PATH_INFO_REFUSED: Message = Message {
    code: "WASM0156",
    level: Level::Info,
    fault: Fault::Client,
    status: Some(404),
    text: "AcceptPathInfo is off for {file}",
    remedy: "The URL goes on behind the file, and `AcceptPathInfo Off` forbids that.",
};

/// The interpreter could not open its script.
pub static SCRIPT_UNSEEN: Message = Message {
    code: "WASM0157",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "the guest has no directory with the script {file}: `WasmMapDir <guest path> {directory}` is missing (module {module})",
    remedy: "An interpreter opens its script, so it needs the directory: map it, or one above it, such as the `DocumentRoot`, \
             with `WasmMapDir`. A directory is of no use below the guest path of another one or of `WasmTempDir`, where the \
             program would find another file. If the program needs no script, name it in a `<Location>`, or say \
             `WasmMapCGIFileNames Off`.",
};

/// A link that the interpreter cannot follow.
pub static SCRIPT_BEHIND_LINK: Message = Message {
    code: "WASM0208",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "the guest cannot open the script {file}: the symbolic link {link} leads out of its directories (module {module})",
    remedy: "httpd follows the link, a WASI program cannot, since it would leave the directories that it has been given. Give \
             it the directory that the link leads to as well, with `WasmMapDir` or `WasmDir`, or a directory above both. A \
             link, absolute or not, that leads from a directory of the program into one is followed.",
};

/// A name that WASI has no way to say.
pub static SCRIPT_NAME: Message = Message {
    code: "WASM0209",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(500),
    text: "the guest cannot open the script {file}: its path in {directory} is not UTF-8, as all paths of WASI are \
           (module {module})",
    remedy: "The directory is given to the program and the file is there, but WASI can only name files whose names are UTF-8. \
             Rename the file, or the directory on the way whose name is in another encoding such as Latin-1 (`convmv`). \
             Bytes that are not ASCII are shown as `\\xNN`.",
};

/// The file of the program could not be used when the server started, and its line says that it need not be.
pub static MODULE_NOT_THERE: Message = Message {
    code: "WASM0158",
    level: Level::Error,
    fault: Fault::Operator,
    status: Some(503),
    text: "module {module}, which is optional, cannot be used: {detail}",
    remedy: "The line that names it says `optional`. Put a right file in its place and restart the server; a graceful restart \
             does. WASM0009 in the log of the start names the line.",
};

/// It is being compiled, and the request does not wait any longer.
pub static STILL_LOADING: Message = Message {
    code: "WASM0159",
    level: Level::Warning,
    fault: Fault::Operator,
    status: Some(503),
    text: "program {module} was not ready within {wait}",
    remedy: "A large program takes its time to be compiled, once, and others may be before it; it goes on meanwhile, and the client \
             has been told to come again. How long requests wait, and how many may, says `WasmCompileLimit`. Put programs into \
             the cache before visitors come, by asking for each once, or name them with `WasmModule`.",
};

/// The queue is full.
pub static TOO_MANY_PROGRAMS: Message = Message {
    code: "WASM0169",
    level: Level::Warning,
    fault: Fault::Operator,
    status: Some(503),
    text: "program {module} is not loaded: too many others wait to be",
    remedy: "Many files have been asked for that have not been compiled yet, of one owner or of many. Those before it go on; the \
             client has been told to come again.",
};
