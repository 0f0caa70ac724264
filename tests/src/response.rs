//! Reading HTTP/1.1 responses strictly: what is not well-formed is an error, never repaired.
//!
//! Works on anything that can be read from, so that it can be tested without a server.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Status line and header fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `HTTP/1.1`.
    pub version: String,
    /// The three digits.
    pub status: u16,
    /// What follows them.
    pub reason: String,
    /// Names as sent, values trimmed, in order.
    pub fields: Vec<(String, String)>,
}

/// One response, read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status line and fields.
    pub head: Head,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
    /// Was the whole body received? A connection closed in a chunked or counted body says no.
    pub complete: bool,
    /// The 1xx statuses that came first.
    pub interim: Vec<u16>,
    /// The trailer fields of a chunked body, as [`Head::fields`].
    pub trailers: Vec<(String, String)>,
    /// When each piece of the body arrived, counted from the start of reading, and the size so far.
    pub pieces: Vec<(Duration, usize)>,
}

impl Head {
    /// The values of all fields of this name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .filter(same)
            .map(|f| f.1.as_str())
            .collect()
    }

    /// The value of the only field of this name; fails when there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} is there {} times", all.len());
        all.first().copied()
    }

    fn parse(text: &str) -> Result<Head, String> {
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let mut words = status_line.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        let digits = words.next().unwrap_or_default();
        let status = digits.parse().ok().filter(|_| digits.len() == 3);
        if !version.starts_with("HTTP/1.") || status.is_none() {
            return Err(format!("not a status line: {status_line:?}"));
        }
        let fields = lines.map(field).collect::<Result<_, _>>()?;
        Ok(Head {
            version: version.to_owned(),
            status: status.unwrap_or_default(),
            reason: words.next().unwrap_or_default().to_owned(),
            fields,
        })
    }
}

fn field(line: &str) -> Result<(String, String), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match line.split_once(':') {
        Some((name, value)) if !name.is_empty() && name.chars().all(token) => {
            if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
                return Err(format!("a control character in {line:?}"));
            }
            Ok((name.to_owned(), value.trim().to_owned()))
        }
        _ => Err(format!("not a header field: {line:?}")),
    }
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The value of a header field that is there once or not at all.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body's lines `NAME=value`, as guests answer that show their environment.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let text = self.text();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Fails unless the response has this status and came to its end. Gives itself for more.
    #[track_caller]
    pub fn expect(self, status: u16) -> Response {
        assert_eq!(
            self.status(),
            status,
            "{}\n{}",
            self.head.reason,
            self.text()
        );
        assert!(self.complete, "the response was cut off: {:?}", self.head);
        self
    }
}

/// Reads from a stream what HTTP/1.1 puts there, keeping what was read too far.
pub struct Reader<S> {
    stream: S,
    held: Vec<u8>,
    /// Those of the last chunked body.
    trailers: Vec<(String, String)>,
}

