//! WasmSerialize: which requests of a section wait for each other?

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::choices::{Alone, Serialize};
use crate::settings::Settings;

pub static WASM_SERIALIZE: Directive = Directive {
    name: "WasmSerialize",
    syntax: "WasmSerialize Off|On|Writes",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "Off",
    since: "0.3",
    summary: "run the requests of this section one at a time: Off, On, or Writes",
    text: "WASI preview 1 has no file locks: two requests that change the same file at the same time can spoil it. This makes \
           them wait for each other, over all threads and children of the server.\n\n\
           - `Off`: requests run side by side.\n\
           - `On`: one request at a time.\n\
           - `Writes`: a request with another method than GET, HEAD or OPTIONS runs alone; those three run side by side. For \
           programs that change nothing when they are asked with one of these.\n\n\
           Those that wait for each other are the requests for which the same line of the configuration holds: a section \
           that inherits the line shares it, a section with a line of its own has a queue of its own. Children that finish \
           after a graceful restart are still waited for, as long as the line stays where it is in its file.\n\n\
           A request waits for at most the server's `Timeout`; then its client gets 503 with `Retry-After`. What it waits \
           does not count against `WasmTimeout`. Those that wait come in no particular order, but no kind of request is \
           preferred to the other. The next one runs when the program has ended, however it ended, so a client that takes a \
           long response slowly holds up the others. One that sends its body slowly does not: the body for a CGI \
           program or an http component is read whole before its turn is waited for, into a temporary file if it is large. \
           With `WasmBodyWithoutLength Stream` the program gets it as it comes, and others wait for the client too. An include of the same section in the \
           response of a request belongs to that request, as long as its program runs. One of another section that is \
           serialised too waits for two seconds at most, since the two might wait for each other. A line in a file that \
           several virtual hosts include is one queue for all of them.\n\n\
           It needs `/proc`, which a server with `ChrootDir` lacks unless it is mounted there.",
    examples: &[
        Example {
            title: "A counter in a file",
            lines: "WasmMapDir /data {dir}\nWasmSerialize On",
            gives: &["directory: /data is {dir}", "serialize: On"],
        },
        Example {
            title: "A guest book that is read more often than it is written",
            lines: "WasmSerialize Writes",
            gives: &["serialize: Writes"],
        },
        Example {
            title: "Not in this section",
            lines: "WasmSerialize Off",
            gives: &["serialize: Off"],
        },
    ],
    rejects: &[Reject {
        arguments: "Reads",
        message: "\"Reads\" is not one of Off, On, Writes",
        found_by: FoundBy::Line,
    }],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let words = [
        ("Off", None),
        ("On", Some(Alone::Every)),
        ("Writes", Some(Alone::Writes)),
    ];
    let alone = args.word(&words)?;
    settings.serialize = Some(alone.map(|alone| Serialize {
        alone,
        origin: args.origin.clone(),
    }));
    Ok(())
}
