//! WasmMaxInstances: how many guests may run at once in one child process.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::ServerSettings;
use crate::units::parse_number;

/// As many threads as httpd's own MPMs let one child have. Far more would only reserve address space.
const MAX: u32 = 20_000;

pub static WASM_MAX_INSTANCES: Directive = Directive {
    name: "WasmMaxInstances",
    syntax: "WasmMaxInstances <number>",
    arity: Arity::One,
    contexts: Contexts::Global,
    default: "two and a half times the threads of one child (ThreadsPerChild)",
    since: "0.1",
    summary: "how many programs may run at once in one child process, from 1 to 20000",
    text: "Limits how many programs run at the same time in one child process, and with it the memory that they can \
           take together. A request beyond that waits for up to a second; then the client gets 503 with `Retry-After`.\
           \n\nInstances that `WasmReuse` keeps idle count, and give way at once when the room is needed.\n\n\
           The pool of instances is set up when the server starts, so there is one number for the whole server.",
    examples: &[Example {
        title: "Leave threads free for other content",
        lines: "WasmMaxInstances 8",
        gives: &["instances in one child: 8"],
    }],
    rejects: &[
        Reject {
            arguments: "0",
            message: "\"0\" is not a whole number from 1 to 20000",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "20001",
            message: "\"20001\" is not a whole number from 1 to 20000",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "many",
            message: "\"many\" is not a whole number from 1 to 20000",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Server(apply),
};

fn apply(server: &mut ServerSettings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    server.max_instances = Some(parse_number(args.one()?, 1..=MAX)?);
    Ok(())
}
