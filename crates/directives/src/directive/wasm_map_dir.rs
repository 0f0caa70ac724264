//! WasmMapDir: a host directory under another name.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, dirs};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_MAP_DIR: Directive = Directive {
    name: "WasmMapDir",
    syntax: "WasmMapDir <guest-path> <host-directory>",
    arity: Arity::Two,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.1",
    summary: "a directory that the program may use under another path; may be given several times",
    text: "As `WasmDir`, but the program sees the directory under `<guest-path>`, so that it need not know how the host \
           is laid out. Mind the order: first what the program sees, then what is on the host.\n\n\
           Of several directories for one guest path the last one holds, and that of an inner section replaces that of \
           an outer one. Where one guest path lies in another (`/` and `/data`), the program finds in the inner one what it \
           looks for there, and what the outer host directory holds under that name is no path of the program: a \
           variable or argument that would name such a file is withheld or refused, as if no directory held it.\n\n\
           The server's own directories are refused, as for `WasmDir`.",
    examples: &[
        Example {
            title: "Show a directory as /data",
            lines: "WasmMapDir /data {dir}",
            gives: &["directory: /data is {dir}"],
        },
        Example {
            title: "A final slash makes no difference",
            lines: "WasmMapDir / {dir}\nWasmMapDir /data/ {dir}/",
            gives: &["directory: / is {dir}", "directory: /data is {dir}"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "/data /nonexistent",
            message: "\"/nonexistent\": No such file or directory",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/data {file}",
            message: "\"{file}\" is not a directory",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/data/../etc {dir}",
            message: "the guest path \"/data/../etc\" contains \"..\"",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let (guest, host) = args.two()?;
    let dirs = (host, Some(guest));
    settings.set_mount(dirs::mount("WasmMapDir", dirs, args.origin, paths)?);
    Ok(())
}
