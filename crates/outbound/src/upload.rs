//! The body of a request on its way out: pulled from the guest no faster than the server takes it, as long as was
//! announced, and stopped when the exchange is over. Must not know connections.

use crate::grant::Slot;
use crate::{Body, Error, request};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// A guest's body as the HTTP library sees it. The request counts against its session while this lives.
pub struct Upload {
    body: Body,
    /// What is announced and not yet sent.
    left: Option<u64>,
    length: u64,
    stop: oneshot::Receiver<Infallible>,
    fault: Arc<OnceLock<Error>>,
    _gone: oneshot::Sender<Infallible>,
    _slot: Arc<Slot>,
}

/// The other end of an [`Upload`].
pub struct Handle {
    stop: Option<oneshot::Sender<Infallible>>,
    fault: Arc<OnceLock<Error>>,
    gone: oneshot::Receiver<Infallible>,
}

impl Upload {
    /// `length` is what the guest announced.
    pub fn new(body: Body, length: Option<u64>, slot: Arc<Slot>) -> (Upload, Handle) {
        let (stop, stopped) = oneshot::channel();
        let (alive, gone) = oneshot::channel();
        let fault = Arc::new(OnceLock::new());
        let upload = Upload {
            body,
            left: length,
            length: length.unwrap_or_default(),
            stop: stopped,
            fault: fault.clone(),
            _gone: alive,
            _slot: slot,
        };
        let handle = Handle {
            stop: Some(stop),
            fault,
            gone,
        };
        (upload, handle)
    }

    /// Counts a piece; a body that becomes too long, or ends too short, must not look whole to the server.
    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        if let (Some(left), Some(data)) = (self.left.as_mut(), frame.data_ref()) {
            let rest = u64::try_from(data.len())
                .ok()
                .and_then(|sent| left.checked_sub(sent));
            *left = rest.ok_or(Error::RequestBodySize(self.length))?;
            if self.body.is_end_stream() {
                self.whole()?;
            }
        }
        Ok(cleaned(frame))
    }

    fn whole(&self) -> Result<(), Error> {
        match self.left {
            None | Some(0) => Ok(()),
            Some(_) => Err(Error::RequestBodySize(self.length)),
        }
    }

    fn failed(&self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // Only the first fault is kept: it is the cause of all others.
        let _ = self.fault.set(error.clone());
        Poll::Ready(Some(Err(error)))
    }
}

/// Trailers lose what only a head may say.
fn cleaned(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            request::clean(&mut trailers);
            trailers.remove(http::header::CONTENT_LENGTH);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.stop.is_terminated() || Pin::new(&mut self.stop).poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Error::ConnectionTerminated)));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            // It says nothing, and the HTTP library would keep each of them: over HTTP/2 nothing holds those back
            // (GHSA-f8mm-ggr3-89wh). A guest that goes on so must not keep the thread.
            Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Ok(frame)) => match self.count(frame) {
                Ok(frame) => Poll::Ready(Some(Ok(frame))),
                Err(error) => self.failed(error),
            },
            Some(Err(error)) => self.failed(error),
            None => match self.whole() {
                Ok(()) => Poll::Ready(None),
                Err(error) => self.failed(error),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(|| self.body.size_hint(), SizeHint::with_exact)
    }
}

impl Handle {
    /// What was wrong with the body, if it was that.
    pub fn fault(&self) -> Option<Error> {
        self.fault.get().cloned()
    }

    /// No more is taken from the guest; a body that was not whole fails.
    pub fn stop(&mut self) {
        self.stop = None;
    }

    /// Waits until the HTTP library has done with the body.
    pub async fn gone(&mut self) {
        // Nothing is ever sent: the other side has been dropped.
        let _ = (&mut self.gone).await;
    }
}
