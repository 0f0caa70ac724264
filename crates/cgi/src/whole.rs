//! Where the body ends of a response that a program writes itself, head and all (*non-parsed headers*): what follows it would
//! be another response to whoever reads on, and so it is not sent. Must not know how it is sent.

use crate::fields::is;
use crate::response::{check, number};

/// The longest line of a chunk's size with its extensions, and of a trailer field, in bytes.
const LINE: usize = 8192;

/// The body, as far as it has been looked at.
#[derive(Debug)]
pub struct WholeBody(Framing);

#[derive(Debug)]
enum Framing {
    /// It ends with the connection.
    UntilClose,
    /// This number of bytes is to come.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
}

impl WholeBody {
    /// The body that belongs to a head, which begins with a status line and ends with an empty line.
    ///
    /// # Errors
    /// Two readers could take two different bodies for it.
    pub fn of(head: &[u8]) -> Result<WholeBody, String> {
        let (mut length, mut coded) = (None, false);
        for (n, line) in head.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if n == 0 {
                check(b"status-line", line).map_err(|problem| problem.to_string())?;
                continue;
            }
            if line.is_empty() {
                continue;
            }
            let colon = line.iter().position(|&byte| byte == b':');
            let (name, value) = line.split_at(colon.unwrap_or(line.len()));
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            check(name, value).map_err(|problem| problem.to_string())?;
            if colon.is_none() {
                return Err("a header line without a colon".to_owned());
            }
            if is(name, "Content-Length") {
                let said = number(value).ok_or("a Content-Length that is none")?;
                if length.replace(said).is_some_and(|other| other != said) {
                    return Err("two lengths".to_owned());
                }
            }
            if is(name, "Transfer-Encoding") {
                if coded || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err("a Transfer-Encoding other than chunked".to_owned());
                }
                coded = true;
            }
        }
        match (length, coded) {
            (Some(_), true) => Err("a Content-Length and a Transfer-Encoding".to_owned()),
            (Some(length), false) => Ok(WholeBody(Framing::Length(length))),
            (None, true) => Ok(WholeBody(Framing::Chunked(Chunks::default()))),
            (None, false) => Ok(WholeBody(Framing::UntilClose)),
        }
    }

    /// How many of the next bytes that the program has written belong to it. Fewer than all: the rest must not be sent, nor
    /// anything that comes later.
    pub fn take(&mut self, data: &[u8]) -> usize {
        match &mut self.0 {
            Framing::UntilClose => data.len(),
            Framing::Length(left) => {
                let taken = usize::try_from(*left).map_or(data.len(), |left| left.min(data.len()));
                *left = left.saturating_sub(taken as u64);
                taken
            }
            Framing::Chunked(chunks) => data
                .iter()
                .position(|&byte| !chunks.takes(byte))
                .unwrap_or(data.len()),
        }
    }

    /// Is nothing missing, as far as its framing says?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match &self.0 {
            Framing::UntilClose | Framing::Length(0) => true,
            Framing::Length(_) => false,
            Framing::Chunked(chunks) => matches!(chunks.state, ChunkState::Over),
        }
    }
}

/// A body of chunks, looked at byte by byte.
#[derive(Debug, Default)]
struct Chunks {
    state: ChunkState,
    /// Bytes of the line so far.
    line: usize,
}

#[derive(Debug, Clone, Copy, Default)]
enum ChunkState {
    /// Before the first digit of a size.
    #[default]
    Start,
    /// Within the size.
    Size(u64),
    /// Within what follows a size on its line.
    Extension(u64),
    /// Before the LF of a size's line.
    SizeEnd(u64),
    /// This number of bytes of the chunk is to come, at least one.
    Data(u64),
    /// Before the CR behind a chunk.
    DataCr,
    /// Before the LF behind that.
    DataLf,
    /// At the start of a line behind the last chunk.
    Trailer,
    /// Within a trailer field.
    Field,
    /// Before the LF of a trailer field.
    FieldLf,
    /// Before the last LF.
    LastLf,
    /// At the end, where nothing may follow.
    Over,
}

