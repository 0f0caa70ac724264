//! Behaviours about bodies: reading, writing, and both at once.
//!
//! Each works in pieces of a fixed size, however long a body is.

use probe_common::{PIECE, Pattern, Sum, fields_text};

use crate::exchange::{Done, Exchange, In, typed};
use crate::world::pause;

/// `echo [ms=0]`: answers at once, then sends back each piece as it comes; pauses `ms` milliseconds after each.
pub fn echo(exchange: Exchange) -> Done {
    let ms = exchange.call.number("ms", 0)?;
    let mut body = In::of(&exchange.request)?;
    let out = exchange
        .start
        .begin(200, typed("application/octet-stream")?)?;
    body.each(|piece| {
        out.write(piece)?;
        pause(ms);
        Ok(())
    })?;
    out.finish(None)
}

/// `sink [ms=0]`: reads all, pausing `ms` milliseconds after each piece, then answers with length, checksum and trailers.
pub fn sink(exchange: Exchange) -> Done {
    let ms = exchange.call.number("ms", 0)?;
    let mut body = In::of(&exchange.request)?;
    let mut sum = Sum::default();
    body.each(|piece| {
        sum.add(piece);
        pause(ms);
        Ok(())
    })?;
    let trailers = fields_text("trailer", &body.trailers()?);
    exchange.start.text(&format!("{}{trailers}", sum.line()))
}

/// `half [n=1]`: reads until `n` bytes or more have come, drops the rest, then answers.
pub fn half(exchange: Exchange) -> Done {
    let wanted: u64 = exchange.call.number("n", 1)?;
    let mut body = In::of(&exchange.request)?;
    let mut got = 0;
    while got < wanted {
        match body.read(PIECE)? {
            Some(piece) => got += piece.len() as u64,
            None => break,
        }
    }
    drop(body);
    exchange.start.text(&format!("read {}\n", got.min(wanted)))
}

/// `unread`: answers and never asks for the body.
pub fn unread(exchange: Exchange) -> Done {
    exchange.start.text("not read\n")
}

/// `early`: answers wholly, then reads the body and says on stderr how much it was.
pub fn early(exchange: Exchange) -> Done {
    exchange.start.text("early\n")?;
    let mut body = In::of(&exchange.request)?;
    let mut sum = Sum::default();
    body.each(|piece| {
        sum.add(piece);
        Ok(())
    })?;
    eprint!("early: {}", sum.line());
    Ok(())
}

/// `source size= [chunk=65536] [type=]`: `size` bytes, `chunk` at a time; byte i is (i + 1) mod 251.
pub fn source(exchange: Exchange) -> Done {
    let mut left: u64 = exchange.call.number("size", 0)?;
    let chunk = exchange.call.number("chunk", PIECE)?.max(1);
    let kind = exchange.call.text("type");
    let kind = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
    let out = exchange.start.begin(200, typed(&kind)?)?;
    let mut pattern = Pattern::new(chunk);
    while left > 0 {
        let piece = pattern.next_piece(left);
        out.write(piece)?;
        left -= piece.len() as u64;
    }
    out.finish(None)
}

/// `length say= write= [flush=1]`: says one length in the head and writes another; stderr says what came of it.
pub fn length(exchange: Exchange) -> Done {
    let say = exchange.call.text("say").unwrap_or_default();
    let write: usize = exchange.call.number("write", 0)?;
    let fields = typed("text/plain")?;
    fields
        .append("content-length", say.as_bytes())
        .map_err(|e| crate::exchange::short(&e))?;
    let out = exchange.start.begin(200, fields)?;
    out.write(&vec![b'x'; write])?;
    if exchange.call.flag("flush") {
        out.flush()?;
    }
    out.finish(None)
}

/// `drip [n=3] [ms=100] [flush=0] [type=text/plain]`: the lines `line 1` to `line n`, with a pause before each but the first; with
/// `flush=1` each is flushed.
pub fn drip(exchange: Exchange) -> Done {
    let lines: u64 = exchange.call.number("n", 3)?;
    let ms = exchange.call.number("ms", 100)?;
    let kind = exchange.call.text("type");
    let kind = kind.unwrap_or_else(|| "text/plain".to_owned());
    let out = exchange.start.begin(200, typed(&kind)?)?;
    for line in 1..=lines {
        if line > 1 {
            pause(ms);
        }
        out.write(format!("line {line}\n").as_bytes())?;
        if exchange.call.flag("flush") {
            out.flush()?;
        }
    }
    out.finish(None)
}

/// `break [size=6]`: begins a body and drops it unfinished, after so many bytes.
pub fn break_off(exchange: Exchange) -> Done {
    let size = exchange.call.number("size", 6)?;
    let out = exchange.start.begin_text()?;
    let mut pattern = Pattern::new(PIECE);
    let mut left = size;
    while left > 0 {
        let piece = pattern.next_piece(left);
        out.write(piece)?;
        left -= piece.len() as u64;
    }
    drop(out);
    Ok(())
}
