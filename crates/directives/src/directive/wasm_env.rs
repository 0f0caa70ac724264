//! WasmEnv: one variable of the guest's environment.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;
use crate::value::Value;

pub static WASM_ENV: Directive = Directive {
    name: "WasmEnv",
    syntax: "WasmEnv <name> [<value>]",
    // Not Two: httpd counts an empty value as a missing one, and an empty value is a value.
    arity: Arity::OneOrTwo,
    contexts: Contexts::ConfigurationAndHtaccess,
    default: "none",
    since: "0.1",
    summary: "an environment variable for the program; may be given several times",
    text: "Sets a variable in the program's environment; without a value it is set and empty. The program sees nothing \
           of the server's own environment.\n\n\
           Sections inside other sections add to the outer ones; a variable of the same name gets the inner value. \
           With `WasmEnableCGI On` these variables stand beside those of CGI.\n\n\
           A value with `%{` in it is an expression, as described under [WasmArg](#wasmarg).",
    examples: &[
        Example {
            title: "A variable",
            lines: "WasmEnv GREETING hello",
            gives: &["environment: GREETING=hello"],
        },
        Example {
            title: "The last one of a name holds; a value may be empty",
            lines: "WasmEnv MODE test\nWasmEnv MODE \"in use\"\nWasmEnv DEBUG \"\"",
            gives: &["environment: MODE=in use", "environment: DEBUG="],
        },
        Example {
            title: "Values of the request; the second is a path as the program knows it",
            lines: "WasmMapDir /app {dir}\nWasmEnv CLIENT %{REMOTE_ADDR}:%{REMOTE_PORT}\n\
                    WasmEnv SCRIPT %{REQUEST_FILENAME}",
            gives: &[
                "environment: CLIENT=%{REMOTE_ADDR}:%{REMOTE_PORT}",
                "environment: SCRIPT=%{REQUEST_FILENAME}",
                "directory: /app is {dir}",
            ],
        },
    ],
    rejects: &[
        Reject {
            arguments: "GREETING=hello",
            message: "the name \"GREETING=hello\" contains \"=\"; write name and value as two arguments",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "SCRIPT file:%{DOCUMENT_ROOT}/x",
            message: "\"file:%{DOCUMENT_ROOT}/x\": %{DOCUMENT_ROOT} is a path of the host and can only stand at the \
                      beginning of a value, which is then translated as a whole",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let (name, value) = args.one_or_two()?;
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    if name.contains('=') {
        return Err(format!(
            "the name \"{name}\" contains \"=\"; write name and value as two arguments"
        ));
    }
    settings.set_env(name, Value::read(value, paths)?);
    Ok(())
}
