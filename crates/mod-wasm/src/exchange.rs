//! One exchange: lends a guest the request's body and takes its response and what it logs. Everything here is called on
//! httpd's thread, by a guest that waits for the answer.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use cgi::{Line, Record, Stderr, request_trailers};
use directives::{Message, messages};
use httpd::Request;
use wasm_runtime_client::{BodyRead, Closed, Exchange, Field, LogLevel};

use crate::body::Body;
use crate::config::DirConfig;
use crate::log_limit::Gate;
use crate::messages::is_logged;
use crate::response::{Form, Response};

/// The server's side of one request.
pub struct HttpExchange<'r> {
    /// The request.
    pub request: &'r mut Request,
    /// The request's body.
    pub body: Body,
    /// The response as far as it has come.
    pub response: Response,
    /// What is kept for the script log, if there is one.
    pub record: Option<Record>,
    /// The name of the guest's module in the log.
    pub module: &'r str,
    /// What lets its lines into the log.
    pub gate: Gate<'r>,
    lines: Stderr,
}

impl<'r> HttpExchange<'r> {
    /// An exchange for `request`, for which `config` holds. `form`: how the guest gives its response. `module`: the name in
    /// the log.
    pub fn new(
        request: &'r mut Request,
        body: Body,
        form: Form,
        config: &'r DirConfig,
        module: &'r str,
    ) -> HttpExchange<'r> {
        let response = Response::new(request, form);
        HttpExchange {
            request,
            body,
            response,
            record: None,
            module,
            gate: Gate::new(config, module),
            lines: Stderr::default(),
        }
    }

    /// Sends what the client may be waiting for. A client that waits for `100 Continue` gets that first, as long as the
    /// response has not begun; afterwards it must not get it any more.
    fn before_waiting(&mut self) -> Result<(), Closed> {
        if self.request.expects_continue() {
            if !self.response.has_begun() {
                return Ok(());
            }
            self.request.forget_expectation();
        }
        self.response.flush(self.request)
    }

    /// The guest wants more of the body and goes on meanwhile. The client may be waiting for `100 Continue`.
    fn without_waiting(&mut self) -> Result<(), Closed> {
        if self.request.expects_continue() {
            match self.response.has_begun() {
                true => self.request.forget_expectation(),
                false => self.request.send_continue(),
            }
        }
        self.body.starve(self.request)
    }

    fn log_line(&self, message: &Message, name: &str, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let module: &dyn std::fmt::Display = &self.module;
        self.gate
            .log(self.request, message, &[("module", module), (name, &line)]);
    }
}

impl Exchange for HttpExchange<'_> {
    fn read_body(&mut self, buf: &mut [u8], wait: bool) -> Result<BodyRead, Closed> {
        if buf.is_empty() {
            return Ok(BodyRead::End);
        }
        let mut read = self.body.read(self.request, buf, false)?;
        if read == BodyRead::Later && wait {
            self.before_waiting()?;
            read = self.body.read(self.request, buf, true)?;
        } else if read == BodyRead::Later {
            self.without_waiting()?;
        }
        if let (BodyRead::Data(count), Some(record)) = (read, &mut self.record) {
            record.body(buf.get(..count).unwrap_or_default());
        }
        Ok(read)
    }

    fn wait(&mut self, wake: BorrowedFd<'_>, most: Duration) {
        self.body.wait(self.request, wake, most);
    }

    fn read_trailers(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let table = self.request.trailers_in();
        let fields = table.iter().flat_map(|table| table.iter());
        request_trailers(fields)
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect()
    }

    fn send_head(&mut self, status: u16, fields: &[Field<'_>]) -> Result<(), Closed> {
        self.response.head(status, fields)
    }

    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed> {
        #[cfg(feature = "test-panic")]
        crate::panics::here(self.request, "write");
        if let Some(record) = &mut self.record {
            record.output(data);
        }
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

    fn end_response(&mut self, trailers: &[Field<'_>], flush: bool) -> Result<(), Closed> {
        self.response.end(self.request, trailers, flush)
    }

    fn log(&mut self, level: LogLevel, line: &[u8]) {
        if let (LogLevel::Stderr, Some(record)) = (level, &mut self.record) {
            record.stderr(line);
        }
        let (message, name) = message(level);
        if !is_logged(self.request, message) {
            return;
        }
        match self.lines.line(line.len()) {
            Line::Log => self.log_line(message, name, line),
            Line::SayDropped => {
                let module: &dyn std::fmt::Display = &self.module;
                let dropped = &messages::GUEST_STDERR_DROPPED;
                self.gate.log(self.request, dropped, &[("module", module)]);
            }
            Line::Drop => {}
        }
    }

    /// A guest whose response is whole has nobody to lose: it may do what it has left to do, unless the server is stopped.
    fn aborted(&mut self) -> bool {
        let whole = self.response.stage() == cgi::Stage::Ended;
        self.request
            .connection()
            .is_none_or(|connection| match whole {
                true => connection.closed_by_server(),
                false => connection.client_gone(),
            })
    }
}

/// The message for a line, and what the text is called in it.
fn message(level: LogLevel) -> (&'static Message, &'static str) {
    match level {
        LogLevel::Stderr => (&messages::GUEST_STDERR, "line"),
        LogLevel::Trace => (&messages::GUEST_LOG_TRACE, "line"),
        LogLevel::Debug => (&messages::GUEST_LOG_DEBUG, "line"),
        LogLevel::Info => (&messages::GUEST_LOG_INFO, "line"),
        LogLevel::Warn => (&messages::GUEST_LOG_WARNING, "line"),
        LogLevel::Error => (&messages::GUEST_LOG_ERROR, "line"),
        LogLevel::Critical => (&messages::GUEST_LOG_CRITICAL, "line"),
        LogLevel::Denied => (&messages::OUTBOUND_DENIED, "detail"),
        LogLevel::FileLimit => (&messages::FILE_LIMIT, "detail"),
        LogLevel::FileReserve => (&messages::FILE_RESERVE, "detail"),
    }
}
