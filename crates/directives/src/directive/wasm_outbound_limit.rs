//! WasmOutboundLimit: what outgoing HTTP may take.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, parts};
use crate::args::{Args, Paths};
use crate::settings::Settings;
use crate::units::{GIB, parse_number, parse_size, parse_up_to_a_day};

/// More than anybody passes through a guest on purpose.
const MAX_BODY: u64 = 1024 * GIB;
/// Each takes a connection, and the process has a limit of those.
const MAX_CONCURRENT: u32 = 1000;

pub static WASM_OUTBOUND_LIMIT: Directive = Directive {
    name: "WasmOutboundLimit",
    syntax: "WasmOutboundLimit [timeout=<time>] [size=<bytes>] [concurrent=<number>]",
    arity: Arity::Many,
    contexts: Contexts::Configuration,
    default: "timeout=30s size=64M concurrent=16",
    since: "0.2",
    summary: "limits of outgoing HTTP requests: timeout=, size= and concurrent=",
    text: "Limits the HTTP requests that the program makes to other servers, where `WasmAllowOutbound` lets it make \
           any:\n\n\
           - `timeout`: the whole time of one of them, from looking up the name to the last byte of the response. From \
           1ms to 24h. The program may ask for less. It does not lengthen `WasmTimeout`: waiting for another server \
           counts as the program's own time.\n\
           - `size`: the body of one response, in bytes or with K, M or G; from 1 to 1024G. Bodies are passed on in \
           pieces and not collected, so a large one costs no memory here.\n\
           - `concurrent`: how many may be under way at once for one instance of the program, from 1 to 1000. One more \
           fails at once.\n\n\
           A request that passes a limit ends with an error that the program can handle. Each part that is not given \
           keeps the value of the section around, or its default. Sockets have no limit but `WasmTimeout`.",
    examples: &[
        Example {
            title: "An API that must answer soon",
            lines: "WasmOutboundLimit timeout=2s size=1M",
            gives: &["outbound timeout: 2s", "outbound size: 1M"],
        },
        Example {
            title: "One after the other",
            lines: "WasmOutboundLimit concurrent=1",
            gives: &["outbound requests at once: 1"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "30s",
            message: "\"30s\" is not one of timeout=, size=, concurrent=",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "time=30s",
            message: "\"time=30s\" is not one of timeout=, size=, concurrent=",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "timeout=soon",
            message: "timeout: \"soon\" is not a duration: a whole number of seconds, or one with ms, s, min or h \
                      after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "timeout=0",
            message: "timeout: \"0\" is not between 1ms and 24h",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "size=2000G",
            message: "size: \"2000G\" is not between 1 and 1024G",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "concurrent=0",
            message: "concurrent: \"0\" is not a whole number from 1 to 1000",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "size=1M size=2M",
            message: "size stands twice",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let (mut timeout, mut body, mut concurrent) = (
        settings.outbound_timeout,
        settings.outbound_body,
        settings.outbound_concurrent,
    );
    parts::each(
        args.many()?,
        "timeout=, size=, concurrent=",
        |name, value| {
            Some(match name {
                "timeout" => parse_up_to_a_day(value).map(|time| timeout = Some(time)),
                "size" => parse_body(value).map(|size| body = Some(size)),
                "concurrent" => {
                    parse_number(value, 1..=MAX_CONCURRENT).map(|n| concurrent = Some(n))
                }
                _ => return None,
            })
        },
    )?;
    settings.outbound_timeout = timeout;
    settings.outbound_body = body;
    settings.outbound_concurrent = concurrent;
    Ok(())
}

fn parse_body(text: &str) -> Result<u64, String> {
    let size = parse_size(text)?;
    if (1..=MAX_BODY).contains(&size) {
        Ok(size)
    } else {
        Err(format!("\"{text}\" is not between 1 and 1024G"))
    }
}
