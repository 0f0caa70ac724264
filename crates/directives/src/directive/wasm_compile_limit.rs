//! WasmCompileLimit: what reading and compiling one program may take.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, parts};
use crate::args::{Args, Paths};
use crate::settings::{CompileLimit, ServerSettings};
use crate::units::{GIB, KIB, MIB, parse_duration, parse_size};
use std::time::Duration;

/// The names, as errors list them.
const PARTS: &str = "time=, memory=, size=, wait=";

pub static WASM_COMPILE_LIMIT: Directive = Directive {
    name: "WasmCompileLimit",
    syntax: "WasmCompileLimit [time=<time>] [memory=<bytes>] [size=<bytes>] [wait=<time>]",
    arity: Arity::Many,
    contexts: Contexts::Global,
    default: "time=120s memory=2G size=64M wait=20s",
    since: "0.4",
    summary: "what reading and compiling one program may take: time=, memory=, size=; and wait= of its requests",
    text: "A program is read, checked and compiled in a process of its own, `wasm_runtime_helper`, which has no privileges: \
           it never runs as root, opens no file and no connection, and is bounded by the system. So a program that is made to \
           be slow to compile, or to crash the compiler, costs that process and nothing else. A process that serves requests \
           does not try it again until its file changes, and the log says which limit it was (`WASM0006`, `WASM0009`, `WASM0151`).\n\n\
           - `time`: processor time, on all processors together, from 1s to 3600s. An ordinary program takes about a second for \
           each megabyte. By the clock a compilation may take four times as long, since requests go first.\n\
           - `memory`: from 64M to 64G. An ordinary program takes ten to thirty times its size, one of Haskell a hundred \
           times. Programs that `WasmModule` names may take four times as much, when they are compiled at a start.\n\
           - `size`: of the program's file, from 1K to 1G. A larger one is not read.\n\
           - `wait`: how long a request waits for its program, from 1s to 600s. Beyond that, and at once when as many wait as \
           may (a quarter of all threads of the server, and of these a quarter for the programs of one owner), the client gets \
           503 with `Retry-After`, while the program goes on being compiled. In the two seconds after the first request for a program \
           each may wait.\n\n\
           The programs of one owner are compiled one after the other, those of several owners side by side, as many as \
           there are processors and at least two. The owner is the user that the file belongs to; files of root and of the \
           server's own user say nothing about that, and count by the outermost directory that is not root's, or by their own. What the server compiles when it starts \
           waits for no owner.\n\n\
           The limits hold for programs that `WasmModule` names too. `apachectl -t` reads those in the same way.",
    examples: &[
        Example {
            title: "Strangers' programs, none of them large",
            lines: "WasmCompileLimit time=20s memory=512M size=8M",
            gives: &["compiling one program: time=20s memory=512M size=8M wait=20s"],
        },
        Example {
            title: "Very large programs on a slow machine",
            lines: "WasmCompileLimit time=600s memory=8G size=256M wait=60s",
            gives: &["compiling one program: time=10min memory=8G size=256M wait=1min"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "120s",
            message: "\"120s\" is not one of time=, memory=, size=, wait=",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "time=0",
            message: "time: \"0\" is not between 1s and 3600s",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "memory=1M",
            message: "memory: \"1M\" is not between 64M and 64G",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "size=2G",
            message: "size: \"2G\" is not between 1K and 1G",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "time=1s time=2s",
            message: "time stands twice",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Server(apply),
};

fn apply(server: &mut ServerSettings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let mut limit = CompileLimit::default();
    parts::each(args.many()?, PARTS, |name, value| {
        Some(match name {
            "time" => time(value, 3600).map(|time| limit.time = time),
            "memory" => size(value, 64 * MIB..=64 * GIB, "64M and 64G").map(|n| limit.memory = n),
            "size" => size(value, KIB..=GIB, "1K and 1G").map(|n| limit.size = n),
            "wait" => time(value, 600).map(|time| limit.wait = time),
            _ => return None,
        })
    })?;
    server.compile_limit = Some(limit);
    Ok(())
}

fn time(text: &str, most: u64) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    if (Duration::from_secs(1)..=Duration::from_secs(most)).contains(&time) {
        Ok(time)
    } else {
        Err(format!("\"{text}\" is not between 1s and {most}s"))
    }
}

fn size(text: &str, range: std::ops::RangeInclusive<u64>, words: &str) -> Result<u64, String> {
    let size = parse_size(text)?;
    if range.contains(&size) {
        Ok(size)
    } else {
        Err(format!("\"{text}\" is not between {words}"))
    }
}
