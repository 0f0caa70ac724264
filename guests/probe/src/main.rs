//! probe: the test program with many behaviours. What it does is a word in the query (`?do=gen&n=100`) or, without `do=`, the
//! first argument that has no `=` (`WasmArg gen`, `WasmArg n=100`); parameters come from both. `plain=1` or the argument
//! `--plain` leaves the CGI head away. The sub-commands stand in [`run`], each described in the module it is in.
//!
//! Built for WASI preview 1 and, from the same source, as a 0.2 component. It must not know what the tests expect of it.
//! Exit status: 64 for a wrong call, 74 when reading or writing failed; a component of WASI 0.2 can only say 1.

mod body;
mod faults;
mod files;
mod out;
mod params;
mod patient;
mod scratch;
mod streams;
mod world;

use std::io::{self, Write};
use std::process::ExitCode;

use out::Out;
use params::Params;

/// A sub-command: it gets its parameters and the response, whose head it begins itself.
type Command = fn(&Params, Out) -> io::Result<()>;

fn main() -> ExitCode {
    let params = Params::from_process();
    let name = params.command();
    let Some(command) = run(&name) else {
        complain(&format!("unknown sub-command '{name}'"));
        return ExitCode::from(64);
    };
    match command(&params, Out::new(params.plain())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            complain(&format!("{name}: {error}"));
            ExitCode::from(64)
        }
        Err(error) => {
            complain(&format!("{name}: {error}"));
            ExitCode::from(74)
        }
    }
}

/// The sub-command of that name.
fn run(name: &str) -> Option<Command> {
    Some(match name {
        "echo" => body::echo,
        "count" => body::count,
        "noread" => body::noread,
        "raw" => body::raw,
        "head" => body::head,
        "gen" => body::generate,
        "drip" => body::drip,
        "endless" => body::endless,
        "endlesshead" => body::endless_head,
        "sleep" => faults::sleep,
        "spin" => faults::spin,
        "exit" => faults::exit,
        "alloc" => faults::alloc,
        "recurse" => faults::recurse,
        "unreachable" => faults::unreachable,
        "oob" => faults::out_of_bounds,
        "div0" => faults::divide_by_zero,
        "panic" => faults::panic,
        "stderr" => world::stderr,
        "env" => world::environment,
        "args" => world::arguments,
        "cwd" => world::working_directory,
        "clock" => world::clock,
        "random" => world::random,
        "files" => files::files,
        "close" => files::close,
        "open" => files::open,
        "streams" => streams::streams,
        "scratch" => scratch::scratch,
        "poll" => world::poll,
        "patient" => patient::patient,
        _ => return None,
    })
}

/// One line on stderr. A failure to write it has nowhere to be reported.
fn complain(line: &str) {
    let _ = io::stderr().write_all(format!("probe: {line}\n").as_bytes());
}
