//! WasmTimeout: how long a guest may take.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;
use crate::units::parse_up_to_a_day;

pub static WASM_TIMEOUT: Directive = Directive {
    name: "WasmTimeout",
    syntax: "WasmTimeout <time>[ms|s|min|h]",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "the server's Timeout",
    since: "0.1",
    summary: "how long the program may take for one request, in seconds or with ms, s, min or h",
    text: "Stops a program that takes longer than this for one request, be it computing, sleeping or waiting for \
           another server. The client gets 504; a response that has begun is cut off. What an http component does after \
           its response counts too; a response that is complete stays so. Time spent waiting for the client, to send its body or to take \
           the response, does not count, also where the program waits for something else at the same time: `Timeout` and mod_reqtimeout see to that.\n\n\
           At least a millisecond, at most 24 hours.",
    examples: &[
        Example {
            title: "Ten seconds",
            lines: "WasmTimeout 10",
            gives: &["timeout: 10s"],
        },
        Example {
            title: "A quarter of a second",
            lines: "WasmTimeout 250ms",
            gives: &["timeout: 250ms"],
        },
        Example {
            title: "Two minutes",
            lines: "WasmTimeout 120s",
            gives: &["timeout: 2min"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "soon",
            message: "\"soon\" is not a duration: a whole number of seconds, or one with ms, s, min or h after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "-1",
            message: "\"-1\" is not a duration: a whole number of seconds, or one with ms, s, min or h after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "0",
            message: "\"0\" is not between 1ms and 24h",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "25h",
            message: "\"25h\" is not between 1ms and 24h",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    settings.timeout = Some(parse_up_to_a_day(args.one()?)?);
    Ok(())
}
