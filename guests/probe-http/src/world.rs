//! Behaviours about what surrounds a component: environment, configuration, files, logs, and its own state between requests.

use std::fs;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use wasip2::cli::environment;
use wasip2::clocks::monotonic_clock;
use wasip2::random::random;

use crate::exchange::{Done, Exchange};
use crate::extra::wasi::config::store;
use crate::extra::wasi::logging::logging::{self, Level};

/// Requests that this instance has begun.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Requests inside this instance now.
static INSIDE: AtomicU32 = AtomicU32::new(0);

/// A number that tells instances apart.
static INSTANCE: OnceLock<u64> = OnceLock::new();

/// Counts a request in, and out when it is dropped.
pub struct Inside;

/// Counts a request in.
pub fn enter() -> Inside {
    COUNT.fetch_add(1, Ordering::Relaxed);
    INSIDE.fetch_add(1, Ordering::Relaxed);
    Inside
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits in the host for so many milliseconds; not at all for 0.
pub fn pause(ms: u64) {
    if ms > 0 {
        monotonic_clock::subscribe_duration(ms.saturating_mul(1_000_000)).block();
    }
}

/// `count`: how many requests this instance has begun, and which instance it is.
pub fn count(exchange: Exchange) -> Done {
    let instance = INSTANCE.get_or_init(random::get_random_u64);
    let count = COUNT.load(Ordering::Relaxed);
    exchange
        .start
        .text(&format!("count={count}\ninstance={instance:016x}\n"))
}

/// `meet [n=2] [ms=0]`: waits until `n` requests are inside this instance, then answers; gives up after `ms` milliseconds unless
/// that is 0.
pub fn meet(exchange: Exchange) -> Done {
    let wanted = exchange.call.number("n", 2)?;
    let end: u64 = exchange.call.number("ms", 0)?;
    let mut waited = 0;
    while INSIDE.load(Ordering::Relaxed) < wanted && (end == 0 || waited < end) {
        pause(5);
        waited += 5;
    }
    let inside = INSIDE.load(Ordering::Relaxed);
    exchange.start.text(&format!("inside={inside}\n"))
}

/// `env`: the arguments and the environment, a line each.
pub fn environment(exchange: Exchange) -> Done {
    let arguments = environment::get_arguments();
    let mut variables = environment::get_environment();
    variables.sort();
    let arguments = arguments
        .iter()
        .map(|argument| format!("argument={argument}\n"));
    let variables = variables
        .iter()
        .map(|(name, value)| format!("variable={name}={value}\n"));
    let text: String = arguments.chain(variables).collect();
    exchange.start.text(&text)
}

/// `config [key=]`: the value of a key, or all keys and values.
pub fn config(exchange: Exchange) -> Done {
    let text = match exchange.call.text("key") {
        Some(key) => match store::get(&key).map_err(|e| format!("{e:?}"))? {
            Some(value) => format!("value={value}\n"),
            None => "none\n".to_owned(),
        },
        None => {
            let mut all = store::get_all().map_err(|e| format!("{e:?}"))?;
            all.sort();
            let line = |(key, value): &(String, String)| format!("{key}={value}\n");
            all.iter().map(line).collect()
        }
    };
    exchange.start.text(&text)
}

/// `files op=read|list|write path= [text=]`: the content of a file, the sorted names in a directory, or a file written; a refusal is
/// the answer `error: ...`.
pub fn files(exchange: Exchange) -> Done {
    let path = exchange.call.text("path").unwrap_or_default();
    let op = exchange.call.text("op").unwrap_or_default();
    let result = match op.as_str() {
        "read" => fs::read_to_string(&path),
        "list" => list(&path),
        "write" => {
            let text = exchange.call.text("text").unwrap_or_default();
            fs::write(&path, text).map(|()| "done\n".to_owned())
        }
        other => return Err(format!("op={other} is none of read, list, write")),
    };
    let text = result.unwrap_or_else(|error| format!("error: {:?}\n", error.kind()));
    exchange.start.text(&text)
}

fn list(path: &str) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(format!("{}\n", entry?.file_name().to_string_lossy()));
    }
    names.sort();
    Ok(names.concat())
}

/// `log [text=message] [n=1]`: `n` lines to stdout and to stderr, and a message at each level through wasi:logging.
pub fn log(exchange: Exchange) -> Done {
    let text = exchange.call.text("text");
    let text = text.unwrap_or_else(|| "message".to_owned());
    let lines: u64 = exchange.call.number("n", 1)?;
    for line in 1..=lines {
        println!("{text} out {line}");
        eprintln!("{text} err {line}");
    }
    print!("{text} without an end");
    io::stdout().flush().map_err(|e| e.to_string())?;
    let levels = [
        (Level::Trace, "trace"),
        (Level::Debug, "debug"),
        (Level::Info, "info"),
        (Level::Warn, "warn"),
        (Level::Error, "error"),
        (Level::Critical, "critical"),
    ];
    for (level, name) in levels {
        logging::log(level, "probe", &format!("{text} at {name}"));
    }
    exchange.start.text("logged\n")
}
