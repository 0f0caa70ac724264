//! Why a guest did not serve its request well.

use crate::limits::Account;
use crate::outcome::{self, End, Outcome, Phase, Stop};
use crate::{Error, ErrorCode, text};
use std::fmt;
use wasmtime_wasi_http::Error as HttpError;

/// Why a request ended before guest and response were through.
#[derive(Clone, Debug)]
pub struct Failure {
    end: End,
    detail: String,
    backtrace: String,
    /// It is the engine's, not the guest's.
    engine: Option<ErrorCode>,
}

impl Failure {
    /// A failure that the engine noticed.
    pub fn new(end: End, detail: impl fmt::Display) -> Failure {
        Failure {
            end,
            detail: text::line(detail),
            backtrace: String::new(),
            engine: None,
        }
    }

    /// The engine has panicked in an instance, while another request had it: nobody can use it any more.
    pub fn of_panic() -> Failure {
        Failure {
            engine: Some(ErrorCode::Panic),
            ..Failure::new(
                End::Trapped,
                "a panic in the instance that the request was in",
            )
        }
    }

    /// A response that can not be passed on, and why.
    pub fn of_response(why: impl fmt::Display) -> Failure {
        Failure::new(End::BadResponse, why)
    }

    /// A response body that ended with an error; `promised` says whether the head gave its length.
    pub fn of_given_up(error: &HttpError, promised: bool) -> Failure {
        match error {
            HttpError::HttpResponseBodySize(_) if promised => {
                Failure::of_response("its body is not as long as its Content-Length says")
            }
            other => Failure::of_response(format_args!(
                "its body was given up before it was complete: {other}"
            )),
        }
    }

    /// What Wasmtime says when an instance fails; with the guest's stack, if that is wanted.
    pub fn of_guest(
        error: &wasmtime::Error,
        phase: Phase,
        account: &Account,
        backtrace: bool,
    ) -> Failure {
        let (end, detail) = outcome::classify(error, phase, account.denied());
        Failure {
            end,
            detail,
            backtrace: outcome::backtrace(error, backtrace),
            engine: outcome::pool_exhausted(error).then_some(ErrorCode::Busy),
        }
    }

    /// The outcome of the run, or the error if it never began.
    pub fn into_outcome(self, account: &Account) -> Result<Outcome, Error> {
        if let Some(code) = self.engine {
            return Err(Error::new(code, self.detail));
        }
        Ok(Outcome {
            end: self.end,
            detail: self.detail,
            backtrace: self.backtrace,
            ..completed(account)
        })
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        Failure::new(stop.into(), stop.to_string())
    }
}

/// The outcome of a run that went well.
pub fn completed(account: &Account) -> Outcome {
    Outcome {
        end: End::Completed,
        detail: String::new(),
        backtrace: String::new(),
        memory_denied: account.denied(),
        peak_memory: account.used(),
    }
}