impl<S: Read> Reader<S> {
    /// Starts with nothing held.
    pub fn new(stream: S) -> Reader<S> {
        Reader {
            stream,
            held: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// The stream, to write to.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 65536];
        let n = self.stream.read(&mut piece)?;
        self.held
            .extend_from_slice(piece.get(..n).unwrap_or_default());
        Ok(n > 0)
    }

    /// Takes up to and including `end`; `None` at the end of the stream.
    fn take_until(&mut self, end: &[u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.held.windows(end.len()).position(|w| w == end) {
                return Ok(Some(self.held.drain(..at + end.len()).collect()));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads a head; `None` when the stream ends before its first byte.
    pub fn read_head(&mut self) -> Result<Option<Head>, String> {
        let text = self.read_raw_head()?;
        text.map(|text| Head::parse(&text)).transpose()
    }

    /// Reads a head, a request's or a response's, as text without its last line ends.
    pub fn read_raw_head(&mut self) -> Result<Option<String>, String> {
        match self.take_until(b"\r\n\r\n") {
            Ok(Some(text)) => {
                let text = String::from_utf8_lossy(&text);
                Ok(Some(text.trim_end_matches("\r\n").to_owned()))
            }
            Ok(None) if self.held.is_empty() => Ok(None),
            Ok(None) => Err(format!(
                "the stream ended in a head: {:?}",
                String::from_utf8_lossy(&self.held)
            )),
            Err(e) if self.held.is_empty() && e.kind() == io::ErrorKind::ConnectionReset => {
                Ok(None)
            }
            Err(e) => Err(format!("no head: {e}")),
        }
    }

    /// Reads the body that follows `head`, giving it to `sink` in pieces. False when it was cut off.
    pub fn read_body(
        &mut self,
        method: &str,
        head: &Head,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, String> {
        let bodyless = method == "HEAD" || head.status < 200 || matches!(head.status, 204 | 304);
        if bodyless {
            return Ok(true);
        }
        if let Some(coding) = head.get("Transfer-Encoding") {
            if coding != "chunked" || head.get("Content-Length").is_some() {
                return Err(format!("cannot tell where the body ends: {head:?}"));
            }
            return self.read_chunks(sink);
        }
        match head.get("Content-Length").map(str::parse) {
            Some(Ok(length)) => Ok(self.read_exactly(length, sink)),
            Some(Err(_)) => Err(format!("bad Content-Length: {head:?}")),
            None => Ok(self.read_to_end(sink)),
        }
    }

    fn read_chunks(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<bool, String> {
        loop {
            let Ok(Some(line)) = self.take_until(b"\r\n") else {
                return Ok(false);
            };
            let text = String::from_utf8_lossy(&line);
            let digits = text.trim_end().split(';').next().unwrap_or_default();
            let size =
                u64::from_str_radix(digits, 16).map_err(|_| format!("bad chunk size {text:?}"))?;
            if size == 0 {
                return self.read_trailers();
            }
            if !self.read_exactly(size, sink) {
                return Ok(false);
            }
            match self.take_until(b"\r\n") {
                Ok(Some(end)) if end == b"\r\n" => {}
                Ok(Some(more)) => return Err(format!("a chunk is longer than its size: {more:?}")),
                _ => return Ok(false),
            }
        }
    }

    /// Reads what follows the last chunk, up to the empty line; false when that is missing.
    fn read_trailers(&mut self) -> Result<bool, String> {
        loop {
            let Ok(Some(line)) = self.take_until(b"\r\n") else {
                return Ok(false);
            };
            if line == b"\r\n" {
                return Ok(true);
            }
            let line = String::from_utf8_lossy(&line);
            self.trailers.push(field(line.trim_end_matches("\r\n"))?);
        }
    }

    fn read_exactly(&mut self, mut left: u64, sink: &mut dyn FnMut(&[u8])) -> bool {
        while left > 0 {
            if self.held.is_empty() && !matches!(self.fill(), Ok(true)) {
                return false;
            }
            let n = self
                .held
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            sink(self.held.get(..n).unwrap_or_default());
            self.held.drain(..n);
            left -= n as u64;
        }
        true
    }

    fn read_to_end(&mut self, sink: &mut dyn FnMut(&[u8])) -> bool {
        loop {
            sink(&std::mem::take(&mut self.held));
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Reads a whole response to a request with this method, 1xx ones first; `None` when the stream ends at once.
    pub fn read_response(&mut self, method: &str) -> Result<Option<Response>, String> {
        let start = Instant::now();
        let mut interim = Vec::new();
        loop {
            let Some(head) = self.read_head()? else {
                return Ok(None);
            };
            if head.status < 200 && head.status != 101 {
                interim.push(head.status);
                continue;
            }
            let (mut body, mut pieces) = (Vec::new(), Vec::new());
            self.trailers.clear();
            let complete = self.read_body(method, &head, &mut |piece| {
                body.extend_from_slice(piece);
                pieces.push((start.elapsed(), body.len()));
            })?;
            return Ok(Some(Response {
                head,
                body,
                complete,
                interim,
                trailers: std::mem::take(&mut self.trailers),
                pieces,
            }));
        }
    }

    /// True when the stream ends here, without another byte.
    pub fn at_end(&mut self) -> bool {
        self.held.is_empty() && !matches!(self.fill(), Ok(true))
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Response};

    fn read(text: &str) -> Result<Option<Response>, String> {
        Reader::new(text.as_bytes()).read_response("GET")
    }

    #[test]
    fn chunks_are_joined_and_a_cut_is_seen() {
        let whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let response = read(whole).unwrap().unwrap();
        assert_eq!((response.text(), response.complete), ("abc".into(), true));
        let cut = read(&whole[..whole.len() - 5]).unwrap().unwrap();
        assert_eq!((cut.text(), cut.complete), ("abc".into(), false));
    }

    #[test]
    fn trailers_follow_the_last_chunk() {
        let whole =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n";
        let response = read(whole).unwrap().unwrap();
        assert_eq!(response.trailers, [("X".into(), "y".into())]);
        let cut = read(&whole[..whole.len() - 2]).unwrap().unwrap();
        assert!(!cut.complete);
        assert!(read(&whole.replace("X: y", "X y")).is_err());
    }

    #[test]
    fn interim_responses_are_kept_apart() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let response = read(text).unwrap().unwrap();
        assert_eq!((response.interim, response.head.status), (vec![100], 204));
    }

    #[test]
    fn malformed_heads_are_errors() {
        assert!(read("HTTP/1.1 20 OK\r\n\r\n").is_err());
        assert!(read("HTTP/1.1 200 OK\r\nno colon\r\n\r\n").is_err());
        assert!(read("HTTP/1.1 200 OK\r\nA: b").is_err());
        assert!(read("").unwrap().is_none());
    }
}
