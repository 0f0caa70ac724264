//! What a guest may reach: outgoing HTTP and sockets, both by one grant, both nothing without it.
//!
//! The rules are in the crate `destination`, the HTTP client in `outbound`; this file ties them to WASI. It
//! must not know who asks for the request.

use crate::journal::Journal;
use crate::open_files;
use crate::{Error, ErrorCode, LogLevel, OutboundGrant};
use bytes::Bytes;
use destination::{Pattern, Scheme, Target};
use http::HeaderName;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use outbound::{Grant, Outbound, Session, Timeouts};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error as HttpError, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

/// What one guest may reach.
pub struct Network {
    client: Arc<Outbound>,
    grant: Arc<Grant>,
    session: Session,
    journal: Journal,
}

impl Network {
    /// What `grant` says; nothing without one. Guests of other owners share nothing with it. Refusals are written to `journal`.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`]: a destination that is none.
    pub fn new(
        client: &Arc<Outbound>,
        owner: u64,
        grant: Option<&OutboundGrant<'_>>,
        journal: Journal,
    ) -> Result<Network, Error> {
        let grant = match grant {
            None => Arc::clone(&NOTHING),
            Some(grant) => Arc::new(Grant {
                owner,
                patterns: patterns(grant.destinations)?,
                timeout: grant.timeout,
                max_body: grant.max_body,
                max_concurrent: grant.max_concurrent,
            }),
        };
        Ok(Network {
            client: Arc::clone(client),
            session: Session::new(Arc::clone(&grant)),
            grant,
            journal,
        })
    }

    /// Opens the sockets that the grant names: to connect with, never to listen on.
    pub fn grant_sockets(&self, builder: &mut WasiCtxBuilder) {
        let granted = |scheme| destination::grants_any(&self.grant.patterns, scheme);
        let (tcp, udp) = (granted(Scheme::Tcp), granted(Scheme::Udp));
        builder
            .allow_tcp(tcp)
            .allow_udp(udp)
            .allow_ip_name_lookup(tcp || udp);
        if tcp || udp {
            let (grant, journal) = (Arc::clone(&self.grant), self.journal.clone());
            builder.socket_addr_check(move |address, usage| {
                let permitted = permits(&grant.patterns, address, usage);
                if !permitted {
                    journal.push(LogLevel::Denied, refusal(address, usage).as_bytes());
                }
                Box::pin(async move { permitted })
            });
        }
    }
}

/// The grant of a guest without one.
static NOTHING: LazyLock<Arc<Grant>> = LazyLock::new(|| {
    Arc::new(Grant {
        owner: 0,
        patterns: Vec::new(),
        timeout: std::time::Duration::ZERO,
        max_body: 0,
        max_concurrent: 0,
    })
});

fn patterns(texts: &[&str]) -> Result<Vec<Pattern>, Error> {
    let parse = |text: &&str| {
        text.parse()
            .map_err(|e| Error::new(ErrorCode::Usage, format!("destination {text:?}: {e}")))
    };
    texts.iter().map(parse).collect()
}

fn permits(patterns: &[Pattern], address: SocketAddr, usage: SocketAddrUse) -> bool {
    match usage {
        SocketAddrUse::TcpConnect => destination::permits_socket(patterns, Scheme::Tcp, address),
        SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => {
            destination::permits_socket(patterns, Scheme::Udp, address)
        }
        // Any local address and port: what every client's socket has.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
            address.ip().is_unspecified() && address.port() == 0
        }
        SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => false,
    }
}

fn refusal(address: SocketAddr, usage: SocketAddrUse) -> String {
    let scheme = match usage {
        SocketAddrUse::TcpConnect => Scheme::Tcp,
        SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => Scheme::Udp,
        SocketAddrUse::TcpBind
        | SocketAddrUse::UdpBind
        | SocketAddrUse::TcpListen
        | SocketAddrUse::TcpAccept => {
            return format!("a socket at {address} is not granted: guests never listen");
        }
    };
    let ip: IpAddr = address.ip();
    let target = Target {
        scheme,
        host: &ip.to_string(),
        port: address.port(),
    };
    let would = destination::address_suggestion(&target, ip);
    format!("a socket to {address} is not granted; {would} would allow it")
}

/// The header fields that a guest may neither see nor set: they are the server's business.
static FORBIDDEN: LazyLock<ForbiddenHeaderFilter> =
    LazyLock::new(|| Arc::new(|name: &HeaderName| DEFAULT_FORBIDDEN_HEADERS.contains(name)));

/// What wasmtime-wasi-http asks when a guest sends a request.
pub struct Hooks {
    network: Network,
    instance: Instance,
}

/// Whether the instance is still there.
#[derive(Clone, Default)]
pub struct Instance(Arc<AtomicBool>);

