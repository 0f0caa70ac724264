//! One connection as the HTTP library reads and writes it. A server that stops reading could hold it up for as long as
//! it likes, whoever still wants it: so writing takes a bounded time, and it can be cut from outside. Must not know
//! HTTP.

use crate::Error;
use crate::tls::H2;
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Sleep;
use tokio_rustls::client::TlsStream;

/// A connection, with or without TLS.
pub struct Stream {
    transport: Transport,
    switch: Switch,
    history: History,
    cut: oneshot::Receiver<()>,
    is_cut: bool,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    _counted: Counted,
}

/// What carries the bytes.
pub enum Transport {
    /// Without TLS.
    Tcp(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Cuts a connection. Clones cut the same one.
#[derive(Clone)]
pub struct Switch(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Switch {
    /// Whoever reads from the connection, or writes to it, gets an error from now on.
    pub fn cut(&self) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // The connection may have ended by itself.
            let _ = sender.send(());
        }
    }
}

/// What has come over a connection. Clones are of the same one.
#[derive(Clone, Default)]
pub struct History(Arc<Read>);

#[derive(Default)]
struct Read {
    /// Bytes.
    all: AtomicU64,
    /// Those of exchanges that are over.
    settled: AtomicU64,
}

impl History {
    fn read(&self, bytes: usize) {
        self.0.all.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An exchange has come to its end.
    pub fn settle(&self) {
        let all = self.0.all.load(Ordering::Relaxed);
        self.0.settled.store(all, Ordering::Relaxed);
    }

    /// Has the connection served before, and has nothing come since?
    pub fn is_silent_since(&self) -> bool {
        let settled = self.0.settled.load(Ordering::Relaxed);
        settled > 0 && settled == self.0.all.load(Ordering::Relaxed)
    }
}

/// One more of something, for as long as it lives.
pub struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// One more in `count`.
    pub fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stream {
    /// A connection that counts for as long as it is open. It fails when the server has taken nothing of what is to be
    /// written for as long as `patience`.
    pub fn new(transport: Transport, patience: Duration, counted: Counted) -> Stream {
        let (sender, cut) = oneshot::channel();
        Stream {
            transport,
            switch: Switch(Arc::new(Mutex::new(Some(sender)))),
            history: History::default(),
            cut,
            is_cut: false,
            patience,
            stalled: None,
            _counted: counted,
        }
    }

    /// The transport, unless the connection has been cut. The task that asks is woken when that happens.
    fn transport(&mut self, cx: &mut Context<'_>) -> io::Result<&mut Transport> {
        self.is_cut = self.is_cut || Pin::new(&mut self.cut).poll(cx).is_ready();
        if self.is_cut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(&mut self.transport)
    }

    /// Measures how long a write has been waiting.
    fn patiently<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::other(Error::ResponseTimeout)))
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new()
            .extra(self.switch.clone())
            .extra(self.history.clone());
        match &self.transport {
            Transport::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(H2) => {
                connected.negotiated_h2()
            }
            _ => connected,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = match self.transport(cx)? {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        self.history.read(buf.filled().len().saturating_sub(before));
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match self.transport(cx)? {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        };
        self.patiently(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match self.transport(cx)? {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Transport::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        };
        self.patiently(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.is_write_vectored(),
            Transport::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match self.transport(cx)? {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(cx),
        };
        self.patiently(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = match self.transport(cx)? {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        };
        self.patiently(cx, closed)
    }
}
