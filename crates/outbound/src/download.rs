//! The body of a response as the guest's side reads it, wherever it is polled. Must not know where it comes from.

use crate::Error;
use crate::grant::Slot;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::{mpsc, oneshot};

/// How an exchange ended.
pub type End = Result<(), Error>;

/// Whoever holds this wants the response. Dropped before [`finish`](Interest::finish), it cancels the exchange.
pub struct Interest {
    slot: Option<Arc<Slot>>,
    _cancel: oneshot::Sender<Infallible>,
}

impl Interest {
    /// The other end of `cancel` hears of the loss of interest; `slot` is released by it at once.
    pub fn new(slot: Arc<Slot>, cancel: oneshot::Sender<Infallible>) -> Interest {
        Interest {
            slot: Some(slot),
            _cancel: cancel,
        }
    }

    /// The response is over; the request counts for as long as its own body is under way.
    fn finish(&mut self) {
        self.slot = None;
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.release();
        }
    }
}

/// A response's body: pieces come through one channel, the end through its own.
pub struct Download {
    frames: mpsc::Receiver<Frame<Bytes>>,
    end: oneshot::Receiver<End>,
    size: SizeHint,
    is_over: bool,
    interest: Interest,
}

impl Download {
    /// Of a size that is not known before [`expect`](Download::expect).
    pub fn new(
        frames: mpsc::Receiver<Frame<Bytes>>,
        end: oneshot::Receiver<End>,
        interest: Interest,
    ) -> Download {
        Download {
            frames,
            end,
            size: SizeHint::new(),
            is_over: false,
            interest,
        }
    }

    /// What the head says: how much there is, and whether there is nothing at all, not even trailers.
    pub fn expect(&mut self, size: SizeHint, is_empty: bool) {
        self.size = size;
        if is_empty {
            self.over();
        }
    }

    /// Why there is nothing to read.
    pub async fn failure(mut self) -> Error {
        let end = (&mut self.end).await;
        self.over();
        failure(end).unwrap_or(Error::ConnectionTerminated)
    }

    fn over(&mut self) {
        self.is_over = true;
        self.interest.finish();
    }

    fn count(&mut self, frame: &Frame<Bytes>) {
        if let (Some(left), Some(data)) = (self.size.exact(), frame.data_ref()) {
            let taken = u64::try_from(data.len()).unwrap_or(left);
            self.size = SizeHint::with_exact(left.saturating_sub(taken));
        }
    }
}

/// An end that never came is that of our own threads.
fn failure(end: Result<End, oneshot::error::RecvError>) -> Option<Error> {
    match end {
        Ok(end) => end.err(),
        Err(_) => Some(Error::ConnectionTerminated),
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Some(frame) = ready!(self.frames.poll_recv(cx)) {
            self.count(&frame);
            return Poll::Ready(Some(Ok(frame)));
        }
        let end = ready!(Pin::new(&mut self.end).poll(cx));
        self.over();
        Poll::Ready(failure(end).map(Err))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}
