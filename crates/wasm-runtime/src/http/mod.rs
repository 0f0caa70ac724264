//! Runs http guests: components that are handed a request and hand back a response.
//!
//! | file | what it does |
//! |---|---|
//! | `driver` | on the thread that serves the request: moves bodies between the server and the guest |
//! | `proxy` | calls a WASI 0.2 guest, whose instance has one request at a time |
//! | `service` | calls a WASI 0.3 guest, whose instance may be shared by several threads' requests |
//! | `bell` | calls one of these threads to the instance |
//! | `time` | whose time runs meanwhile |
//! | `idle` | keeps instances between requests, where that is allowed |
//! | `body`, `incoming` | the request in the form that guests get it |
//!
//! Nothing here knows the server beyond [`Exchange`].

mod bell;
mod body;
mod driver;
mod failure;
mod idle;
mod incoming;
mod proxy;
mod service;
mod time;

pub use idle::{Idle, Owner};

use crate::guest::{Guest, Plan};
use crate::wake::OwnSignal;
use crate::{Error, ErrorCode, Exchange, Outcome, Request};
use driver::Driver;
use std::task::Waker;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// Serves one request with an http guest and returns when the guest has done all its work for it.
///
/// # Errors
/// Those of [`Guest::run`].
pub fn run(
    guest: &Guest,
    request: &Request<'_>,
    exchange: Box<dyn Exchange>,
) -> Result<Outcome, Error> {
    let Some(http) = &request.http else {
        let text = "an http guest answers HTTP requests, and there is none";
        return Err(Error::new(ErrorCode::Usage, text));
    };
    let signal = OwnSignal::take()?;
    let (feed, body) = body::pipe(Waker::from(signal.share()));
    let incoming = incoming::convert(http, body)?;
    let driver = Driver::new(exchange, feed, signal, request.timeout);
    match &guest.plan {
        Plan::Proxy(pre) => {
            let scheme = match http.scheme {
                "https" => Scheme::Https,
                _ => Scheme::Http,
            };
            proxy::run(guest, pre, request, scheme, incoming, driver)
        }
        Plan::Service(pre) => service::run(guest, pre, request, incoming, driver),
        Plan::Module(_) | Plan::Command2(_) | Plan::Command3(_) => {
            let text = "a command does not answer HTTP requests";
            Err(Error::new(ErrorCode::Usage, text))
        }
    }
}
