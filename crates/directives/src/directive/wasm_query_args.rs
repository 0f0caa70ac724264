//! WasmQueryArgs: are the words of a query arguments of the program?

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_QUERY_ARGS: Directive = Directive {
    name: "WasmQueryArgs",
    syntax: "WasmQueryArgs On|Off",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "On for a program that is the requested file itself, otherwise Off",
    since: "0.3",
    summary: "give the words of a query without \"=\" as arguments (ISINDEX): On or Off",
    text: "`On`: with `WasmEnableCGI On`, the query of a `GET` or `HEAD` request that has no `=` in it is taken apart at \
           each `+`, the parts are decoded, and the program gets them as arguments after those of `WasmArg`: `?one+t%20wo` \
           gives `one` and `t wo`. This is the indexed query of RFC 3875, section 4.4, as mod_cgi and mod_cgid give it. \
           A word that cannot be an argument, because its encoding is wrong or it holds a NUL byte or is not UTF-8, means \
           that none is given. Words reach the program as they are, also if they begin with `-`; no shell is \
           involved. The query is in `QUERY_STRING` all the same.\n\n\
           `Off`: arguments come from `WasmArg` alone.\n\n\
           **Leave it off for interpreters.** Whoever sends the request chooses the words. An interpreter that reads \
           options from its command line, such as php-cgi, would take them from there: `?-s` showed the source \
           of a script, and `?-d+...` ran any code (CVE-2012-1823). That is why it is on only where the requested file \
           is the program, as httpd has it for CGI scripts, and never by default where `WasmModule` names the program. \
           A grant of arguments to every client is not for `.htaccess`.",
    examples: &[
        Example {
            title: "A program that searches for the words of an indexed query",
            lines: "WasmEnableCGI On\nWasmQueryArgs On",
            gives: &["CGI: On", "query arguments: On"],
        },
        Example {
            title: "Programs of a directory that must not get arguments from clients",
            lines: "WasmQueryArgs Off",
            gives: &["query arguments: Off"],
        },
    ],
    rejects: &[Reject {
        arguments: "GET",
        message: "\"GET\" is neither On nor Off",
        found_by: FoundBy::Line,
    }],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    settings.query_args = Some(args.on_off()?);
    Ok(())
}
