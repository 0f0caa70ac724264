//! WasmMapCGIFileNames: are the host paths in CGI variables rewritten?

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_MAP_CGI_FILE_NAMES: Directive = Directive {
    name: "WasmMapCGIFileNames",
    syntax: "WasmMapCGIFileNames On|Off",
    arity: Arity::One,
    contexts: Contexts::ConfigurationAndHtaccess,
    default: "On if the requested file is the program or its script, else Off",
    since: "0.1",
    summary: "rewrite host paths in CGI variables through the mapped directories: On or Off",
    text: "With `WasmEnableCGI On`, variables such as `SCRIPT_FILENAME` hold paths of the host, where the program may \
           know the same file under another path. `On` rewrites them through `WasmDir` and `WasmMapDir`: the directory \
           with the longest matching host path decides, and a path that lies in none of them is withheld. `Off` shows \
           only paths that are the same for host and program, as `WasmDir` makes them.\n\n\
           A program that is the requested file, or interprets it (see `WasmModule`), has `On` where nothing is said. It \
           then finds the directory of the file in `PWD` and starts to work there: that is where its relative paths lead, if \
           none of its directories is called `/`. And an interpreter whose script lies in none of its directories is \
           not started, since it could not read it: the client gets 500, and the log names the directory.",
    examples: &[Example {
        title: "An interpreter that is told its script by SCRIPT_FILENAME",
        lines: "WasmMapDir /app {dir}\nWasmEnableCGI On\nWasmMapCGIFileNames On",
        gives: &[
            "directory: /app is {dir}",
            "CGI: On",
            "map CGI file names: On",
        ],
    }],
    rejects: &[Reject {
        arguments: "yes",
        message: "\"yes\" is neither On nor Off",
        found_by: FoundBy::Line,
    }],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    settings.map_cgi_file_names = Some(args.on_off()?);
    Ok(())
}
