//! script-js: an interpreter that runs a script in JavaScript for each request, as a CGI program would be run: the script reads
//! the request and prints the whole response, its head first.
//!
//! The script is the file that the first argument names, else the variable SCRIPT_FILENAME. It is a module and may import others
//! as `modules` says. What it has beside the language is in `globals`. It must not know what any script does.
//! Exit status: what the script says, 255 when it ends in an error (as php-cgi does), 66 when there is no such script.

mod globals;
mod modules;

use globals::Ended;
use rquickjs::{CatchResultExt as _, CaughtError, Context, Ctx, Module, Runtime};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::{env, fs};

/// The script ended in an error.
const FATAL: u8 = 255;

/// There is no such script (EX_NOINPUT).
const NO_INPUT: u8 = 66;

fn main() -> ExitCode {
    let named = env::args()
        .nth(1)
        .or_else(|| env::var("SCRIPT_FILENAME").ok());
    let Some(path) = named else {
        return failed(
            NO_INPUT,
            "neither an argument nor SCRIPT_FILENAME names a script",
        );
    };
    let source = match fs::read(&path) {
        Ok(source) => source,
        Err(error) => return failed(NO_INPUT, &format!("{path}: {error}")),
    };
    let status = match run(&path, source) {
        Ok(status) => status,
        Err(reason) => return failed(FATAL, &reason),
    };
    // Where output is a file of whole blocks, an error shows only here.
    match io::stdout().flush() {
        Ok(()) => ExitCode::from(status),
        Err(error) => failed(FATAL, &error.to_string()),
    }
}

/// Runs the script; gives its exit status, or the error it ended in.
fn run(path: &str, source: Vec<u8>) -> Result<u8, String> {
    let started = || -> rquickjs::Result<(Runtime, Context)> {
        let runtime = Runtime::new()?;
        runtime.set_loader(modules::Neighbours, modules::Files);
        let context = Context::full(&runtime)?;
        Ok((runtime, context))
    };
    let (_runtime, context) = started().map_err(|error| error.to_string())?;
    context.with(|ctx| {
        let ended = Ended::default();
        let outcome = evaluate(&ctx, path, source, &ended).catch(&ctx);
        match (ended.status(), outcome) {
            (Some(status), _) => Ok(status),
            (None, Ok(())) => Ok(0),
            (None, Err(error)) => Err(told(&error)),
        }
    })
}

fn evaluate<'js>(
    ctx: &Ctx<'js>,
    path: &str,
    source: Vec<u8>,
    ended: &Ended,
) -> rquickjs::Result<()> {
    globals::define(ctx, ended)?;
    Module::evaluate(ctx.clone(), path, source)?.finish::<()>()?;
    // What was promised and not waited for, too.
    while ctx.execute_pending_job() {}
    Ok(())
}

/// An error as the log shows it: its kind, the message, and where.
fn told(error: &CaughtError<'_>) -> String {
    let CaughtError::Exception(exception) = error else {
        return error.to_string();
    };
    let name: String = exception.get("name").unwrap_or_default();
    let message = exception.message().unwrap_or_default();
    let stack = exception.stack().unwrap_or_default();
    format!("{name}: {message}\n{}", stack.trim_end())
}

/// Tells the log why, and gives the exit status.
fn failed(status: u8, reason: &str) -> ExitCode {
    // A failure to write it has nowhere to be reported, and what was printed is to be delivered.
    let _ = io::stdout().flush();
    let _ = io::stderr().write_all(format!("script-js: {reason}\n").as_bytes());
    ExitCode::from(status)
}
