//! WasmModule: the program that a section runs. The file is read later, when all lines are known.

use std::path::PathBuf;

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, dirs};
use crate::args::{Args, Paths};
use crate::settings::{ModuleRef, Settings};

pub static WASM_MODULE: Directive = Directive {
    name: "WasmModule",
    syntax: "WasmModule <file> [optional]",
    arity: Arity::OneOrTwo,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.1",
    summary: "the WebAssembly file to run",
    text: "Names the program that requests of this section run once `SetHandler wasm-handler` chooses the module as \
           their handler. A relative path is relative to `ServerRoot`.\n\n\
           The section says how a URL leads to the program; sections such as `<If>` and `<Limit>` count as the one around \
           them:\n\n\
           - `<Location>`, `<LocationMatch>`, or none: the URL is the program. That the directive is there is the grant; no \
           file need be there, and `Options` do not matter.\n\
           - `<Directory>`, `<Files>` and their kin: the program is an interpreter, and the requested file is its script. The \
           same rules hold as for mod_cgid: `Options +ExecCGI` or `ScriptAlias`, or the client gets 403; a script that is \
           not there is 404 before any program runs. The directory of the script must be mapped with `WasmMapDir`.\n\n\
           Where no section names a program, the requested file is the program itself, as with mod_cgid and by the same \
           rules: `AddHandler wasm-handler .wasm` with `Options +ExecCGI`. It is loaded when it is first asked for, once in \
           each child, and compiled if nobody has done so yet; requests for it wait meanwhile, as long as \
           `WasmCompileLimit` lets them. When the file has \
           changed, the next request loads it anew, and those under way finish with the old one; put a new one in its \
           place with `mv`, so that nobody sees half a file. A child keeps 64 of them, with 128 MiB of memory and 4 GiB of \
           code at most. When there is more, the owner who has most of it gives up the one that was asked for longest ago.\n\n\
           A file that is named here is read, checked and compiled once when the server starts, however many sections \
           name it; no request waits for that. A changed file takes effect with the next restart, graceful or not. \
           What kind of program it is, is found from the file: a WASI preview 1 module with `_start`, a component \
           that exports `wasi:cli/run`, or an http component, which exports the handler of `wasi:http` \
           (`incoming-handler` of WASI 0.2, `handler` of 0.3). A component that exports both is an http component.\n\n\
           A file that is missing, unreadable, damaged, not WebAssembly, or that imports something the server does not \
           provide, keeps the server from starting; `apachectl -t` reports it with the line of this directive. Where many \
           share a server, one broken file need not keep all others down: with `optional` it is a warning (WASM0009), from \
           `apachectl -t` too, and whoever asks for the program gets 503 until a restart finds the file usable. Every line \
           that names the file must say so. A restart does not compile such a file, since no child accepts requests \
           meanwhile: a new one that is not in the cache is loaded when it is first asked for. A file that only \
           lacks the entry point is loaded all the same, and answers 500. A mistake in the line itself is none that \
           `optional` covers.\n\n\
           `WasmModule` loads code and is therefore never accepted in `.htaccess`.",
    examples: &[
        Example {
            title: "Run a program",
            lines: "WasmModule {module}",
            gives: &["module: {module}"],
        },
        Example {
            title: "A program of one of many customers",
            lines: "WasmModule {module} optional",
            gives: &["module: {module} optional"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "/nonexistent/a.wasm",
            message: "WASM0006: module /nonexistent/a.wasm cannot be used",
            found_by: FoundBy::Check,
        },
        Reject {
            arguments: "{file}",
            message: "WASM0006: module {file} cannot be used",
            found_by: FoundBy::Check,
        },
        Reject {
            arguments: "{dir}",
            message: "WASM0006: module {dir} cannot be used",
            found_by: FoundBy::Check,
        },
        Reject {
            arguments: "{module} maybe",
            message: "\"maybe\" is not \"optional\", which alone may follow the file",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, paths: &dyn Paths) -> Result<(), String> {
    let (file, word) = args.one_or_two()?;
    if !word.is_empty() && !word.eq_ignore_ascii_case("optional") {
        return Err(format!(
            "\"{word}\" is not \"optional\", which alone may follow the file"
        ));
    }
    let path = PathBuf::from(dirs::resolved(file, paths)?);
    settings.module = Some(ModuleRef {
        path,
        optional: !word.is_empty(),
        origin: args.origin.clone(),
    });
    Ok(())
}
