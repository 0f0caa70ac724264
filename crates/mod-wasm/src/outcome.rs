//! What becomes of a request when its guest has ended: the one table of `cgi` says what, this does it and logs it.

use std::fmt::Display;
use std::time::Duration;

use cgi::{Judgement, Stage, Verdict, judge, judge_error};
use directives::units::{show_duration, show_size};
use directives::{Message, Settings, messages};
use httpd::{Answer, Request};
use wasm_runtime_client::{End, Error, Outcome, Request as Job};

use crate::exchange::{BodyFailure, HttpExchange};
use crate::messages::{Fields, log_request};
use crate::response::Failure;

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
    let module = settings.module().map_or("", |module| module.name());
    let log = Log {
        module,
        timeout: job.timeout,
        limit: job.memory_limit,
    };
    match result {
        Ok(outcome) => {
            let answer = ended(&mut exchange, &log, &outcome, settings.cgi());
            let unwanted = outcome.end == End::ClientGone && exchange.response.is_settled();
            log.done(exchange.request, &outcome, unwanted, time);
            answer
        }
        Err(error) => {
            let judgement = judge_error(error.code);
            log.judged(exchange.request, &judgement, &error.message, 0);
            carry_out(&mut exchange, judgement.verdict)
        }
    }
}

/// The program is not there, although the server started: it cannot happen, and must not be silent if it does.
pub fn not_loaded(exchange: &HttpExchange<'_>) -> Answer {
    log_request(
        exchange.request,
        &messages::NOT_INSTANTIATED,
        &[("detail", &"the module is not loaded")],
    );
    Answer::Http(500)
}

/// The module itself has panicked.
pub fn panicked(request: &mut Request, text: &str) -> Answer {
    log_request(request, &messages::PANIC, &[("detail", &text)]);
    if request.response_begun() {
        httpd::Output::new(request).abort(request);
        return Answer::Ok;
    }
    Answer::Http(500)
}

/// The guest has run and ended, by itself or because it was stopped.
fn ended(exchange: &mut HttpExchange<'_>, log: &Log<'_>, outcome: &Outcome, cgi: bool) -> Answer {
    if let Some(failure) = exchange.response.failure().cloned() {
        return unusable(exchange, log, &failure);
    }
    if let Some(failure) = exchange.body_failure.clone() {
        return body_failed(exchange, log, &failure);
    }
    // Stopped because the client has been answered already: a condition of the request was met.
    if outcome.end == End::ClientGone && exchange.response.is_settled() {
        return exchange.response.finish(exchange.request);
    }
    // Without CGI there is no head that could be missing: no output is an empty page.
    let stage = match exchange.response.stage() {
        Stage::Incomplete if !cgi && outcome.end == End::Completed => Stage::Held,
        stage => stage,
    };
    let judgement = judge(outcome.end, stage);
    if outcome.end == End::Completed && stage == Stage::Incomplete {
        exchange.response.report_incomplete_head(exchange.request);
        log.judged(
            exchange.request,
            &judgement,
            "the output ended before the empty line after the headers",
            0,
        );
    } else {
        let exit = if let End::Exited(status) = outcome.end {
            status
        } else {
            0
        };
        log.judged(exchange.request, &judgement, &outcome.detail, exit);
    }
    if judgement.verdict != Verdict::Keep && outcome.end != End::ClientGone {
        log.backtrace(exchange.request, outcome);
    }
    let answer = carry_out(exchange, judgement.verdict);
    match exchange.response.failure().cloned() {
        // Only what is found when the last of the response is sent.
        Some(failure) if judgement.verdict == Verdict::Keep => unusable(exchange, log, &failure),
        _ => answer,
    }
}

