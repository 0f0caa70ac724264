//! Which header and trailer fields of a request a guest sees that answers HTTP. Must not know where httpd keeps them.
//!
//! What belongs to the connection between client and httpd ends at httpd, as RFC 9110 (7.6.1) asks of whoever passes a
//! message on. The list is fixed: fields that the client names in `Connection` besides stay, as those that httpd has set
//! itself (`RequestHeader set X-Remote-User …`) would otherwise be the client's to remove.

use std::borrow::Cow;

use crate::pairs::Pairs;

/// Of the connection, and what httpd does itself. `Proxy` is no field of HTTP, but becomes a variable that some libraries
/// trust.
pub(crate) const NOT_PASSED_ON: &[&str] = &[
    "Connection",
    "Expect",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Transfer-Encoding",
    "Upgrade",
];
/// What says how a message is framed, routed or read comes too late at its end (RFC 9110, 6.5.1).
const NOT_IN_TRAILERS: &[&str] = &[
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Host",
    "TE",
    "Trailer",
];

/// The header fields for the guest, in their order. `length_holds`: is `Content-Length` that of the body which the guest
/// gets? Filters may change that, and a body that was sent for another resource is none.
///
/// `TE` is passed on as far as it says that the client takes trailer fields: that is for whoever makes the response.
#[must_use]
pub fn request_fields<'f>(
    fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    length_holds: bool,
) -> Pairs {
    // What allocators have at hand ends at about a kilobyte; longer lists grow.
    let mut passed = Pairs::with_capacity(32, 1024);
    for (name, value) in fields {
        if is_one_of(name, NOT_PASSED_ON) || !length_holds && is(name, "Content-Length") {
            continue;
        }
        if is(name, "TE") {
            if list(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers")) {
                passed.push(name, b"trailers");
            }
            continue;
        }
        passed.push(name, value);
    }
    passed
}

/// The response head of a CGI program without the fields that are not its to set, since they are of the connection between
/// client and httpd. `Transfer-Encoding` stays, for whoever refuses it. As httpd's parser does, this takes no notice of CRs.
#[must_use]
pub fn without_connection_fields(head: &[u8]) -> Cow<'_, [u8]> {
    let is_ours = |line: &[u8]| {
        let mut name = Vec::with_capacity(32);
        let end = line.iter().position(|&byte| byte == b':');
        name.extend(
            line[..end.unwrap_or(0)]
                .iter()
                .filter(|&&byte| byte != b'\r'),
        );
        let name = name.trim_ascii();
        is_one_of(name, NOT_PASSED_ON) && !is(name, "Transfer-Encoding")
    };
    let lines = || head.split_inclusive(|&byte| byte == b'\n');
    match lines().any(is_ours) {
        false => Cow::Borrowed(head),
        true => Cow::Owned(
            lines()
                .filter(|line| !is_ours(line))
                .flatten()
                .copied()
                .collect(),
        ),
    }
}

/// The trailer fields for the guest.
pub fn request_trailers<'f>(
    fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
) -> impl Iterator<Item = (&'f [u8], &'f [u8])> {
    fields.filter(|(name, _)| may_be_trailer(name))
}

/// May a field of this name stand behind a body?
pub(crate) fn may_be_trailer(name: &[u8]) -> bool {
    !is_one_of(name, NOT_PASSED_ON) && !is_one_of(name, NOT_IN_TRAILERS)
}

/// Is this the name of a field? Names have no case.
pub(crate) fn is(name: &[u8], known: &str) -> bool {
    name.eq_ignore_ascii_case(known.as_bytes())
}

pub(crate) fn is_one_of(name: &[u8], known: &[&str]) -> bool {
    known.iter().any(|known| is(name, known))
}

/// The members of a list, without parameters and blanks.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(|member| {
        let end = member.iter().position(|&byte| byte == b';');
        member[..end.unwrap_or(member.len())].trim_ascii()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(fields: &[(&str, &str)], length_holds: bool) -> Vec<String> {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        shown(request_fields(fields, length_holds).iter())
    }

    fn shown<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields
            .map(|(name, value)| format!("{}: {}", text(name), text(value)))
            .collect()
    }

    #[test]
    fn order_and_repeats_are_kept() {
        let fields = [("Host", "a"), ("X", "1"), ("Accept", "b"), ("x", "2")];
        assert_eq!(
            passed(&fields, true),
            ["Host: a", "X: 1", "Accept: b", "x: 2"]
        );
    }

    #[test]
    fn what_belongs_to_the_connection_ends_here() {
        let fields = [
            ("Connection", "close, X-Kept"),
            ("X-Kept", "set by the operator"),
            ("keep-alive", "1"),
            ("Transfer-Encoding", "chunked"),
            ("UPGRADE", "h2c"),
            ("HTTP2-Settings", "x"),
            ("Expect", "100-continue"),
            ("Proxy", "http://evil"),
            ("Proxy-Authorization", "x"),
            ("Authorization", "kept"),
            ("Trailer", "X-Sum"),
        ];
        assert_eq!(
            passed(&fields, true),
            [
                "X-Kept: set by the operator",
                "Authorization: kept",
                "Trailer: X-Sum"
            ]
        );
    }

    #[test]
    fn trailers_are_welcome_if_the_client_says_so() {
        assert_eq!(
            passed(&[("TE", "gzip, Trailers ;q=1")], true),
            ["TE: trailers"]
        );
        assert!(passed(&[("TE", "gzip;q=0.5, x-trailers")], true).is_empty());
    }

    #[test]
    fn a_length_is_passed_on_only_if_it_is_true() {
        let fields = [("Content-Length", "5"), ("Content-Type", "a/b")];
        assert_eq!(passed(&fields, true).len(), 2);
        assert_eq!(passed(&fields, false), ["Content-Type: a/b"]);
    }

    #[test]
    fn the_connection_is_not_a_programs_business() {
        let head = b"Content-Type: a/b\r\nConnection: keep-alive\nkeep-alive : 1\r\nUp\rgrade: x\r\nX: Connection: y\r\n\
                     Transfer-Encoding: chunked\n\r\n";
        let kept = "Content-Type: a/b\r\nX: Connection: y\r\nTransfer-Encoding: chunked\n\r\n";
        assert_eq!(without_connection_fields(head), kept.as_bytes());
        assert!(matches!(
            without_connection_fields(kept.as_bytes()),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn trailer_fields() {
        let fields: [(&[u8], &[u8]); 4] = [
            (b"X-Sum", b"1"),
            (b"content-length", b"5"),
            (b"Connection", b"x"),
            (b"host", b"h"),
        ];
        assert_eq!(shown(request_trailers(fields.into_iter())), ["X-Sum: 1"]);
    }
}
