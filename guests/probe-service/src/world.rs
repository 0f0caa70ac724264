//! Behaviours about what surrounds a component: environment, configuration, files, logs, and its own state between requests.

use std::cell::Cell;

use wasip3::cli::{environment, stderr, stdout};
use wasip3::clocks::monotonic_clock;
use wasip3::filesystem::preopens;
use wasip3::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasip3::random::random;
use wasip3::wit_bindgen::spawn_local;
use wasip3::wit_stream;

use crate::exchange::{Answer, Exchange, short, text, wrong};
use crate::extra::wasi::config::store;
use crate::extra::wasi::logging::logging::{self, Level};

thread_local! {
    /// Requests that this instance has begun.
    static COUNT: Cell<u32> = const { Cell::new(0) };

    /// Requests inside this instance now.
    static INSIDE: Cell<u32> = const { Cell::new(0) };

    /// A number that tells instances apart, once somebody has asked for it.
    static INSTANCE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Counts a request in, and out when it is dropped.
pub struct Inside;

/// Counts a request in.
pub fn enter() -> Inside {
    COUNT.set(COUNT.get() + 1);
    INSIDE.set(INSIDE.get() + 1);
    Inside
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(INSIDE.get() - 1);
    }
}

/// Waits for so many milliseconds; not at all for 0.
pub async fn pause(ms: u64) {
    if ms > 0 {
        monotonic_clock::wait_for(ms.saturating_mul(1_000_000)).await;
    }
}

/// `count`: how many requests this instance has begun, and which instance it is.
pub fn count() -> Answer {
    let instance = INSTANCE.get().unwrap_or_else(random::get_random_u64);
    INSTANCE.set(Some(instance));
    text(format!("count={}\ninstance={instance:016x}\n", COUNT.get()))
}

/// `meet [n=2] [ms=0]`: waits until `n` requests are inside this instance, then answers; gives up after `ms` milliseconds unless
/// that is 0.
pub async fn meet(exchange: &Exchange) -> Answer {
    let wanted = exchange.call.number("n", 2).map_err(wrong)?;
    let end: u64 = exchange.call.number("ms", 0).map_err(wrong)?;
    let (mut waited, mut most) = (0, INSIDE.get());
    while most < wanted && (end == 0 || waited < end) {
        pause(5).await;
        waited += 5;
        most = most.max(INSIDE.get());
    }
    // Those who wait must see that they have met before the first leaves.
    pause(10).await;
    text(format!("inside={most}\n"))
}

/// `env`: the arguments and the environment, a line each.
pub fn environment() -> Answer {
    let arguments = environment::get_arguments();
    let mut variables = environment::get_environment();
    variables.sort();
    let arguments = arguments
        .iter()
        .map(|argument| format!("argument={argument}\n"));
    let variables = variables
        .iter()
        .map(|(name, value)| format!("variable={name}={value}\n"));
    text(arguments.chain(variables).collect())
}

/// `config [key=]`: the value of a key, or all keys and values.
pub fn config(exchange: &Exchange) -> Answer {
    let failed = |e: store::Error| wrong(format!("{e:?}"));
    text(match exchange.call.text("key") {
        Some(key) => match store::get(&key).map_err(failed)? {
            Some(value) => format!("value={value}\n"),
            None => "none\n".to_owned(),
        },
        None => {
            let mut all = store::get_all().map_err(failed)?;
            all.sort();
            let line = |(key, value): &(String, String)| format!("{key}={value}\n");
            all.iter().map(line).collect()
        }
    })
}

/// `files op=read|list|write path= [text=]`: the content of a file, the sorted names in a directory, or a file written, by the
/// interfaces of WASI 0.3; a refusal is the answer `error: ...`.
pub async fn files(exchange: &Exchange) -> Answer {
    let path = exchange.call.text("path").unwrap_or_default();
    let op = exchange.call.text("op").unwrap_or_default();
    let content = exchange.call.text("text").unwrap_or_default();
    let result = match op.as_str() {
        "read" => read(&path).await,
        "list" => list(&path).await,
        "write" => write(&path, content).await,
        other => return Err(wrong(format!("op={other} is none of read, list, write"))),
    };
    text(result.unwrap_or_else(|code| format!("error: {}\n", short(&code))))
}

