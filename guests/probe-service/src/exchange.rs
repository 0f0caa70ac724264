//! One request and its response, as the behaviours use them: reading and writing in pieces.
//!
//! A response is returned first and written afterwards, by a task that outlives the call.

use probe_common::{Call, PIECE};
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Trailers};
use wasip3::wit_bindgen::rt::async_support::{
    FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter,
};
use wasip3::wit_bindgen::spawn_local;
use wasip3::{wit_future, wit_stream};

/// What a behaviour ends with.
pub type Answer = Result<Response, ErrorCode>;

/// How the two ends of a body agree on its end.
pub type Ending = Result<Option<Trailers>, ErrorCode>;

/// Whether a message has been sent, or received, as a whole.
pub type Whole = Result<(), ErrorCode>;

/// A request.
pub struct Exchange {
    /// What is asked for.
    pub call: Call,
    /// The request.
    pub request: Request,
}

impl Exchange {
    /// Reads from the request what it asks for.
    pub fn new(request: Request) -> Self {
        let path = request.get_path_with_query().unwrap_or_default();
        Self {
            call: Call::new(&path),
            request,
        }
    }
}

/// The error of a behaviour that could not do what was asked.
pub fn wrong(why: String) -> ErrorCode {
    ErrorCode::InternalError(Some(why))
}

/// A response with its body still to be written, and the news of its end.
pub struct Begun {
    /// What `handle` returns.
    pub response: Response,
    /// Its body.
    pub out: Out,
    /// Resolves when it has been sent, or could not be.
    pub sent: FutureReader<Whole>,
}

/// Begins a response with these fields.
pub fn begin(status: u16, fields: Fields) -> Result<Begun, ErrorCode> {
    let (stream, contents) = wit_stream::new();
    let (ending, end) = wit_future::new(broken);
    let (response, sent) = Response::new(fields, Some(contents), end);
    response
        .set_status_code(status)
        .map_err(|()| wrong(format!("status {status} is refused")))?;
    let out = Out { stream, ending };
    Ok(Begun {
        response,
        out,
        sent,
    })
}

/// Begins a text response.
pub fn begin_text() -> Result<Begun, ErrorCode> {
    begin(200, typed("text/plain")?)
}

/// Answers with a whole text.
pub fn text(text: String) -> Answer {
    let Begun {
        response, mut out, ..
    } = begin_text()?;
    spawn_local(async move {
        out.write(text.into_bytes()).await?;
        out.finish(None).await;
        Ok::<_, Closed>(())
    });
    Ok(response)
}

/// Fields with a Content-Type and nothing else.
pub fn typed(kind: &str) -> Result<Fields, ErrorCode> {
    let fields = Fields::new();
    fields
        .append("content-type", kind.as_bytes())
        .map_err(|e| wrong(short(&e)))?;
    Ok(fields)
}

/// How a body ends that is dropped without an end.
fn broken() -> Ending {
    Err(wrong("the body broke off".to_owned()))
}

/// The other side has closed the stream.
#[derive(Debug)]
pub struct Closed;

/// The body of a response or an outgoing request. Dropped without [`Out::finish`] it is a body that broke off.
pub struct Out {
    stream: StreamWriter<u8>,
    ending: FutureWriter<Ending>,
}

impl Out {
    /// Writes all of `data`.
    pub async fn write(&mut self, data: Vec<u8>) -> Result<(), Closed> {
        let left = self.stream.write_all(data).await;
        if left.is_empty() { Ok(()) } else { Err(Closed) }
    }

    /// Ends the body as whole; returns when the other side knows.
    pub async fn finish(self, trailers: Option<Fields>) {
        let Self { stream, ending } = self;
        drop(stream);
        // The other side may not care for trailers.
        let _ = ending.write(Ok(trailers)).await;
    }
}

/// The body of a request or an incoming response.
pub struct In {
    stream: StreamReader<u8>,
    ending: FutureReader<Ending>,
    /// Tells the other side, when dropped, that the body was received.
    received: FutureWriter<Whole>,
}

impl In {
    /// The body of a request.
    pub fn of(request: Request) -> Self {
        let (received, told) = wit_future::new(|| Ok(()));
        let (stream, ending) = Request::consume_body(request, told);
        Self {
            stream,
            ending,
            received,
        }
    }

    /// The body of an incoming response.
    pub fn of_response(response: Response) -> Self {
        let (received, told) = wit_future::new(|| Ok(()));
        let (stream, ending) = Response::consume_body(response, told);
        Self {
            stream,
            ending,
            received,
        }
    }

    /// The next piece of at most `most` bytes, however small; `None` at the end.
    pub async fn read(&mut self, most: usize) -> Option<Vec<u8>> {
        loop {
            let (state, piece) = self.stream.read(Vec::with_capacity(most)).await;
            if !piece.is_empty() {
                return Some(piece);
            }
            if !matches!(state, StreamResult::Complete(_)) {
                return None;
            }
        }
    }

    /// Hands every piece to `take`, then gives the trailers.
    pub async fn each(
        mut self,
        mut take: impl FnMut(&[u8]),
    ) -> Result<Vec<(String, Vec<u8>)>, ErrorCode> {
        while let Some(piece) = self.read(PIECE).await {
            take(&piece);
        }
        self.trailers().await
    }

    /// The trailers, once the body has been read to its end.
    pub async fn trailers(self) -> Result<Vec<(String, Vec<u8>)>, ErrorCode> {
        let Self {
            stream,
            ending,
            received,
        } = self;
        drop(stream);
        let trailers = ending.await?;
        drop(received);
        Ok(trailers.map(|t| t.copy_all()).unwrap_or_default())
    }

    /// The body as the host's own objects, to be handed on as they are. That it was received is said now, unseen.
    pub fn into_parts(self) -> (StreamReader<u8>, FutureReader<Ending>) {
        (self.stream, self.ending)
    }
}

/// The name of an error's case without that of its type: `HttpRequestDenied`.
pub fn short(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find("::").map_or(0, |at| at + 2);
    text[end..].to_owned()
}
