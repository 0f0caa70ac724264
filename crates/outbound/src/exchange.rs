//! One request and its response, as a task on the runtime of outgoing requests. The caller's side only holds ends of
//! channels, so it may be polled anywhere and dropped at any time. Must not know what a grant permits.

use crate::clients::{Client, Lent};
use crate::download::{Download, End, Interest};
use crate::grant::{Grant, Slot, Timeouts};
use crate::stream::{History, Switch};
use crate::upload::{self, Upload};
use crate::{Body, Error, framing, request};
use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode, response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// Fields in the head of a response.
pub const MOST_FIELDS: usize = 100;

/// Bytes of their names and values. The parsers stop about here, and what has passed them is counted exactly.
pub const MOST_HEAD: u32 = 64 * 1024;

/// Pieces of a response, each of at most some 64 KiB, that wait here for the guest; all others wait where the server is
/// told to wait. With one, the two sides would take turns, which costs most of the speed.
const PIECES: usize = 8;

/// How long a connection may take to drop a request's body that nobody wants to send any more. One that is held up by
/// a server that does not read is cut then.
const GRACE: Duration = Duration::from_secs(2);

/// The task's side of an exchange.
pub struct Exchange {
    request: Request<Upload>,
    transfer: Transfer,
    upload: upload::Handle,
    cancelled: oneshot::Receiver<Infallible>,
    end: oneshot::Sender<End>,
}

/// What moves the response to the caller.
struct Transfer {
    lent: Lent,
    grant: Arc<Grant>,
    timeouts: Timeouts,
    captured: CaptureConnection,
    head: Option<oneshot::Sender<Head>>,
    frames: mpsc::Sender<Frame<Bytes>>,
}

/// The head of a response, how much body there is, and whether there is none at all.
type Head = (response::Parts, SizeHint, bool);

/// The caller's side of an exchange.
pub struct Waiting {
    head: oneshot::Receiver<Head>,
    download: Download,
}

/// An exchange of which nothing has happened yet. `slot` is held until both the response and the request's body are
/// over, `lent` as long as the response is under way.
pub fn prepare(
    lent: Lent,
    grant: Arc<Grant>,
    timeouts: Timeouts,
    (prepared, body): (request::Prepared, Body),
    slot: Arc<Slot>,
) -> (Exchange, Waiting) {
    let (upload, handle) = Upload::new(body, prepared.length, slot.clone());
    let mut request = prepared.head.map(|()| upload);
    let (cancel, cancelled) = oneshot::channel();
    let (head, head_receiver) = oneshot::channel();
    let (end, end_receiver) = oneshot::channel();
    let (frames, frame_receiver) = mpsc::channel(PIECES);
    let transfer = Transfer {
        lent,
        grant,
        timeouts,
        captured: capture_connection(&mut request),
        head: Some(head),
        frames,
    };
    let exchange = Exchange {
        request,
        transfer,
        upload: handle,
        cancelled,
        end,
    };
    let interest = Interest::new(slot, cancel);
    let waiting = Waiting {
        head: head_receiver,
        download: Download::new(frame_receiver, end_receiver, interest),
    };
    (exchange, waiting)
}

impl Exchange {
    /// Runs to the end, whatever that is, and until the request's body is out of the way.
    pub async fn run(self) {
        let Exchange {
            request,
            mut transfer,
            mut upload,
            cancelled,
            end,
        } = self;
        let mut deadline = pin!(sleep(transfer.grant.timeout));
        let ended = tokio::select! {
            biased;
            // Nobody hears of this error.
            _ = cancelled => Err(Error::ConnectionTerminated),
            ended = transfer.run(request) => ended,
            () = &mut deadline => Err(transfer.overdue()),
        };
        let captured = transfer.captured.clone();
        drop(transfer);
        let is_whole = ended.is_ok();
        if is_whole && let Some(history) = extra::<History>(&captured) {
            history.settle();
        }
        // Should the caller have gone, there is nobody to tell.
        let _ = end.send(ended.map_err(|error| upload.fault().unwrap_or(error)));
        if is_whole {
            // A server may answer before it has read everything.
            tokio::select! {
                () = upload.gone() => return,
                () = &mut deadline => {}
            }
        }
        upload.stop();
        if timeout(GRACE, upload.gone()).await.is_err() {
            cut(&captured);
        }
    }
}

impl Transfer {
    async fn run(&mut self, mut request: Request<Upload>) -> End {
        framing::settle(&mut request, self.grant.timeout).await?;
        let (parts, body) = self.response(request).await?.into_parts();
        let Some(head) = self.head.take() else {
            return Ok(());
        };
        // A caller that has gone is noticed by the one who polls this.
        let _ = head.send((outgoing(parts)?, body.size_hint(), body.is_end_stream()));
        self.pump(body).await
    }

