//! One request and its response, as the behaviours use them: reading and writing in pieces, with every error as text.
//!
//! Output is not flushed unless a behaviour asks for it: that the server sends what is there when a guest waits is what is tested.

use probe_common::{Call, PIECE};
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse,
    ResponseOutparam, http_error_code,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// What a behaviour ends with.
pub type Done = Result<(), String>;

/// A request and the right to answer it.
pub struct Exchange {
    /// What is asked for.
    pub call: Call,
    /// The request.
    pub request: IncomingRequest,
    /// The right to answer, once.
    pub start: Start,
}

impl Exchange {
    /// Reads from the request what it asks for.
    pub fn new(request: IncomingRequest, out: ResponseOutparam) -> Self {
        let path = request.path_with_query().unwrap_or_default();
        Self {
            call: Call::new(&path),
            request,
            start: Start(out),
        }
    }
}

/// The right to answer a request, once.
pub struct Start(ResponseOutparam);

impl Start {
    /// Begins a response with these fields.
    pub fn begin(self, status: u16, fields: Fields) -> Result<Out, String> {
        let response = OutgoingResponse::new(fields);
        response
            .set_status_code(status)
            .map_err(|()| format!("status {status} is refused"))?;
        let body = response.body().map_err(|()| "no body")?;
        ResponseOutparam::set(self.0, Ok(response));
        let stream = body.write().map_err(|()| "no stream")?;
        Ok(Out { stream, body })
    }

    /// Begins a text response.
    pub fn begin_text(self) -> Result<Out, String> {
        self.begin(200, typed("text/plain")?)
    }

    /// Answers with a whole text.
    pub fn text(self, text: &str) -> Done {
        let out = self.begin_text()?;
        out.write(text.as_bytes())?;
        out.finish(None)
    }

    /// Answers with an error code instead of a response.
    pub fn error(self, code: ErrorCode) {
        ResponseOutparam::set(self.0, Err(code));
    }
}

/// Fields with a Content-Type and nothing else.
pub fn typed(kind: &str) -> Result<Fields, String> {
    let fields = Fields::new();
    fields
        .append("content-type", kind.as_bytes())
        .map_err(|e| short(&e))?;
    Ok(fields)
}

/// The body of a response or an outgoing request. Dropped without [`Out::finish`] it is a body that broke off. The stream comes
/// first because it must be dropped first.
pub struct Out {
    stream: OutputStream,
    body: OutgoingBody,
}

impl Out {
    /// The body of an outgoing request.
    pub fn of(body: OutgoingBody) -> Result<Self, String> {
        let stream = body.write().map_err(|()| "no stream")?;
        Ok(Self { stream, body })
    }

    /// Writes all of `data`, waiting where the host has no room.
    pub fn write(&self, mut data: &[u8]) -> Done {
        while !data.is_empty() {
            let room = self.stream.check_write().map_err(stream_error)?;
            if room == 0 {
                self.stream.subscribe().block();
                continue;
            }
            let size = usize::try_from(room).unwrap_or(data.len()).min(data.len());
            let (now, later) = data.split_at(size);
            self.stream.write(now).map_err(stream_error)?;
            data = later;
        }
        Ok(())
    }

    /// Asks the host to send what it has, and waits until it has.
    pub fn flush(&self) -> Done {
        self.stream.blocking_flush().map_err(stream_error)
    }

    /// Ends the body as whole.
    pub fn finish(self, trailers: Option<Fields>) -> Done {
        let Self { stream, body } = self;
        drop(stream);
        OutgoingBody::finish(body, trailers).map_err(|code| short(&code))
    }
}

/// The body of a request or an incoming response. The stream comes first because it must be dropped first.
pub struct In {
    stream: InputStream,
    body: IncomingBody,
}

impl In {
    /// The body of a request.
    pub fn of(request: &IncomingRequest) -> Result<Self, String> {
        Self::new(request.consume().map_err(|()| "the body is taken")?)
    }

    /// Any body.
    pub fn new(body: IncomingBody) -> Result<Self, String> {
        let stream = body.stream().map_err(|()| "the stream is taken")?;
        Ok(Self { stream, body })
    }

    /// The next piece of at most `most` bytes, however small; `None` at the end.
    pub fn read(&mut self, most: usize) -> Result<Option<Vec<u8>>, String> {
        loop {
            match self.stream.blocking_read(most as u64) {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => return Ok(Some(piece)),
                Err(StreamError::Closed) => return Ok(None),
                Err(error) => return Err(stream_error(error)),
            }
        }
    }

    /// Hands every piece to `take`.
    pub fn each(&mut self, mut take: impl FnMut(&[u8]) -> Done) -> Done {
        while let Some(piece) = self.read(PIECE)? {
            take(&piece)?;
        }
        Ok(())
    }

    /// The trailers, once the body has been read to its end.
    pub fn trailers(self) -> Result<Vec<(String, Vec<u8>)>, String> {
        let Self { stream, body } = self;
        drop(stream);
        let future = IncomingBody::finish(body);
        future.subscribe().block();
        match future.get() {
            Some(Ok(Ok(trailers))) => Ok(trailers.map(|t| t.entries()).unwrap_or_default()),
            Some(Ok(Err(code))) => Err(short(&code)),
            Some(Err(())) | None => Err("no trailers to be had".to_owned()),
        }
    }
}

/// The name of an error's case without that of its type: `HttpRequestDenied`.
pub fn short(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find("::").map_or(0, |at| at + 2);
    text[end..].to_owned()
}

/// What went wrong with a stream: the HTTP error where there is one.
pub fn stream_error(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(error) => match http_error_code(&error) {
            Some(code) => short(&code),
            None => error.to_debug_string(),
        },
    }
}
