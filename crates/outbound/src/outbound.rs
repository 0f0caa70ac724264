//! The way in: the thread on which outgoing requests run, and what they share. Must not know single connections.

use crate::clients::Clients;
use crate::tls::Roots;
use crate::{Body, Error, Resolve, Session, Timeouts, exchange, request};
use http::{Request, Response};
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::{self, Runtime};

/// Threads that may wait for the system's resolver.
const RESOLVERS: usize = 256;

/// The HTTP client of one process. Making it starts nothing: the thread is started by the first request, so a server
/// may make it and fork before that. Dropping it ends all that is under way, in the background.
pub struct Outbound {
    on_thread_start: fn(),
    resolve: Arc<Resolve>,
    roots: Option<Vec<Vec<u8>>>,
    running: Mutex<Option<Running>>,
}

struct Running {
    runtime: Runtime,
    clients: Clients,
}

impl Outbound {
    /// A client that resolves names as the system does and trusts whom the system trusts. Each thread that it starts
    /// calls `on_thread_start` before it does anything else, for example to block signals.
    #[must_use]
    pub fn new(on_thread_start: fn()) -> Outbound {
        Outbound {
            on_thread_start,
            resolve: Arc::new(system_resolve),
            roots: None,
            running: Mutex::new(None),
        }
    }

    /// Trusts these CA certificates (DER) and no others.
    #[must_use]
    pub fn with_roots(mut self, certificates: Vec<Vec<u8>>) -> Outbound {
        self.roots = Some(certificates);
        self
    }

    /// Resolves names with `resolve`, which may block. What it answers is judged as the system's answers are.
    #[must_use]
    pub fn with_resolver(
        mut self,
        resolve: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Outbound {
        self.resolve = Arc::new(resolve);
        self
    }

    /// The runtime of outgoing requests, started if it is not running. It is for input, output and timers; what runs
    /// on it must not block.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system has no more threads or file descriptors.
    pub fn handle(&self) -> Result<runtime::Handle, Error> {
        self.running(|running| running.runtime.handle().clone())
    }

    /// Sends a request, which has an absolute `http` or `https` URI. It goes on whether or not the future is polled;
    /// dropping the future, or the response's body before its end, cancels it. The request's body is polled on the
    /// client's thread, so it must not block.
    ///
    /// # Errors
    /// Those of the request as soon as the future is polled: [`Error::Denied`], [`Error::LimitReached`],
    /// [`Error::MethodInvalid`], [`Error::UriInvalid`]; all others when they come about, in the future or in the
    /// response's body.
    pub fn send(
        &self,
        session: &Session,
        request: Request<Body>,
        timeouts: Timeouts,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send + 'static + use<> {
        let waiting = self.start(session, request, timeouts);
        async move { waiting?.response().await }
    }

    fn start(
        &self,
        session: &Session,
        request: Request<Body>,
        timeouts: Timeouts,
    ) -> Result<exchange::Waiting, Error> {
        let grant = session.grant();
        let prepared = request::prepare(request, &grant.patterns)?;
        let slot = session.enter()?;
        self.running(|running| {
            let client = running.clients.of(grant);
            let (exchange, waiting) =
                exchange::prepare(client, grant.clone(), timeouts, prepared, slot);
            running.runtime.spawn(exchange.run());
            waiting
        })
    }

    /// Does something with the runtime, started if it is not running.
    fn running<R>(&self, job: impl FnOnce(&mut Running) -> R) -> Result<R, Error> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            *running = Some(self.run()?);
        }
        match running.as_mut() {
            Some(running) => Ok(job(running)),
            None => Err(Error::Internal(
                "the runtime of outgoing requests is gone".to_owned(),
            )),
        }
    }

    fn run(&self) -> Result<Running, Error> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(RESOLVERS)
            .thread_name("wasm-outbound")
            .on_thread_start(self.on_thread_start)
            .enable_io()
            .enable_time()
            .build()
            .map_err(|e| Error::Internal(format!("outgoing requests have no thread: {e}")))?;
        let roots = Arc::new(Roots::new(self.roots.clone()));
        Ok(Running {
            runtime,
            clients: Clients::new(self.resolve.clone(), roots),
        })
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        let running = self
            .running
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.take() {
            // Waits for nothing, so it may be done on a thread that must not block.
            running.runtime.shutdown_background();
        }
    }
}

/// As `getaddrinfo` does it: the system's files, services and search order.
fn system_resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    let addresses = (host, 0).to_socket_addrs()?;
    Ok(addresses.map(|address| address.ip()).collect())
}
