//! The response while the guest writes it. Output is held back until it fills a buffer, the guest waits, or it ends:
//! then a short response gets its `Content-Length`, and a guest that fails early a proper error page. Nothing
//! of httpd's response is touched before that moment. How a head reaches httpd is the business of `script` and `http`.

use std::ffi::CString;

use cgi::{
    FieldProblem, HeadProblem, HeadScanner, Pairs, ResponseHead, Stage, WholeBody,
    response_trailers,
};
use httpd::{Answer, Misframed, Output, Request, Status, Trailers};
use wasm_runtime_client::{Closed, Field};

use crate::{http, nph, script};

/// So much output is held back at most, in bytes.
const HOLD: usize = 64 * 1024;

/// In which form a guest gives its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All its output is the body.
    Plain,
    /// Its output starts with a head: CGI.
    Script,
    /// Its output is all that is sent, its head included: CGI with non-parsed headers.
    Nph,
    /// It gives head, body and end one by one: `wasi:http`.
    Http,
}

impl Form {
    /// Is it that of a CGI program?
    pub fn is_script(self) -> bool {
        matches!(self, Form::Script | Form::Nph)
    }
}

/// One response.
#[derive(Debug)]
pub struct Response {
    form: Form,
    output: Output,
    phase: Phase,
    /// Output that httpd has not got yet, the head of a script included.
    held: Vec<u8>,
    /// The body of a response that the guest writes as it is sent, once its head is known and if it has one.
    whole: Option<WholeBody>,
    /// How much of a body has been thrown away, in a response that has none.
    dropped: usize,
    /// Has anything been passed to the filters since the last flush?
    unflushed: bool,
    failure: Option<Failure>,
}

/// How far it is.
#[derive(Debug)]
enum Phase {
    /// The head of a script is not complete.
    Scanning(HeadScanner),
    /// The guest has not given its head.
    Awaited,
    /// httpd has got nothing yet.
    Held(Head),
    /// httpd has the head; output goes straight to it.
    Sent,
    /// httpd has the whole response.
    Ended,
    /// The guest's body is not wanted.
    Instead(Instead),
}

/// The head of a response that is held.
#[derive(Debug)]
enum Head {
    /// There is none.
    None,
    /// The held output starts with a head of this length.
    Script(usize),
    /// What the guest has given.
    Http(Box<ResponseHead>),
}

/// What the client gets in place of the guest's body.
#[derive(Debug, Clone)]
pub enum Instead {
    /// What the handler answers.
    Answer(Answer),
    /// Another local URL, served in place of this one.
    Local(CString),
}

/// Why the response cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Its head is no head.
    Head(HeadProblem),
    /// It frames its body itself, which is httpd's business.
    Framed,
    /// Its status is none.
    BadStatus(String),
    /// Its body is not what its head, as it has gone out, says.
    Misframed(Misframed),
    /// It has a field that can not be sent.
    Field(FieldProblem),
    /// httpd's parser refused the head and has logged why.
    Refused,
    /// A filter refused the response and has answered already, for instance because of a bad header field.
    Filter,
    /// It cannot be sent: the client is gone.
    Unsendable(String),
}

impl Response {
    /// A response of which nothing is known.
    pub fn new(request: &Request, form: Form) -> Response {
        let phase = match form {
            Form::Plain => Phase::Held(Head::None),
            Form::Script | Form::Nph => Phase::Scanning(HeadScanner::default()),
            Form::Http => Phase::Awaited,
        };
        Response {
            form,
            output: Output::new(request),
            phase,
            held: Vec::new(),
            whole: None,
            dropped: 0,
            unflushed: false,
            failure: None,
        }
    }

