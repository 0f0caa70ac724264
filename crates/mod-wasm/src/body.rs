//! The request's body as a guest reads it: without waiting as long as the guest has other things to do, and then with the
//! patience that httpd has for a slow client. Must not know what is being answered.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use directives::{BodyWithoutLength, Message, Settings, messages};
use httpd::{Answer, Input, Read, Request, Status};
use wasm_runtime_client::{BodyRead, Closed};

use crate::spool::Spool;

/// So much is taken from the filters before anybody has asked for it, in bytes.
const PREFETCH: usize = 8192;
/// How long a wait for the client lasts before the filters are asked again: mod_reqtimeout looks at its clock only then.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long the first wait for a stream of HTTP/2 lasts, whose data comes through another thread: nothing can be waited on.
/// Each further one is twice as long, until [`LONGEST_STEP`].
const FIRST_STEP: Duration = Duration::from_millis(1);
const LONGEST_STEP: Duration = Duration::from_millis(10);

/// The body of one request.
#[derive(Debug)]
pub struct Body {
    source: Source,
    length: Length,
    failure: Option<BodyFailure>,
    /// Since when the guest wants more and nothing has come.
    starving: Option<Instant>,
    /// Would more be welcome at this moment?
    wanted: bool,
    step: Duration,
}

#[derive(Debug)]
enum Source {
    /// Not offered, or read to its end.
    None,
    /// Offered, and not asked for yet.
    Unread,
    /// Being read.
    Reading(Input),
    /// All of it has been read and is kept here.
    Spooled(Spool),
}

/// What a guest may be told of the body's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// What the client says, if it says something.
    AsSaid,
    /// Nothing: there is no body, whatever the client has sent for another resource.
    None,
    /// Nothing: filters change it while the body is read.
    Unknown,
    /// So many bytes.
    Is(u64),
}

/// The request's body did not arrive.
#[derive(Debug, Clone)]
pub struct BodyFailure {
    /// What the handler must answer.
    pub answer: Answer,
    /// What happened, in APR's words or ours.
    pub detail: String,
    /// What the log says, if it is not that the client is to blame.
    pub message: Option<&'static Message>,
}

impl Body {
    /// The body of `request`, of which nothing has been read. `wanted`: may a guest of this kind have one at all?
    pub fn new(request: &Request, wanted: bool) -> Body {
        let own = wanted && request.owns_body();
        Body {
            source: match own && request.has_body() {
                true => Source::Unread,
                false => Source::None,
            },
            length: match own {
                true => Length::AsSaid,
                false => Length::None,
            },
            failure: None,
            starving: None,
            wanted: false,
            step: FIRST_STEP,
        }
    }

    /// May the guest read it?
    pub fn is_offered(&self) -> bool {
        !matches!(self.source, Source::None)
    }

    /// Lets filters that change the body correct the header fields that they falsify, before the guest sees those.
    ///
    /// # Errors
    /// They refuse the body, and the guest need not be started.
    fn settle_filters(&mut self, request: &mut Request) -> Result<(), BodyFailure> {
        if !matches!(self.source, Source::Unread) || !request.body_is_filtered() {
            return Ok(());
        }
        let mut input = Input::new(request);
        input.prefetch(request, PREFETCH).map_err(failure)?;
        self.source = Source::Reading(input);
        Ok(())
    }

    /// Sees to a body whose length nobody has said, or filters have made wrong: reads it whole, so that its length is known,
    /// or leaves it to the guest to read to the end. A guest for which others wait gets any body whole: they shall not wait
    /// for its client.
    ///
    /// # Errors
    /// It is refused, did not arrive, or there is no room for it: the guest must not be started.
    pub fn settle_length(
        &mut self,
        request: &mut Request,
        settings: &Settings,
    ) -> Result<(), BodyFailure> {
        if !matches!(self.source, Source::Unread) {
            return Ok(());
        }
        let wanted = settings.body_without_length();
        let said = has_length(request);
        if !said && wanted == BodyWithoutLength::Refuse {
            return Err(BodyFailure {
                answer: Answer::Http(411),
                detail: String::new(),
                message: Some(&messages::LENGTH_REQUIRED),
            });
        }
        self.settle_filters(request)?;
        // Filters that have nothing to do here have removed themselves by now.
        let changed = request.body_is_filtered() || said && !has_length(request);
        match wanted {
            _ if said && !changed && settings.serialize().is_none() => {}
            BodyWithoutLength::Stream if said && !changed => {}
            BodyWithoutLength::Stream => self.length = Length::Unknown,
            BodyWithoutLength::Spool | BodyWithoutLength::Refuse => self.spool(request)?,
        }
        Ok(())
    }

