//! What may be sent of the response head and the trailer fields that a guest gives through `wasi:http`. The engine has
//! checked them already; here is what httpd can not send or does itself. Must not know how a head is sent.

use std::fmt;

use crate::fields::{NOT_PASSED_ON, is, is_one_of, may_be_trailer};
use crate::pairs::Pairs;

/// A response head that can be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// A final status, 200 to 999.
    pub status: u16,
    /// `Content-Type`; the last one, as there can be only one.
    pub content_type: Option<Vec<u8>>,
    /// `Content-Length`
    pub content_length: Option<u64>,
    /// `Last-Modified`, which is among the other fields too.
    pub modified: Option<Vec<u8>>,
    /// Is there an `ETag`?
    pub tagged: bool,
    /// Has it a `Trailer` field?
    pub announces_trailers: bool,
    fields: Pairs,
}

/// Why a head or a trailer field can not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldProblem {
    /// No final status.
    Status(u16),
    /// A name that is none.
    Name(String),
    /// A value with a control character, in the field of this name.
    Value(String),
    /// A `Content-Length` that is no number, or a second one that is another number.
    Length,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldProblem::Status(status) => write!(f, "status {status}"),
            FieldProblem::Name(name) => write!(f, "a field with the name \"{name}\""),
            FieldProblem::Value(name) => write!(f, "a control character in the field {name}"),
            FieldProblem::Length => f.write_str("a Content-Length that is none"),
        }
    }
}

impl ResponseHead {
    /// The head that a guest has given. Fields of the connection are left out: that is httpd's business.
    ///
    /// # Errors
    /// It can not be sent. An informational status is no response, and 101 gives away a connection that is not the
    /// guest's.
    pub fn new(status: u16, fields: &[(&[u8], &[u8])]) -> Result<ResponseHead, FieldProblem> {
        if !(200..=999).contains(&status) {
            return Err(FieldProblem::Status(status));
        }
        let mut head = ResponseHead {
            status,
            fields: Pairs::with_capacity(fields.len(), 512),
            ..ResponseHead::default()
        };
        for &(name, value) in fields {
            check(name, value)?;
            head.take(name, value)?;
        }
        Ok(head)
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), FieldProblem> {
        if is_one_of(name, NOT_PASSED_ON) {
            return Ok(());
        }
        if is(name, "Content-Type") {
            self.content_type = Some(value.to_vec());
            return Ok(());
        }
        if is(name, "Content-Length") {
            let length = number(value).ok_or(FieldProblem::Length)?;
            return match self.content_length.replace(length) {
                Some(other) if other != length => Err(FieldProblem::Length),
                _ => Ok(()),
            };
        }
        if is(name, "Last-Modified") {
            self.modified = Some(value.to_vec());
        }
        self.tagged |= is(name, "ETag");
        self.announces_trailers |= is(name, "Trailer");
        self.fields.push(name, value);
        Ok(())
    }

    /// All fields but `Content-Type` and `Content-Length`, in the order of the guest.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter()
    }

    /// Names the trailer fields in the head, if the guest has not done it.
    pub fn announce(&mut self, trailers: &Pairs) {
        if self.announces_trailers || trailers.is_empty() {
            return;
        }
        let names: Vec<&[u8]> = trailers.iter().map(|(name, _)| name).collect();
        self.fields.push(b"Trailer", &names.join(&b", "[..]));
        self.announces_trailers = true;
    }
}

/// The trailer fields that can be sent; those of the connection or the head are left out.
///
/// # Errors
/// One of them is no field.
pub fn response_trailers(fields: &[(&[u8], &[u8])]) -> Result<Pairs, FieldProblem> {
    let mut trailers = Pairs::default();
    for &(name, value) in fields {
        check(name, value)?;
        if may_be_trailer(name) {
            trailers.push(name, value);
        }
    }
    Ok(trailers)
}

/// Nothing may reach the client that ends a field early.
pub(crate) fn check(name: &[u8], value: &[u8]) -> Result<(), FieldProblem> {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(token) {
        return Err(FieldProblem::Name(name.escape_ascii().to_string()));
    }
    let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if value.iter().any(control) {
        return Err(FieldProblem::Value(name.escape_ascii().to_string()));
    }
    Ok(())
}

