//! The response while the guest writes it. Output is held back until it fills a buffer, the guest waits, or it ends:
//! then a short response gets its `Content-Length`, and a guest that fails early gets a proper error page. Nothing
//! of httpd's response is touched before that moment.

use std::ffi::CString;

use cgi::{HeadProblem, HeadScanner, Stage, status_problem};
use httpd::{Answer, Output, Request, Status};
use wasm_runtime_client::Closed;

/// So much output is held back at most, in bytes.
const HOLD: usize = 64 * 1024;

/// One response.
#[derive(Debug)]
pub struct Response {
    output: Output,
    phase: Phase,
    /// Output that httpd has not got yet, the head included.
    held: Vec<u8>,
    /// Has anything been passed to the filters since the last flush?
    unflushed: bool,
    failure: Option<Failure>,
}

/// How far it is.
#[derive(Debug)]
enum Phase {
    /// The head of a CGI response is not complete.
    Head(HeadScanner),
    /// httpd has got nothing yet. The held output starts with a head of this length; 0 without CGI.
    Held(usize),
    /// httpd has the head; output goes straight to it.
    Sent,
    /// The guest's body is not wanted.
    Instead(Instead),
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
    /// httpd's parser refused the head and has logged why.
    Refused,
    /// A filter refused the response and has answered already, for instance because of a bad header field.
    Filter,
    /// It cannot be sent: the client is gone.
    Unsendable(String),
}

impl Response {
    /// A response of which nothing is known. `cgi`: its output starts with a head.
    pub fn new(request: &Request, cgi: bool) -> Response {
        let phase = if cgi {
            Phase::Head(HeadScanner::default())
        } else {
            Phase::Held(0)
        };
        Response {
            output: Output::new(request),
            phase,
            held: Vec::new(),
            unflushed: false,
            failure: None,
        }
    }

    /// Takes output of the guest.
    ///
    /// # Errors
    /// The guest need not go on; see [`failure`](Response::failure).
    pub fn write(&mut self, request: &mut Request, data: &[u8]) -> Result<(), Closed> {
        if let Phase::Head(scanner) = &mut self.phase {
            self.held.extend_from_slice(data);
            match scanner.scan(&self.held) {
                Ok(None) => return Ok(()),
                Ok(Some(length)) => self.phase = Phase::Held(length),
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
            self.begin(request)?;
        }
        if matches!(self.phase, Phase::Sent) && request.sends_no_body() {
            return self.stop_at_head(request);
        }
        self.pass(request, data)
    }

    /// Sends everything to the client that can be sent.
    ///
    /// # Errors
    /// As [`write`](Response::write).
    pub fn flush(&mut self, request: &mut Request) -> Result<(), Closed> {
        if matches!(self.phase, Phase::Held(length) if length > 0 || !self.held.is_empty()) {
            self.begin(request)?;
        }
        if !self.unflushed {
            return Ok(());
        }
        self.unflushed = false;
        let result = self.output.flush(request);
        self.sent(result)
    }

    /// How far it is, for the table of outcomes.
    pub fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Head(_) => Stage::Incomplete,
            Phase::Held(0) if self.held.is_empty() => Stage::Incomplete,
            Phase::Held(_) | Phase::Instead(_) => Stage::Held,
            Phase::Sent => Stage::Sent,
        }
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
        if let Phase::Held(_) = self.phase {
            // What went wrong is in `failure`, what is wanted instead in `phase`.
            let _ = self.begin(request);
        }
        if let Phase::Sent = self.phase
            && self.failure.is_none()
        {
            let result = self.output.end(request);
            let _ = self.sent(result);
        }
        match &self.phase {
            Phase::Instead(Instead::Local(uri)) => {
                let uri = uri.clone();
                request.redirect_internally(&uri);
                Answer::Ok
            }
            Phase::Instead(Instead::Answer(answer)) => *answer,
            Phase::Head(_) | Phase::Held(_) | Phase::Sent => Answer::Ok,
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

    /// Hands what is held to httpd: first the head, which decides what becomes of the rest.
    fn begin(&mut self, request: &mut Request) -> Result<(), Closed> {
        let Phase::Held(head) = self.phase else {
            return Ok(());
        };
        let held = std::mem::take(&mut self.held);
        let (head, body) = held.split_at(head);
        self.phase = if head.is_empty() {
            Phase::Sent
        } else {
            self.open(request, head)?
        };
        if self.is_settled() {
            return Err(Closed);
        }
        self.pass(request, body)
    }

    /// Reads the head into the request. The rules are those of httpd's own CGI handlers.
    fn open(&mut self, request: &mut Request, head: &[u8]) -> Result<Phase, Closed> {
        let scanned = request.scan_script_head(head);
        if forget_framing(request) {
            request.set_status(200);
            return self.fail(Failure::Framed);
        }
        match scanned {
            Ok(()) => {}
            // Served as it is rather than as an error, so that mod_cache sees its own condition met.
            Err(Answer::Http(304)) => {
                request.set_status(304);
                return Ok(Phase::Instead(Instead::Answer(Answer::Ok)));
            }
            Err(Answer::Http(412)) => {
                return Ok(Phase::Instead(Instead::Answer(Answer::Http(412))));
            }
            Err(_) => {
                request.set_status(200);
                return self.fail(Failure::Refused);
            }
        }
        if let Some(problem) = status_problem(request.status(), request.status_line()) {
            request.set_status(200);
            return self.fail(Failure::BadStatus(problem));
        }
        Ok(redirect(request).map_or(Phase::Sent, Phase::Instead))
    }

    /// The head has been sent and no body will be: a guest that goes on writing one would run for nothing. It is not stopped
    /// before it has filled the buffer, so a program of ordinary size runs to its end.
    fn stop_at_head(&mut self, request: &mut Request) -> Result<(), Closed> {
        self.flush(request)?;
        self.phase = Phase::Instead(Instead::Answer(Answer::Ok));
        Err(Closed)
    }

    fn pass(&mut self, request: &mut Request, data: &[u8]) -> Result<(), Closed> {
        if !matches!(self.phase, Phase::Sent) {
            return Ok(());
        }
        self.unflushed = true;
        let result = self.output.write(request, data);
        self.sent(result)
    }

    fn sent(&mut self, result: Result<(), Status>) -> Result<(), Closed> {
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

/// How long the body is and how it is framed is httpd's business: filters may change it. An operator may say that the
/// guest's `Content-Length` is right. Was there a `Transfer-Encoding`? A guest that believes that it frames its body
/// itself can not be served: what it writes would be framed twice.
fn forget_framing(request: &Request) -> bool {
    let Some(headers) = request.headers_out() else {
        return false;
    };
    let trusted = request
        .environment()
        .is_some_and(|environment| environment.get(c"ap_trust_cgilike_cl").is_some());
    if !trusted {
        headers.unset(c"Content-Length");
    }
    let framed = headers.get(c"Transfer-Encoding").is_some();
    headers.unset(c"Transfer-Encoding");
    framed
}

/// `Location` without a status of its own: a local path is served at once, anything else becomes 302.
fn redirect(request: &Request) -> Option<Instead> {
    if request.status() != 200 {
        return None;
    }
    let location = request.headers_out()?.get(c"Location")?;
    match CString::new(location) {
        Ok(uri) if location.starts_with(b"/") => Some(Instead::Local(uri)),
        _ => Some(Instead::Answer(Answer::Http(302))),
    }
}
