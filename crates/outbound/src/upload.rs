//! The body of a request on its way out: pulled from the guest no faster than the server takes it, as long as was
//! announced, and stopped when the exchange is over. Must not know connections.

use crate::grant::Slot;
use crate::{Body, Error, request};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// A guest's body as the HTTP library sees it. The request counts against its session while this lives.
pub struct Upload {
    body: Body,
    /// What has been taken from the guest to see whether there is anything.
    first: Option<Frame<Bytes>>,
    /// What is announced and not yet sent.
    left: Option<u64>,
    length: u64,
    stop: oneshot::Receiver<Infallible>,
    fault: Arc<OnceLock<Error>>,
    _gone: oneshot::Sender<Infallible>,
    _slot: Option<Arc<Slot>>,
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
            first: None,
            left: length,
            length: length.unwrap_or_default(),
            stop: stopped,
            fault: fault.clone(),
            _gone: alive,
            _slot: Some(slot),
        };
        let handle = Handle {
            stop: Some(stop),
            fault,
            gone,
        };
        (upload, handle)
    }

    /// The body of a request that is sent once more, and has none.
    pub fn none() -> Upload {
        let (_, stopped) = oneshot::channel();
        let (alive, _) = oneshot::channel();
        Upload {
            body: nothing(),
            first: None,
            left: None,
            length: 0,
            stop: stopped,
            fault: Arc::default(),
            _gone: alive,
            _slot: None,
        }
    }

    /// Waits until the guest has written something or has finished. Returns whether there is anything to send.
    ///
    /// # Errors
    /// The guest has given up on the body.
    pub async fn begin(&mut self) -> Result<bool, Error> {
        while self.first.is_none() && !self.body.is_end_stream() {
            match poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await {
                Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                Some(Ok(frame)) => self.first = Some(frame),
                Some(Err(error)) => {
                    // As in `failed`.
                    let _ = self.fault.set(error.clone());
                    return Err(error);
                }
                None => self.body = nothing(),
            }
        }
        Ok(self.first.is_some())
    }

    /// Does without a body; the guest cannot write one any more.
    pub fn forgo(&mut self) {
        self.first = None;
        self.body = nothing();
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

fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
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
        let frame = match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => ready!(Pin::new(&mut self.body).poll_frame(cx)),
        };
        match frame {
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
        self.first.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match (self.left, &self.first) {
            (Some(left), _) => SizeHint::with_exact(left),
            (None, None) => self.body.size_hint(),
            // Nobody has said how much follows.
            (None, Some(_)) => SizeHint::new(),
        }
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
