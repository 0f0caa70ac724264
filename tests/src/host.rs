//! Other programs of the machine that tests use: curl, a C compiler, apxs.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// Is this process root? httpd then drops to another user, and file permissions do not hold.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a program to its end and gives what it printed.
pub fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Output {
    Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("cannot run {program}: {e}"))
}

/// As [`run`]; the program must succeed. Gives its standard output.
pub fn run_ok<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> String {
    let out = run(program, args);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{program} failed: {}\n{text}\n{}",
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    text
}

/// Says on standard error that a test, or a part of one, is skipped and why.
pub fn announce_skip(reason: &str) {
    eprintln!("SKIPPED {}: {reason}", crate::folder::test_name());
}

/// Reports what a test has measured.
pub fn report_figures(figures: &str) {
    eprintln!("FIGURES {}: {figures}", crate::folder::test_name());
}
