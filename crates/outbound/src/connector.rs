//! From a URI to a connection that its grant permits: the name is judged, then resolved once, then each address is
//! judged, and those that passed are dialled. No proxy, no second resolution. Must not know requests.

use crate::request::Destination;
use crate::stream::{Counted, Stream, Transport};
use crate::tls::Tls;
use crate::{Error, Grant, Resolve};
use http::Uri;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a name may take to be resolved.
const RESOLVING: Duration = Duration::from_secs(10);

/// How long a connection may take from the name to the end of the TLS handshake, whatever the grant says: attempts go
/// on in the background when a request finds a pooled connection meanwhile.
const CONNECTING: Duration = Duration::from_secs(60);

/// Names that one grant resolves at once. The system's resolver blocks a thread and cannot be interrupted, so a name
/// that is never answered must not take all threads from other grants.
const LOOKUPS: usize = 8;

/// When the next address is tried beside one that does not answer, as in RFC 8305.
const STAGGER: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 16;

/// Makes the connections of one grant. Clones are the same connector.
#[derive(Clone)]
pub struct Connector(Arc<Inner>);

struct Inner {
    grant: Arc<Grant>,
    resolve: Arc<Resolve>,
    lookups: Arc<Semaphore>,
    tls: Tls,
    open: Arc<AtomicUsize>,
}

impl Connector {
    /// A connector that counts in `open` the connections that are open.
    pub fn new(
        grant: Arc<Grant>,
        resolve: Arc<Resolve>,
        tls: Tls,
        open: Arc<AtomicUsize>,
    ) -> Connector {
        Connector(Arc::new(Inner {
            grant,
            resolve,
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            tls,
            open,
        }))
    }
}

/// As the HTTP library wants it.
impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let most = inner.grant.timeout.min(CONNECTING);
            let connected = timeout(most, inner.connect(&uri)).await;
            connected
                .unwrap_or(Err(Error::ConnectionTimeout))
                .map(TokioIo::new)
        })
    }
}

impl Inner {
    async fn connect(&self, uri: &Uri) -> Result<Stream, Error> {
        let destination = Destination::of(uri)?;
        destination.permitted(&self.grant.patterns)?;
        let addresses = match destination.address() {
            Some(address) => vec![address],
            None => self.resolve(destination.host.clone()).await?,
        };
        let addresses = self.judge(&destination, &addresses)?;
        let counted = Counted::new(&self.open);
        let tcp = dial(in_turn(&addresses, destination.port)).await?;
        // A request is written in few pieces, none of which should wait for an acknowledgement.
        tcp.set_nodelay(true).map_err(|e| Error::from_io(&e))?;
        let transport = match destination.scheme {
            destination::Scheme::Https => {
                Transport::Tls(Box::new(self.tls.connect(&destination.host, tcp).await?))
            }
            _ => Transport::Tcp(tcp),
        };
        // An exchange that waits for longer is over: what is stalled then is wanted by nobody.
        Ok(Stream::new(transport, self.grant.timeout, counted))
    }

    /// The permit goes with the thread that resolves, not with the request, which may be gone long before.
    async fn resolve(&self, host: String) -> Result<Vec<IpAddr>, Error> {
        let lookup = async {
            let permit = self.lookups.clone().acquire_owned().await;
            let resolve = self.resolve.clone();
            let resolving = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                resolve(&host)
            });
            match resolving.await {
                Ok(resolved) => resolved.map_err(|e| Error::DnsError(e.to_string())),
                Err(e) => Err(Error::Internal(e.to_string())),
            }
        };
        timeout(RESOLVING, lookup)
            .await
            .unwrap_or(Err(Error::DnsTimeout))
    }

    /// Those of the addresses that may be dialled, at least one.
    fn judge(&self, destination: &Destination, addresses: &[IpAddr]) -> Result<Vec<IpAddr>, Error> {
        let target = destination.target();
        let refused = addresses.first().ok_or(Error::DestinationNotFound)?;
        let permitted: Vec<IpAddr> = addresses
            .iter()
            .copied()
            .filter(|address| destination::permits_address(&self.grant.patterns, &target, *address))
            .collect();
        if permitted.is_empty() {
            let suggestion = destination::address_suggestion(&target, *refused);
            return Err(Error::Denied(format!(
                "{destination} is granted, but not its address {refused}; {suggestion} would allow it"
            )));
        }
        Ok(permitted)
    }
}

/// The addresses with their port, the two families in turn, beginning with that of the first.
fn in_turn(addresses: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (mut preferred, mut others): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .rev()
        .partition(|address| address.is_ipv6() == first);
    let turns = std::iter::from_fn(|| {
        std::mem::swap(&mut preferred, &mut others);
        others.pop().or_else(|| preferred.pop())
    });
    turns
        .take(MOST_ADDRESSES)
        .map(|address| SocketAddr::new(address, port))
        .collect()
}

/// The first connection that comes about. While one address does not answer, the next is tried beside it.
async fn dial(addresses: Vec<SocketAddr>) -> Result<TcpStream, Error> {
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failure = Error::DestinationNotFound;
    loop {
        let next = addresses.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            attempts.spawn(TcpStream::connect(address));
        }
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(tcp))) => return Ok(tcp),
                Some(Ok(Err(e))) => failure = Error::from_io(&e),
                Some(Err(e)) => failure = Error::Internal(e.to_string()),
                None => return Err(failure),
            },
            () = sleep(STAGGER), if !is_last => {}
        }
    }
}
