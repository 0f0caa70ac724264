//! What becomes of a request when its guest has ended: the one table of `cgi` says what, this does it and logs it.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::path::Path;
use std::time::Duration;

use cgi::{Judgement, Stage, Verdict, judge, judge_error};
use directives::units::{show_duration, show_size};
use directives::{Level, Message, Settings, messages};
use httpd::{Answer, Request};
use wasm_runtime_client::{End, Error, Outcome, Request as Job};

use crate::body::BodyFailure;
use crate::exchange::HttpExchange;
use crate::log_limit::Gate;
use crate::messages::{Fields, log_request};
use crate::response::{Failure, Form};
use crate::script_log;

/// Seconds after which a client may come again when all instances are in use.
const RETRY_AFTER: &std::ffi::CStr = c"1";
/// How long the engine waits for a free instance.
const WAIT: &str = "1s";

/// Ends the request: sends, aborts or replaces the response, and logs what must be known.
pub fn conclude(
    mut exchange: HttpExchange<'_>,
    settings: &Settings,
    job: &Job<'_>,
    result: Result<Outcome, Error>,
    time: Duration,
) -> Answer {
    let log = Log {
        module: exchange.module,
        form: exchange.response.form(),
        timeout: job.timeout,
        limit: job.memory_limit,
        errors: RefCell::default(),
        temp: settings.temp_dir(),
        gate: exchange.gate.clone(),
    };
    let answer = match result {
        Ok(outcome) => {
            let record = exchange.record.take();
            let answer = ended(&mut exchange, &log, &outcome);
            let unwanted = outcome.end == End::ClientGone && exchange.response.is_settled();
            log.done(exchange.request, &outcome, unwanted, time);
            if let (Some(record), Some(status)) = (record, failure(&exchange, &outcome, answer)) {
                let errors = log.errors.take();
                script_log::write(
                    exchange.request,
                    settings,
                    log.module,
                    &record,
                    status,
                    &errors,
                );
            }
            answer
        }
        Err(error) => {
            let judgement = judge_error(error.code);
            log.judged(exchange.request, &judgement, &error.message, 0);
            carry_out(&mut exchange, judgement.verdict)
        }
    };
    log.gate.end(exchange.request);
    answer
}

/// The status of a response that is not as the guest should have made it; none if all is well or others are to blame.
fn failure(exchange: &HttpExchange<'_>, outcome: &Outcome, answer: Answer) -> Option<i32> {
    if exchange.body.failure().is_some() {
        return None;
    }
    let status = match answer {
        Answer::Http(status) => i32::from(status),
        _ => exchange.request.status(),
    };
    let answered = answer == Answer::FilterError || matches!(answer, Answer::Http(_));
    let cut_off = matches!(
        outcome.end,
        End::Trapped | End::TimedOut | End::LimitReached
    );
    let failed = answered && matches!(status, 500 | 502 | 504);
    (failed || cut_off).then_some(status)
}

/// The program is not there, although the server started: it cannot happen, and must not be silent if it does.
pub fn not_loaded(request: &Request) -> Answer {
    log_request(
        request,
        &messages::NOT_INSTANTIATED,
        &[("detail", &"the module is not loaded")],
    );
    Answer::Http(500)
}

/// The server has started without the program, as its line allows. No word of when to come again: that is up to the operator.
pub fn left_out(request: &Request, module: &Path, reason: &str) -> Answer {
    let fields: &Fields<'_> = &[("module", &module.display()), ("detail", &reason)];
    log_request(request, &messages::MODULE_NOT_THERE, fields);
    Answer::Http(503)
}

/// The request's body was refused before the guest was started.
pub fn refused(request: &Request, module: &str, failure: &BodyFailure) -> Answer {
    log_body_failure(request, module, failure);
    failure.answer
}

/// The module itself has panicked.
pub fn panicked(request: &mut Request, text: &str) -> Answer {
    log_request(request, &messages::PANIC, &[("detail", &text)]);
    if request.response_ended() {
        return Answer::Ok;
    }
    if request.response_begun() {
        httpd::Output::new(request).abort(request);
        return Answer::Ok;
    }
    Answer::Http(500)
}

/// The guest has run and ended, by itself or because it was stopped.
fn ended(exchange: &mut HttpExchange<'_>, log: &Log<'_>, outcome: &Outcome) -> Answer {
    if let Some(failure) = exchange.response.failure().cloned() {
        return unusable(exchange, log, &failure);
    }
    if let Some(failure) = exchange.body.failure().cloned() {
        return body_failed(exchange, log, &failure);
    }
    // Stopped because the client has been answered already: a condition of the request was met.
    if outcome.end == End::ClientGone && exchange.response.is_settled() {
        return exchange.response.finish(exchange.request);
    }
    let (end, stage, detail) = read(exchange, log, outcome);
    let judgement = judge(end, stage);
    let exit = match end {
        End::Exited(status) => status,
        _ => 0,
    };
    log.judged(exchange.request, &judgement, &detail, exit);
    if judgement.message.is_some() && !matches!(end, End::ClientGone | End::Exited(_)) {
        log.backtrace(exchange.request, outcome);
    }
    let answer = carry_out(exchange, judgement.verdict);
    match exchange.response.failure().cloned() {
        // Only what is found when the last of the response is sent.
        Some(failure) if judgement.verdict == Verdict::Keep => unusable(exchange, log, &failure),
        _ => answer,
    }
}

