//! WasmMemoryLimit: how much memory a guest may take.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;
use crate::units::{GIB, KIB, parse_size};

/// One page of WebAssembly memory: with less, no program that has a memory could start.
const MIN: u64 = 64 * KIB;
/// All that 32-bit addresses reach.
const MAX: u64 = 4 * GIB;

pub static WASM_MEMORY_LIMIT: Directive = Directive {
    name: "WasmMemoryLimit",
    syntax: "WasmMemoryLimit <bytes>[K|M|G]",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "256M",
    since: "0.1",
    summary: "how much memory the program may take for one request, in bytes or with K, M or G",
    text: "Limits all memories and tables of one request together. A program that asks for more is refused the memory, \
           as a process would be by its system; most then give up, and the client gets 500. What the server holds for the \
           program (objects behind handles, header fields, buffers, stacks of calls that wait) counts too, as far as it is \
           more than 4 MiB; a program for which that is too much is stopped.\n\n\
           At least 64K, one page of WebAssembly memory; at most 4G, all that a 32-bit program can address. It is a \
           ceiling: memory that a program does not touch costs nothing. The default leaves room for a 30 MB \
           interpreter such as CPython or PHP, which touches 40 to 100 MB, and stops a program that allocates without \
           end before the machine suffers. The worst case of one child is this limit times `WasmMaxInstances`. With \
           `WasmReuse` it is the limit of an instance and all its requests.",
    examples: &[
        Example {
            title: "A small program",
            lines: "WasmMemoryLimit 16M",
            gives: &["memory limit: 16M"],
        },
        Example {
            title: "In bytes",
            lines: "WasmMemoryLimit 1000000",
            gives: &["memory limit: 1000000"],
        },
        Example {
            title: "As much as there can be",
            lines: "WasmMemoryLimit 4096m",
            gives: &["memory limit: 4G"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "lots",
            message: "\"lots\" is not a size: a whole number of bytes, or one with K, M or G after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "1.5G",
            message: "\"1.5G\" is not a size: a whole number of bytes, or one with K, M or G after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "32K",
            message: "\"32K\" is not between 64K and 4G",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "5G",
            message: "\"5G\" is not between 64K and 4G",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let text = args.one()?;
    let limit = parse_size(text)?;
    if !(MIN..=MAX).contains(&limit) {
        return Err(format!("\"{text}\" is not between 64K and 4G"));
    }
    settings.memory_limit = Some(limit);
    Ok(())
}
