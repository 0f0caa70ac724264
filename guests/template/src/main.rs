//! template: an interpreter in miniature. It runs the script that its first argument names, or else `SCRIPT_FILENAME`.
//!
//! A script is text that is sent as it stands, CGI head included, with `{NAME}` replaced by the variable of that name. A line
//! that starts with `%` is a command instead:
//! - `% body`: the request's body;
//! - `% include <file>`: another file as it is; relative to the directory in `PWD`;
//! - `% exit <status>`: the end.
//!
//! Exit status: 66 when the script or an included file cannot be read, 65 when the script is wrong.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    let script = env::args_os()
        .nth(1)
        .or_else(|| env::var_os("SCRIPT_FILENAME"));
    let Some(script) = script else {
        return Ok(complain(65, "no script is named"));
    };
    let text = match fs::read_to_string(&script) {
        Ok(text) => text,
        Err(error) => return Ok(complain(66, &format!("{}: {error}", script.display()))),
    };
    for line in text.split_inclusive('\n') {
        match line.strip_prefix('%') {
            None => io::stdout().write_all(filled(line).as_bytes())?,
            Some(command) => {
                if let Some(status) = run(command.trim())? {
                    return Ok(status);
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command. Returns the exit status if it was the last one.
fn run(command: &str) -> io::Result<Option<ExitCode>> {
    let (name, argument) = command.split_once(' ').unwrap_or((command, ""));
    match name {
        "body" => {
            let mut body = Vec::new();
            io::stdin().read_to_end(&mut body)?;
            io::stdout().write_all(&body)?;
        }
        "include" => {
            let file = Path::new(&env::var_os("PWD").unwrap_or_default()).join(argument);
            match fs::read(&file) {
                Ok(content) => io::stdout().write_all(&content)?,
                Err(error) => {
                    let text = format!("{}: {error}", file.display());
                    return Ok(Some(complain(66, &text)));
                }
            }
        }
        "exit" => {
            io::stdout().flush()?;
            let status = argument.parse().unwrap_or(65);
            return Ok(Some(ExitCode::from(status)));
        }
        _ => return Ok(Some(complain(65, &format!("unknown command '{name}'")))),
    }
    Ok(None)
}

/// The line with the values of variables; one that is not set has none.
fn filled(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, (name, after))) = rest
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        out.push_str(before);
        out.push_str(&env::var(name).unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}

/// One line on stderr. A failure to write it has nowhere to be reported.
fn complain(status: u8, text: &str) -> ExitCode {
    let _ = io::stderr().write_all(format!("template: {text}\n").as_bytes());
    ExitCode::from(status)
}
