//! Why a request came to nothing, in words that each fit one `error-code` of wasi:http, and how the errors of the
//! libraries below become one of them. Must not know guests.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Why there is no response, or no more of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The grant forbids it. One line for the log: what was asked, and which directive would allow it.
    Denied(String),
    /// The instance has as many requests under way as its grant allows.
    LimitReached,
    /// The method is none that a guest may use: `CONNECT` would make a tunnel.
    MethodInvalid,
    /// The URI has no usable scheme, host or port; which of them.
    UriInvalid(String),
    /// The request's body is not as long as its `Content-Length` says; the length it says.
    RequestBodySize(u64),
    /// The guest's side gave up on the request's body; why.
    RequestBody(String),
    /// The name was not resolved in time.
    DnsTimeout,
    /// The name could not be resolved; what the resolver said.
    DnsError(String),
    /// The name has no address.
    DestinationNotFound,
    /// No route leads to the address.
    DestinationUnavailable,
    /// Nobody listens there.
    ConnectionRefused,
    /// There was no connection in time.
    ConnectionTimeout,
    /// The response, or its next piece, did not come in the time that the guest gave it.
    ConnectionReadTimeout,
    /// The connection ended before the response did.
    ConnectionTerminated,
    /// There is no TLS with this server; why.
    TlsProtocol(String),
    /// The server's certificate is not good for this host; why.
    TlsCertificate(String),
    /// The server refused TLS: the alert's number in the protocol, and its name.
    TlsAlert(u8, String),
    /// The whole time of the grant is over.
    ResponseTimeout,
    /// The head or the trailers of the response are larger than anyone sends in good faith.
    ResponseHeaderSize,
    /// The body of the response is larger than the grant allows; that limit, bytes.
    ResponseBodySize(u64),
    /// What the server sent is not HTTP as it was agreed on; what is wrong.
    Protocol(String),
    /// A fault on our side: no threads, no file descriptors, no CA certificates; what to do about it.
    Internal(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Denied(text) | Error::Internal(text) => f.write_str(text),
            Error::LimitReached => f.write_str("too many outgoing requests are under way"),
            Error::MethodInvalid => f.write_str("this method cannot be used"),
            Error::UriInvalid(why) => write!(f, "not a usable URI: {why}"),
            Error::RequestBodySize(length) => {
                write!(
                    f,
                    "the request's body is not the {length} bytes of its Content-Length"
                )
            }
            Error::RequestBody(why) => write!(f, "the request's body failed: {why}"),
            Error::DnsTimeout => f.write_str("the name was not resolved in time"),
            Error::DnsError(why) => write!(f, "the name was not resolved: {why}"),
            Error::DestinationNotFound => f.write_str("the name has no address"),
            Error::DestinationUnavailable => f.write_str("no route leads to the address"),
            Error::ConnectionRefused => f.write_str("connection refused"),
            Error::ConnectionTimeout => f.write_str("no connection in time"),
            Error::ConnectionReadTimeout => {
                f.write_str("nothing came in the time that the guest set")
            }
            Error::ConnectionTerminated => f.write_str("the connection ended before the response"),
            Error::TlsProtocol(why) => write!(f, "TLS failed: {why}"),
            Error::TlsCertificate(why) => write!(f, "the server's certificate was refused: {why}"),
            Error::TlsAlert(_, name) => write!(f, "the server refused TLS: {name}"),
            Error::ResponseTimeout => f.write_str("the response was not complete in time"),
            Error::ResponseHeaderSize => f.write_str("the response's fields are too large"),
            Error::ResponseBodySize(limit) => {
                write!(f, "the response's body is larger than {limit} bytes")
            }
            Error::Protocol(why) => write!(f, "not HTTP as agreed on: {why}"),
        }
    }
}

impl StdError for Error {}

impl Error {
    /// What an error of the HTTP library means: the first cause in its chain that says something definite, else what
    /// the library itself says.
    pub(crate) fn from_http(error: &(dyn StdError + 'static)) -> Error {
        let mut general = None;
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<Error>() {
                return ours.clone();
            }
            if let Some(io) = error.downcast_ref::<io::Error>() {
                return Error::from_io(io);
            }
            if let Some(http) = error.downcast_ref::<hyper::Error>() {
                general = general.or_else(|| from_hyper(http));
            }
            cause = error.source();
        }
        general.unwrap_or_else(|| Error::Protocol(chain(error)))
    }

    /// What an error of a socket, or of TLS on one, means.
    pub(crate) fn from_io(error: &io::Error) -> Error {
        if let Some(inner) = error.get_ref() {
            if let Some(ours) = inner.downcast_ref::<Error>() {
                return ours.clone();
            }
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return from_tls(tls);
            }
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
            io::ErrorKind::TimedOut => Error::ConnectionTimeout,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => Error::DestinationUnavailable,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Error::ConnectionTerminated,
            _ => Error::Internal(error.to_string()),
        }
    }
}

fn from_hyper(error: &hyper::Error) -> Option<Error> {
    if error.is_parse_too_large() {
        Some(Error::ResponseHeaderSize)
    } else if error.is_parse() {
        Some(Error::Protocol(chain(error)))
    } else if error.is_timeout() {
        Some(Error::ConnectionReadTimeout)
    } else if error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || error.is_body_write_aborted()
    {
        Some(Error::ConnectionTerminated)
    } else {
        None
    }
}

fn from_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::UnsupportedNameType => Error::TlsCertificate(error.to_string()),
        rustls::Error::AlertReceived(alert) => {
            Error::TlsAlert(u8::from(*alert), format!("{alert:?}"))
        }
        _ => Error::TlsProtocol(error.to_string()),
    }
}

/// An error and its causes on one line.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