    /// In which form it is given.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Takes the head of a guest that gives it apart from its body.
    ///
    /// # Errors
    /// As [`write`](Response::write).
    pub fn head(&mut self, status: u16, fields: &[Field<'_>]) -> Result<(), Closed> {
        let Phase::Awaited = self.phase else {
            return Ok(());
        };
        match ResponseHead::new(status, fields) {
            Ok(head) => self.phase = Phase::Held(Head::Http(Box::new(head))),
            Err(problem) => return self.fail(Failure::Field(problem)),
        }
        Ok(())
    }

    /// Takes output of the guest.
    ///
    /// # Errors
    /// The guest need not go on; see [`failure`](Response::failure).
    pub fn write(&mut self, request: &mut Request, data: &[u8]) -> Result<(), Closed> {
        if let Phase::Scanning(scanner) = &mut self.phase {
            self.held.extend_from_slice(data);
            match scanner.scan(&self.held) {
                Ok(None) => return Ok(()),
                Ok(Some(length)) => self.phase = Phase::Held(Head::Script(length)),
                Err(problem) => return self.fail(Failure::Head(problem)),
            }
            return if self.held.len() > HOLD {
                self.begin(request)
            } else {
                Ok(())
            };
        }
        if let Phase::Held(_) = self.phase {
            if self.held.len() + data.len() <= HOLD {
                self.held.extend_from_slice(data);
                return Ok(());
            }
            self.dropped = self.held.len();
            self.begin(request)?;
        }
        if matches!(self.phase, Phase::Sent) && request.sends_no_body() {
            return self.drop_body(request, data);
        }
        self.pass(request, data)
    }

    /// Sends everything to the client that can be sent.
    ///
    /// # Errors
    /// As [`write`](Response::write).
    pub fn flush(&mut self, request: &mut Request) -> Result<(), Closed> {
        let something = match &self.phase {
            Phase::Held(Head::None) => !self.held.is_empty(),
            Phase::Held(_) => true,
            _ => false,
        };
        if something {
            self.begin(request)?;
        }
        if !self.unflushed {
            return Ok(());
        }
        self.unflushed = false;
        let result = self.output.flush(request);
        self.sent(result)
    }

    /// The response is whole, with these trailer fields. `flush`: the client must get it now, as the guest goes on.
    ///
    /// # Errors
    /// As [`write`](Response::write).
    pub fn end(
        &mut self,
        request: &mut Request,
        trailers: &[Field<'_>],
        flush: bool,
    ) -> Result<(), Closed> {
        match response_trailers(trailers) {
            Ok(trailers) if trailers.is_empty() => {}
            Ok(trailers) => self.add_trailers(request, &trailers)?,
            Err(problem) => return self.fail(Failure::Field(problem)),
        }
        self.complete(request)?;
        if flush {
            // A client that can not be reached is no reason to stop what the guest does besides.
            let _ = self.output.flush_connection(request);
        }
        Ok(())
    }

    fn add_trailers(&mut self, request: &mut Request, trailers: &Pairs) -> Result<(), Closed> {
        let where_to = request.trailers();
        if where_to == Trailers::Nowhere {
            return Ok(());
        }
        if let Phase::Held(Head::Http(head)) = &mut self.phase {
            head.announce(trailers);
            // With its end in the same brigade httpd would give the body a length, and no trailer fields could follow.
            if where_to == Trailers::BehindChunks {
                self.flush(request)?;
            }
        }
        http::set_trailers(request, trailers);
        Ok(())
    }

    /// How far it is, for the table of outcomes.
    pub fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Scanning(_) | Phase::Awaited => Stage::Incomplete,
            Phase::Held(Head::None) if self.held.is_empty() => Stage::Incomplete,
            Phase::Held(_) | Phase::Instead(_) => Stage::Held,
            Phase::Sent => Stage::Sent,
            Phase::Ended => Stage::Ended,
        }
    }

    /// Has the client been sent a part of it?
    pub fn has_begun(&self) -> bool {
        matches!(self.phase, Phase::Sent | Phase::Ended)
    }