fn carry_out(exchange: &mut HttpExchange<'_>, verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Keep => exchange.response.finish(exchange.request),
        Verdict::Status(status) => {
            if status == 503
                && let Some(headers) = exchange.request.err_headers_out()
            {
                headers.set(c"Retry-After", RETRY_AFTER);
            }
            Answer::Http(status)
        }
        Verdict::Abort => {
            exchange.response.abort(exchange.request);
            Answer::Ok
        }
    }
}

/// The response could not be used, whatever the guest did afterwards.
fn unusable(exchange: &mut HttpExchange<'_>, log: &Log<'_>, failure: &Failure) -> Answer {
    let mut status = 500;
    let detail = match failure {
        Failure::Framed => {
            status = 502;
            "it has a Transfer-Encoding"
        }
        Failure::Head(cgi::HeadProblem::TooLarge) => {
            log.message(
                exchange.request,
                &messages::HEAD_TOO_LARGE,
                &[("limit", &cgi::HEAD_LIMIT)],
            );
            return Answer::Http(500);
        }
        Failure::Head(problem) => problem.text(),
        Failure::BadStatus(status) => status,
        Failure::Refused => "refused by httpd",
        Failure::Filter => {
            log.message(
                exchange.request,
                &messages::BAD_RESPONSE,
                &[("detail", &"refused by a filter of httpd")],
            );
            // Most have answered with an error page of their own; one that has not leaves half a response.
            if !exchange.request.response_ended() {
                exchange.response.abort(exchange.request);
            }
            return Answer::FilterError;
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
    log.message(
        exchange.request,
        &messages::BAD_RESPONSE,
        &[("detail", &detail)],
    );
    Answer::Http(status)
}

/// The request's body could not be read: the client's fault, and httpd knows which status that is.
fn body_failed(exchange: &mut HttpExchange<'_>, log: &Log<'_>, failure: &BodyFailure) -> Answer {
    let gone = exchange
        .request
        .connection()
        .is_some_and(|connection| connection.aborted());
    // httpd's own filter has answered already in most cases; then the status is that of its answer.
    let too_large = failure.answer == Answer::Http(413)
        || failure.answer == Answer::FilterError && exchange.request.status() == 413;
    match gone {
        true => log.message(exchange.request, &messages::CLIENT_GONE, &[]),
        false if too_large => {
            let limit = exchange.request.body_limit().unwrap_or(0);
            log.message(
                exchange.request,
                &messages::BODY_TOO_LARGE,
                &[("limit", &limit)],
            );
        }
        false => log.message(
            exchange.request,
            &messages::BODY_UNREADABLE,
            &[("detail", &failure.detail)],
        ),
    }
    if exchange.response.stage() == Stage::Sent {
        exchange.response.abort(exchange.request);
        return Answer::Ok;
    }
    failure.answer
}

/// What all messages about one run have in common.
struct Log<'r> {
    module: &'r str,
    timeout: Duration,
    limit: u64,
}

impl Log<'_> {
    #[track_caller]
    fn message(&self, request: &Request, message: &Message, fields: &Fields<'_>) {
        let module: (&str, &dyn Display) = ("module", &self.module);
        log_request(request, message, &[fields, &[module]].concat());
    }

    #[track_caller]
    fn judged(&self, request: &Request, judgement: &Judgement, detail: &str, exit: u32) {
        let Some(message) = judgement.message else {
            return;
        };
        let (timeout, limit) = (show_duration(self.timeout), show_size(self.limit));
        let all: &Fields<'_> = &[
            ("detail", &detail),
            ("exit", &exit),
            ("timeout", &timeout),
            ("limit", &limit),
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
        let time = format!("{:.3} ms", time.as_secs_f64() * 1000.0);
        let end = if unwanted {
            "Unwanted".to_owned()
        } else {
            format!("{:?}", outcome.end)
        };
        let fields: &Fields<'_> = &[
            ("outcome", &end),
            ("time", &time),
            ("memory", &outcome.peak_memory),
        ];
        self.message(request, &messages::REQUEST_DONE, fields);
    }
}
