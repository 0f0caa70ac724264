//! WasmEnableCGI: is the guest a CGI program?

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_ENABLE_CGI: Directive = Directive {
    name: "WasmEnableCGI",
    syntax: "WasmEnableCGI On|Off",
    arity: Arity::One,
    contexts: Contexts::ConfigurationAndHtaccess,
    default: "On if the requested file is the program or its script, else Off",
    since: "0.1",
    summary: "run the program as CGI: On or Off",
    text: "`On`: the program gets the request as the CGI standard (RFC 3875) says: request headers as `HTTP_*` \
           variables beside the other CGI variables, the query in `QUERY_STRING`, the body on its standard input. Its \
           output starts with response headers and an empty line; then follows the content.\n\n\
           `Off`: everything that the program writes is the content, as it is; its environment holds only what \
           `WasmEnv` sets.\n\n\
           Where nothing is said, `On` holds if the requested file is the program itself, or a script that the program \
           interprets (see `WasmModule`), and `Off` if the program is named for its URL.\n\n\
           An http component gets the request and gives its response through `wasi:http`, whatever is said here.",
    examples: &[
        Example {
            title: "A CGI program",
            lines: "WasmEnableCGI On",
            gives: &["CGI: On"],
        },
        Example {
            title: "Any case is right",
            lines: "WasmEnableCGI off",
            gives: &["CGI: Off"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "maybe",
            message: "\"maybe\" is neither On nor Off",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "1",
            message: "\"1\" is neither On nor Off",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    settings.cgi = Some(args.on_off()?);
    Ok(())
}
