//! The harness of the test suite: a private httpd for each test, and clients to talk to it.
//!
//! A test describes a server with [`Setup`], starts it, talks to it through [`Httpd`] and lets it go. When it goes, its
//! error logs are audited: a warning or error that the test did not announce fails the test.
//! The harness knows httpd and HTTP. It does not know what a directive means, nor what a guest answers.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this crate is linked into tests only: to panic is to fail the test that called"
)]

pub mod audit;
pub mod blowups;
pub mod bombs;
pub mod client;
mod conf;
pub mod flow;
mod folder;
pub mod h2;
pub mod host;
pub mod mutate;
pub mod on_disk;
pub mod paths;
pub mod probe;
pub mod process;
pub mod random;
pub mod random_program;
pub mod response;
mod server;
mod setup;
mod tls;
pub mod upstream;
mod variables;
pub mod wait;
pub mod wat_component;
pub mod wat_guest;

pub use client::{Conn, Req};
pub use h2::H2;
pub use probe::Probe;
pub use response::Response;
pub use server::Httpd;
pub use setup::{Check, Setup, skip_when_root};
pub use upstream::Upstream;
pub use variables::{after, check_lines, check_variables};
pub use wat_guest::Then;
