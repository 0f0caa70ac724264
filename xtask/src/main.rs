//! The tasks of the project. The Makefile is the front door and only calls what is here; CI calls the Makefile.
//!
//! One file per concern; this one maps names to functions and knows nothing else. Arguments come as environment
//! variables (`T`, `MPM`, `PORT`, `GUEST`, `DESTDIR`), because `make NAME=value` hands them on unchanged.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its user"
)]

mod advisories;
mod bench;
mod bench_report;
mod build;
mod check;
mod docs;
mod fsx;
mod guests;
mod header;
mod httpd;
mod install;
mod landing;
mod links;
mod packages;
mod previous;
mod run;
mod serve;
mod setup;
mod test;

use run::Task;
use std::process::ExitCode;

/// What does a task, or one of the checks.
type Run = fn() -> Task;

/// Every task: its name and what runs it.
const TASKS: &[(&str, Run)] = &[
    ("setup", setup::everything),
    ("build", build::release),
    ("guests", guests::build),
    ("serve", serve::serve),
    ("dev", serve::dev),
    ("test", test::test),
    ("check", check::check),
    ("bench", bench::bench),
    ("docs", docs::rustdoc),
    ("bless", docs::bless),
    ("install", install::install),
    ("uninstall", install::uninstall),
];

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some((_, task)) = TASKS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = TASKS.iter().map(|(known, _)| *known).collect();
        eprintln!(
            "usage: cargo xtask TASK, where TASK is one of: {}",
            known.join(" ")
        );
        return ExitCode::from(2);
    };
    match task() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}
