//! WasmDir: a host directory under its own name.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, dirs};
use crate::args::{Args, Paths};
use crate::settings::Settings;

pub static WASM_DIR: Directive = Directive {
    name: "WasmDir",
    syntax: "WasmDir <directory>",
    arity: Arity::One,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.1",
    summary: "a directory that the program may use; may be given several times",
    text: "Opens a directory of the host for the program, for reading and writing as far as the user that the server \
           runs as (`User`) may. The program sees it under the same absolute path. A program sees no files at all but \
           those of the directories given to it.\n\n\
           A relative path is relative to `ServerRoot`. The directory must exist when the configuration is read. \
           Sections inside other sections add to the outer ones. `WasmDir` opens host paths and is therefore never \
           accepted in `.htaccess`.\n\n\
           A listing of a directory is as the directory was when the program began to read it, whatever is added or removed \
           meanwhile; it may hold some 300,000 names. A program of preview 1 sees names that are not UTF-8 as they are, but \
           cannot open them (`EILSEQ`); components do not see them.\n\n\
           Directories on which the server itself depends are refused when the configuration is read, and once more when \
           they are opened for a request: each that is, contains or lies in `WasmCacheDir`, `DefaultRuntimeDir`, the \
           directory of a loaded module or of `Mutex`, `/proc`, `/sys` or `/dev`; each that contains a file of the \
           configuration or a log; and each that lies in a directory of `ServerRoot` that holds such a file, unless there \
           is a `DocumentRoot` in it too. What symbolic links lead to counts.",
    examples: &[Example {
        title: "Give a directory",
        lines: "WasmDir {dir}",
        gives: &["directory: {dir} is {dir}"],
    }],
    rejects: &[
        Reject {
            arguments: "/nonexistent",
            message: "\"/nonexistent\": No such file or directory",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "{file}",
            message: "\"{file}\" is not a directory",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let dirs = (args.one()?, None);
    settings.set_mount(dirs::mount("WasmDir", dirs, args.origin, paths)?);
    Ok(())
}