    /// Sees to a body that the guest is to have as it comes. A guest for which others wait gets it whole all the same, unless
    /// the operator says that it is to be streamed.
    ///
    /// # Errors
    /// As [`settle_length`](Body::settle_length).
    pub fn settle_stream(
        &mut self,
        request: &mut Request,
        settings: &Settings,
    ) -> Result<(), BodyFailure> {
        self.settle_filters(request)?;
        let streamed = settings.body_without_length() == BodyWithoutLength::Stream;
        match self.is_offered() && settings.serialize().is_some() && !streamed {
            true => self.spool(request),
            false => Ok(()),
        }
    }

    fn spool(&mut self, request: &mut Request) -> Result<(), BodyFailure> {
        let mut input = match std::mem::replace(&mut self.source, Source::None) {
            Source::Reading(input) => input,
            _ => Input::new(request),
        };
        let spool = Spool::fill(request, &mut input, request.body_limit())?;
        self.length = Length::Is(spool.length());
        self.source = Source::Spooled(spool);
        Ok(())
    }

    /// What the guest may be told of the length.
    pub fn length(&self) -> Length {
        self.length
    }

    /// Is the length that the client says, if any, that of the body which the guest gets?
    pub fn is_as_long_as_said(&self, request: &Request) -> bool {
        match self.length {
            Length::AsSaid | Length::Is(_) => !self.is_offered() || !request.body_is_filtered(),
            Length::None | Length::Unknown => false,
        }
    }

    /// Reads into `buffer`, which must not be empty. `wait`: block until something has come.
    ///
    /// # Errors
    /// See [`failure`](Body::failure).
    pub fn read(
        &mut self,
        request: &mut Request,
        buffer: &mut [u8],
        wait: bool,
    ) -> Result<BodyRead, Closed> {
        if self.failure.is_some() {
            return Err(Closed);
        }
        if let Source::Unread = self.source {
            self.source = Source::Reading(Input::new(request));
        }
        let input = match &mut self.source {
            Source::Reading(input) => input,
            Source::Spooled(spool) => {
                return match spool.read(buffer) {
                    Ok(0) => Ok(BodyRead::End),
                    Ok(count) => Ok(BodyRead::Data(count)),
                    Err(failure) => self.fail(failure),
                };
            }
            Source::None | Source::Unread => return Ok(BodyRead::End),
        };
        let read = input.read(request, buffer, wait);
        self.wanted = matches!(read, Ok(Read::Nothing));
        match read {
            Ok(Read::Nothing) => return Ok(BodyRead::Later),
            Ok(Read::Data(count)) => {
                self.starving = None;
                self.step = FIRST_STEP;
                return Ok(BodyRead::Data(count));
            }
            Ok(Read::End) => self.source = Source::None,
            Err(status) => return self.fail(failure(status)),
        }
        Ok(BodyRead::End)
    }

    /// The guest wants more, nothing has come, and nobody waits for it: holds the client to the server's `Timeout`, which
    /// httpd does only for reads that wait.
    ///
    /// # Errors
    /// The client has been silent for too long.
    pub fn starve(&mut self, request: &Request) -> Result<(), Closed> {
        let (since, patience) = (self.since(), request.server_timeout());
        if since.elapsed() < patience {
            return Ok(());
        }
        let detail = format!("nothing has come for {} s", patience.as_secs());
        self.fail(BodyFailure {
            answer: Answer::Http(408),
            detail,
            message: None,
        })
    }

    /// Waits until there may be more of the body, `wake` can be read, or `most` is over.
    pub fn wait(&mut self, request: &Request, wake: BorrowedFd<'_>, most: Duration) {
        let Some(connection) = request.connection() else {
            return;
        };
        if !self.wanted {
            let _ = connection.wait(wake, false, most);
            return;
        }
        let patience = request
            .server_timeout()
            .saturating_sub(self.since().elapsed());
        let most = most.min(patience).min(LONGEST_WAIT);
        if !connection.is_primary() {
            let _ = connection.wait(wake, false, most.min(self.step));
            self.step = (self.step * 2).min(LONGEST_STEP);
        } else if connection.wait(wake, true, most) {
            // What has come stays there until it is read: waiting for it again, if nobody reads, would be a busy loop.
            self.wanted = false;
        }
    }

    /// Why it could not be read to its end.
    pub fn failure(&self) -> Option<&BodyFailure> {
        self.failure.as_ref()
    }

    fn since(&mut self) -> Instant {
        *self.starving.get_or_insert_with(Instant::now)
    }

    fn fail<T>(&mut self, failure: BodyFailure) -> Result<T, Closed> {
        self.failure.get_or_insert(failure);
        Err(Closed)
    }
}

/// Does the request say how long its body is?
fn has_length(request: &Request) -> bool {
    request
        .headers_in()
        .is_some_and(|headers| headers.get(c"Content-Length").is_some())
}

/// What it means that httpd could not read the body.
pub fn failure(status: Status) -> BodyFailure {
    BodyFailure {
        answer: status.as_request_error(),
        detail: status.to_string(),
        message: None,
    }
}
