//! WasmConfig: one entry of the store that a component reads through `wasi:config`.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_CONFIG: Directive = Directive {
    name: "WasmConfig",
    syntax: "WasmConfig <key> [<value>]",
    // Not Two: httpd counts an empty value as a missing one, and an empty value is a value.
    arity: Arity::OneOrTwo,
    contexts: Contexts::ConfigurationAndHtaccess,
    default: "none",
    since: "0.2",
    summary: "an entry of the program's configuration store (wasi:config); may be given several times",
    text: "Sets one entry of the store that a component reads through the interface `wasi:config/store`; without a \
           value the entry is there and empty. A program that does not import this interface does not see it: use \
           `WasmEnv` there.\n\n\
           Sections inside other sections add to the outer ones; an entry of the same key gets the inner value. Case \
           counts in keys.",
    examples: &[
        Example {
            title: "Two entries",
            lines: "WasmConfig greeting hello\nWasmConfig page.size 20",
            gives: &[
                "configuration entry: greeting=hello",
                "configuration entry: page.size=20",
            ],
        },
        Example {
            title: "The last one of a key holds; a value may be empty",
            lines: "WasmConfig mode test\nWasmConfig mode \"in use\"\nWasmConfig suffix \"\"",
            gives: &[
                "configuration entry: mode=in use",
                "configuration entry: suffix=",
            ],
        },
    ],
    rejects: &[Reject {
        arguments: "greeting=hello",
        message: "the key \"greeting=hello\" contains \"=\"; write key and value as two arguments",
        found_by: FoundBy::Line,
    }],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let (key, value) = args.one_or_two()?;
    if key.is_empty() {
        return Err("the key is empty".to_owned());
    }
    if key.contains('=') {
        return Err(format!(
            "the key \"{key}\" contains \"=\"; write key and value as two arguments"
        ));
    }
    settings.set_config(key, value.to_owned());
    Ok(())
}