/// What the table must know, with what the form of the response says about its end; and the detail for the log.
fn read(exchange: &mut HttpExchange<'_>, log: &Log<'_>, outcome: &Outcome) -> (End, Stage, String) {
    let (end, stage) = (outcome.end, exchange.response.stage());
    let with = |end, stage, detail: &str| (end, stage, detail.to_owned());
    match (log.form, end, stage) {
        // There is no head that could be missing: no output is an empty page.
        (Form::Plain, End::Completed, Stage::Incomplete) => with(end, Stage::Held, ""),
        (Form::Script | Form::Nph, End::Completed, Stage::Incomplete) => {
            if log.form == Form::Script {
                exchange.response.report_incomplete_head(exchange.request);
            }
            let detail = "the output ended before the empty line after the headers";
            with(end, stage, detail)
        }
        // The guest says itself when its response is whole, and the engine when it has not: that is checked once more.
        (Form::Http, End::Completed, Stage::Incomplete) => with(End::NoResponse, stage, ""),
        (Form::Http, End::Completed | End::Exited(_), Stage::Held | Stage::Sent) => {
            with(End::BadResponse, stage, "the guest ended before it")
        }
        (_, End::TimedOut, Stage::Ended) => {
            let detail = format!("timed out after {}", show_duration(log.timeout));
            (end, stage, detail)
        }
        (_, End::LimitReached, Stage::Ended) => {
            let limit = show_size(log.limit);
            let detail = format!("reached WasmMemoryLimit of {limit}: {}", outcome.detail);
            (end, stage, detail)
        }
        (_, End::TempDirFull, Stage::Ended) => {
            let detail = format!("went beyond WasmTempDir: {}", outcome.detail);
            (end, stage, detail)
        }
        _ => with(end, stage, &outcome.detail),
    }
}

fn carry_out(exchange: &mut HttpExchange<'_>, verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Keep => exchange.response.finish(exchange.request),
        Verdict::Status(status) => {
            if status == 503 {
                return come_again(exchange.request);
            }
            Answer::Http(status)
        }
        Verdict::Abort => {
            exchange.response.abort(exchange.request);
            Answer::Ok
        }
    }
}

/// 503, and when the client may try once more.
pub fn come_again(request: &Request) -> Answer {
    if let Some(headers) = request.err_headers_out() {
        headers.set(c"Retry-After", RETRY_AFTER);
    }
    Answer::Http(503)
}

/// The response could not be used, whatever the guest did afterwards.
fn unusable(exchange: &mut HttpExchange<'_>, log: &Log<'_>, failure: &Failure) -> Answer {
    let mut status = 500;
    let detail = match failure {
        Failure::Framed => {
            status = 502;
            "it has a Transfer-Encoding".to_owned()
        }
        Failure::Head(cgi::HeadProblem::TooLarge) => {
            log.message(
                exchange.request,
                &messages::HEAD_TOO_LARGE,
                &[("limit", &cgi::HEAD_LIMIT)],
            );
            return Answer::Http(500);
        }
        Failure::Head(problem) => problem.text().to_owned(),
        Failure::BadStatus(status) => status.clone(),
        Failure::Refused => "refused by httpd".to_owned(),
        Failure::Field(problem) => {
            let judgement = judge(End::BadResponse, exchange.response.stage());
            log.judged(exchange.request, &judgement, &problem.to_string(), 0);
            return carry_out(exchange, judgement.verdict);
        }
        Failure::Filter => {
            // A range that the response does not have is the client's mistake, and httpd has said so.
            if exchange.request.status() != 416 {
                let detail = "refused by a filter of httpd";
                log.message(exchange.request, log.bad_response(), &[("detail", &detail)]);
            }
            // Most have answered with an error page of their own; one that has not leaves half a response.
            if !exchange.request.response_ended() {
                exchange.response.abort(exchange.request);
            }
            return Answer::FilterError;
        }
        Failure::Misframed(problem) => {
            log.message(
                exchange.request,
                &messages::MISFRAMED,
                &[("detail", problem)],
            );
            // What ends a response that is too short has ended it already.
            if !exchange.request.response_ended() {
                exchange.response.abort(exchange.request);
            }
            return Answer::Ok;
        }
        Failure::Unsendable(detail) => {
            log.message(
                exchange.request,
                &messages::CLIENT_GONE,
                &[("detail", detail)],
            );
            exchange.response.abort(exchange.request);
            return Answer::Ok;
        }
    };
    log.message(exchange.request, log.bad_response(), &[("detail", &detail)]);
    Answer::Http(status)
}

