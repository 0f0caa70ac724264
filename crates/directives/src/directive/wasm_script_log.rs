//! WasmScriptLog: where failed runs of CGI programs are described.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, dirs, parts};
use crate::args::{Args, Paths};
use crate::choices::ScriptLog;
use crate::settings::Settings;
use crate::units::{MIB, parse_size};

/// The memory that a request may take for it is a few times as much.
const LARGEST_BODY: u64 = MIB;

pub static WASM_SCRIPT_LOG: Directive = Directive {
    name: "WasmScriptLog",
    syntax: "WasmScriptLog none|<file> [max=<size>] [body=<size>]",
    arity: Arity::Many,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.3",
    summary: "a file that describes each failed run of a CGI program: none, or a file, max=, body=",
    text: "When a CGI program fails, so that its client gets 500, 502 or 504 or a response that is cut off, an entry is \
           added to the file, in the form that `ScriptLog` of mod_cgi has: two lines that start with `%%`, with the time, \
           the request line, the status and the program; `%error` and what the error log says of it; `%request` and the \
           request's header fields, an empty line, and the start of the body as far as the program has read it; \
           `%response` and the head that the program wrote; `%stdout` and the start of what it wrote after that; `%stderr` \
           and the start of its standard error. Parts with nothing in them are left away.\n\n\
           - `max`: the file gets no entry that would make it larger than this. Default: 10385760 bytes.\n\
           - `body`: so much is kept of each of the request body, the output and the standard error, up to 1M. Default: 1K.\n\n\
           It is meant for finding faults, and holds what visitors have sent: let nobody read it who may not read that. The \
           values of `Authorization` and `Proxy-Authorization` are never written; those of `Cookie` and all others are. \
           Control characters are written as `\\xNN`, and a blank is put before a line that starts with `%`, so that \
           nothing in a request or in a program's output can be taken for a part of the log.\n\n\
           The server opens the file when it starts, before it changes its user, and again at each restart: the directory \
           need not be writable by that user. A relative path is relative to `ServerRoot`. It is one value: a section \
           that has it replaces the outer one as a whole.",
    examples: &[
        Example {
            title: "While a program is being developed",
            lines: "WasmScriptLog {dir}/wasm.log body=16K",
            gives: &["script log: {dir}/wasm.log max=10385760 body=16K"],
        },
        Example {
            title: "Not for this section",
            lines: "WasmScriptLog none",
            gives: &["script log: none"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "/nonexistent/wasm.log",
            message: "\"/nonexistent\" is not a directory",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "{dir}",
            message: "\"{dir}\" is a directory",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "none max=1M",
            message: "none stands alone",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "{dir}/wasm.log lines=5",
            message: "\"lines=5\" is not one of max=, body=",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "{dir}/wasm.log body=2M",
            message: "body: \"2M\" is more than 1M",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "{dir}/wasm.log max=large",
            message: "max: \"large\" is not a size: a whole number of bytes, or one with K, M or G after it",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "|logger",
            message: "\"|logger\" is not a file: entries cannot be piped to a program",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let values = args.many()?;
    let Some((&file, rest)) = values.split_first() else {
        return Err("takes at least one argument".to_owned());
    };
    if file.eq_ignore_ascii_case("none") {
        if !rest.is_empty() {
            return Err("none stands alone".to_owned());
        }
        settings.script_log = Some(None);
        return Ok(());
    }
    let mut log = ScriptLog::new(writable(file, paths)?, args.origin.clone());
    parts::each(rest, "max=, body=", |name, value| {
        Some(match name {
            "max" => parse_size(value).map(|size| log.max = size),
            "body" => start_size(value).map(|size| log.body = size),
            _ => return None,
        })
    })?;
    settings.script_log = Some(Some(log));
    Ok(())
}

fn start_size(value: &str) -> Result<u64, String> {
    let size = parse_size(value)?;
    if size > LARGEST_BODY {
        return Err(format!("\"{value}\" is more than 1M"));
    }
    Ok(size)
}

/// The file's absolute path. It need not exist, its directory must. Whether it can be written is seen when it is opened.
fn writable(file: &str, paths: &dyn Paths) -> Result<PathBuf, String> {
    if file.starts_with('|') {
        return Err(format!(
            "\"{file}\" is not a file: entries cannot be piped to a program"
        ));
    }
    let path = PathBuf::from(dirs::resolved(file, paths)?);
    let is_dir = |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_dir());
    if is_dir(&path) {
        return Err(format!("\"{}\" is a directory", path.display()));
    }
    match path.parent() {
        Some(parent) if is_dir(parent) => Ok(path),
        parent => {
            let parent = parent.unwrap_or(&path).display();
            Err(format!("\"{parent}\" is not a directory"))
        }
    }
}
