//! stream-p3: a WASI 0.3 http component whose bodies flow. A GET is answered line by line, a POST or PUT gets its own body
//! back while it is still being sent, and after both comes a trailer with the number of bytes.
//!
//! It must not collect a body: what it has read it writes before it reads on, so a client that reads slowly slows it down.

use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response, Trailers};
use wasip3::wit_bindgen::{self, FutureWriter, StreamReader, StreamResult, StreamWriter};
use wasip3::{wit_future, wit_stream};

/// How many lines a GET is answered with.
const LINES: u32 = 10;

/// The time between two lines, in nanoseconds.
const PAUSE: u64 = 300_000_000;

/// How much of a body is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The trailer with the number of bytes.
const TRAILER: &str = "x-bytes";

/// What follows a body: fields, or why it was broken off.
type End = Result<Option<Trailers>, ErrorCode>;

/// The component; `export!` makes its `handle` the file's `wasi:http/handler`.
struct Streams;

impl wasip3::exports::http::handler::Guest for Streams {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match request.get_method() {
            Method::Get | Method::Head => {
                let (response, sending) = respond("text/plain; charset=utf-8")?;
                wit_bindgen::spawn_local(count(sending));
                Ok(response)
            }
            Method::Post | Method::Put => {
                let (response, sending) = respond("application/octet-stream")?;
                // Whoever sends the body learns nothing of what became of it but the response.
                let (_, outcome) = wit_future::new(|| Ok(()));
                let (body, end) = Request::consume_body(request, outcome);
                wit_bindgen::spawn_local(async move {
                    let copied = echo(body, sending.contents).await;
                    let trailers = match end.await {
                        Ok(trailers) => trailers_of(trailers, copied),
                        Err(error) => Err(error),
                    };
                    finish(sending.end, trailers).await;
                });
                Ok(response)
            }
            _ => refuse(),
        }
    }
}

/// The guest's end of a response that has been handed over.
struct Sending {
    contents: StreamWriter<u8>,
    end: FutureWriter<End>,
}

/// A response of status 200, and what its body and trailers are written to.
fn respond(content_type: &str) -> Result<(Response, Sending), ErrorCode> {
    let fields = fields(&[("content-type", content_type), ("trailer", TRAILER)])?;
    let (contents, reader) = wit_stream::new();
    // Dropped without a value it says that the body was broken off.
    let (end, trailers) = wit_future::new(|| Err(ErrorCode::HttpResponseIncomplete));
    let (response, _) = Response::new(fields, Some(reader), trailers);
    Ok((response, Sending { contents, end }))
}

/// Status 405: neither a GET nor a POST.
fn refuse() -> Result<Response, ErrorCode> {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let fields = fields(&[("allow", "GET, HEAD, POST, PUT")])?;
    let (response, _) = Response::new(fields, None, trailers);
    response
        .set_status_code(405)
        .map_err(|()| ErrorCode::InternalError(None))?;
    Ok(response)
}

/// Writes line after line, until all are written or nobody reads any more.
async fn count(mut sending: Sending) {
    let mut written = 0;
    for number in 1..=LINES {
        let line = format!("line {number} of {LINES}\n").into_bytes();
        written += line.len() as u64;
        if !sending.contents.write_all(line).await.is_empty() {
            return;
        }
        if number < LINES {
            monotonic_clock::wait_for(PAUSE).await;
        }
    }
    drop(sending.contents);
    finish(sending.end, trailers_of(None, written)).await;
}

/// Copies a body, piece by piece, and gives the number of bytes that were copied.
async fn echo(mut body: StreamReader<u8>, mut contents: StreamWriter<u8>) -> u64 {
    let mut copied = 0;
    loop {
        let (state, piece) = body.read(Vec::with_capacity(PIECE)).await;
        copied += piece.len() as u64;
        let unread = contents.write_all(piece).await;
        if !unread.is_empty() || !matches!(state, StreamResult::Complete(_)) {
            return copied;
        }
    }
}

/// The trailers of a response: those of the request, if it had any, and the number of bytes.
fn trailers_of(trailers: Option<Trailers>, bytes: u64) -> End {
    // Those of the request cannot be changed, a clone can.
    let trailers = trailers.map_or_else(Fields::new, |fields| fields.clone());
    trailers
        .set(TRAILER, &[bytes.to_string().into_bytes()])
        .map_err(|_| ErrorCode::ConfigurationError)?;
    Ok(Some(trailers))
}

/// Ends a response.
async fn finish(end: FutureWriter<End>, trailers: End) {
    // It fails when the client is gone: then nobody misses the trailers.
    let _ = end.write(trailers).await;
}

fn fields(list: &[(&str, &str)]) -> Result<Fields, ErrorCode> {
    let list: Vec<_> = list
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Fields::from_list(&list).map_err(|_| ErrorCode::ConfigurationError)
}

wasip3::http::service::export!(Streams);
