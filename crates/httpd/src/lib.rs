//! Thin safe wrappers over httpd's C API: what one module needs to read its configuration, hook into the server, and
//! turn a request into a response. It must not know what the module does; nothing here is about WebAssembly.
//!
//! The rules that make it safe:
//! - httpd's structs are lent, never owned: a trampoline wraps the pointer that httpd passed and lends that for the call.
//!   [`Request`] is neither `Send` nor `Sync`, so it cannot leave httpd's thread. There are no Rust references to structs
//!   that httpd may change meanwhile.
//! - Every function that httpd calls goes through one guard (guard.rs): no panic crosses into C.
//! - Rust values that must live as long as a pool are given to the pool, which drops them.
//!
//! The functions below refer to `ap_*` and `apr_*`, which exist only inside the server: tests of code that uses this
//! crate run against a real httpd.

#![expect(
    unsafe_code,
    reason = "this is the crate that argues about httpd's pointers"
)]

mod answer;
mod brigade;
mod command;
mod connection;
mod expression;
mod framing;
mod guard;
mod hooks;
mod input;
mod log;
mod module;
mod output;
mod pool;
mod request;
mod script;
mod server;
mod shared;
mod status;
mod table;
mod thread;
mod trailers;
mod tree;

pub use answer::Answer;
pub use command::{
    Arity, Command, CommandSpec, CommandTexts, Commands, Place, Section, command_texts, commands,
};
pub use connection::Connection;
pub use expression::Expression;
pub use framing::Misframed;
pub use hooks::Failed;
pub use input::{Input, Read};
pub use log::{HostLog, Level, is_logged, log_request, log_server, log_startup, now};
pub use module::{Module, Record, record};
pub use output::Output;
pub use pool::Pool;
pub use request::{FileKind, FileStamp, Request};
pub use server::{
    Pass, Server, add_version_component, children_identity, pass, request_workers,
    runtime_dir_relative, threads_per_child,
};
pub use shared::shared_numbers;
pub use status::Status;
pub use table::Table;
pub use thread::spawn;
pub use trailers::Trailers;
pub use tree::{
    Directive, directives, error_logs, module_files, server_root, server_root_relative,
};
