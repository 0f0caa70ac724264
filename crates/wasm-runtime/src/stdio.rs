//! Standard input, output and error for the parts of wasmtime-wasi that want streams.
//!
//! Writing blocks, except where output is deferred: a guest has its thread to itself, and the server's own waiting is
//! bounded by its time-outs. Reading never does, since the guest may wait for something else at the same time: whoever polls the
//! guest waits for the client. Each looks at the deadline: with WASI 0.3 the host itself may copy from one to the other for
//! ever, and no code of the guest runs meanwhile. An explicit flush of the guest is not passed on: programs flush after every
//! write, and [`Channel`] output reaches the client anyway when the guest waits or computes on.

use crate::channel::{Channel, MOST_AT_ONCE, Reader};
use crate::outcome::Stop;
use bytes::Bytes;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// The request body.
#[derive(Clone)]
pub struct Stdin(pub Channel);

/// The response.
#[derive(Clone)]
pub struct Stdout(pub Channel);

/// The log.
#[derive(Clone)]
pub struct Stderr(pub Channel);

/// Where an output stream ends.
trait Sink: Clone + Send + Sync + Unpin + 'static {
    fn put(&self, data: &[u8]) -> Result<(), Stop>;

    /// How many bytes it takes now.
    fn room(&self) -> usize {
        MOST_AT_ONCE
    }

    /// Waits until it takes some.
    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Sink for Stdout {
    fn put(&self, data: &[u8]) -> Result<(), Stop> {
        self.0.check()?;
        self.0.write(data)
    }

    fn room(&self) -> usize {
        self.0.room()
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_room(cx)
    }
}

impl Sink for Stderr {
    fn put(&self, data: &[u8]) -> Result<(), Stop> {
        self.0.check()?;
        self.0.write_stderr(data);
        Ok(())
    }
}

impl IsTerminal for Stdin {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Stdin {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.0.reader())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check().map_err(io::Error::other)?;
        let most = buf.remaining().min(MOST_AT_ONCE);
        if most == 0 {
            return Poll::Ready(Ok(()));
        }
        let read = ready!(Reader::poll_read(
            &self,
            cx,
            buf.initialize_unfilled_to(most)
        ));
        Poll::Ready(read.map(|n| buf.advance(n)).map_err(io::Error::other))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stdin {
    async fn ready(&mut self) {
        // As long as somebody waits here, and no longer.
        let reader = self.0.reader();
        // A failure shows in the read that follows.
        let _ = poll_fn(|cx| reader.poll_readable(cx)).await;
    }
}

impl InputStream for Stdin {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.0.check().map_err(stopped)?;
        self.0
            .take_ready(size.min(MOST_AT_ONCE))
            .map_err(stopped)?
            .ok_or(StreamError::Closed)
    }
}

/// An open output stream.
struct Output<S>(S);

impl<S: Sink> AsyncWrite for Output<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.0.poll_room(cx));
        let buf = &buf[..buf.len().min(self.0.room())];
        Poll::Ready(
            self.0
                .put(buf)
                .map(|()| buf.len())
                .map_err(io::Error::other),
        )
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl<S: Sink> Pollable for Output<S> {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_room(cx)).await;
    }
}

impl<S: Sink> OutputStream for Output<S> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.put(&bytes).map_err(stopped)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(self.0.room())
    }
}

macro_rules! stdout_stream {
    ($($stream:ty),*) => {$(
        impl IsTerminal for $stream {
            fn is_terminal(&self) -> bool {
                false
            }
        }

        impl StdoutStream for $stream {
            fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
                Box::new(Output(self.clone()))
            }

            fn p2_stream(&self) -> Box<dyn OutputStream> {
                Box::new(Output(self.clone()))
            }
        }
    )*};
}

stdout_stream!(Stdout, Stderr);

fn stopped(stop: Stop) -> StreamError {
    StreamError::Trap(stop.into())
}
