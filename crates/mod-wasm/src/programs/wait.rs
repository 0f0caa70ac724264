//! How long a request waits for its program, and how many may. Must not know how a program is loaded.
//!
//! A program that takes long to compile must not take the server's threads: each request may wait for a moment, a few for
//! longer, counted over all children, and none for ever.

use std::fmt::Display;
use std::time::{Duration, Instant};

use directives::messages;
use directives::units::show_duration;
use httpd::{Answer, Request, request_workers};
use wasm_runtime_client::{Engine, Permit};

use super::{Loading, Program};
use crate::messages::log_request;
use crate::{outcome, registry};

/// How long any request may wait, from when the first of them came: most programs are compiled by then.
const MOMENT: Duration = Duration::from_secs(2);
/// How often a request that waits looks at its client.
const LOOK: Duration = Duration::from_millis(100);
/// One of so many of the server's threads may wait longer, and one of so many of those for the programs of one owner.
const SHARE: u32 = 4;
/// The number of the permit to wait longer; those of owners are theirs.
const ANYBODY: u32 = 0;

/// Waits until something came of the program.
///
/// # Errors
/// What the client gets; the log says why.
pub fn until_loaded<'p>(
    request: &Request,
    engine: &Engine,
    program: &'p Program,
) -> Result<&'p Loading, Answer> {
    let limit = registry::with_server_settings(|server| server.compile_limit().wait);
    let begun = Instant::now();
    let mut permits = None;
    loop {
        if let Some(loading) = program.wait(LOOK) {
            return Ok(loading);
        }
        if request
            .connection()
            .is_none_or(|connection| connection.client_gone())
        {
            let module = program.file.display();
            log_request(request, &messages::CLIENT_GONE, &[("module", &module)]);
            return Err(Answer::Http(400));
        }
        let waited = begun.elapsed();
        if waited >= limit {
            return Err(late(request, program, &show_duration(limit)));
        }
        if program.since.elapsed() >= MOMENT && permits.is_none() {
            permits = permits_for(engine, program);
            if permits.is_none() {
                return Err(late(request, program, &show_duration(MOMENT)));
            }
        }
    }
}

/// Both permits that waiting longer takes.
fn permits_for(engine: &Engine, program: &Program) -> Option<(Permit, Permit)> {
    let all = request_workers().div_ceil(SHARE);
    let own = all.div_ceil(SHARE);
    // Who cannot be counted does not wait.
    let take = |number, most| engine.permit(number, most).ok().flatten();
    Some((take(program.owner.number(), own)?, take(ANYBODY, all)?))
}

fn late(request: &Request, program: &Program, waited: &str) -> Answer {
    let module = program.file.display();
    let fields: &[(&str, &dyn Display)] = &[("module", &module), ("wait", &waited)];
    log_request(request, &messages::STILL_LOADING, fields);
    outcome::come_again(request)
}
