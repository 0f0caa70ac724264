//! WasmArg: one more argument on the guest's command line.

use super::{Apply, Arity, Contexts, Directive, Example};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_ARG: Directive = Directive {
    name: "WasmArg",
    syntax: "WasmArg <argument>",
    arity: Arity::One,
    contexts: Contexts::ConfigurationAndHtaccess,
    default: "none",
    since: "0.1",
    summary: "an argument for the program; may be given several times",
    text: "Adds one argument to the program's command line, in the order of the lines. The first argument that the \
           program sees, `argv[0]`, is always the module's file name without its directory.\n\n\
           A command line is one value: a section that has any `WasmArg` replaces the arguments of the sections around \
           it. Put an argument with spaces into quotes. httpd does not take an empty argument.",
    examples: &[
        Example {
            title: "Run a script in an interpreter",
            lines: "WasmArg /app/page.py",
            gives: &["argument: /app/page.py"],
        },
        Example {
            title: "Several arguments, one with a space",
            lines: "WasmArg --title\nWasmArg \"two words\"",
            gives: &["argument: --title", "argument: two words"],
        },
    ],
    // Every text can be an argument.
    rejects: &[],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let arg = args.one()?.to_owned();
    settings.args.get_or_insert_default().push(arg);
    Ok(())
}
