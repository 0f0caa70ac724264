//! The message catalogue: every line that the module itself writes to an error log has a code here, for ever. Says
//! whose fault each is, what the client gets and what to do; must not know how a line is written to a log.
//!
//! Numbers are never reused and never change their meaning; wording may change. 00xx: start and stop. 01xx and
//! 02xx: requests.

use std::fmt::{Display, Write};

mod bounds;
mod cache;
mod cgi;
mod expressions;
mod files;
mod http;
mod open_files;
mod requests;
mod server;
mod temp;

pub use bounds::*;
pub use cache::*;
pub use cgi::*;
pub use expressions::*;
pub use files::*;
pub use http::*;
pub use open_files::*;
pub use requests::*;
pub use server::*;
pub use temp::*;

/// One message.
#[derive(Debug)]
pub struct Message {
    /// `WASM` and four digits.
    pub code: &'static str,
    /// How loud it is.
    pub level: Level,
    /// Who has to do something about it.
    pub fault: Fault,
    /// The status the client gets if its response has not begun; `None`: none of its own.
    pub status: Option<u16>,
    /// The line, with `{name}` for what changes.
    pub text: &'static str,
    /// What it means and what to do, Markdown.
    pub remedy: &'static str,
}

impl Message {
    /// The log line: code, text with its placeholders filled, and in brackets those of `fields` that the text has no
    /// placeholder for. A placeholder without a field stays as it is: a line with a hole is better than no line.
    ///
    /// ```
    /// let fields: &[(&str, &dyn std::fmt::Display)] =
    ///     &[("detail", &"wasm `unreachable` instruction executed"), ("module", &"a.wasm"), ("after", &"3 ms")];
    /// let line = directives::messages::GUEST_TRAPPED.line(fields);
    /// assert_eq!(line, "WASM0101: guest trapped: wasm `unreachable` instruction executed (module a.wasm) (after 3 ms)");
    /// ```
    #[must_use]
    pub fn line(&self, fields: &[(&str, &dyn Display)]) -> String {
        let mut line = format!("{}: ", self.code);
        let mut used = vec![false; fields.len()];
        let mut rest = self.text;
        // One pass from left to right: braces inside a value are never taken for a placeholder.
        while let Some((before, name, after)) = placeholder(rest) {
            line.push_str(before);
            match fields
                .iter()
                .zip(&mut used)
                .find(|((key, _), _)| *key == name)
            {
                Some(((_, value), used)) => {
                    *used = true;
                    push(&mut line, value);
                }
                None => push(&mut line, &format_args!("{{{name}}}")),
            }
            rest = after;
        }
        line.push_str(rest);
        let extra: Vec<String> = fields
            .iter()
            .zip(&used)
            .filter(|(_, used)| !**used)
            .map(|((key, value), _)| format!("{key} {value}"))
            .collect();
        if !extra.is_empty() {
            push(&mut line, &format_args!(" ({})", extra.join(", ")));
        }
        line
    }

    /// The names of the text's placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &'static str> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let (_, name, after) = placeholder(rest)?;
            rest = after;
            Some(name)
        })
    }
}

/// The text before the first `{name}`, the name, and the text after it.
fn placeholder(text: &'static str) -> Option<(&'static str, &'static str, &'static str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

fn push(line: &mut String, value: &dyn Display) {
    // Writing into a String fails only if the value's own Display does; then the line goes out without it.
    let _ = write!(line, "{value}");
}

/// httpd's log levels, as far as we use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `APLOG_CRIT`
    Critical,
    /// `APLOG_ERR`
    Error,
    /// `APLOG_WARNING`
    Warning,
    /// `APLOG_NOTICE`
    Notice,
    /// `APLOG_INFO`
    Info,
    /// `APLOG_DEBUG`
    Debug,
    /// `APLOG_TRACE1`
    Trace,
}

