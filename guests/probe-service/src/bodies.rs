//! Behaviours about bodies: reading, writing, and both at once.
//!
//! Each works in pieces of a fixed size, however long a body is, but for those that hand a body on as it is.

use probe_common::{PIECE, Pattern, Sum, fields_text};
use wasip3::http::types::Response;
use wasip3::wit_bindgen::spawn_local;

use crate::exchange::{
    Answer, Begun, Closed, Exchange, In, Out, begin, begin_text, short, text, typed, wrong,
};
use crate::world::pause;

/// `echo [ms=0]`: answers at once, then sends back each piece as it comes; pauses `ms` milliseconds after each.
pub fn echo(exchange: Exchange) -> Answer {
    let ms = exchange.call.number("ms", 0).map_err(wrong)?;
    let Begun {
        response, mut out, ..
    } = begin(200, typed("application/octet-stream")?)?;
    let mut body = In::of(exchange.request);
    spawn_local(async move {
        while let Some(piece) = body.read(PIECE).await {
            out.write(piece).await?;
            pause(ms).await;
        }
        // A body that broke off must not look whole: then the output is dropped.
        if body.trailers().await.is_ok() {
            out.finish(None).await;
        }
        Ok::<_, Closed>(())
    });
    Ok(response)
}

/// `pass`: the request's body and its trailers are the response's, handed over without being looked at.
pub fn pass(exchange: Exchange) -> Answer {
    let fields = typed("application/octet-stream")?;
    let (stream, ending) = In::of(exchange.request).into_parts();
    let (response, _) = Response::new(fields, Some(stream), ending);
    Ok(response)
}

/// `sent [size=6]`: a body of so many bytes; then stderr says whether the host could send it.
pub fn sent(exchange: &Exchange) -> Answer {
    let size = exchange.call.number("size", 6).map_err(wrong)?;
    let Begun {
        response,
        mut out,
        sent,
    } = begin_text()?;
    spawn_local(async move {
        if write_pattern(&mut out, size, PIECE).await.is_ok() {
            out.finish(None).await;
        }
        match sent.await {
            Ok(()) => eprintln!("sent: whole"),
            Err(code) => eprintln!("sent: {}", short(&code)),
        }
    });
    Ok(response)
}

/// `sink [ms=0]`: reads all, pausing `ms` milliseconds after each piece, then answers with length, checksum and trailers.
pub async fn sink(exchange: Exchange) -> Answer {
    let ms = exchange.call.number("ms", 0).map_err(wrong)?;
    let mut body = In::of(exchange.request);
    let mut sum = Sum::default();
    while let Some(piece) = body.read(PIECE).await {
        sum.add(&piece);
        pause(ms).await;
    }
    let trailers = fields_text("trailer", &body.trailers().await?);
    text(format!("{}{trailers}", sum.line()))
}

/// `half [n=1]`: reads until `n` bytes or more have come, drops the rest, then answers.
pub async fn half(exchange: Exchange) -> Answer {
    let wanted: u64 = exchange.call.number("n", 1).map_err(wrong)?;
    let mut body = In::of(exchange.request);
    let mut got = 0;
    while got < wanted {
        match body.read(PIECE).await {
            Some(piece) => got += piece.len() as u64,
            None => break,
        }
    }
    drop(body);
    text(format!("read {}\n", got.min(wanted)))
}

/// `unread`: answers and never asks for the body.
pub fn unread() -> Answer {
    text("not read\n".to_owned())
}

/// `early`: answers wholly, then reads the body and says on stderr how much it was.
pub fn early(exchange: Exchange) -> Answer {
    let Begun {
        response, mut out, ..
    } = begin_text()?;
    let body = In::of(exchange.request);
    spawn_local(async move {
        out.write(b"early\n".to_vec()).await?;
        out.finish(None).await;
        let mut sum = Sum::default();
        match body.each(|piece| sum.add(piece)).await {
            Ok(_) => eprint!("early: {}", sum.line()),
            Err(code) => eprintln!("early: {}", short(&code)),
        }
        Ok::<_, Closed>(())
    });
    Ok(response)
}

/// `source size= [chunk=65536] [type=]`: `size` bytes, `chunk` at a time; byte i is (i + 1) mod 251.
pub fn source(exchange: &Exchange) -> Answer {
    let size: u64 = exchange.call.number("size", 0).map_err(wrong)?;
    let chunk = exchange.call.number("chunk", PIECE).map_err(wrong)?.max(1);
    let kind = exchange.call.text("type");
    let kind = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
    let Begun {
        response, mut out, ..
    } = begin(200, typed(&kind)?)?;
    spawn_local(async move {
        write_pattern(&mut out, size, chunk).await?;
        out.finish(None).await;
        Ok::<_, Closed>(())
    });
    Ok(response)
}

async fn write_pattern(out: &mut Out, mut left: u64, chunk: usize) -> Result<(), Closed> {
    let mut pattern = Pattern::new(chunk);
    while left > 0 {
        let piece = pattern.next_piece(left);
        left -= piece.len() as u64;
        out.write(piece.to_vec()).await?;
    }
    Ok(())
}

/// `length say= write=`: says one length in the head and writes another.
pub fn length(exchange: &Exchange) -> Answer {
    let say = exchange.call.text("say").unwrap_or_default();
    let write: usize = exchange.call.number("write", 0).map_err(wrong)?;
    let fields = typed("text/plain")?;
    fields
        .append("content-length", say.as_bytes())
        .map_err(|e| wrong(short(&e)))?;
    let Begun {
        response, mut out, ..
    } = begin(200, fields)?;
    spawn_local(async move {
        if write > 0 {
            out.write(vec![b'x'; write]).await?;
        }
        out.finish(None).await;
        Ok::<_, Closed>(())
    });
    Ok(response)
}

/// `drip [n=3] [ms=100] [type=text/plain]`: the lines `line 1` to `line n`, with a pause before each but the first.
pub fn drip(exchange: &Exchange) -> Answer {
    let lines: u64 = exchange.call.number("n", 3).map_err(wrong)?;
    let ms = exchange.call.number("ms", 100).map_err(wrong)?;
    let kind = exchange.call.text("type");
    let kind = kind.unwrap_or_else(|| "text/plain".to_owned());
    let Begun {
        response, mut out, ..
    } = begin(200, typed(&kind)?)?;
    spawn_local(async move {
        for line in 1..=lines {
            if line > 1 {
                pause(ms).await;
            }
            out.write(format!("line {line}\n").into_bytes()).await?;
        }
        out.finish(None).await;
        Ok::<_, Closed>(())
    });
    Ok(response)
}

/// `break [size=6]`: begins a body and drops it unfinished, after so many bytes.
pub fn break_off(exchange: &Exchange) -> Answer {
    let size = exchange.call.number("size", 6).map_err(wrong)?;
    let Begun {
        response, mut out, ..
    } = begin_text()?;
    spawn_local(async move { write_pattern(&mut out, size, PIECE).await });
    Ok(response)
}
