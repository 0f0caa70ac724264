//! WasmCacheDir: where compiled programs are kept.

use std::path::PathBuf;

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, dirs, parts};
use crate::args::{Args, Paths};
use crate::settings::{CacheDir, ServerSettings};
use crate::units::{GIB, MIB, parse_size};

const KNOWN: &str = "max=";

pub static WASM_CACHE_DIR: Directive = Directive {
    name: "WasmCacheDir",
    syntax: "WasmCacheDir <directory>|none [max=<size>]",
    arity: Arity::Many,
    contexts: Contexts::Global,
    default: "mod_wasm in httpd's runtime directory (DefaultRuntimeDir), max=1G",
    since: "0.3",
    summary: "where compiled programs are kept, and how many bytes of them; none: they are not",
    text: "A program is compiled to native code once; after that, every start, restart and child process maps the file \
           that was kept of it. A large interpreter, which takes many seconds to compile, is there in less than one. \
           The key is the content of the program, the versions of this module's library and of Wasmtime, its settings and the \
           processor's features, so nothing wrong can be found there; deleting the directory \
           while the server is stopped is harmless. What version 0.3 kept there is not used any more.\n\n\
           - `<directory>`: absolute, or relative to `ServerRoot`. It is made when the server starts, if the directory \
           around it is there. The one by default is often lost when the machine starts; `/var/cache/apache2/mod_wasm` \
           is not.\n\
           - `max`: how many bytes may be kept, from 1M to 1024G; the least recently used programs give way. It holds \
           for what the server compiles when it starts and, separately, for what its child processes compile. There, the \
           programs of one owner (see `WasmCompileLimit`) take half of it at most; when all is full, the owner who has most \
           gives way.\n\
           - `none`: compiled programs are not kept. The code of those that requests lead to is memory of each child then, \
           and counts against the 128 MiB that a child keeps of them.\n\n\
           What is kept is native code, so the directory must belong to root or to the user who starts httpd, and \
           nobody else may be able to write it. Otherwise it is not used (`WASM0022`), and the server starts without. \
           The name of each file holds an authentication code, made with the file `secret` in it, which only the user who \
           starts httpd can read. A file that is damaged, or was made by somebody else, is removed and compiled again \
           (`WASM0023`).",
    examples: &[
        Example {
            title: "Kept when the machine starts",
            lines: "WasmCacheDir /var/cache/apache2/mod_wasm",
            gives: &["compiled programs: /var/cache/apache2/mod_wasm"],
        },
        Example {
            title: "With a bound",
            lines: "WasmCacheDir /var/cache/apache2/mod_wasm max=200M",
            gives: &[
                "compiled programs: /var/cache/apache2/mod_wasm",
                "compiled programs, at most: 200M",
            ],
        },
        Example {
            title: "Compiled at every start",
            lines: "WasmCacheDir none",
            gives: &["compiled programs: not kept"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "/var/cache/apache2/mod_wasm 1G",
            message: "\"1G\" is not one of max=",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/var/cache/apache2/mod_wasm max=1K",
            message: "max: \"1K\" is not between 1M and 1024G",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "none max=1G",
            message: "nothing is kept with none, so there is nothing to limit",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "max=1G",
            message: "the first argument is a directory or none",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Server(apply),
};

fn apply(server: &mut ServerSettings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let (place, limits) = args
        .many()?
        .split_first()
        .ok_or("takes at least one argument")?;
    let mut max = None;
    parts::each(limits, KNOWN, |name, value| {
        (name == "max").then(|| parse_max(value).map(|size| max = Some(size)))
    })?;
    let dir = if place.eq_ignore_ascii_case("none") {
        if max.is_some() {
            return Err("nothing is kept with none, so there is nothing to limit".to_owned());
        }
        CacheDir::None
    } else if place.contains('=') {
        return Err("the first argument is a directory or none".to_owned());
    } else {
        CacheDir::Path(PathBuf::from(dirs::resolved(place, paths)?))
    };
    server.cache_dir = Some(dir);
    server.cache_max = max;
    Ok(())
}

fn parse_max(text: &str) -> Result<u64, String> {
    let size = parse_size(text)?;
    if (MIB..=1024 * GIB).contains(&size) {
        Ok(size)
    } else {
        Err(format!("\"{text}\" is not between 1M and 1024G"))
    }
}