impl Instance {
    fn is_gone(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Says that the instance is gone, when it goes. Whoever holds the instance's store holds this beside it and drops it first:
/// what a body hangs on is partly the store's own.
pub struct Presence(Instance);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// The body of a guest's request. A guest that ends in the middle of it leaves a body without a writer, which looks like one
/// that is complete; the server at the other end must not take half an upload for a whole one.
struct Upload {
    body: WasiBody,
    instance: Instance,
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = outbound::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, outbound::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(match frame {
            None if self.instance.is_gone() => Some(Err(outbound::Error::RequestBody(
                "its writer has ended before it".to_owned(),
            ))),
            None => None,
            Some(Ok(frame)) => Some(Ok(frame)),
            Some(Err(error)) => Some(Err(outbound::Error::RequestBody(error.to_string()))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && !self.instance.is_gone()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Hooks {
    /// Hooks for a guest that may reach this, and what tells them when its instance ends.
    pub fn new(network: Network) -> (Hooks, Presence) {
        let instance = Instance::default();
        let presence = Presence(instance.clone());
        (Hooks { network, instance }, presence)
    }
}

type Sent = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), HttpError>> + Send>,
);

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&FORBIDDEN)
    }

    /// Pieces of a body that wait to be taken. Fewer cost switches between guest and host; more cost host memory, which a
    /// guest may have for as many bodies as it can open.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        8
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        16 * 1024
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        64 * 1024
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, HttpError>> + Send> {
        if let Err(error) = self.network.session.check(request.uri()) {
            self.network.journal.note(&error);
            return Box::new(async move {
                // A guest that is still writing its body would take a closed pipe for the reason.
                tokio::spawn(drain(request.into_body()));
                Err(told(error))
            });
        }
        if let Err(refusal) = open_files::process_has_room() {
            if refusal.says() {
                let (level, text) = refusal.text();
                self.network.journal.push(level, text.as_bytes());
            }
            return Box::new(async move {
                tokio::spawn(drain(request.into_body()));
                Err(HttpError::ConnectionLimitReached)
            });
        }
        let options = options.unwrap_or_default();
        let timeouts = Timeouts {
            connect: options.connect_timeout,
            first_byte: options.first_byte_timeout,
            between_bytes: options.between_bytes_timeout,
        };
        let instance = self.instance.clone();
        let request = request.map(|body| Upload { body, instance }.boxed_unsync());
        let sent = self
            .network
            .client
            .send(&self.network.session, request, timeouts);
        let journal = self.network.journal.clone();
        Box::new(async move {
            match Pin::from(Box::new(sent)).await {
                Ok(response) => {
                    let response = response.map(|body| body.map_err(told).boxed_unsync());
                    let over: Box<dyn Future<Output = _> + Send> = Box::new(async { Ok(()) });
                    Ok((response, over))
                }
                Err(error) => {
                    journal.note(&error);
                    Err(told(error))
                }
            }
        })
    }
}

impl Journal {
    /// Writes down a request that was denied.
    fn note(&self, error: &outbound::Error) {
        if let outbound::Error::Denied(text) = error {
            self.push(LogLevel::Denied, crate::text::line(text).as_bytes());
        }
    }
}

/// Reads a body that nobody wants, so far as anybody can be expected to write one before he looks for the answer.
async fn drain(mut body: WasiBody) {
    let mut left: usize = 1 << 20;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}

/// What the guest is told when its request failed.
fn told(error: outbound::Error) -> HttpError {
    use outbound::Error as E;
    match error {
        E::Denied(_) => HttpError::HttpRequestDenied,
        E::LimitReached => HttpError::ConnectionLimitReached,
        E::MethodInvalid => HttpError::HttpRequestMethodInvalid,
        E::UriInvalid(_) => HttpError::HttpRequestUriInvalid,
        E::RequestBodySize(size) => HttpError::HttpRequestBodySize(Some(size)),
        E::DnsTimeout => HttpError::DnsTimeout,
        E::DnsError(rcode) => HttpError::DnsError {
            rcode: Some(rcode),
            info_code: None,
        },
        E::DestinationNotFound => HttpError::DestinationNotFound,
        E::DestinationUnavailable => HttpError::DestinationUnavailable,
        E::ConnectionRefused => HttpError::ConnectionRefused,
        E::ConnectionTimeout => HttpError::ConnectionTimeout,
        E::ConnectionReadTimeout => HttpError::ConnectionReadTimeout,
        E::ConnectionTerminated => HttpError::ConnectionTerminated,
        E::TlsProtocol(_) => HttpError::TlsProtocolError,
        E::TlsCertificate(_) => HttpError::TlsCertificateError,
        E::TlsAlert(id, name) => HttpError::TlsAlertReceived {
            alert_id: Some(id),
            alert_message: Some(name),
        },
        E::ResponseTimeout => HttpError::HttpResponseTimeout,
        E::ResponseHeaderSize => HttpError::HttpResponseHeaderSectionSize(None),
        E::ResponseBodySize(size) => HttpError::HttpResponseBodySize(Some(size)),
        E::Protocol(_) => HttpError::HttpProtocolError,
        E::RequestBody(text) | E::Internal(text) => HttpError::InternalError(Some(text)),
    }
}
