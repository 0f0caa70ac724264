//! WasmArg: one more argument on the guest's command line.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;
use crate::value::Value;

pub static WASM_ARG: Directive = Directive {
    name: "WasmArg",
    syntax: "WasmArg <argument>",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.1",
    summary: "an argument for the program; may be given several times",
    text: "Adds one argument to the program's command line, in the order of the lines. The first argument that the \
           program sees, `argv[0]`, is always the module's file name without its directory.\n\n\
           A command line is one value: a section that has any `WasmArg` replaces the arguments of the sections around \
           it. Put an argument with spaces into quotes. httpd does not take an empty argument.\n\n\
           **Expressions.** An argument with `%{` in it is a string expression of httpd \
           (<https://httpd.apache.org/docs/2.4/expr.html>, as in `Header set`): `%{NAME}` and `%{function:argument}` are \
           replaced for each request, the rest stays. It is parsed when the configuration is read. In an expression, \
           a backslash is special: `\\%{` is a literal `%{`, `\\$1` a literal `$1`, and `\\\\` a backslash. \
           Without `%{` the argument is taken as it is, `%` and backslashes too. `%{reqenv:NAME}` is a variable of \
           the request, as `SetEnvIf` makes it; `%{osenv:NAME}` and `%{env:NAME}` reach the server's own environment. \
           In `.htaccess`, where `WasmEnv` may stand, functions that read files are refused. The result is one argument, whatever is in it; no shell \
           is involved. Be careful with what the client chooses, such as `%{QUERY_STRING}`, where the program reads options.\n\n\
           **Paths.** `%{REQUEST_FILENAME}`, `%{SCRIPT_FILENAME}`, `%{DOCUMENT_ROOT}` and `%{CONTEXT_DOCUMENT_ROOT}` are \
           paths of the host. Such a variable can only stand at the beginning, and the result as a whole is \
           given as the path under which the program knows it, through `WasmDir` and `WasmMapDir`; the directory with \
           the longest matching host path decides. A request for which the path lies in none of them is answered with \
           500, and the log says which directory is missing (WASM0180).\n\n\
           Instances that [WasmReuse](#wasmreuse) keeps are shared only by requests with the same results.\n\n\
           `WasmArg` is never accepted in `.htaccess`: an interpreter takes from its command line what to run (`-c`, `-r`, \
           `-e`), and whoever may write such a file could run a program of his own with the directories and connections \
           that the operator has granted to another one. `WasmEnv` is accepted there, since `SetEnv` can do the same.",
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
        Example {
            title: "The requested file, as the program knows it",
            lines: "WasmMapDir /app {dir}\nWasmArg %{REQUEST_FILENAME}",
            gives: &["argument: %{REQUEST_FILENAME}", "directory: /app is {dir}"],
        },
        Example {
            title: "Text, and parts of the request",
            lines: "WasmArg \"--user=%{REMOTE_USER}\"",
            gives: &["argument: --user=%{REMOTE_USER}"],
        },
    ],
    rejects: &[Reject {
        arguments: "--file=%{REQUEST_FILENAME}",
        message: "\"--file=%{REQUEST_FILENAME}\": %{REQUEST_FILENAME} is a path of the host and can only stand at the \
                  beginning of a value, which is then translated as a whole",
        found_by: FoundBy::Line,
    }],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let arg = Value::read(args.one()?, paths)?;
    settings.args.get_or_insert_default().push(arg);
    Ok(())
}
