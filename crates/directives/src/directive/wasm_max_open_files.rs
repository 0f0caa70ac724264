//! WasmMaxOpenFiles: how many files a guest may have open.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;
use crate::units::parse_number;

/// More than most systems let a process have.
const MAX: u32 = 65_536;

pub static WASM_MAX_OPEN_FILES: Directive = Directive {
    name: "WasmMaxOpenFiles",
    syntax: "WasmMaxOpenFiles <number>",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "64",
    since: "0.4",
    summary: "how many files, directories and sockets the program may have open at once, from 1 to 65536",
    text: "Limits the files, directories and sockets that one request has open at the same time. The directories of \
           `WasmDir`, `WasmMapDir` and `WasmTempDir` count, as each request opens them, and so does the directory of a script, \
           in which its program starts to work. A program that wants more is told \
           that too many files are open: `EMFILE` in preview 1, `insufficient-memory` for a file and `new-socket-limit` for a \
           socket in WASI 0.2, an error with that text in 0.3; the log has WASM0195.\n\n\
           Interpreters open the files of a program one after the other, and SQLite has about five for a database. 64 leave \
           room for a dozen databases. With `WasmReuse` it is the limit of an instance and all its requests.\n\n\
           All programs of one child share what its process may open (`ulimit -n`, `LimitNOFILE` of systemd) with httpd. So \
           httpd keeps a quarter of it, at least 64, for itself, and a program may open no more than an eighth of what is \
           left: the less there is, the less a program may have, so that one that needs few files still gets them \
           (WASM0196). A request that cannot even be given its directories gets 503 (WASM0197). Where many programs have many \
           files open, raise that limit of the system.",
    examples: &[Example {
        title: "A program that keeps many files open",
        lines: "WasmMaxOpenFiles 200",
        gives: &["open files: 200"],
    }],
    rejects: &[
        Reject {
            arguments: "0",
            message: "\"0\" is not a whole number from 1 to 65536",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "65537",
            message: "\"65537\" is not a whole number from 1 to 65536",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "many",
            message: "\"many\" is not a whole number from 1 to 65536",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    settings.max_open_files = Some(parse_number(args.one()?, 1..=MAX)?);
    Ok(())
}
