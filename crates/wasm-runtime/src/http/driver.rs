//! Serves one request on the thread that the server gave for it: lets the guest run, brings it the request
//! body when it asks, takes its response to the client, and in between looks at the clock and the client.
//!
//! Only this file calls the [`Exchange`] of an http guest. It must not know how the guest is run.

use super::body::Feed;
use super::failure::Failure;
use super::incoming;
use super::time::Time;
use crate::channel::{BodyRead, Closed, Exchange, Field};
use crate::clock::TICK;
use crate::journal::Journal;
use crate::outcome::{End, Stop};
use crate::wake::{OwnSignal, Signal};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use http_body::Body;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

/// How the guest hands over its response: the response, or the name of the error that it reports instead, of bounded length.
pub type Answer = Result<http::Response<WasiBody>, String>;

/// The call of a guest for one request.
pub trait Call {
    /// Lets the guest go on, as far as it gets without waiting; says whether it has nothing left to do. May be
    /// called again after that.
    ///
    /// # Errors
    /// The guest has failed. What it has written of its response by then can still be fetched, and is complete only if the
    /// guest had completed it: the body must not end because the guest has.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure>;

    /// Whether a guest that has nothing left to do has also written all of its response.
    const WRITES_BEFORE: bool;
}

/// The most that is read of the request body at once, bytes.
const PIECE: usize = 64 * 1024;

/// So many bytes of a response the server gathers before it sends any: writing them waits for nobody, and measuring that would
/// cost more than it.
const GATHERED: usize = 32 * 1024;

/// The most that a guest may write of a body that nobody gets, so that it comes to its end; it is stopped then.
const UNWANTED: usize = 1 << 20;

/// How often the client of a waiting guest is looked at.
const NAP: Duration = Duration::from_millis(100);

/// One request.
pub struct Driver {
    exchange: Box<dyn Exchange>,
    feed: Feed,
    signal: OwnSignal,
    time: Time,
    /// A busy guest has had its chance to end before the response does.
    lingered: bool,
    /// The response has no body, whatever the guest writes: it answers a HEAD request, or has such a status.
    bodiless: bool,
    /// Bytes of such a body.
    unwanted: usize,
    /// Bytes of the response body that its Content-Length still promises.
    promised: Option<u64>,
    /// Bytes of the response body that the server may still gather without sending any.
    gathers: usize,
    response: Response,
    /// Since when the server has output that need not have reached the client.
    unflushed: Option<Instant>,
    client_checked: Instant,
}

/// How far the response is.
enum Response {
    /// The guest owes it.
    Owed(oneshot::Receiver<Answer>),
    /// The guest will never give one.
    Withheld,
    /// The head has gone out.
    Begun(WasiBody, HeaderMap),
    /// The guest has written the last of it.
    Whole(HeaderMap),
    /// The server knows that it is whole.
    Ended,
}

impl Driver {
    /// A driver for a request whose guest has so much time.
    pub fn new(
        exchange: Box<dyn Exchange>,
        feed: Feed,
        signal: OwnSignal,
        time: Duration,
    ) -> Driver {
        Driver {
            exchange,
            feed,
            signal,
            time: Time::new(time),
            lingered: false,
            bodiless: false,
            unwanted: 0,
            promised: None,
            gathers: GATHERED,
            response: Response::Withheld,
            unflushed: None,
            client_checked: Instant::now(),
        }
    }

    /// Whose time runs.
    pub fn time(&mut self) -> &mut Time {
        &mut self.time
    }

    /// What wakes the thread of this request.
    pub fn signal(&self) -> Arc<Signal> {
        self.signal.share()
    }

    /// Drives the guest until it and its response are through.
    ///
    /// # Errors
    /// Whatever ended it before.
    pub fn run<C: Call>(
        &mut self,
        call: &mut C,
        method: &Method,
        answer: oneshot::Receiver<Answer>,
        journal: &Journal,
    ) -> Result<(), Failure> {
        self.bodiless = *method == Method::HEAD;
        self.response = Response::Owed(answer);
        let waker = Waker::from(self.signal.share());
        let mut cx = Context::from_waker(&waker);
        loop {
            self.signal.lower();
            let called = call.advance(&mut cx);
            self.log(journal);
            let idle = match called {
                Ok(idle) => idle,
                Err(failure) => return Err(self.after(failure, &mut cx)),
            };
            self.respond(&mut cx)?;
            let later = self.feed_body()?;
            if self.end_response(idle)? && idle {
                return Ok(());
            }
            if idle {
                self.check_owed(C::WRITES_BEFORE)?;
            }
            let busy = self.is_needed();
            self.flush(busy)?;
            if !busy {
                self.sleep(later);
            }
            self.check()?;
        }
    }

