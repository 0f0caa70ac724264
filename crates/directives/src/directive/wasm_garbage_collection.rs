//! WasmGarbageCollection: whether programs may keep objects on a heap of the engine's.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::ServerSettings;

pub static WASM_GARBAGE_COLLECTION: Directive = Directive {
    name: "WasmGarbageCollection",
    syntax: "WasmGarbageCollection On|Off",
    arity: Arity::One,
    contexts: Contexts::Global,
    default: "Off",
    since: "0.4",
    summary: "whether programs may use WebAssembly's garbage collection",
    text: "`On`: programs may use the proposal for garbage collection (structs and arrays on a heap of the engine's), as \
           compilers for Kotlin, Dart, Java and OCaml make them. `Off`: such a program is refused when the configuration is \
           read, or when it is first asked for. Exceptions work in both cases.\n\n\
           **Why it is off.** In the Wasmtime of this release, 48.0.8, a program that is made for it can end the whole \
           process by its heap, and with it the requests of all others in that child (GHSA-43j2-gcp4-m22g, mended in \
           48.0.9). Exceptions live on such a heap too, so `Off` makes the fault harder to reach and does not rule it out. \
           Turn it on if you know who writes the programs.",
    examples: &[Example {
        title: "Programs of trusted authors, written in Kotlin",
        lines: "WasmGarbageCollection On",
        gives: &["garbage collection: On"],
    }],
    rejects: &[Reject {
        arguments: "yes",
        message: "\"yes\" is neither On nor Off",
        found_by: FoundBy::Line,
    }],
    apply: Apply::Server(apply),
};

fn apply(server: &mut ServerSettings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    server.garbage_collection = Some(args.on_off()?);
    Ok(())
}