    /// Why it cannot be used, if so.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Has it been decided that the guest's body is not wanted?
    pub fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Instead(Instead::Answer(_)))
    }

    /// The guest has ended well: sends what is held and ends the response. May leave a [`failure`](Response::failure).
    pub fn finish(&mut self, request: &mut Request) -> Answer {
        // What went wrong is in `failure`, what is wanted instead in `phase`.
        let _ = self.complete(request);
        match &self.phase {
            Phase::Instead(Instead::Local(uri)) => {
                let uri = uri.clone();
                request.redirect_internally(&uri);
                Answer::Ok
            }
            Phase::Instead(Instead::Answer(answer)) => *answer,
            _ => Answer::Ok,
        }
    }

    /// The guest has failed and part of the response is on its way.
    pub fn abort(&mut self, request: &mut Request) {
        self.output.abort(request);
    }

    /// Lets httpd log what it always logs about a script whose head is not complete.
    pub fn report_incomplete_head(&mut self, request: &mut Request) {
        // An incomplete head is refused in any case.
        let _ = request.scan_script_head(&self.held);
        request.set_status(200);
    }

    /// Hands what is held to httpd, which makes up for the head.
    fn begin(&mut self, request: &mut Request) -> Result<(), Closed> {
        let held = self.open(request)?;
        self.pass(request, &held)
    }

    /// Hands what is held, and the end, to httpd.
    fn complete(&mut self, request: &mut Request) -> Result<(), Closed> {
        let held = self.open(request)?;
        if !matches!(self.phase, Phase::Sent) || self.failure.is_some() {
            return Ok(());
        }
        let (body, excess) = self.own(&held);
        let result = self.output.finish(request, body);
        self.sent(result)?;
        if excess {
            return self.fail(Failure::Misframed(Misframed::TooLong));
        }
        if self.whole.as_ref().is_some_and(|body| !body.is_whole()) {
            return self.fail(Failure::Misframed(Misframed::TooShort));
        }
        self.phase = Phase::Ended;
        Ok(())
    }

    /// What of this output belongs to the response, and whether there is more.
    fn own<'d>(&mut self, data: &'d [u8]) -> (&'d [u8], bool) {
        let own = self
            .whole
            .as_mut()
            .map_or(data.len(), |body| body.take(data));
        let own = data.get(..own).unwrap_or(data);
        (own, own.len() < data.len())
    }

    /// Hands a head that is held to httpd. That decides what becomes of the rest; returns what is to be sent of it.
    fn open(&mut self, request: &mut Request) -> Result<Vec<u8>, Closed> {
        let Phase::Held(head) = &self.phase else {
            return Ok(Vec::new());
        };
        if let (Form::Nph, Head::Script(length)) = (self.form, head) {
            let length = *length;
            return self.open_whole(request, length);
        }
        let mut held = std::mem::take(&mut self.held);
        let instead = match head {
            Head::None => Ok(None),
            Head::Script(length) => {
                let body = held.split_off(*length);
                script::open(request, &std::mem::replace(&mut held, body))
            }
            Head::Http(head) => Ok(http::open(request, head)),
        };
        match instead {
            Ok(None) => self.phase = Phase::Sent,
            Ok(Some(instead)) => self.phase = Phase::Instead(instead),
            Err(failure) => return self.fail(failure),
        }
        if self.is_settled() {
            return Err(Closed);
        }
        // The body of a HEAD request is passed all the same: httpd says how long it is.
        let status = request.status();
        if matches!(status, 204 | 205 | 304) {
            held.clear();
        }
        if matches!(status, 204 | 205) {
            request.forget_content_length();
        }
        Ok(held)
    }

    /// The same for output that is the whole response, whose head has this length.
    fn open_whole(&mut self, request: &mut Request, head: usize) -> Result<Vec<u8>, Closed> {
        let mut head_and_body = std::mem::take(&mut self.held);
        let mut body = head_and_body.split_off(head);
        let framing = match nph::open(request, &head_and_body) {
            Ok(framing) => framing,
            Err(failure) => return self.fail(failure),
        };
        self.phase = Phase::Sent;
        self.pass(request, &head_and_body)?;
        match request.sends_no_body() {
            true => body.clear(),
            false => self.whole = Some(framing),
        }
        Ok(body)
    }

    /// No body will be sent: a guest that goes on writing one runs for nothing. It is not stopped before it has written as much
    /// as is held back otherwise, so a program of ordinary size runs to its end.
    fn drop_body(&mut self, request: &mut Request, data: &[u8]) -> Result<(), Closed> {
        self.dropped = self.dropped.saturating_add(data.len());
        if self.dropped <= HOLD {
            return Ok(());
        }
        self.flush(request)?;
        self.phase = Phase::Instead(Instead::Answer(Answer::Ok));
        Err(Closed)
    }

    fn pass(&mut self, request: &mut Request, data: &[u8]) -> Result<(), Closed> {
        if !matches!(self.phase, Phase::Sent) {
            return Ok(());
        }
        self.unflushed = true;
        let (own, excess) = self.own(data);
        let result = self.output.write(request, own);
        self.sent(result)?;
        match excess {
            true => self.fail(Failure::Misframed(Misframed::TooLong)),
            false => Ok(()),
        }
    }

    fn sent(&mut self, result: Result<(), Status>) -> Result<(), Closed> {
        if let Some(problem) = self.output.misframed() {
            return self.fail(Failure::Misframed(problem));
        }
        match result {
            Ok(()) => Ok(()),
            Err(status) if status.is_filter_error() => self.fail(Failure::Filter),
            Err(status) => self.fail(Failure::Unsendable(status.to_string())),
        }
    }

    fn fail<T>(&mut self, failure: Failure) -> Result<T, Closed> {
        self.failure.get_or_insert(failure);
        Err(Closed)
    }
}