/// Opens a path below one of the granted directories.
async fn open(
    path: &str,
    how: OpenFlags,
    rights: DescriptorFlags,
) -> Result<wasip3::filesystem::types::Descriptor, ErrorCode> {
    for (descriptor, at) in preopens::get_directories() {
        let below = path.strip_prefix(at.trim_end_matches('/'));
        let Some(below) = below.filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            continue;
        };
        let below = below.trim_start_matches('/');
        let below = if below.is_empty() { "." } else { below };
        return descriptor
            .open_at(PathFlags::empty(), below.to_owned(), how, rights)
            .await;
    }
    Err(ErrorCode::NoEntry)
}

async fn read(path: &str) -> Result<String, ErrorCode> {
    let file = open(path, OpenFlags::empty(), DescriptorFlags::READ).await?;
    let (stream, end) = file.read_via_stream(0);
    let bytes = stream.collect().await;
    end.await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn write(path: &str, content: String) -> Result<String, ErrorCode> {
    let how = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = open(path, how, DescriptorFlags::WRITE).await?;
    let (mut writer, reader) = wit_stream::new();
    let done = file.write_via_stream(reader, 0);
    let _ = writer.write_all(content.into_bytes()).await;
    drop(writer);
    done.await?;
    Ok("done\n".to_owned())
}

async fn list(path: &str) -> Result<String, ErrorCode> {
    let directory = open(path, OpenFlags::DIRECTORY, DescriptorFlags::READ).await?;
    let (stream, end) = directory.read_directory();
    let entries = stream.collect().await;
    end.await?;
    let mut names: Vec<String> = entries
        .into_iter()
        .map(|entry| format!("{}\n", entry.name))
        .collect();
    names.sort();
    Ok(names.concat())
}

/// `copy to=itself|log path=`: the host copies a file to its own end, or one of a TiB without content to stderr. It is not done
/// before somebody ends it, and no code of this component runs meanwhile.
pub async fn copy(exchange: &Exchange) -> Answer {
    let path = exchange.call.text("path").unwrap_or_default();
    let to = exchange.call.text("to").unwrap_or_default();
    let result = match to.as_str() {
        "itself" => copy_to_itself(&path).await,
        "log" => copy_to_log(&path).await,
        other => return Err(wrong(format!("to={other} is none of itself, log"))),
    };
    text(result.map_or_else(
        |code| format!("error: {}\n", short(&code)),
        |()| "copied\n".to_owned(),
    ))
}

async fn copy_to_itself(path: &str) -> Result<(), ErrorCode> {
    write(path, "x".repeat(100_000)).await?;
    let rights = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let file = open(path, OpenFlags::empty(), rights).await?;
    let (content, _read) = file.read_via_stream(0);
    file.append_via_stream(content).await
}

async fn copy_to_log(path: &str) -> Result<(), ErrorCode> {
    write(path, String::new()).await?;
    let rights = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let file = open(path, OpenFlags::empty(), rights).await?;
    file.set_size(1 << 40).await?;
    let (content, read) = file.read_via_stream(0);
    // That stderr takes no more shows in what reading says.
    let _ = stderr::write_via_stream(content).await;
    read.await
}

/// `log [text=message] [n=1]`: `n` lines to stdout and to stderr, by the interfaces of WASI 0.3, and a message at each level through
/// wasi:logging.
pub async fn log(exchange: &Exchange) -> Answer {
    let said = exchange.call.text("text");
    let said = said.unwrap_or_else(|| "message".to_owned());
    let lines: u64 = exchange.call.number("n", 1).map_err(wrong)?;
    let all = |word: &str| -> String {
        let line = |n| format!("{said} {word} {n}\n");
        (1..=lines).map(line).collect()
    };
    let failed = |code| wrong(short(&code));
    let (mut writer, reader) = wit_stream::new();
    let done = stdout::write_via_stream(reader);
    let _ = writer
        .write_all(format!("{}{said} without an end", all("out")).into_bytes())
        .await;
    drop(writer);
    done.await.map_err(failed)?;
    let (mut writer, reader) = wit_stream::new();
    let done = stderr::write_via_stream(reader);
    let _ = writer.write_all(all("err").into_bytes()).await;
    drop(writer);
    done.await.map_err(failed)?;
    let levels = [
        (Level::Trace, "trace"),
        (Level::Debug, "debug"),
        (Level::Info, "info"),
        (Level::Warn, "warn"),
        (Level::Error, "error"),
        (Level::Critical, "critical"),
    ];
    for (level, name) in levels {
        logging::log(level, "probe", &format!("{said} at {name}"));
    }
    // Something that runs beside the request and says nothing.
    spawn_local(pause(1));
    text("logged\n".to_owned())
}
