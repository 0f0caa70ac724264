//! What a script has beside the language: `print`, `read`, `env`, `args`, `file`, `log` and `exit`.
//!
//! | name | what it does |
//! |---|---|
//! | `print(text)` | writes the text to standard output, and adds nothing |
//! | `read()` | the rest of standard input as text |
//! | `env` | the environment, an object |
//! | `args` | the arguments after the script's path |
//! | `file.read(path)`, `file.write(path, text)`, `file.append(path, text)` | a whole file as text |
//! | `log(text)` | one line on standard error |
//! | `exit(status)` | ends the script |
//!
//! Bytes that are not UTF-8 are replaced when read. It must not know how a script is found.

use rquickjs::{Ctx, Exception, Function, Object, Result};
use std::cell::Cell;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::rc::Rc;

/// Has the script called `exit`, and with which status?
#[derive(Clone, Default)]
pub struct Ended(Rc<Cell<Option<u8>>>);

impl Ended {
    /// The status, if it has.
    pub fn status(&self) -> Option<u8> {
        self.0.get()
    }
}

/// Defines them all.
pub fn define(ctx: &Ctx<'_>, ended: &Ended) -> Result<()> {
    let globals = ctx.globals();
    let variables = Object::new(ctx.clone())?;
    for (name, value) in env::vars_os() {
        variables.set(&*name.to_string_lossy(), &*value.to_string_lossy())?;
    }
    globals.set("env", variables)?;
    globals.set("args", env::args().skip(2).collect::<Vec<_>>())?;
    globals.set("print", Function::new(ctx.clone(), print)?)?;
    globals.set("read", Function::new(ctx.clone(), read)?)?;
    globals.set("log", Function::new(ctx.clone(), log)?)?;
    globals.set("file", files(ctx)?)?;
    let ended = ended.clone();
    let exit = move |ctx: Ctx<'_>, status: u8| -> Result<()> {
        ended.0.set(Some(status));
        // Thrown, so that nothing after the call runs.
        Err(Exception::throw_message(&ctx, "the script has ended"))
    };
    globals.set("exit", Function::new(ctx.clone(), exit)?)
}

fn files<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let file = Object::new(ctx.clone())?;
    let read = |ctx: Ctx<'_>, path: String| {
        let content = thrown(&ctx, &path, fs::read(&path))?;
        Ok::<_, rquickjs::Error>(String::from_utf8_lossy(&content).into_owned())
    };
    file.set("read", Function::new(ctx.clone(), read)?)?;
    let write =
        |ctx: Ctx<'_>, path: String, text: String| thrown(&ctx, &path, fs::write(&path, text));
    file.set("write", Function::new(ctx.clone(), write)?)?;
    let append = |ctx: Ctx<'_>, path: String, text: String| {
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        thrown(
            &ctx,
            &path,
            opened.and_then(|mut file| file.write_all(text.as_bytes())),
        )
    };
    file.set("append", Function::new(ctx.clone(), append)?)?;
    Ok(file)
}

fn print(ctx: Ctx<'_>, text: String) -> Result<()> {
    thrown(
        &ctx,
        "standard output",
        io::stdout().write_all(text.as_bytes()),
    )
}

fn read(ctx: Ctx<'_>) -> Result<String> {
    let mut content = Vec::new();
    thrown(
        &ctx,
        "standard input",
        io::stdin().lock().read_to_end(&mut content),
    )?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

fn log(ctx: Ctx<'_>, text: String) -> Result<()> {
    thrown(
        &ctx,
        "standard error",
        io::stderr().write_all(format!("{text}\n").as_bytes()),
    )
}

/// An error of the system as one that the script can catch.
fn thrown<T>(ctx: &Ctx<'_>, what: &str, outcome: io::Result<T>) -> Result<T> {
    outcome.map_err(|error| Exception::throw_message(ctx, &format!("{what}: {error}")))
}
