//! How a message of the catalogue gets into a log: its level is checked first, then its line is made.

use std::fmt::Display;

use directives::{Level, Message};
use httpd::{HostLog, Request, Server};

/// What fills the placeholders of a message.
pub type Fields<'f> = [(&'f str, &'f dyn Display)];

/// Logs a message about a request, into the log of its virtual host.
#[track_caller]
pub fn log_request(request: &Request, message: &Message, fields: &Fields<'_>) {
    httpd::log_request(request, level(message.level), || message.line(fields));
}

/// Logs a message about what goes on beside requests, into the log of a virtual host.
#[track_caller]
pub fn log_host(log: Option<HostLog>, message: &Message, fields: &Fields<'_>) {
    if let Some(log) = log {
        log.log(level(message.level), || message.line(fields));
    }
}

/// Returns whether the log takes lines of this message's level.
pub fn is_logged(request: &Request, message: &Message) -> bool {
    httpd::is_logged(request, level(message.level))
}

/// Logs a message about the server.
#[track_caller]
pub fn log_server(server: Server<'_>, message: &Message, fields: &Fields<'_>) {
    httpd::log_server(server, level(message.level), || message.line(fields));
}

/// Writes a message to standard error, where the operator looks while the configuration is being read.
#[track_caller]
pub fn log_at_startup(message: &Message, fields: &Fields<'_>) {
    httpd::log_startup(&message.line(fields));
}

fn level(level: Level) -> httpd::Level {
    match level {
        Level::Critical => httpd::Level::Critical,
        Level::Error => httpd::Level::Error,
        Level::Warning => httpd::Level::Warning,
        Level::Notice => httpd::Level::Notice,
        Level::Info => httpd::Level::Info,
        Level::Debug => httpd::Level::Debug,
        Level::Trace => httpd::Level::Trace1,
    }
}
