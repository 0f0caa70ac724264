//! WasmModule: the program that a section runs. The file is read later, when all lines are known.

use std::path::PathBuf;

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, dirs};
use crate::args::{Args, Paths};
use crate::settings::{ModuleRef, Settings};

pub static WASM_MODULE: Directive = Directive {
    name: "WasmModule",
    syntax: "WasmModule <file>",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.1",
    summary: "the WebAssembly file to run",
    text: "Names the program that requests of this section run once `SetHandler wasm-handler` chooses the module as \
           their handler. A relative path is relative to `ServerRoot`.\n\n\
           The file is read, checked and compiled once when the server starts, however many sections name it; no \
           request waits for that. A changed file takes effect with the next restart, graceful or not. \
           What kind of program it is, is found from the file: a WASI preview 1 module with `_start`, a component \
           that exports `wasi:cli/run`, or an http component, which exports the handler of `wasi:http` \
           (`incoming-handler` of WASI 0.2, `handler` of 0.3). A component that exports both is an http component.\n\n\
           A file that is missing, unreadable, damaged, not WebAssembly, or that imports something the server does not \
           provide, keeps the server from starting; `apachectl -t` reports it with the line of this directive.\n\n\
           `WasmModule` loads code and is therefore never accepted in `.htaccess`.",
    examples: &[Example {
        title: "Run a program",
        lines: "WasmModule {module}",
        gives: &["module: {module}"],
    }],
    rejects: &[
        Reject {
            arguments: "/nonexistent/a.wasm",
            message: "WASM0006: module /nonexistent/a.wasm cannot be used",
            found_by: FoundBy::Check,
        },
        Reject {
            arguments: "{file}",
            message: "WASM0006: module {file} cannot be used",
            found_by: FoundBy::Check,
        },
        Reject {
            arguments: "{dir}",
            message: "WASM0006: module {dir} cannot be used",
            found_by: FoundBy::Check,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let path = PathBuf::from(dirs::resolved(args.one()?, paths)?);
    settings.module = Some(ModuleRef {
        path,
        origin: args.origin.clone(),
    });
    Ok(())
}
