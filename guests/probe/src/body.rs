//! Sub-commands about the two bodies: reading stdin, writing stdout, and both.
//!
//! Each works in pieces of a fixed size, however long a body is. It must not know limits that the server sets.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use crate::out::Out;
use crate::params::Params;

/// How much is read or written at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The length of the pattern that `gen` repeats.
const PERIOD: usize = 251;

/// `echo [ms=]`: copies stdin to stdout, pausing `ms` milliseconds after each piece.
pub fn echo(params: &Params, mut out: Out) -> io::Result<()> {
    out.begin_as("application/octet-stream")?;
    each_piece(params, |piece| out.write(piece))
}

/// `count [ms=]`: reads all of stdin and answers with its length and its 64-bit FNV-1a checksum.
pub fn count(params: &Params, mut out: Out) -> io::Result<()> {
    let mut bytes = 0_u64;
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    each_piece(params, |piece| {
        bytes += piece.len() as u64;
        for byte in piece {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    })?;
    out.answer(&format!("bytes={bytes} fnv1a={sum:016x}\n"))
}

/// `noread [n=0]`: reads `n` bytes of stdin and no more, then answers.
pub fn noread(params: &Params, mut out: Out) -> io::Result<()> {
    let mut start = vec![0; params.number("n", 0)?];
    io::stdin().lock().read_exact(&mut start)?;
    out.answer(&format!("read {} bytes\n", start.len()))
}

/// `raw`: copies stdin to stdout and adds no head: the body sent is the whole CGI response.
pub fn raw(params: &Params, mut out: Out) -> io::Result<()> {
    each_piece(params, |piece| out.write(piece))
}

/// `head h=... [h=...] [b=] [lf=1]`: a response with these header lines, as given, and this body; lines end in CR LF, or LF.
pub fn head(params: &Params, mut out: Out) -> io::Result<()> {
    let end: &[u8] = if params.flag("lf") { b"\n" } else { b"\r\n" };
    let mut response = Vec::new();
    for line in params.all("h") {
        response.extend_from_slice(line);
        response.extend_from_slice(end);
    }
    response.extend_from_slice(end);
    response.extend_from_slice(params.bytes("b").unwrap_or_default());
    out.write(&response)
}

/// `gen n= [chunk=65536] [nul=1] [type=]`: `n` bytes, `chunk` at a time; byte i is (i + 1) mod 251, with `nul=1` i mod 251,
/// so that the first is NUL.
pub fn generate(params: &Params, mut out: Out) -> io::Result<()> {
    let total: u64 = params.number("n", 0)?;
    let chunk = params.number("chunk", PIECE)?.max(1);
    let mut phase = if params.flag("nul") { 0 } else { 1 };
    let pattern: Vec<u8> = (0..=u8::MAX)
        .take(PERIOD)
        .cycle()
        .take(chunk + PERIOD)
        .collect();

    out.begin_as(
        &params
            .text("type")
            .unwrap_or_else(|| "application/octet-stream".into()),
    )?;
    let mut left = total;
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(chunk).min(chunk);
        out.write(&pattern[phase..phase + size])?;
        phase = (phase + size) % PERIOD;
        left -= size as u64;
    }
    Ok(())
}

/// `drip [n=5] [ms=100]`: the lines `line 1` to `line n`, with a pause of `ms` milliseconds before each but the first.
pub fn drip(params: &Params, mut out: Out) -> io::Result<()> {
    let lines: u64 = params.number("n", 5)?;
    let pause = Duration::from_millis(params.number("ms", 100)?);
    out.begin()?;
    for line in 1..=lines {
        if line > 1 {
            thread::sleep(pause);
        }
        out.write(format!("line {line}\n").as_bytes())?;
    }
    Ok(())
}

/// `endless`: a head, then output until somebody stops it.
pub fn endless(_: &Params, mut out: Out) -> io::Result<()> {
    out.begin()?;
    let piece = [b'x'; PIECE];
    loop {
        out.write(&piece)?;
    }
}

/// `endlesshead`: header lines until somebody stops it.
pub fn endless_head(_: &Params, mut out: Out) -> io::Result<()> {
    for line in 1_u64.. {
        out.write(format!("X-Line-{line}: {}\r\n", "x".repeat(100)).as_bytes())?;
    }
    Ok(())
}

/// Reads stdin to its end and hands on what each read returned; pauses `ms` milliseconds after each.
fn each_piece(params: &Params, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let pause = Duration::from_millis(params.number("ms", 0)?);
    let mut stdin = io::stdin().lock();
    let mut piece = vec![0; PIECE];
    loop {
        let size = stdin.read(&mut piece)?;
        if size == 0 {
            return Ok(());
        }
        take(&piece[..size])?;
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
}
