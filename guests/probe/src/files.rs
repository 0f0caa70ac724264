//! Sub-commands about files: what a guest may do below a directory it was granted, and what it may not do elsewhere.
//!
//! A refusal is an answer, not a failure of the program: it is written into the body. It must not know where the granted
//! directories lie on the host.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use crate::out::Out;
use crate::params::{Params, wrong};

/// `files op= path= [text=] [to=]`, answering with the result or a line `error: ...`. The operations: `read`; `write` and `append`
/// (`text`); `list`; `stat`; `mkdir`; `remove` (a file); `rename` (to `to`); `escape` (see [`escape`]); `increment` (see
/// [`increment`]); `crowd` (see [`crowd`]), both of which pause in the middle, for `ms=` milliseconds; `clear` (see [`clear`]).
pub fn files(params: &Params, mut out: Out) -> io::Result<()> {
    let path = params
        .text("path")
        .ok_or_else(|| wrong("path= is missing"))?;
    let text = params.bytes("text").unwrap_or_default();
    let done = |result: io::Result<()>| result.map(|()| b"done\n".to_vec());
    let result = match params.text("op").as_deref() {
        Some("read") => fs::read(&path),
        Some("write") => done(fs::write(&path, text)),
        Some("append") => done(
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path)
                .and_then(|mut file| file.write_all(text)),
        ),
        Some("list") => list(&path),
        Some("stat") => stat(&path),
        Some("mkdir") => done(fs::create_dir(&path)),
        Some("remove") => done(fs::remove_file(&path)),
        Some("rename") => done(fs::rename(
            &path,
            params.text("to").ok_or_else(|| wrong("to= is missing"))?,
        )),
        Some("escape") => Ok(escape(&path)),
        Some("increment") => increment(&path, params),
        Some("crowd") => crowd(&path, params),
        Some("clear") => clear(&path),
        _ => {
            return Err(wrong(
                "op= is none of read, write, append, list, stat, mkdir, remove, rename, escape, increment, crowd, clear",
            ));
        }
    };
    out.begin()?;
    match result {
        Ok(body) => out.write(&body),
        Err(error) => out.write(format!("error: {}\n", about(&error)).as_bytes()),
    }
}

/// `open path= n= [hold=1]`: opens a file for reading, as often as `n` says or until that fails, and answers `opened` and the
/// number, then why there are no more if there are fewer. With `hold=1` it keeps them until stdin ends, and answers `closed` then.
pub fn open(params: &Params, mut out: Out) -> io::Result<()> {
    let path = params
        .text("path")
        .ok_or_else(|| wrong("path= is missing"))?;
    let wanted: usize = params.number("n", 1)?;
    let mut files = Vec::new();
    let mut failed = String::new();
    while files.len() < wanted && failed.is_empty() {
        match File::open(&path) {
            Ok(file) => files.push(file),
            Err(error) => failed = format!("error: {}\n", about(&error)),
        }
    }
    out.answer(&format!("opened {}\n{failed}", files.len()))?;
    if params.flag("hold") {
        io::copy(&mut io::stdin().lock(), &mut io::sink())?;
        files.clear();
        out.write(b"closed\n")?;
    }
    Ok(())
}

/// `close path= [text=]`: answers `before`, closes descriptor 1, creates a file, which may get the number 1, and writes `text`
/// into it. What reaches the file must not reach the client. The file's number is written to stderr. Preview 1 only: elsewhere
/// descriptors are not the host's.
pub fn close(params: &Params, mut out: Out) -> io::Result<()> {
    let path = params
        .text("path")
        .ok_or_else(|| wrong("path= is missing"))?;
    if !cfg!(target_env = "p1") {
        return Err(wrong("only in WASI preview 1"));
    }
    out.answer("before\n")?;
    out.close();
    let mut file = File::create(path)?;
    io::stderr()
        .write_all(format!("probe: the file is descriptor {}\n", file.as_raw_fd()).as_bytes())?;
    file.write_all(params.bytes("text").unwrap_or(b"into the file\n"))
}

/// Reads the number in a file, pauses, and writes the next number: two at the same time lose one. A missing file counts as 0.
fn increment(path: &str, params: &Params) -> io::Result<Vec<u8>> {
    let number: u64 = match fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map_err(io::Error::other)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    pause(params)?;
    let next = format!("{}\n", number + 1);
    fs::write(path, &next)?;
    Ok(next.into_bytes())
}

/// Makes a file called `text` in a directory, pauses, answers with the names of all that are there, and removes it: shows who
/// runs at the same time.
fn crowd(path: &str, params: &Params) -> io::Result<Vec<u8>> {
    let own = format!("{path}/{}", params.text("text").unwrap_or_default());
    File::create_new(&own)?;
    pause(params)?;
    let names = list(path);
    fs::remove_file(&own)?;
    names
}

/// Removes each file of a directory as it is listed, and answers how many were listed and how many are left.
fn clear(path: &str) -> io::Result<Vec<u8>> {
    let mut seen = 0;
    for entry in fs::read_dir(path)? {
        fs::remove_file(format!("{path}/{}", entry?.file_name().to_string_lossy()))?;
        seen += 1;
    }
    let left = fs::read_dir(path)?.count();
    Ok(format!("seen={seen} left={left}\n").into_bytes())
}

fn pause(params: &Params) -> io::Result<()> {
    thread::sleep(Duration::from_millis(params.number("ms", 0)?));
    Ok(())
}

/// The names in a directory, sorted, a line each; directories end in `/`.
fn list(path: &str) -> io::Result<Vec<u8>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let slash = if entry.file_type()?.is_dir() { "/" } else { "" };
        names.push(format!("{}{slash}\n", entry.file_name().to_string_lossy()));
    }
    names.sort();
    Ok(names.concat().into_bytes())
}

/// Kind and size in bytes.
fn stat(path: &str) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    let kind = if about.is_dir() { "directory" } else { "file" };
    Ok(format!("{kind} {}\n", about.len()).into_bytes())
}

/// Tries to read files outside `base`, a granted directory, and answers a line `<path>: refused (<why>)` or `<path>: OPENED` each.
fn escape(base: &str) -> Vec<u8> {
    let tries = [
        "/etc/passwd".to_owned(),
        "../../../../etc/passwd".to_owned(),
        format!("{base}/../../../../etc/passwd"),
        format!("{base}/.."),
        format!("{base}/./../../etc/passwd"),
        "/proc/self/environ".to_owned(),
    ];
    let line = |path: &String| match File::open(path) {
        Ok(_) => format!("{path}: OPENED\n"),
        Err(error) => format!("{path}: refused ({})\n", about(&error)),
    };
    tries.iter().map(line).collect::<String>().into_bytes()
}

/// An error in one line, its number of the system included where there is one.
fn about(error: &io::Error) -> String {
    format!("{:?}: {error}", error.kind())
}