    /// Sends the request and waits for the head of its response. A kept connection may be closed by the server at the moment
    /// at which the request goes out: one that may be sent twice then is, on a new connection.
    async fn response(&mut self, request: Request<Upload>) -> Result<Response<Incoming>, Error> {
        let spare = framing::spare(&request);
        let answer = self.attempt(self.lent.client.clone(), request).await;
        let (Err(Error::ConnectionTerminated), Some(spare)) = (&answer, spare) else {
            return answer;
        };
        if !extra::<History>(&self.captured).is_some_and(|history| history.is_silent_since()) {
            return answer;
        }
        let mut again = spare.map(|()| Upload::none());
        self.captured = capture_connection(&mut again);
        self.attempt(self.lent.fresh(), again).await
    }

    async fn attempt(
        &mut self,
        client: Client,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, Error> {
        let mut response = pin!(client.request(request));
        let captured = &mut self.captured;
        let connected = async {
            tokio::select! {
                biased;
                response = &mut response => Some(response),
                () = async { captured.wait_for_connection_metadata().await; } => None,
            }
        };
        let early = within(self.timeouts.connect, connected)
            .await
            .ok_or(Error::ConnectionTimeout)?;
        let answer = match early {
            Some(answer) => answer,
            None => within(self.timeouts.first_byte, response)
                .await
                .ok_or(Error::ConnectionReadTimeout)?,
        };
        answer.map_err(|e| Error::from_http(&e))
    }

    /// Passes the body on, piece by piece as the caller takes it.
    async fn pump(&mut self, mut body: Incoming) -> End {
        let most = self.grant.max_body;
        let mut left = most;
        // While the caller has all these pieces to read, nothing is read and no time of the guest's is counted.
        while let Ok(permit) = self.frames.reserve().await {
            let frame = within(self.timeouts.between_bytes, body.frame())
                .await
                .ok_or(Error::ConnectionReadTimeout)?;
            let frame = match frame {
                Some(frame) => frame.map_err(|e| Error::from_http(&e))?,
                None => return Ok(()),
            };
            if let Some(data) = frame.data_ref() {
                left = u64::try_from(data.len())
                    .ok()
                    .and_then(|taken| left.checked_sub(taken))
                    .ok_or(Error::ResponseBodySize(most))?;
            }
            permit.send(frame);
        }
        Err(Error::ConnectionTerminated)
    }

    /// What it means that the grant's time is over now.
    fn overdue(&self) -> Error {
        let is_connecting = self.head.is_some() && self.captured.connection_metadata().is_none();
        match is_connecting {
            true => Error::ConnectionTimeout,
            false => Error::ResponseTimeout,
        }
    }
}

impl Waiting {
    /// The response as soon as its head is there.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn response(mut self) -> Result<Response<Body>, Error> {
        match (&mut self.head).await {
            Ok((parts, size, is_empty)) => {
                self.download.expect(size, is_empty);
                Ok(Response::from_parts(parts, self.download.boxed_unsync()))
            }
            Err(_) => Err(self.download.failure().await),
        }
    }
}

/// The head as the guest gets it: without what the libraries attached and what spoke to the connection alone.
fn outgoing(parts: response::Parts) -> Result<response::Parts, Error> {
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::Protocol(
            "the server switched protocols unasked".to_owned(),
        ));
    }
    let bytes: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if parts.headers.len() > MOST_FIELDS || bytes > MOST_HEAD as usize {
        return Err(Error::ResponseHeaderSize);
    }
    let (mut clean, ()) = Response::new(()).into_parts();
    clean.status = parts.status;
    clean.version = parts.version;
    clean.headers = parts.headers;
    request::clean(&mut clean.headers);
    Ok(clean)
}

/// Cuts the connection of a request, if it got one.
fn cut(captured: &CaptureConnection) {
    if let Some(switch) = extra::<Switch>(captured) {
        switch.cut();
    }
}

/// What our connections carry of this kind, if the request got one.
fn extra<T: Clone + Send + Sync + 'static>(captured: &CaptureConnection) -> Option<T> {
    let mut extras = Extensions::new();
    if let Some(connected) = captured.connection_metadata().as_ref() {
        connected.get_extras(&mut extras);
    }
    extras.remove::<T>()
}

/// What `future` gives, or `None` if it takes longer than `most`.
async fn within<F: Future>(most: Option<Duration>, future: F) -> Option<F::Output> {
    match most {
        Some(most) => timeout(most, future).await.ok(),
        None => Some(future.await),
    }
}
