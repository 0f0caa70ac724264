//! A raw HTTP/1.1 client over TCP that sends exactly the bytes it is told to.
//!
//! It does not help: no redirects, no retries, no decoding beyond the transfer coding.

use crate::response::{Head, Reader, Response};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// How long a read waits for the next byte before the test fails.
const READ_LIMIT: Duration = Duration::from_secs(60);

/// A request, and how its body travels.
#[derive(Debug, Clone)]
pub struct Req {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Counted(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
}

impl Req {
    /// Any method, without a body.
    pub fn new(method: &str, target: &str) -> Req {
        Req {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            body: Body::None,
        }
    }

    /// GET.
    pub fn get(target: &str) -> Req {
        Req::new("GET", target)
    }

    /// HEAD.
    pub fn head(target: &str) -> Req {
        Req::new("HEAD", target)
    }

    /// POST with a Content-Length.
    pub fn post(target: &str, body: &[u8]) -> Req {
        Req {
            body: Body::Counted(body.to_vec()),
            ..Req::new("POST", target)
        }
    }

    /// POST with a chunk for each piece.
    pub fn post_chunked(target: &str, pieces: &[&[u8]]) -> Req {
        let pieces = pieces.iter().map(|p| p.to_vec()).collect();
        Req {
            body: Body::Chunked(pieces),
            ..Req::new("POST", target)
        }
    }

    /// Another method, with the same body.
    pub fn method(mut self, method: &str) -> Req {
        method.clone_into(&mut self.method);
        self
    }

    /// Adds a header field; `Host` replaces the default one.
    pub fn field(mut self, name: &str, value: &str) -> Req {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.fields.iter().any(|f| f.0.eq_ignore_ascii_case("host")) {
            out.push_str("Host: localhost\r\n");
        }
        for (name, value) in &self.fields {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::None => out.push_str("\r\n"),
            Body::Counted(body) => out.push_str(&format!("Content-Length: {}\r\n\r\n", body.len())),
            Body::Chunked(_) => out.push_str("Transfer-Encoding: chunked\r\n\r\n"),
        }
        let mut out = out.into_bytes();
        match &self.body {
            Body::None => {}
            Body::Counted(body) => out.extend_from_slice(body),
            Body::Chunked(pieces) => {
                for piece in pieces {
                    out.extend_from_slice(&chunk(piece));
                }
                out.extend_from_slice(b"0\r\n\r\n");
            }
        }
        out
    }
}

/// One chunk as it travels.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", data.len()).into_bytes();
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
    out
}

/// One connection. Dropping it closes it.
pub struct Conn {
    reader: Reader<TcpStream>,
}

impl Conn {
    pub(crate) fn try_open(port: u16) -> io::Result<Conn> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_LIMIT))?;
        stream.set_write_timeout(Some(READ_LIMIT))?;
        Ok(Conn {
            reader: Reader::new(stream),
        })
    }

    /// Sends bytes; the error of a server that has closed is the caller's to judge.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.stream().write_all(bytes)
    }

    /// Sends bytes that the server must take.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes.as_ref())
            .expect("the server takes the bytes");
    }

    /// Closes the sending half.
    pub fn finish_sending(&mut self) {
        self.reader.stream().shutdown(Shutdown::Write).unwrap();
    }

    /// Closes the connection by a reset: the server can tell that nobody is there any more. To drop the connection only says that
    /// no more will be sent, until the server sends something itself.
    pub fn reset(mut self) {
        let socket = socket2::SockRef::from(&*self.reader.stream());
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// A second handle for sending while this one reads.
    pub fn sender(&mut self) -> TcpStream {
        self.reader.stream().try_clone().unwrap()
    }

    /// Reads a head; `None` when the connection ends instead.
    pub fn read_head(&mut self) -> Result<Option<Head>, String> {
        self.reader.read_head()
    }

    /// Reads a head that must come.
    #[track_caller]
    pub fn head(&mut self) -> Head {
        let read = self.read_head().expect("a well-formed head");
        read.expect("a head, not the end of the connection")
    }

    /// Reads a body in pieces; false when it was cut off.
    pub fn read_body(&mut self, method: &str, head: &Head, sink: &mut dyn FnMut(&[u8])) -> bool {
        self.reader
            .read_body(method, head, sink)
            .expect("well-formed body")
    }

    /// Reads a response that must come.
    #[track_caller]
    pub fn response(&mut self, method: &str) -> Response {
        let read = self.try_response(method).expect("well-formed HTTP");
        read.expect("a response, not the end of the connection")
    }

    /// Reads a response; `None` when the connection ends instead, an error when it is not well-formed.
    pub fn try_response(&mut self, method: &str) -> Result<Option<Response>, String> {
        self.reader.read_response(method)
    }

    /// Sends a request and reads its response.
    #[track_caller]
    pub fn exchange(&mut self, request: &Req) -> Response {
        // A server may answer and close before it has taken the whole body.
        let _ = self.try_send(&request.bytes());
        self.response(&request.method)
    }

    /// Reads raw bytes until the server closes or `enough` holds.
    pub fn read_raw(&mut self, mut enough: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
        let (mut all, mut piece) = (Vec::new(), [0; 4096]);
        while !enough(&all) {
            match self.reader.stream().read(&mut piece) {
                Ok(n) if n > 0 => all.extend_from_slice(piece.get(..n).unwrap_or_default()),
                _ => break,
            }
        }
        all
    }

    /// True when the server closes without sending more.
    pub fn is_closed(&mut self) -> bool {
        self.reader.at_end()
    }
}
