//! One exchange: lends a guest the request's body and takes its response and its standard error. Everything here is
//! called on httpd's thread, on the guest's stack, while the guest waits.

use cgi::{Line, Stage, Stderr};
use httpd::{Answer, Input, Read, Request};
use wasm_runtime_client::{Closed, Exchange, LogLevel};

use crate::messages::log_request;
use crate::response::Response;
use directives::messages;

/// The server's side of one request.
pub struct HttpExchange<'r> {
    /// The request.
    pub request: &'r mut Request,
    /// The response as far as it has come.
    pub response: Response,
    /// Why the request's body could not be read to its end.
    pub body_failure: Option<BodyFailure>,
    module: &'r str,
    body: Body,
    stderr: Stderr,
}

/// The request's body did not arrive.
#[derive(Debug, Clone)]
pub struct BodyFailure {
    /// What the handler must answer.
    pub answer: Answer,
    /// APR's words.
    pub detail: String,
}

/// The guest's standard input.
#[derive(Debug)]
enum Body {
    /// Not offered.
    None,
    /// Offered, and not asked for yet.
    Unread,
    /// Being read.
    Reading(Input),
}

impl<'r> HttpExchange<'r> {
    /// An exchange for `request`. `cgi`: the guest reads the request's body and writes a head. `module`: the name in the log.
    pub fn new(request: &'r mut Request, cgi: bool, module: &'r str) -> HttpExchange<'r> {
        let response = Response::new(request, cgi);
        let body = if cgi && request.offers_body() {
            Body::Unread
        } else {
            Body::None
        };
        HttpExchange {
            request,
            response,
            body_failure: None,
            module,
            body,
            stderr: Stderr::default(),
        }
    }

    /// Reads without waiting; if nothing has come, sends what the client may be waiting for, and then waits.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Closed> {
        for wait in [false, true] {
            if wait {
                self.before_waiting()?;
            }
            let Body::Reading(input) = &mut self.body else {
                return Ok(0);
            };
            match input.read(self.request, buffer, wait) {
                Ok(Read::Data(count)) => return Ok(count),
                Ok(Read::End) => {
                    self.body = Body::None;
                    return Ok(0);
                }
                Ok(Read::Nothing) => {}
                Err(status) => {
                    let failure = BodyFailure {
                        answer: status.as_request_error(),
                        detail: status.to_string(),
                    };
                    self.body_failure = Some(failure);
                    return Err(Closed);
                }
            }
        }
        // A read that waits ends with data, the end or an error.
        Err(Closed)
    }
}

impl HttpExchange<'_> {
    /// Sends what the client may be waiting for. A client that waits for `100 Continue` gets that first, as long as the
    /// response has not begun; afterwards it must not get it any more.
    fn before_waiting(&mut self) -> Result<(), Closed> {
        if self.request.expects_continue() {
            if self.response.stage() != Stage::Sent {
                return Ok(());
            }
            self.request.forget_expectation();
        }
        self.response.flush(self.request)
    }
}

impl Exchange for HttpExchange<'_> {
    fn read_body(&mut self, buf: &mut [u8]) -> Result<usize, Closed> {
        if buf.is_empty() {
            return Ok(0);
        }
        if let Body::Unread = self.body {
            self.body = Body::Reading(Input::new(self.request));
        }
        self.read(buf)
    }

    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed> {
        #[cfg(feature = "test-panic")]
        crate::panics::here(self.request, "write");
        if !data.is_empty() {
            self.response.write(self.request, data)?;
        }
        if flush {
            self.response.flush(self.request)?;
            #[cfg(feature = "test-panic")]
            crate::panics::here(self.request, "flush");
        }
        Ok(())
    }

    fn log(&mut self, _: LogLevel, line: &[u8]) {
        let module: &dyn std::fmt::Display = &self.module;
        match self.stderr.line(line.len()) {
            Line::Log => {
                let line = String::from_utf8_lossy(line);
                log_request(
                    self.request,
                    &messages::GUEST_STDERR,
                    &[("module", module), ("line", &line)],
                );
            }
            Line::SayDropped => log_request(
                self.request,
                &messages::GUEST_STDERR_DROPPED,
                &[("module", module)],
            ),
            Line::Drop => {}
        }
    }

    fn aborted(&mut self) -> bool {
        self.request
            .connection()
            .is_none_or(|connection| connection.client_gone())
    }
}
