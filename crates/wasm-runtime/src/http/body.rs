//! The request's body on its way into a guest. The guest's end is a body as the `http` crates know them; the
//! other end is filled by the thread that serves the request, when the guest asks for more. One piece is on
//! its way at most.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use wasmtime_wasi_http::Error;

/// The guest's end.
pub struct RequestBody(Arc<Mutex<Pipe>>);

/// The server's end.
pub struct Feed(Arc<Mutex<Pipe>>);

struct Pipe {
    piece: Option<Bytes>,
    end: End,
    /// The guest waits for more.
    wanted: bool,
    guest: Option<Waker>,
    server: Waker,
}

enum End {
    /// There may be more.
    Open,
    /// The last piece is in; these trailers are left.
    Trailers(HeaderMap),
    /// It did not arrive.
    Failed,
    /// The guest has been told the end.
    Told,
}

/// Both ends of an empty body; `server` is woken when the guest wants something.
pub fn pipe(server: Waker) -> (Feed, RequestBody) {
    let pipe = Arc::new(Mutex::new(Pipe {
        piece: None,
        end: End::Open,
        wanted: false,
        guest: None,
        server,
    }));
    (Feed(Arc::clone(&pipe)), RequestBody(pipe))
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    /// Whether the guest waits for more.
    pub fn is_wanted(&self) -> bool {
        lock(&self.0).wanted
    }

    /// Hands over a piece, which must not be empty.
    pub fn piece(&self, piece: Bytes) {
        self.give(|pipe| pipe.piece = Some(piece));
    }

    /// The body is over.
    pub fn end(&self, trailers: HeaderMap) {
        self.give(|pipe| pipe.end = End::Trailers(trailers));
    }

    /// The body will not arrive.
    pub fn fail(&self) {
        self.give(|pipe| pipe.end = End::Failed);
    }

    fn give(&self, change: impl FnOnce(&mut Pipe)) {
        let mut pipe = lock(&self.0);
        change(&mut pipe);
        pipe.wanted = false;
        let guest = pipe.guest.take();
        drop(pipe);
        if let Some(guest) = guest {
            guest.wake();
        }
    }
}

impl Drop for Feed {
    /// A guest that lives on when its request is over must not wait for ever.
    fn drop(&mut self) {
        let open = matches!(lock(&self.0).end, End::Open);
        if open {
            self.fail();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut pipe = lock(&self.0);
        if let Some(piece) = pipe.piece.take() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match std::mem::replace(&mut pipe.end, End::Told) {
            End::Open => {
                pipe.end = End::Open;
                pipe.guest = Some(cx.waker().clone());
                if !pipe.wanted {
                    pipe.wanted = true;
                    pipe.server.wake_by_ref();
                }
                Poll::Pending
            }
            End::Trailers(trailers) if !trailers.is_empty() => {
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            End::Trailers(_) | End::Told => Poll::Ready(None),
            End::Failed => Poll::Ready(Some(Err(Error::ConnectionTerminated))),
        }
    }

    fn is_end_stream(&self) -> bool {
        let pipe = lock(&self.0);
        pipe.piece.is_none() && matches!(pipe.end, End::Told)
    }
}

impl Drop for RequestBody {
    /// Nobody waits for it any more.
    fn drop(&mut self) {
        lock(&self.0).wanted = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[test]
    fn a_piece_is_fetched_when_it_is_wanted() {
        let (feed, mut body) = pipe(Waker::noop().clone());
        assert!(!feed.is_wanted());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
        assert!(feed.is_wanted());
        feed.piece(Bytes::from_static(b"abc"));
        assert!(!feed.is_wanted());
        feed.end(HeaderMap::from_iter([(
            http::HeaderName::from_static("x-sum"),
            http::HeaderValue::from_static("6"),
        )]));
        let collected = pollster::block_on(body.collect()).unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "6");
        assert_eq!(collected.to_bytes(), "abc");
    }

    #[test]
    fn a_body_that_is_left_alone_fails() {
        let (feed, body) = pipe(Waker::noop().clone());
        drop(feed);
        assert!(pollster::block_on(body.collect()).is_err());
    }
}
