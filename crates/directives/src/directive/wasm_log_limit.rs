//! WasmLogLimit: how much of the error log programs may fill.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;
use crate::units::{GIB, KIB, parse_size};

/// With less, not even the line of a program that failed is certain to be there.
const MIN: u64 = KIB;
/// More than any disk takes.
const MAX: u64 = GIB;

pub static WASM_LOG_LIMIT: Directive = Directive {
    name: "WasmLogLimit",
    syntax: "WasmLogLimit none|<bytes>[K|M|G]",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "64K",
    since: "0.4",
    summary: "how much programs may have written to the error log in a second: none, or bytes, K, M or G",
    text: "Limits what the programs of a section have written to the error log: their standard error, their messages \
           through `wasi:logging`, backtraces, and the lines about requests that failed. The number is that of bytes a second, in all \
           child processes together, whole lines with all that httpd adds to them; after a quiet time four times as much at once. \
           What is more is dropped, and a line says how much that was, once a second at most (WASM0201). Lines that \
           `LogLevel` keeps out do not count.\n\n\
           Requests of another virtual host or of other sections are not concerned: each has its own limit. \
           `.htaccess` files are no sections here, and can neither raise the limit nor get one of their own. Besides \
           this one request may log 256 lines or 64 KiB at most.\n\n\
           From 1K to 1G; `none` is no limit. What a second may hold at most in all is this limit \
           times the virtual hosts and the combinations of sections that apply to requests.",
    examples: &[
        Example {
            title: "Strangers' programs",
            lines: "WasmLogLimit 4K",
            gives: &["log limit: 4K a second"],
        },
        Example {
            title: "A program of one's own, while it is looked into",
            lines: "WasmLogLimit none",
            gives: &["log limit: none"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "Off",
            message: "\"Off\" is not a size: a whole number of bytes, or one with K, M or G after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "1023",
            message: "\"1023\" is not between 1K and 1G",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "2G",
            message: "\"2G\" is not between 1K and 1G",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let text = args.one()?;
    if text.eq_ignore_ascii_case("none") {
        settings.log_limit = Some(None);
        return Ok(());
    }
    let limit = parse_size(text)?;
    if !(MIN..=MAX).contains(&limit) {
        return Err(format!("\"{text}\" is not between 1K and 1G"));
    }
    settings.log_limit = Some(Some(limit));
    Ok(())
}
