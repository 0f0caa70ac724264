//! WasmBodyWithoutLength: what becomes of a CGI program's request body whose length nobody has said?

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::choices::BodyWithoutLength;
use crate::settings::Settings;

pub static WASM_BODY_WITHOUT_LENGTH: Directive = Directive {
    name: "WasmBodyWithoutLength",
    syntax: "WasmBodyWithoutLength Spool|Stream|Refuse",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "Spool",
    since: "0.3",
    summary: "a request body that comes without its length: Spool, Stream or Refuse",
    text: "A CGI program reads as many bytes of its request body as `CONTENT_LENGTH` says. A client need not say a length: \
           it may send the body in chunks, or over HTTP/2. And an input filter, such as mod_deflate's `INFLATE`, makes the \
           length wrong that a client has said.\n\n\
           - `Spool`: the body is read to its end before the program is started, and `CONTENT_LENGTH` is what has been \
           read. Up to 64 KiB are kept in memory, more in a file without a name in the directory for temporary files \
           (`TMPDIR` in the server's environment, or `/tmp`). The client's time does not count against `WasmTimeout`, and \
           no program waits for it. How large a body may be is said by `LimitRequestBody`, 1 GiB where it is not set; with \
           `LimitRequestBody 0` only the room in that directory is a bound. The limit holds for the body as the client \
           sends it, and again for what input filters make of it.\n\
           - `Stream`: the program is started at once, reads the body as it comes, and gets no `CONTENT_LENGTH`. For \
           programs that read their standard input to its end, and for answers that begin before the request is over.\n\
           - `Refuse`: a client that says no length gets 411, and the program is not started. A body that has a length \
           which an input filter changes is spooled: its client has done what it could.\n\n\
           The directive concerns programs with `WasmEnableCGI On`. A body whose length is known is not held back, unless \
           [WasmSerialize](#wasmserialize) holds: then any body is spooled, also that for an http component, since others \
           would wait for its client; `Stream` streams it all the same.",
    examples: &[
        Example {
            title: "A program that reads its standard input to the end",
            lines: "WasmEnableCGI On\nWasmBodyWithoutLength Stream",
            gives: &["CGI: On", "body without length: Stream"],
        },
        Example {
            title: "No room for bodies of unknown length",
            lines: "WasmBodyWithoutLength Refuse",
            gives: &["body without length: Refuse"],
        },
        Example {
            title: "As it is where nothing is said",
            lines: "WasmBodyWithoutLength Spool",
            gives: &["body without length: Spool"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "On",
            message: "\"On\" is not one of Spool, Stream, Refuse",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "411",
            message: "\"411\" is not one of Spool, Stream, Refuse",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let words = [
        ("Spool", BodyWithoutLength::Spool),
        ("Stream", BodyWithoutLength::Stream),
        ("Refuse", BodyWithoutLength::Refuse),
    ];
    settings.body_without_length = Some(args.word(&words)?);
    Ok(())
}