impl Chunks {
    /// Does this byte belong to the body? One that does not is the end of it.
    fn takes(&mut self, byte: u8) -> bool {
        use ChunkState as S;
        if let S::Data(left) = self.state {
            self.state = if left > 1 {
                S::Data(left - 1)
            } else {
                S::DataCr
            };
            return true;
        }
        let digit = char::from(byte).to_digit(16).map(u64::from);
        let ordinary = !byte.is_ascii_control() || byte == b'\t';
        let next = match (self.state, byte) {
            (S::Start, _) => digit.map(S::Size),
            (S::Size(size), b'\r') | (S::Extension(size), b'\r') => Some(S::SizeEnd(size)),
            (S::Size(size), b';' | b' ' | b'\t') => Some(S::Extension(size)),
            (S::Size(size), _) => digit
                .zip(size.checked_mul(16))
                .map(|(digit, size)| S::Size(size + digit)),
            (S::Extension(size), _) => ordinary.then_some(S::Extension(size)),
            (S::SizeEnd(0), b'\n') => Some(S::Trailer),
            (S::SizeEnd(size), b'\n') => Some(S::Data(size)),
            (S::DataCr, b'\r') => Some(S::DataLf),
            (S::DataLf, b'\n') => Some(S::Start),
            (S::Trailer, b'\r') => Some(S::LastLf),
            (S::Field, b'\r') => Some(S::FieldLf),
            (S::Trailer | S::Field, _) => ordinary.then_some(S::Field),
            (S::FieldLf, b'\n') => Some(S::Trailer),
            (S::LastLf, b'\n') => Some(S::Over),
            _ => None,
        };
        self.line = match byte {
            b'\n' => 0,
            _ => self.line + 1,
        };
        match next {
            Some(next) if self.line <= LINE => self.state = next,
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of `body` is taken, and whether it is whole then; the same in one piece and byte by byte.
    fn taken(head: &str, body: &str) -> (String, bool) {
        let mut whole = WholeBody::of(head.as_bytes()).expect("a good head");
        let count = whole.take(body.as_bytes());
        let mut pieces = WholeBody::of(head.as_bytes()).expect("a good head");
        let one = |pieces: &mut WholeBody, byte: u8| pieces.take(&[byte]) == 1;
        let bytes = body.bytes().take_while(|byte| one(&mut pieces, *byte));
        assert_eq!(bytes.count(), count, "{body:?}");
        assert_eq!(whole.is_whole(), pieces.is_whole(), "{body:?}");
        (body[..count].to_owned(), whole.is_whole())
    }

    const EVIL: &str = "HTTP/1.1 200 OK\r\n\r\nevil";

    #[test]
    fn a_length_is_kept_to() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(taken(head, "body"), ("body".to_owned(), true));
        assert_eq!(
            taken(head, &format!("body{EVIL}")),
            ("body".to_owned(), true)
        );
        assert_eq!(taken(head, "bo"), ("bo".to_owned(), false));
        let any = "HTTP/1.0 200 OK\n\n";
        assert_eq!(taken(any, EVIL), (EVIL.to_owned(), true));
    }

    #[test]
    fn chunks_are_kept_to() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n";
        for body in [
            "0\r\n\r\n",
            "4\r\nbody\r\n0\r\n\r\n",
            "1A;x=\"y\"\r\nabcdefghijklmnopqrstuvwxyz\r\n00\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
        ] {
            assert_eq!(taken(head, body), (body.to_owned(), true));
            assert_eq!(
                taken(head, &format!("{body}{EVIL}")),
                (body.to_owned(), true)
            );
        }
        for (body, kept) in [
            ("4\r\nbodyHTTP", "4\r\nbody"),
            ("4\nbody", "4"),
            ("-4\r\n", ""),
            ("0x4\r\n", "0"),
            ("ffffffffffffffff0\r\n", "ffffffffffffffff"),
            ("4\r\nbo", "4\r\nbo"),
            ("0\r\nX\n", "0\r\nX"),
        ] {
            assert_eq!(taken(head, body), (kept.to_owned(), false));
        }
        let endless = format!("4;{}", "x".repeat(2 * LINE));
        assert_eq!(taken(head, &endless).0.len(), LINE);
    }

    #[test]
    fn a_head_is_read_in_one_way_only() {
        for fields in [
            "Content-Length: 4\r\nContent-Length: 5",
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Content-Length: 4, 4",
            "Content-Length: +4",
            "Content-Length : 4",
            "X: a\rContent-Length: 4",
            "X: a\r\n Content-Length: 4",
            "Content-Length",
        ] {
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
            assert!(WholeBody::of(head.as_bytes()).is_err(), "{fields}");
        }
        assert!(WholeBody::of(b"HTTP/1.1 200 OK\rContent-Length: 4\r\n\r\n").is_err());
        let twice = b"HTTP/1.1 200 \r\nContent-Length:4\r\ncontent-length: 4 \r\n\r\n";
        assert!(WholeBody::of(twice).is_ok());
    }
}
