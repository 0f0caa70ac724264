//! Servers on loopback, and what a guest's side does with a client. Must not know what is tested.

#![expect(dead_code, reason = "each test file uses a part of it")]

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use outbound::{Body, Error, Grant, Outbound, Session, Timeouts};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// What a guest may wait for in a test that does not test waiting.
pub const LONG: Duration = Duration::from_secs(20);

/// A limit that a test runs into.
pub const SHORT: Duration = Duration::from_millis(200);

/// A client that calls nothing when its threads start.
pub fn client() -> Outbound {
    Outbound::new(|| {})
}

/// A grant of these patterns with generous limits.
pub fn grant(patterns: &[&str]) -> Grant {
    Grant {
        owner: 1,
        patterns: patterns
            .iter()
            .map(|pattern| pattern.parse().unwrap())
            .collect(),
        timeout: LONG,
        max_body: 1 << 30,
        max_concurrent: 16,
    }
}

/// An allowance for one instance under a grant of these patterns.
pub fn session(patterns: &[&str]) -> Session {
    Session::new(Arc::new(grant(patterns)))
}

/// Sends without timeouts of the guest's own.
pub async fn send(
    client: &Outbound,
    session: &Session,
    request: Request<Body>,
) -> Result<Response<Body>, Error> {
    client.send(session, request, Timeouts::default()).await
}

/// What the whole response says.
pub async fn fetch(client: &Outbound, session: &Session, uri: &str) -> Result<String, Error> {
    text(send(client, session, get(uri)).await?).await
}

/// The body of a response.
pub async fn text(response: Response<Body>) -> Result<String, Error> {
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

/// A request without a body.
pub fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(empty()).unwrap()
}

/// A request with a body.
pub fn post(uri: &str, body: Body) -> Request<Body> {
    Request::post(uri).body(body).unwrap()
}

pub fn empty() -> Body {
    Empty::new().map_err(never).boxed_unsync()
}

pub fn full(text: &'static str) -> Body {
    Full::new(Bytes::from(text)).map_err(never).boxed_unsync()
}

/// A body and the end by which it is written, which holds one piece.
pub fn stream() -> (Sender<Bytes, Error>, Body) {
    let (sender, body) = Channel::new(1);
    (sender, body.boxed_unsync())
}

/// A response of 200 with this body.
pub fn ok(body: Body) -> Response<Body> {
    Response::new(body)
}

/// A server on a free port of 127.0.0.1, ended when it is dropped.
pub struct Server {
    pub port: u16,
    accepted: Arc<AtomicUsize>,
    open: watch::Receiver<usize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request with what `handle` makes of it.
    pub async fn http<H, F>(handle: H) -> Server
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Server::raw(move |tcp| serve_http1(tcp, handle.clone())).await
    }

    /// The same over TLS, with HTTP/2 where both sides agree on it.
    pub async fn https<H, F>(tls: TlsAcceptor, handle: H) -> Server
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Server::raw(move |tcp| {
            let (tls, handle) = (tls.clone(), handle.clone());
            async move {
                // A client that trusts somebody else goes away here.
                let Ok(stream) = tls.accept(tcp).await else {
                    return;
                };
                match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => serve_http2(stream, handle).await,
                    _ => serve_http1(stream, handle).await,
                }
            }
        })
        .await
    }

    /// Leaves each connection to `serve`.
    pub async fn raw<S, F>(serve: S) -> Server
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (counter, open) = watch::channel(0);
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                counter.send_modify(|open| *open += 1);
                let (served, counter) = (serve(tcp), counter.clone());
                tokio::spawn(async move {
                    served.await;
                    counter.send_modify(|open| *open -= 1);
                });
            }
        });
        Server {
            port,
            accepted,
            open,
            task,
        }
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Waits until so many connections are open, or fails the test.
    pub async fn until_open(&self, good: impl FnMut(&usize) -> bool) {
        let mut open = self.open.clone();
        timeout(LONG, open.wait_for(good)).await.unwrap().unwrap();
    }

    /// `http://127.0.0.1:PORT` and this path.
    pub fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What permits to go there without TLS.
    pub fn pattern(&self) -> String {
        self.uri("")
    }

    /// An allowance to go there and nowhere else, with these changes.
    pub fn session_with(&self, change: impl FnOnce(&mut Grant)) -> Session {
        let mut grant = grant(&[&self.pattern()]);
        change(&mut grant);
        Session::new(Arc::new(grant))
    }

    /// An allowance to go there and nowhere else.
    pub fn session(&self) -> Session {
        session(&[&self.pattern()])
    }
}

/// A server that accepts and says nothing.
pub async fn silent() -> Server {
    Server::raw(|mut tcp| async move {
        let mut buf = [0; 1024];
        while tcp.read(&mut buf).await.is_ok_and(|n| n > 0) {}
    })
    .await
}

/// A server that sends a head and then what the test writes.
pub async fn streaming() -> (Server, mpsc::Sender<&'static str>) {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
    let server = Server::http(move |_| {
        let receiver = receiver.clone();
        async move {
            let (mut body, response) = stream();
            tokio::spawn(async move {
                let mut receiver = receiver.lock().await;
                while let Some(piece) = receiver.recv().await {
                    if body.send_data(Bytes::from(piece)).await.is_err() {
                        return;
                    }
                }
            });
            ok(response)
        }
    })
    .await;
    (server, sender)
}

/// Writes to each connection as much as it takes.
pub async fn endless(written: Arc<AtomicUsize>, stuck: watch::Sender<bool>) -> Server {
    Server::raw(move |mut tcp| {
        let (written, stuck) = (written.clone(), stuck.clone());
        async move {
            assert!(tcp.read(&mut [0; 1024]).await.unwrap() > 0);
            tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let piece = [b'x'; 16 * 1024];
            loop {
                let write = match timeout(SHORT * 3, tcp.write(&piece)).await {
                    Ok(write) => write,
                    Err(_) => {
                        stuck.send_replace(true);
                        tcp.write(&piece).await
                    }
                };
                match write {
                    Ok(n) => written.fetch_add(n, Ordering::SeqCst),
                    Err(_) => return,
                };
            }
        }
    })
    .await
}

async fn serve_http1<I, H, F>(io: I, handle: H)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(|request| answer(handle(request)));
    // How the client ends a connection is for the client's side of the test.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(io), service)
        .await;
}

async fn serve_http2<I, H, F>(io: I, handle: H)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(|request| answer(handle(request)));
    // As above.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), service)
        .await;
}

async fn answer<F>(handled: F) -> Result<Response<Body>, Infallible>
where
    F: Future<Output = Response<Body>>,
{
    Ok(handled.await)
}

fn never(never: Infallible) -> Error {
    match never {}
}
