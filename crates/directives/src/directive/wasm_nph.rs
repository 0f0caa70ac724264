//! WasmNPH: does the program write its whole HTTP response itself?

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_NPH: Directive = Directive {
    name: "WasmNPH",
    syntax: "WasmNPH On|Off",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "Off",
    since: "0.3",
    summary: "the program writes its whole HTTP response, status line included: On or Off",
    text: "`On`: what a CGI program writes goes to the client as it is: a status line such as `HTTP/1.1 200 OK`, header \
           fields, an empty line, and the body, framed as the fields say. httpd adds nothing and no filter sees it, and the \
           connection is closed afterwards. This is the *non-parsed header output* of RFC 3875, for programs that were \
           written for it; all others are better served without it. The name of the program's file does not matter.\n\n\
           - The access log has the status that the status line says. Output that does not begin with a status line and has \
           no empty line after its header fields is not sent: the client gets 500, as it does when the program fails before \
           it has written that much. A status below 200 is refused in the same way.\n\
           - When the program fails later, the connection is closed. The client can tell only if the response has said how \
           long it is.\n\
           - For a HEAD request, and with status 204, 205 or 304, nothing is sent behind the empty line.\n\
           - What the program writes behind the end of its body, as `Content-Length` or its last chunk say, is not sent. A \
           head that can be read in two ways, with two lengths or other codings than `chunked`, is refused with 500.\n\
           - HTTP/2 has no status line: a request over it gets 500. So use `Protocols http/1.1` where this is `On`.\n\
           - In a page that includes it, such as by mod_include, the program is refused with 403.\n\n\
           It concerns programs with `WasmEnableCGI On`.",
    examples: &[Example {
        title: "An old program that writes its own status line",
        lines: "WasmEnableCGI On\nWasmNPH On",
        gives: &["CGI: On", "non-parsed headers: On"],
    }],
    rejects: &[Reject {
        arguments: "nph-",
        message: "\"nph-\" is neither On nor Off",
        found_by: FoundBy::Line,
    }],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    settings.nph = Some(args.on_off()?);
    Ok(())
}
