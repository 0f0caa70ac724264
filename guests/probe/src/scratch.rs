//! Sub-commands that fill a directory, each in one way, and then go on as they are told.
//!
//! It must not know what the server allows.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use crate::faults;
use crate::out::Out;
use crate::params::{Params, wrong};

const MIB: usize = 1024 * 1024;

/// How much is written at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// `scratch way= path= [mib=] [n=] [text=] [ms=] [wait=] [then=] [after=]`: begins as `after` says, waits
/// `wait` milliseconds, and then, by the way:
/// - `own`: makes the file `path`, which must not be there, with `text`; sleeps `ms` milliseconds; answers with what it holds;
/// - `fill`: writes `mib` MiB to the file `path`;
/// - `lost`: the same, after it has removed the file, which stays open;
/// - `holes`: makes a file of `mib` MiB that holds one byte;
/// - `names`: writes `mib` MiB to the file `path` and gives it `n` further names;
/// - `many`: makes `n` empty files, `path` and a number;
/// - `deep`: makes `n` directories, each in the one before.
///
/// Then it is done, unless `then` names a fault: `unreachable`, `spin`, `sleep`.
pub fn scratch(params: &Params, mut out: Out) -> io::Result<()> {
    let path = params
        .text("path")
        .ok_or_else(|| wrong("path= is missing"))?;
    let bytes = params.number("mib", 0)? * MIB;
    let n: usize = params.number("n", 0)?;
    out.begin_until(params)?;
    thread::sleep(Duration::from_millis(params.number("wait", 0)?));
    let mut answer = String::from("done\n");
    // Kept to the end, or its room would be given back.
    let mut open = None;
    match params.text("way").as_deref() {
        Some("own") => answer = own(params, &path)?,
        Some("fill") => write(&File::create(&path)?, bytes)?,
        Some("lost") => {
            let file = File::create(&path)?;
            fs::remove_file(&path)?;
            write(open.insert(file), bytes)?;
        }
        Some("holes") => {
            let mut file = File::create(&path)?;
            file.set_len(bytes as u64)?;
            file.write_all(b"x")?;
        }
        Some("names") => {
            write(&File::create(&path)?, bytes)?;
            for number in 0..n {
                fs::hard_link(&path, format!("{path}{number}"))?;
            }
        }
        Some("many") => {
            for number in 0..n {
                File::create(format!("{path}{number}"))?;
            }
        }
        Some("deep") => {
            let mut path = path;
            for _ in 0..n {
                fs::create_dir(&path)?;
                path.push_str("/d");
            }
        }
        _ => {
            return Err(wrong(
                "way= is none of own, fill, lost, holes, names, many, deep",
            ));
        }
    }
    match params.text("then").as_deref() {
        None => out.answer(&answer),
        Some("unreachable") => faults::unreachable(params, out),
        Some("spin") => faults::spin(params, out),
        Some("sleep") => faults::sleep(params, out),
        Some(other) => Err(wrong(&format!(
            "then={other} is none of unreachable, spin, sleep"
        ))),
    }
}

/// Makes a file that nobody else may have made, and reads it after a pause.
fn own(params: &Params, path: &str) -> io::Result<String> {
    let text = params.bytes("text").unwrap_or_default();
    File::create_new(path)?.write_all(text)?;
    thread::sleep(Duration::from_millis(params.number("ms", 0)?));
    let mut found = String::new();
    File::open(path)?.read_to_string(&mut found)?;
    Ok(found)
}

/// Writes so many bytes, a piece at a time.
fn write(mut file: &File, bytes: usize) -> io::Result<()> {
    let piece = [b'x'; PIECE];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(PIECE);
        file.write_all(&piece[..size])?;
        left -= size;
    }
    Ok(())
}
