//! Messages of loading programs, which takes time, and of the cache that saves it. Must not know when they are logged.

use super::{Fault, Level, Message};

/// A program is not in the cache.
pub static COMPILING: Message = Message {
    code: "WASM0020",
    level: Level::Info,
    fault: Fault::Nobody,
    status: None,
    text: "compiling {module} ({size} bytes)",
    remedy: "Nothing to do. With `WasmCacheDir` it happens once for each content of the file and version of the runtime.",
};

/// The operator waits for the server.
pub static STILL_COMPILING: Message = Message {
    code: "WASM0021",
    level: Level::Notice,
    fault: Fault::Nobody,
    status: None,
    text: "still compiling {module} after {elapsed} s",
    remedy: "Nothing to do: a large program takes many seconds, once. If it takes as long at every start, see whether \
             there is a line `WASM0022` or `WASM0024`.",
};

/// The directory cannot be trusted or not be made.
pub static CACHE_REFUSED: Message = Message {
    code: "WASM0022",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "compiled programs are not kept: {detail}",
    remedy: "Everything works, but each start compiles all programs. The directory of `WasmCacheDir` must belong to root \
             or to the user who starts httpd, be writable by nobody else (mode 0755), and be no symbolic link; if it is \
             missing, the one around it must be there and writable for that user. `WasmCacheDir none` switches the \
             cache off, and this line too.",
};

/// What was there was not what had been written.
pub static CACHE_DAMAGED: Message = Message {
    code: "WASM0023",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "a compiled program in the cache was not usable and has been removed: {detail}",
    remedy: "Nothing to do if it happens once, after a crash of the machine for instance: the program is compiled \
             again. If it comes back, look at the disk, and at who else writes to the directory.",
};

/// The cache could not take a program.
pub static NOT_KEPT: Message = Message {
    code: "WASM0024",
    level: Level::Warning,
    fault: Fault::Operator,
    status: None,
    text: "the compiled program {module} could not be kept: {detail}",
    remedy: "The program runs, but the next start compiles it again. The cause is in the line: a full disk, a directory \
             that is not writable, or a program larger than the `max=` of `WasmCacheDir`, or than half of that for one that \
             requests lead to.",
};

/// Two servers, or two children, want the same program.
pub static WAITING_FOR_COMPILER: Message = Message {
    code: "WASM0025",
    level: Level::Notice,
    fault: Fault::Nobody,
    status: None,
    text: "still waiting after {elapsed} s until {module} can be compiled",
    remedy: "Nothing to do. Other programs, of the same owner for instance, are being compiled before it; or another process \
             is at the same one, which is compiled once and then used by both.",
};
