//! WasmEntryPoint: the exported function to call. Whether it is exported is checked later, with the module.

use super::{Apply, Arity, Contexts, Directive, Example};
use crate::args::{Args, Paths};
use crate::settings::{EntryPoint, Settings};

pub static WASM_ENTRY_POINT: Directive = Directive {
    name: "WasmEntryPoint",
    syntax: "WasmEntryPoint <name>",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "_start",
    since: "0.1",
    summary: "the exported function to call instead of _start",
    text: "Lets one module hold several programs. The function must be exported under this very name and take no \
           parameters and give no results; whether it does is checked when the server starts and by `apachectl -t`.\n\n\
           A component is called through `wasi:cli/run` or its `wasi:http` handler and has no entry point to choose.",
    examples: &[Example {
        title: "Call another function of the module",
        lines: "WasmEntryPoint report",
        gives: &["entry point: report"],
    }],
    // Every text can be the name of an export; httpd itself refuses an empty one.
    rejects: &[],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let name = args.one()?;
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    settings.entry_point = Some(EntryPoint {
        name: name.to_owned(),
        origin: args.origin.clone(),
    });
    Ok(())
}
