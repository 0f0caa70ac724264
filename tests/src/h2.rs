//! An HTTP/2 client in clear text: one connection, whose streams the test drives piece by piece and at the same time.
//!
//! It sends what it is told to, and blocks: a test need not know that a runtime works below.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use std::future::{Future, poll_fn};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};

/// How long anything may take before the test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// Fields, names in lower case.
pub type Fields = Vec<(String, String)>;

/// One connection. Dropping it closes it.
pub struct H2 {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    port: u16,
}

impl H2 {
    /// Opens a connection, knowing that the server speaks HTTP/2.
    pub fn connect(port: u16) -> H2 {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let requests = wait(runtime.handle(), async {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (requests, connection) = h2::client::handshake(stream).await.unwrap();
            // Its end is seen by the streams.
            tokio::spawn(connection);
            requests
        });
        H2 {
            runtime,
            requests,
            port,
        }
    }

    /// Begins a request; `end` says that it has no body.
    pub fn open(&self, method: &str, path: &str, fields: &[(&str, &str)], end: bool) -> Stream {
        let uri = format!("http://localhost:{}{path}", self.port);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a well-formed request");
        let mut requests = self.requests.clone();
        let handle = self.runtime.handle().clone();
        let (response, out) = wait(&handle, async {
            poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
            requests.send_request(request, end).unwrap()
        });
        Stream {
            handle,
            out,
            response: Some(response),
            body: None,
        }
    }

    /// A GET and its whole response.
    pub fn get(&self, path: &str) -> (u16, Fields, Vec<u8>) {
        let mut stream = self.open("GET", path, &[], true);
        let (status, fields) = stream.head();
        let body = stream.body();
        (status, fields, body)
    }
}

/// One request and its response.
pub struct Stream {
    handle: Handle,
    out: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    body: Option<RecvStream>,
}

impl Stream {
    /// Sends a piece of the body, waiting for the server to have room.
    pub fn send(&mut self, data: &[u8], end: bool) {
        let mut left = Bytes::copy_from_slice(data);
        let out = &mut self.out;
        wait(&self.handle, async {
            while !left.is_empty() {
                out.reserve_capacity(left.len());
                let room = match out.capacity() {
                    0 => poll_fn(|cx| out.poll_capacity(cx)).await.unwrap().unwrap(),
                    room => room,
                };
                let piece = left.split_to(room.min(left.len()));
                let last = end && left.is_empty();
                out.send_data(piece, last).unwrap();
            }
            if end && data.is_empty() {
                out.send_data(Bytes::new(), true).unwrap();
            }
        });
    }

    /// Ends the request with trailer fields.
    pub fn send_trailers(&mut self, fields: &[(&str, &str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name: http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        self.out.send_trailers(map).unwrap();
    }

    /// Waits for the head of the response.
    pub fn head(&mut self) -> (u16, Fields) {
        self.try_head().expect("a response")
    }

    /// Waits for the head; an error when the stream is reset instead.
    pub fn try_head(&mut self) -> Result<(u16, Fields), String> {
        let response = self.response.take().expect("the head is read once");
        let response = wait(&self.handle, response).map_err(|e| e.to_string())?;
        let (head, body) = response.into_parts();
        self.body = Some(body);
        Ok((head.status.as_u16(), list(&head.headers)))
    }

    /// The next piece of the body; `None` at its end, an error when the stream is reset. The head has been read.
    pub fn piece(&mut self) -> Result<Option<Bytes>, String> {
        let body = self.body.as_mut().expect("the head has been read");
        wait(&self.handle, async {
            match body.data().await {
                Some(Ok(piece)) => {
                    // The server may send as much again.
                    let _ = body.flow_control().release_capacity(piece.len());
                    Ok(Some(piece))
                }
                Some(Err(e)) => Err(e.to_string()),
                None => Ok(None),
            }
        })
    }

    /// The body from here to its end, which must come.
    #[track_caller]
    pub fn body(&mut self) -> Vec<u8> {
        self.rest().expect("a whole response")
    }

    /// The body from here to its end; an error when the stream is reset.
    pub fn rest(&mut self) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece()? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// Reads until these bytes have come.
    #[track_caller]
    pub fn read_until(&mut self, wanted: &[u8]) {
        let mut all = Vec::new();
        while !all.windows(wanted.len()).any(|w| w == wanted) {
            match self.piece() {
                Ok(Some(piece)) => all.extend_from_slice(&piece),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&all)),
            }
        }
    }

    /// The trailers, once the body has been read to its end.
    pub fn trailers(&mut self) -> Fields {
        let body = self.body.as_mut().expect("the head has been read");
        let trailers = wait(&self.handle, body.trailers()).expect("a whole response");
        trailers.map(|map| list(&map)).unwrap_or_default()
    }

    /// Tells the server that nobody wants the response any more.
    pub fn cancel(&mut self) {
        self.out.send_reset(Reason::CANCEL);
    }
}

fn wait<T>(handle: &Handle, future: impl Future<Output = T>) -> T {
    let limited = handle.block_on(async { tokio::time::timeout(LIMIT, future).await });
    limited.unwrap_or_else(|_| panic!("gave up after {LIMIT:?}"))
}

fn list(map: &HeaderMap) -> Fields {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}
