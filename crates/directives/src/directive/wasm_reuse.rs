//! WasmReuse: may an instance serve more than one request?

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, parts};
use crate::args::{Args, Paths};
use crate::settings::{Reuse, Settings};
use crate::units::{parse_number, parse_up_to_a_day};

/// Whatever an instance gathers, it should be given back some day.
const MAX_REQUESTS: u32 = 1_000_000;
/// They share one memory and one thread at a time.
const MAX_CONCURRENT: u32 = 1000;

pub static WASM_REUSE: Directive = Directive {
    name: "WasmReuse",
    syntax: "WasmReuse Off|On|[requests=<number>] [concurrent=<number>] [idle=<time>]",
    arity: Arity::Many,
    contexts: Contexts::Configuration,
    default: "Off",
    since: "0.2",
    summary: "let an instance of an http component serve several requests: Off, On, or how",
    text: "`Off`: each request gets a fresh instance of the program, and nothing of it survives the request.\n\n\
           `On`: an instance serves further requests once it has served one, which saves the time to set it up. `On` is \
           the same as `requests=128 concurrent=1 idle=10s`; a part that is not given has that value:\n\n\
           - `requests`: how many an instance serves before it is dropped, from 1 to 1000000.\n\
           - `concurrent`: how many at the same time, from 1 to 1000. More than one only for a component of WASI 0.3, \
           which can wait for one request while it works on another; it must have been written for that. A component \
           of WASI 0.2 always serves one at a time.\n\
           - `idle`: how long an instance is kept that has nothing to do, from 1ms to 24h.\n\n\
           **What survives** from one request to the next in a reused instance is the program's whole state: its memory, \
           its global variables and tables, and whatever it keeps open, such as files and connections. A program that \
           keeps one visitor's data in a global variable can show it to the next: turn this on only for programs that \
           keep such data with the request. An instance is never shared between sections, virtual hosts or child \
           processes, and only requests with the same settings use the same one, so that `WasmEnv`, `WasmConfig` and \
           directories are always those of the request.\n\n\
           An instance that trapped, timed out or passed its `WasmMemoryLimit` is not used again; other requests that it \
           was serving at that moment fail with it. `WasmTimeout` is counted for each request, `WasmMemoryLimit` for \
           the instance. An idle instance counts towards `WasmMaxInstances`, and gives way at once when another \
           program needs the room.\n\n\
           It is one value: a section that has it replaces the outer one as a whole. It concerns components that \
           export a handler of `wasi:http`; all other programs run once for each request, whatever is said here.",
    examples: &[
        Example {
            title: "A component that keeps nothing of its visitors in globals",
            lines: "WasmReuse On",
            gives: &["reuse: requests=128 concurrent=1 idle=10s"],
        },
        Example {
            title: "A component of WASI 0.3 that waits much for others",
            lines: "WasmReuse concurrent=32 requests=10000",
            gives: &["reuse: requests=10000 concurrent=32 idle=10s"],
        },
        Example {
            title: "Not in this section",
            lines: "WasmReuse Off",
            gives: &["reuse: Off"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "maybe",
            message: "\"maybe\" is not one of Off, On, requests=, concurrent=, idle=",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "On idle=1min",
            message: "On stands alone; what is not given has the value that On gives it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "requests=0",
            message: "requests: \"0\" is not a whole number from 1 to 1000000",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "concurrent=1001",
            message: "concurrent: \"1001\" is not a whole number from 1 to 1000",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "idle=2days",
            message: "idle: \"2days\" is not a duration: a whole number of seconds, or one with ms, s, min or h after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "idle=10s idle=20s",
            message: "idle stands twice",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let values = args.many()?;
    settings.reuse = Some(match switch(values)? {
        Some(false) => None,
        Some(true) => Some(Reuse::default()),
        None => Some(read_parts(values)?),
    });
    Ok(())
}

/// `On` or `Off`; `None` where neither stands.
fn switch(values: &[&str]) -> Result<Option<bool>, String> {
    let word = ["Off", "On"]
        .iter()
        .position(|word| values.iter().any(|value| value.eq_ignore_ascii_case(word)));
    match (word, values.len()) {
        (None, _) => Ok(None),
        (Some(word), 1) => Ok(Some(word == 1)),
        (Some(0), _) => Err("Off stands alone".to_owned()),
        (Some(_), _) => {
            Err("On stands alone; what is not given has the value that On gives it".to_owned())
        }
    }
}

fn read_parts(values: &[&str]) -> Result<Reuse, String> {
    let mut reuse = Reuse::default();
    parts::each(
        values,
        "Off, On, requests=, concurrent=, idle=",
        |name, value| {
            Some(match name {
                "requests" => parse_number(value, 1..=MAX_REQUESTS).map(|n| reuse.requests = n),
                "concurrent" => {
                    parse_number(value, 1..=MAX_CONCURRENT).map(|n| reuse.concurrent = n)
                }
                "idle" => parse_up_to_a_day(value).map(|time| reuse.idle = time),
                _ => return None,
            })
        },
    )?;
    Ok(reuse)
}