/// The request's body could not be read: the client's fault, and httpd knows which status that is.
fn body_failed(exchange: &mut HttpExchange<'_>, log: &Log<'_>, failure: &BodyFailure) -> Answer {
    log_body_failure(exchange.request, log.module, failure);
    match exchange.response.stage() {
        Stage::Incomplete | Stage::Held => failure.answer,
        Stage::Sent => {
            exchange.response.abort(exchange.request);
            Answer::Ok
        }
        // The guest had answered and read on.
        Stage::Ended => Answer::Ok,
    }
}

fn log_body_failure(request: &Request, module: &str, failure: &BodyFailure) {
    let gone = request
        .connection()
        .is_some_and(|connection| connection.aborted());
    // httpd's own filter has answered already in most cases; then the status is that of its answer.
    let too_large = failure.answer == Answer::Http(413)
        || failure.answer == Answer::FilterError && request.status() == 413;
    let limit = request.body_limit().unwrap_or(0);
    let detail: (&str, &dyn Display) = ("detail", &failure.detail);
    let (message, field): (_, Option<(&str, &dyn Display)>) = match failure.message {
        Some(message) => (message, Some(detail)),
        None if gone => (&messages::CLIENT_GONE, None),
        None if too_large => (&messages::BODY_TOO_LARGE, Some(("limit", &limit))),
        None => (&messages::BODY_UNREADABLE, Some(detail)),
    };
    // A failure that says all in its message has no detail.
    let field = field.filter(|(name, _)| message.placeholders().any(|wanted| wanted == *name));
    let mut fields: Vec<(&str, &dyn Display)> = vec![("module", &module)];
    fields.extend(field);
    log_request(request, message, &fields);
}

/// What all messages about one run have in common.
struct Log<'r> {
    module: &'r str,
    form: Form,
    timeout: Duration,
    limit: u64,
    /// What has been logged as an error, for the script log.
    errors: RefCell<Vec<String>>,
    temp: Option<&'r directives::TempDir>,
    gate: Gate<'r>,
}

impl Log<'_> {
    #[track_caller]
    fn message(&self, request: &Request, message: &Message, fields: &Fields<'_>) {
        let module: (&str, &dyn Display) = ("module", &self.module);
        let fields = [fields, &[module]].concat();
        self.gate.log(request, message, &fields);
        if message.level <= Level::Error {
            self.errors.borrow_mut().push(message.line(&fields));
        }
    }

    /// What a response is called that can not be sent.
    fn bad_response(&self) -> &'static Message {
        match self.form {
            Form::Plain | Form::Script | Form::Nph => &messages::BAD_RESPONSE,
            Form::Http => &messages::BAD_GUEST_RESPONSE,
        }
    }

    #[track_caller]
    fn judged(&self, request: &Request, judgement: &Judgement, detail: &str, exit: u32) {
        let Some(message) = judgement.message else {
            return;
        };
        let (timeout, limit) = (show_duration(self.timeout), show_size(self.limit));
        let max = show_size(self.temp.map_or(0, |temp| temp.max));
        let files = self.temp.map_or(0, |temp| temp.files);
        let all: &Fields<'_> = &[
            ("detail", &detail),
            ("exit", &exit),
            ("timeout", &timeout),
            ("limit", &limit),
            ("max", &max),
            ("files", &files),
            ("wait", &WAIT),
        ];
        // Only what the text of the message asks for.
        let wanted: Vec<_> = all
            .iter()
            .copied()
            .filter(|(name, _)| message.placeholders().any(|wanted| wanted == *name))
            .collect();
        self.message(request, message, &wanted);
    }

    fn backtrace(&self, request: &Request, outcome: &Outcome) {
        for line in outcome.backtrace.lines() {
            self.message(request, &messages::GUEST_BACKTRACE, &[("line", &line)]);
        }
    }

    /// `unwanted`: the guest was stopped because the client needed nothing more from it.
    fn done(&self, request: &Request, outcome: &Outcome, unwanted: bool, time: Duration) {
        // Nothing is formatted unless the line is logged.
        let time = fmt::from_fn(|f| write!(f, "{:.3} ms", time.as_secs_f64() * 1000.0));
        let end = fmt::from_fn(|f| match unwanted {
            true => f.write_str("Unwanted"),
            false => write!(f, "{:?}", outcome.end),
        });
        let fields: &Fields<'_> = &[
            ("outcome", &end),
            ("time", &time),
            ("memory", &outcome.peak_memory),
            ("module", &self.module),
        ];
        // No program makes more of these than there are requests, and whoever has them logged wants them all.
        log_request(request, &messages::REQUEST_DONE, fields);
    }
}