impl Level {
    /// The word that `LogLevel` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Critical => "crit",
            Level::Error => "error",
            Level::Warning => "warn",
            Level::Notice => "notice",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace1",
        }
    }
}

/// Whose fault it is: who has to do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The WebAssembly program and its author.
    Guest,
    /// The HTTP client.
    Client,
    /// Whoever configures and installs the server.
    Operator,
    /// The module: please report it.
    Us,
    /// Nobody: it says that something went well.
    Nobody,
}

impl Fault {
    /// As the documentation says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::Guest => "guest",
            Fault::Client => "client",
            Fault::Operator => "operator",
            Fault::Us => "mod_wasm",
            Fault::Nobody => "nobody",
        }
    }
}

/// Every message, by code.
pub static MESSAGES: &[&Message] = &[
    &LIBRARY_MISSING,
    &ABI_MISMATCH,
    &READY,
    &ENGINE_FAILED,
    &NO_POOLING,
    &MODULE_UNUSABLE,
    &MODULE_LOADED,
    &SIGNAL_HANDLERS,
    &MODULE_LEFT_OUT,
    &NO_SHARED_MEMORY,
    &COMPILING,
    &STILL_COMPILING,
    &CACHE_REFUSED,
    &CACHE_DAMAGED,
    &NOT_KEPT,
    &WAITING_FOR_COMPILER,
    &GUEST_TRAPPED,
    &GUEST_TRAPPED_LATE,
    &GUEST_EXITED,
    &GUEST_EXITED_LATE,
    &TIMED_OUT,
    &TIMED_OUT_LATE,
    &MEMORY_LIMIT,
    &CLIENT_GONE,
    &NOT_INSTANTIATED,
    &BAD_RESPONSE,
    &NO_FREE_INSTANCE,
    &BODY_UNREADABLE,
    &HEAD_TOO_LARGE,
    &MOUNT_FAILED,
    &PANIC,
    &BODY_TOO_LARGE,
    &NO_ENTRY_POINT,
    &BAD_ARGUMENT,
    &GUEST_STDERR,
    &GUEST_STDERR_DROPPED,
    &NO_RESPONSE,
    &BAD_GUEST_RESPONSE,
    &BAD_RESPONSE_LATE,
    &OUTBOUND_DENIED,
    &AFTER_RESPONSE,
    &NO_CONFIGURATION,
    &REQUEST_DONE,
    &GUEST_BACKTRACE,
    &GUEST_LOG_TRACE,
    &GUEST_LOG_DEBUG,
    &GUEST_LOG_INFO,
    &GUEST_LOG_WARNING,
    &GUEST_LOG_ERROR,
    &GUEST_LOG_CRITICAL,
    &PROGRAM_LOADED,
    &PROGRAM_UNUSABLE,
    &PROGRAM_STILL_UNUSABLE,
    &EXECUTION_OFF,
    &FILE_MISSING,
    &NOT_A_FILE,
    &PATH_INFO_REFUSED,
    &SCRIPT_UNSEEN,
    &MODULE_NOT_THERE,
    &STILL_LOADING,
    &SPOOL_FAILED,
    &SPOOL_FULL,
    &LENGTH_REQUIRED,
    &SCRIPT_LOG_UNUSABLE,
    &SCRIPT_LOG_FAILED,
    &LOCK_UNUSABLE,
    &NO_TURN,
    &NPH_NOT_HTTP_1,
    &NPH_INCLUDED,
    &TOO_MANY_PROGRAMS,
    &TEMP_DIR_FULL,
    &TEMP_DIR_FAILED,
    &PATH_NOT_MAPPED,
    &EXPRESSION_FAILED,
    &FILE_LIMIT,
    &FILE_RESERVE,
    &NO_FILES_LEFT,
    &MISFRAMED,
    &LOG_DROPPED,
    &MOUNT_REFUSED,
    &SCRIPT_BEHIND_LINK,
    &SCRIPT_NAME,
];