    /// Hands the guest's lines to the log.
    pub fn log(&mut self, journal: &Journal) {
        for (level, line) in journal.take() {
            self.exchange.log(level, &line);
        }
    }

    /// The guest has failed; its response may have been complete before.
    fn after(&mut self, failure: Failure, cx: &mut Context<'_>) -> Failure {
        // Whatever fails here matters less than what failed before.
        let _ = self.respond(cx);
        if let Response::Whole(_) = self.response {
            let _ = self.end_response(true);
        }
        failure
    }

    /// Takes what there is of the response to the client.
    fn respond(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        loop {
            match &mut self.response {
                Response::Owed(answer) => match Pin::new(answer).poll(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(Ok(response))) => self.send_head(response)?,
                    Poll::Ready(Ok(Err(code))) => {
                        return Err(Failure::of_response(format_args!(
                            "it reported the error {code} instead of a response"
                        )));
                    }
                    Poll::Ready(Err(_)) => self.response = Response::Withheld,
                },
                Response::Begun(body, trailers) => match Pin::new(body).poll_frame(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => self.write(&data)?,
                        Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
                    },
                    Poll::Ready(Some(Err(_))) if self.bodiless => self.body_ended()?,
                    Poll::Ready(Some(Err(error))) => {
                        return Err(Failure::of_given_up(&error, self.promised.is_some()));
                    }
                    Poll::Ready(None) => self.body_ended()?,
                },
                Response::Withheld | Response::Whole(_) | Response::Ended => return Ok(()),
            }
        }
    }

    fn send_head(&mut self, response: http::Response<WasiBody>) -> Result<(), Failure> {
        let (head, body) = response.into_parts();
        self.bodiless |= matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        );
        self.promised = head
            .headers
            .get(header::CONTENT_LENGTH)
            .filter(|_| !self.bodiless)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        self.response = Response::Begun(body, HeaderMap::new());
        self.unflushed.get_or_insert_with(Instant::now);
        self.exchange
            .send_head(head.status.as_u16(), &fields(&head.headers))
            .map_err(gone)
    }

    fn write(&mut self, data: &Bytes) -> Result<(), Failure> {
        if let Some(promised) = &mut self.promised {
            *promised = promised.checked_sub(data.len() as u64).ok_or_else(|| {
                Failure::of_response("its body is longer than its Content-Length says")
            })?;
        }
        if self.bodiless {
            self.unwanted += data.len();
            return match self.unwanted > UNWANTED {
                true => Err(Stop::ClientGone.into()),
                false => self.check(),
            };
        }
        self.unflushed.get_or_insert_with(Instant::now);
        self.gathers = self.gathers.saturating_sub(data.len());
        if self.gathers > 0 {
            self.exchange.write_body(data, false).map_err(gone)?;
        } else {
            self.waiting(|exchange| exchange.write_body(data, false))?;
        }
        // A body that comes from elsewhere may never make the guest's thread wait.
        self.check()
    }

    fn body_ended(&mut self) -> Result<(), Failure> {
        if self.promised.is_some_and(|promised| promised > 0) {
            let text = "its body is shorter than its Content-Length says";
            return Err(Failure::of_response(text));
        }
        let trailers = match std::mem::replace(&mut self.response, Response::Ended) {
            Response::Begun(_, trailers) => trailers,
            _ => HeaderMap::new(),
        };
        self.response = Response::Whole(trailers);
        Ok(())
    }

    /// Tells the server when the response is whole, and says whether it knows. A guest that is still busy gets one more
    /// chance to end first, because a response that need not be flushed is cheaper.
    fn end_response(&mut self, idle: bool) -> Result<bool, Failure> {
        if !matches!(self.response, Response::Whole(_)) {
            return Ok(matches!(self.response, Response::Ended));
        }
        if !idle && self.is_needed() && !std::mem::replace(&mut self.lingered, true) {
            return Ok(false);
        }
        if let Response::Whole(trailers) = std::mem::replace(&mut self.response, Response::Ended) {
            self.unflushed = None;
            let fields = fields(&trailers);
            if idle && !self.time.is_shared() {
                // Nobody's time runs any more.
                self.exchange.end_response(&fields, false).map_err(gone)?;
            } else {
                self.waiting(|exchange| exchange.end_response(&fields, !idle))?;
            }
        }
        Ok(true)
    }

    /// The guest has nothing left to do: what it still owes will not come.
    fn check_owed(&self, writes_before: bool) -> Result<(), Failure> {
        match self.response {
            // It is on the way.
            Response::Owed(_) if !writes_before => Ok(()),
            Response::Owed(_) | Response::Withheld => Err(Failure::new(
                End::NoResponse,
                "it returned without a response",
            )),
            Response::Begun(..) if writes_before => Err(Failure::of_response(
                "it returned without finishing the body",
            )),
            Response::Begun(..) | Response::Whole(_) | Response::Ended => Ok(()),
        }
    }

    /// Brings the guest more of the request body, if it waits for that; says whether it must go on waiting.
    fn feed_body(&mut self) -> Result<bool, Failure> {
        if !self.feed.is_wanted() {
            return Ok(false);
        }
        let mut piece = BytesMut::zeroed(PIECE);
        match self.exchange.read_body(&mut piece, false) {
            Ok(BodyRead::Data(n)) => {
                piece.truncate(n);
                self.feed.piece(piece.freeze());
            }
            Ok(BodyRead::End) => {
                let trailers = incoming::fields(&self.exchange.read_trailers());
                self.feed.end(trailers);
            }
            Ok(BodyRead::Later) => return Ok(true),
            Err(closed) => {
                self.feed.fail();
                return Err(gone(closed));
            }
        }
        Ok(false)
    }

    /// Sends to the client what it should not wait for. A `busy` guest may have more to send with it: then only what has
    /// waited for a tick.
    fn flush(&mut self, busy: bool) -> Result<(), Failure> {
        match self.unflushed {
            None => return Ok(()),
            Some(since) if busy && since.elapsed() < TICK => return Ok(()),
            Some(_) => self.unflushed = None,
        }
        self.gathers = 0;
        self.waiting(|exchange| exchange.write_body(&[], true))
    }

    /// Whether the guest has more to do at once.
    fn is_needed(&self) -> bool {
        self.signal.is_raised() || self.time.call()()
    }

    /// Makes a call that may wait for the client, which is off the guest's clock.
    fn waiting(
        &mut self,
        call: impl FnOnce(&mut dyn Exchange) -> Result<(), Closed>,
    ) -> Result<(), Failure> {
        let exchange = self.exchange.as_mut();
        self.time.waiting(|| call(exchange)).map_err(gone)
    }

    /// Sleeps until there is something to do. `for_body`: that may also be more of the request body, and then it is the
    /// client who keeps the guest waiting.
    fn sleep(&mut self, for_body: bool) {
        let nap = NAP.min(self.time.left());
        let signal = self.signal.share();
        let needed = self.time.call();
        if !for_body {
            signal.sleep(nap, needed);
            return;
        }
        // It can not fail.
        let _ = self.waiting(|exchange| {
            signal.sleep_in(needed, |wake| exchange.wait(wake, nap));
            Ok(())
        });
    }

    /// Whether the guest must stop.
    fn check(&mut self) -> Result<(), Failure> {
        if self.time.is_over() {
            return Err(Stop::TimedOut.into());
        }
        if self.client_checked.elapsed() >= NAP {
            self.client_checked = Instant::now();
            if self.exchange.aborted() {
                return Err(Stop::ClientGone.into());
            }
        }
        Ok(())
    }
}

fn gone(_: Closed) -> Failure {
    Stop::ClientGone.into()
}

fn fields(map: &HeaderMap) -> Vec<Field<'_>> {
    map.iter()
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
        .collect()
}
