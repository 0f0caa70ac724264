//! Sub-commands that show what surrounds a guest: environment, arguments, clocks, random numbers, stderr, waiting.
//!
//! Values are shown as the bytes they are. It must not judge them: the tests do.

use std::env;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::out::Out;
use crate::params::Params;

/// `env`: the environment, a line NAME=VALUE each, sorted.
pub fn environment(_: &Params, mut out: Out) -> io::Result<()> {
    let mut variables: Vec<(OsString, OsString)> = env::vars_os().collect();
    variables.sort();
    let mut body = Vec::new();
    for (name, value) in &variables {
        body.extend_from_slice(name.as_encoded_bytes());
        body.push(b'=');
        body.extend_from_slice(value.as_encoded_bytes());
        body.push(b'\n');
    }
    out.begin()?;
    out.write(&body)
}

/// `args`: the arguments, a line each, the program's name first.
pub fn arguments(_: &Params, mut out: Out) -> io::Result<()> {
    let mut body = Vec::new();
    for argument in env::args_os() {
        body.extend_from_slice(argument.as_encoded_bytes());
        body.push(b'\n');
    }
    out.begin()?;
    out.write(&body)
}

/// `cwd`: the working directory.
pub fn working_directory(_: &Params, mut out: Out) -> io::Result<()> {
    let directory = env::current_dir()?;
    out.answer(&format!("{}\n", directory.display()))
}

/// `clock [ms=10]`: the time of day in seconds, and how long a pause of `ms` milliseconds took by the steady clock.
pub fn clock(params: &Params, mut out: Out) -> io::Result<()> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let pause = Duration::from_millis(params.number("ms", 10)?);
    let before = Instant::now();
    thread::sleep(pause);
    let took = before.elapsed();
    out.answer(&format!(
        "unix={} slept_us={}\n",
        now.as_secs(),
        took.as_micros()
    ))
}

/// `random`: 64 random bits in hexadecimal; they come from the host, once per run.
pub fn random(_: &Params, mut out: Out) -> io::Result<()> {
    out.answer(&format!(
        "{:016x}\n",
        RandomState::new().build_hasher().finish()
    ))
}

/// `stderr [n=1] [text=message] [after=]`: writes `n` lines to stderr (`text`, then ` 1`, ` 2`, ...; `bare=1` leaves the number and
/// the line end away), then answers unless it has begun to.
pub fn stderr(params: &Params, mut out: Out) -> io::Result<()> {
    let lines: u64 = params.number("n", 1)?;
    let text = params.bytes("text").unwrap_or(b"message");
    let begun = params.text("after").is_some_and(|after| after != "none");
    out.begin_until(params)?;
    for line in 1..=lines {
        let mut message = text.to_vec();
        if !params.flag("bare") {
            message.extend_from_slice(format!(" {line}\n").as_bytes());
        }
        io::stderr().write_all(&message)?;
    }
    if !begun {
        out.begin()?;
    }
    out.write(format!("wrote {lines} lines\n").as_bytes())
}

/// `poll [ms=100]`: waits for stdin or for `ms` milliseconds in one call, and answers which it was. Preview 1 only.
#[cfg(target_env = "p1")]
#[expect(unsafe_code, reason = "std has no poll")]
pub fn poll(params: &Params, mut out: Out) -> io::Result<()> {
    let timeout = params.number("ms", 100)?;
    let mut stdin = libc::pollfd {
        fd: 0,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `stdin` is one pollfd, as the count says, and outlives the call.
    let ready = unsafe { libc::poll(&raw mut stdin, 1, timeout) };
    if ready < 0 {
        return Err(io::Error::last_os_error());
    }
    out.answer(if ready == 0 { "timeout\n" } else { "stdin\n" })
}

/// `poll` as a component: refused.
#[cfg(not(target_env = "p1"))]
pub fn poll(_: &Params, _: Out) -> io::Result<()> {
    Err(crate::params::wrong("only in WASI preview 1"))
}
