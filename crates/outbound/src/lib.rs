//! The HTTP client for the outgoing requests of guests.
//!
//! Strangers' code decides the URL, the fields and the body of each request; a [`Grant`] of the operator decides where
//! it may go, how long it may take, how large its response may be and how many may be under way. An [`Outbound`] holds
//! them to it:
//!
//! - The host in the URI decides, and what is judged is what is used. Before anything is sent, scheme, host and port
//!   must be granted. A name is then resolved once, each address is judged as well, and those that passed are dialled:
//!   whoever answers for a name cannot lead a guest into the operator's network. There is no other way out: no proxy
//!   from the environment, no `CONNECT`, no upgrade. Redirects are handed back; to follow one is a new request.
//! - Connections are pooled for each distinct grant, never across grants: a pooled connection carries the judgement
//!   under which it was made. One that is unused for 30 seconds is closed; there are at most 8 of them for one host and
//!   about 64 for one grant. A request that meets a connection that the server has just closed is sent once more if
//!   nothing of it had been sent; also on a new connection, when it is of an idempotent method, has no body, and nothing
//!   of a response has come.
//! - TLS trusts the system's CA certificates (`SSL_CERT_FILE` and `SSL_CERT_DIR` in the server's environment name
//!   others), read at the first `https` request, and verifies them for the host in the URI. There is no checking for
//!   revocation. HTTP/2 is spoken where the server agrees to it in the handshake, else HTTP/1.1.
//! - `Host` is made from the URI. Fields that speak to a connection or a proxy (`Connection`, `Keep-Alive`,
//!   `Proxy-*`, `TE` but for `trailers`, `Transfer-Encoding`, `Upgrade`) are taken out, of responses too. A body that
//!   is not as long as its `Content-Length` fails the request. One without a length is sent in chunks, and none at all is
//!   not framed (but for `Content-Length: 0` with methods that are to have one): a request waits for the first of its
//!   body, or the end, for a second, or for two if its method seldom has one.
//! - Bodies and trailers stream both ways. Of a response that its guest does not read, a few pieces (and over HTTP/2 the
//!   stream's window, 256 KiB) are in memory; the server then waits. Interim responses are passed over. Over HTTP/1.1,
//!   only those trailers of a request go out that its field `Trailer` announces.
//! - A head of a response has at most 100 fields and 64 KiB.
//! - To drop the future of a response, or its body before its end, cancels the exchange. A server that ends its
//!   response before it has read the request's body gets the rest, within the grant's time; until then the request
//!   counts as under way.
//!
//! Everything runs on one thread of its own, so futures and bodies may be polled by any executor, inside or outside of
//! another runtime. (The system's resolver blocks, and has threads beside it while names are resolved.)
//!
//! Must not know Wasmtime, httpd or guests.

mod clients;
mod connector;
mod download;
mod error;
mod exchange;
mod framing;
mod grant;
mod outbound;
mod request;
mod stream;
mod tls;
mod upload;

pub use error::Error;
pub use grant::{Grant, Session, Timeouts};
pub use outbound::Outbound;

use std::io;
use std::net::IpAddr;

/// A body in either direction. Its errors are those of the exchange: a request whose body gives one is aborted.
pub type Body = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, Error>;

/// How a name becomes addresses; it may block.
type Resolve = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
