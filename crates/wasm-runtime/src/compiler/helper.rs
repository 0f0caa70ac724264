//! The helper's side: gives up everything that it does not need, then reads a program that anybody may have written.
//!
//! Descriptor 0 is the program, 1 the place for the code, 2 the pipe for the report. Whatever goes wrong here ends this
//! process and no other; so nothing is caught, and nothing is cleaned up.

use super::job::Order;
use super::{Report, Summary};
use crate::capi::confine;
use crate::check::check_with;
use crate::compile::{compile, expect_engine};
use crate::program::contents;
use crate::weight::expect_light_code;
use crate::{Error, ErrorCode};
use std::any::Any;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};

/// Stack on which a program is read and checked, bytes. The server links what comes of it on a stack of four times as much, so
/// whatever is too deep for that is found here.
const STACK: usize = 4 << 20;

/// Does the job that the arguments describe; the exit status of the process.
pub fn main(arguments: impl Iterator<Item = String>) -> i32 {
    let result = Order::parse(arguments)
        .and_then(|order| {
            confine::confine(&order)?;
            Ok(order)
        })
        .map_err(|text| Error::new(ErrorCode::Engine, format!("cannot begin: {text}")))
        .and_then(on_own_stack);
    let report = Report::of(result).encode();
    match std::io::stderr().write_all(&report) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn on_own_stack(order: Order) -> Result<Summary, Error> {
    let failed = |text: String| Error::new(ErrorCode::Engine, text);
    let thread = std::thread::Builder::new()
        .name("wasm-compile".into())
        .stack_size(STACK)
        .spawn(move || work(&order))
        .map_err(|e| failed(format!("cannot start a thread: {e}")))?;
    thread.join().map_err(|payload| panicked(&*payload))?
}

/// What a panic of the compiler means: the same program would make it panic again.
fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    match text.is_some_and(|text| text.contains("allocation")) {
        true => Error::new(
            ErrorCode::CompileLimit,
            "compiling it takes more memory than it may",
        ),
        false => Error::new(ErrorCode::Invalid, "the compiler panics on it"),
    }
}

fn work(order: &Order) -> Result<Summary, Error> {
    let failed = |what: &str, e: std::io::Error| {
        Error::new(ErrorCode::Engine, format!("cannot {what}: {e}"))
    };
    if order.compile {
        expect_engine(&order.engine, order.allowed)?;
    }
    let program = duplicate(std::io::stdin().as_fd()).map_err(|e| failed("read", e))?;
    let bytes = contents(&program).map_err(|e| failed("read", e))?;
    let shape = check_with(&bytes, order.memory_limit, order.allowed)?;
    if let Some(entry_point) = &order.entry_point {
        shape.check_entry_point(entry_point.as_deref())?;
    }
    let mut summary = Summary {
        kind: shape.kind()?,
        concurrent: shape.is_concurrent(),
        code: 0,
    };
    if order.compile {
        let (kind, concurrent) = (summary.kind, summary.concurrent);
        let code = compile(&bytes, kind, concurrent, order.threads, order.allowed)?;
        expect_light_code(&code, kind, concurrent, order.allowed)?;
        let mut output = duplicate(std::io::stdout().as_fd()).map_err(|e| failed("write", e))?;
        output.write_all(&code).map_err(|e| match e.kind() {
            std::io::ErrorKind::FileTooLarge => {
                let text = "its code takes more than the memory that compiling may take";
                Error::new(ErrorCode::CompileLimit, text)
            }
            _ => failed("write", e),
        })?;
        summary.code = code.len() as u64;
    }
    Ok(summary)
}

/// A standard descriptor as a file without a buffer.
fn duplicate(fd: BorrowedFd<'_>) -> std::io::Result<File> {
    fd.try_clone_to_owned().map(File::from)
}
