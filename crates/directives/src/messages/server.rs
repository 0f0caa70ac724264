//! Messages of the server's start and stop: the library, the engine, the modules. Must not know when they are logged.

use super::{Fault, Level, Message};

/// The runtime library is not there or cannot be loaded.
pub static LIBRARY_MISSING: Message = Message {
    code: "WASM0001",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "the runtime library cannot be loaded: {detail}",
    remedy: "`libwasm_runtime.so` must lie in the same directory as `mod_wasm.so` and be readable; `make install` puts \
             both there. `LD_LIBRARY_PATH` is not needed.",
};

/// Module and library speak different versions of the C interface.
pub static ABI_MISMATCH: Message = Message {
    code: "WASM0002",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "the runtime library does not fit this module: {detail}",
    remedy: "`mod_wasm.so` and `libwasm_runtime.so` come from releases with different interfaces. Install both, and \
             `wasm_runtime_helper`, from the same release.",
};

/// All is well at start.
pub static READY: Message = Message {
    code: "WASM0003",
    level: Level::Info,
    fault: Fault::Nobody,
    status: None,
    text: "ready: mod_wasm {version}, runtime {runtime}, modules loaded: {modules}",
    remedy: "Nothing to do.",
};

/// No engine, no guests.
pub static ENGINE_FAILED: Message = Message {
    code: "WASM0004",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "the engine cannot be created: {detail}",
    remedy: "The cause is in the line. Common ones: a limit on address space (`ulimit -v`, `LimitAS`), or a security \
             policy that forbids executable memory. The server does not start.",
};

/// The fast allocator could not be had.
pub static NO_POOLING: Message = Message {
    code: "WASM0005",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "no pool of instances, each request allocates its own memory: {detail}",
    remedy: "Everything works, each request costs more. The pool reserves address space for every instance: raise a \
             limit on address space (`ulimit -v`, `LimitAS`), or lower `WasmMaxInstances` or `WasmMemoryLimit`.",
};

/// A configured file is not a program we can run. `module` is the whole path here: rejects in the table rely on it.
pub static MODULE_UNUSABLE: Message = Message {
    code: "WASM0006",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "module {module} cannot be used: {detail} ({origin})",
    remedy: "The file named at that line of the configuration is missing, unreadable, not WebAssembly, damaged, \
             imports something that is not provided, or lacks the entry point; or reading and compiling it takes more than \
             `WasmCompileLimit` allows, which the line says then. `apachectl -t` reports the same without \
             starting the server.",
};

/// A configured file is loaded.
pub static MODULE_LOADED: Message = Message {
    code: "WASM0007",
    level: Level::Info,
    fault: Fault::Nobody,
    status: None,
    text: "module {module} loaded: {kind}, {size} bytes, {time}",
    remedy: "Nothing to do. Each file is loaded once at start, however many sections name it. The line says whether it \
             was compiled or came from the cache (`WasmCacheDir`), and how long that took.",
};

/// As [`MODULE_UNUSABLE`], for a file that the server may start without.
pub static MODULE_LEFT_OUT: Message = Message {
    code: "WASM0009",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "module {module} cannot be used and is left out: {detail} ({origin})",
    remedy: "As WASM0006, but the line says `optional`, so the server starts. Requests for the program get 503 (WASM0158) until \
             the file is right and the server is restarted, gracefully or not.",
};

/// A directive would give guests what the server itself depends on.
pub static MOUNT_REFUSED: Message = Message {
    code: "WASM0207",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "{directive}: {detail}; give a directory that holds only what programs may read and write ({origin})",
    remedy: "A program could change, or read, what the server trusts: compiled programs that all children run, modules, \
             configuration, logs that `root` writes, the memory of the server's processes. Give a smaller directory, such as \
             the `DocumentRoot`, or move what the line names (`WasmCacheDir`, `DefaultRuntimeDir`, `ErrorLog`, the \
             configuration file) out of it. `apachectl -t` reports the same without starting the server; a request whose \
             directory has become such a one since gets WASM0115.",
};

/// A child without signal handlers cannot turn a guest's fault into a trap.
pub static SIGNAL_HANDLERS: Message = Message {
    code: "WASM0008",
    level: Level::Error,
    fault: Fault::Us,
    status: None,
    text: "the signal handlers could not be installed in this child: {detail}",
    remedy: "Guests cannot run safely in this child process. Look for another module that takes over `SIGSEGV`; \
             otherwise please report it with the line.",
};

/// Without it nothing could hold all children to one `WasmLogLimit`.
pub static NO_SHARED_MEMORY: Message = Message {
    code: "WASM0010",
    level: Level::Error,
    fault: Fault::Operator,
    status: None,
    text: "no memory for WasmLogLimit that child processes could share: {detail}",
    remedy: "The server does not start, since programs could fill the disk by the error log. It takes 256 KiB; the cause is in the \
             line, usually a limit on address space (`ulimit -v`, `LimitAS`) or a machine or container that has no memory left.",
};
