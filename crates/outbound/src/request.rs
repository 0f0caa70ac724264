//! What of a guest's request goes out: the host in its URI decides where to, and fields that would speak to the
//! connection instead of the server are taken out. Must not know how requests are sent.

use crate::{Body, Error, Session};
use destination::{Pattern, Scheme, Target};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request, Version};
use http_body::Body as _;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Where a request goes: what is judged is what is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// `Http` or `Https`.
    pub scheme: Scheme,
    /// A name in small letters without a final dot, or an address without brackets.
    pub host: String,
    /// The port, the scheme's own filled in.
    pub port: u16,
}

impl Session {
    /// Whether the grant permits requests to this URI, as far as that can be told before its name is resolved. Sending
    /// one says the same; this says it at once, and with the request still in hand.
    ///
    /// # Errors
    /// [`Error::UriInvalid`], [`Error::Denied`].
    pub fn check(&self, uri: &Uri) -> Result<(), Error> {
        Destination::of(uri)?.permitted(&self.grant().patterns)
    }
}

impl Destination {
    /// # Errors
    /// [`Error::UriInvalid`].
    pub fn of(uri: &Uri) -> Result<Destination, Error> {
        let invalid = |why: &str| Error::UriInvalid(why.to_owned());
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(invalid("the scheme is neither http nor https")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("there is no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("there is a user name in it"));
        }
        let host = authority.host();
        if !destination::is_usable_host(host) {
            return Err(invalid("the host is neither a name nor an address"));
        }
        let port = match authority.as_str().get(host.len()..).unwrap_or_default() {
            "" | ":" => scheme.default_port(),
            port => port.strip_prefix(':').and_then(number),
        };
        Ok(Destination {
            scheme,
            host: plain(host),
            port: port
                .filter(|port| *port != 0)
                .ok_or_else(|| invalid("there is no such port"))?,
        })
    }

    /// # Errors
    /// [`Error::Denied`].
    pub fn permitted(&self, patterns: &[Pattern]) -> Result<(), Error> {
        let target = self.target();
        if destination::permits_name(patterns, &target) {
            return Ok(());
        }
        let suggestion = destination::suggestion(&target);
        Err(Error::Denied(format!(
            "{self} is not granted; {suggestion} would allow it"
        )))
    }

    /// As the judge wants it.
    pub fn target(&self) -> Target<'_> {
        Target {
            scheme: self.scheme,
            host: &self.host,
            port: self.port,
        }
    }

    /// The address, if it is one and no name.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The URI of `path` there.
    fn uri(&self, path: PathAndQuery) -> Result<Uri, Error> {
        let mut parts = self
            .to_string()
            .parse::<Uri>()
            .map_err(broken)?
            .into_parts();
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(broken)
    }
}

/// `https://api.example.com`, with the port if it is not the scheme's own.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Destination { scheme, host, port } = self;
        match self.address() {
            Some(IpAddr::V6(address)) => write!(f, "{scheme}://[{address}]")?,
            _ => write!(f, "{scheme}://{host}")?,
        }
        if scheme.default_port() == Some(*port) {
            Ok(())
        } else {
            write!(f, ":{port}")
        }
    }
}

/// A request that may go out.
pub struct Prepared {
    /// Without its body, and without `Host`, which is made from the URI.
    pub head: Request<()>,
    /// The length that the guest announced.
    pub length: Option<u64>,
}

/// Judges a request by its URI and cleans it.
///
/// # Errors
/// [`Error::Denied`], [`Error::UriInvalid`], [`Error::MethodInvalid`], [`Error::RequestBodySize`], [`Error::Protocol`].
pub fn prepare(request: Request<Body>, patterns: &[Pattern]) -> Result<(Prepared, Body), Error> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(Error::MethodInvalid);
    }
    let destination = Destination::of(&parts.uri)?;
    destination.permitted(patterns)?;
    let path = parts.uri.path_and_query().cloned();
    let mut head = Request::new(());
    *head.uri_mut() = destination.uri(path.unwrap_or_else(|| PathAndQuery::from_static("/")))?;
    *head.method_mut() = parts.method;
    // The connection decides between 1.1 and 2; the guest has no say in it.
    *head.version_mut() = Version::HTTP_11;
    *head.headers_mut() = parts.headers;
    clean(head.headers_mut());
    let length = content_length(head.headers())?;
    match (length, body.size_hint().exact()) {
        (Some(length), Some(exact)) if length != exact => Err(Error::RequestBodySize(length)),
        _ => Ok((Prepared { head, length }, body)),
    }
}

/// Takes out what is not for the server: `Host`, which the URI decides, and what speaks to the connection or to a
/// proxy. The message's frame is ours to write, so `Transfer-Encoding` goes too, and of `TE` only `trailers` may stay.
pub fn clean(fields: &mut HeaderMap) {
    const OURS: [HeaderName; 9] = [
        header::HOST,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("http2-settings"),
    ];
    for name in OURS {
        fields.remove(name);
    }
    if let Some(codings) = fields.get(header::TE) {
        if takes_trailers(codings) {
            fields.insert(header::TE, HeaderValue::from_static("trailers"));
        } else {
            fields.remove(header::TE);
        }
    }
}

fn takes_trailers(codings: &HeaderValue) -> bool {
    codings.to_str().is_ok_and(|codings| {
        codings
            .split(',')
            .any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
    })
}

/// The one length that is announced. Two that differ, or one that is no number, could be read in two ways.
fn content_length(fields: &HeaderMap) -> Result<Option<u64>, Error> {
    let mut all = fields.get_all(header::CONTENT_LENGTH).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return match fields.contains_key(header::CONTENT_LENGTH) {
            true => Err(Error::Protocol("more than one Content-Length".to_owned())),
            false => Ok(None),
        };
    };
    value
        .to_str()
        .ok()
        .and_then(number)
        .map(Some)
        .ok_or_else(|| Error::Protocol("Content-Length is not a number".to_owned()))
}

/// Digits and nothing else, not even a sign.
fn number<N: FromStr>(digits: &str) -> Option<N> {
    let good = digits.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| digits.parse().ok()).flatten()
}

/// One spelling for each host.
fn plain(host: &str) -> String {
    let host = host.trim_matches(['[', ']']);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn broken(error: impl fmt::Display) -> Error {
    Error::UriInvalid(error.to_string())
}