/// Digits and nothing else.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    str::from_utf8(value).ok()?.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields<'f> = &'f [(&'f str, &'f str)];

    fn bytes<'f>(fields: Fields<'f>) -> Vec<(&'f [u8], &'f [u8])> {
        let pair = |(name, value): &(&'f str, &'f str)| (name.as_bytes(), value.as_bytes());
        fields.iter().map(pair).collect()
    }

    fn head(status: u16, fields: Fields<'_>) -> Result<ResponseHead, FieldProblem> {
        ResponseHead::new(status, &bytes(fields))
    }

    fn shown(head: &ResponseHead) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        head.fields()
            .map(|(name, value)| format!("{}: {}", text(name), text(value)))
            .collect()
    }

    #[test]
    fn final_statuses_can_be_sent() {
        for status in [200, 204, 304, 418, 599, 600, 999] {
            assert_eq!(head(status, &[]).map(|head| head.status), Ok(status));
        }
        for status in [0, 99, 100, 101, 103, 199, 1000, u16::MAX] {
            assert_eq!(head(status, &[]), Err(FieldProblem::Status(status)));
        }
    }

    #[test]
    fn what_httpd_sets_itself_is_taken_apart() {
        let head = head(
            200,
            &[
                ("Set-Cookie", "a=1"),
                ("content-type", "text/plain"),
                ("Connection", "close"),
                ("Transfer-Encoding", "chunked"),
                ("Content-Type", "text/html"),
                ("Content-Length", "5"),
                ("ETag", "\"x\""),
                ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
                ("set-cookie", "b=2"),
            ],
        )
        .expect("a good head");
        assert_eq!(head.content_type.as_deref(), Some(&b"text/html"[..]));
        assert_eq!(head.content_length, Some(5));
        assert!(head.tagged && head.modified.is_some() && !head.announces_trailers);
        assert_eq!(
            shown(&head),
            [
                "Set-Cookie: a=1",
                "ETag: \"x\"",
                "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
                "set-cookie: b=2"
            ]
        );
    }

    #[test]
    fn a_length_is_one_number() {
        for length in ["", "+5", "-1", "5 ", "0x5", "99999999999999999999"] {
            let fields = [("Content-Length", length)];
            assert_eq!(head(200, &fields), Err(FieldProblem::Length), "{length}");
        }
        let twice = |second| head(200, &[("Content-Length", "5"), ("content-length", second)]);
        assert!(twice("5").is_ok());
        assert_eq!(twice("6"), Err(FieldProblem::Length));
    }

    #[test]
    fn nothing_ends_a_field_early() {
        let named = |name| head(200, &[(name, "x")]);
        for name in ["", "a b", "a:", "a\r\nb", "a\0", "\u{e4}"] {
            assert!(
                matches!(named(name), Err(FieldProblem::Name(_))),
                "{name:?}"
            );
        }
        let valued = |value| head(200, &[("X", value)]);
        for value in ["a\nb", "a\rb", "a\0b", "\x7f", "\x1b[1m"] {
            assert_eq!(
                valued(value),
                Err(FieldProblem::Value("X".into())),
                "{value:?}"
            );
        }
        assert!(valued("a\tb \u{e4} \"c\"").is_ok());
        let trailer = |name, value| response_trailers(&bytes(&[(name, value)]));
        assert!(trailer("X", "a\r\nb").is_err() && trailer("a b", "x").is_err());
    }

    #[test]
    fn trailers_are_announced_once() {
        let trailers = bytes(&[("X-Sum", "1"), ("Content-Length", "5"), ("X-Time", "2")]);
        let trailers = response_trailers(&trailers).expect("good trailers");
        let mut plain = head(200, &[]).expect("a good head");
        plain.announce(&trailers);
        plain.announce(&trailers);
        assert_eq!(shown(&plain), ["Trailer: X-Sum, X-Time"]);
        let mut announced = head(200, &[("trailer", "X-Sum")]).expect("a good head");
        announced.announce(&trailers);
        assert_eq!(shown(&announced), ["trailer: X-Sum"]);
        plain.announce(&Pairs::default());
    }
}
