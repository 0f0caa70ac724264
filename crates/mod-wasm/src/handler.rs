//! The content handler: from a request to a run of its guest.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Instant;

use cgi::Environment;
use directives::{Settings, messages};
use httpd::{Answer, Request};
use wasm_runtime_client as client;

use crate::Wasm;
use crate::exchange::HttpExchange;
use crate::messages::log_request;
use crate::outcome;
use crate::registry::Program;

/// What `SetHandler` must say.
const HANDLER: &[u8] = b"wasm-handler";

/// Serves the request, if it is ours.
pub fn handle(request: &mut Request) -> Answer {
    if request.handler() != HANDLER {
        return Answer::Declined;
    }
    #[cfg(feature = "test-panic")]
    crate::panics::here(request, "handler");
    let Some((settings, program, location)) = configured(request) else {
        let uri = String::from_utf8_lossy(request.uri()).into_owned();
        log_request(request, &messages::NO_MODULE, &[("uri", &uri)]);
        return Answer::Http(500);
    };
    let split = location
        .as_deref()
        .and_then(|prefix| split(request, prefix));
    if request.rejects_path_info() && has_path_info(request, split.as_ref()) {
        return Answer::Http(404);
    }
    if settings.cgi() && body_too_large(request, &settings) {
        return Answer::Http(413);
    }
    let environment = environment(request, &settings, split.as_ref());
    run(request, &settings, &program, &environment)
}

type Configured = (Arc<Settings>, Arc<Program>, Option<Arc<str>>);

/// The configuration that holds for this request, if it names a module.
fn configured(request: &Request) -> Option<Configured> {
    let config = request.dir_config::<Wasm>()?;
    Some((
        Arc::clone(config.settings()),
        Arc::clone(config.program()?),
        config.location().cloned(),
    ))
}

/// `SCRIPT_NAME` and `PATH_INFO`.
type Split = (CString, CString);

/// The split of a URL whose program is named by its `<Location>`. If httpd has found a file at the URL, then the file is
/// the program's script, as for an interpreter, and httpd's own split is right.
fn split(request: &Request, prefix: &str) -> Option<Split> {
    if request.is_file() {
        return None;
    }
    let (script, path) = cgi::split(request.uri(), prefix)?;
    Some((CString::new(script).ok()?, CString::new(path).ok()?))
}

fn has_path_info(request: &Request, split: Option<&Split>) -> bool {
    match split {
        Some((_, path)) => !path.is_empty(),
        None => !request.path_info().is_empty(),
    }
}

/// Refuses a body that says itself that it is too large, before a guest is started for it.
fn body_too_large(request: &Request, settings: &Settings) -> bool {
    let length = request
        .headers_in()
        .and_then(|headers| headers.get(c"Content-Length"));
    let length = length.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
    let (Some(length), Some(limit)) = (length, request.body_limit()) else {
        return false;
    };
    if length > limit {
        let module = settings.module().map_or("", |module| module.name());
        log_request(
            request,
            &messages::BODY_TOO_LARGE,
            &[("limit", &limit), ("module", &module)],
        );
    }
    length > limit
}

fn environment(request: &mut Request, settings: &Settings, split: Option<&Split>) -> Environment {
    if !settings.cgi() {
        return Environment::configured(settings);
    }
    request.add_cgi_environment(split.map(|(script, path)| (script.as_c_str(), path.as_c_str())));
    match request.environment() {
        Some(variables) => Environment::cgi(variables.iter(), settings),
        None => Environment::configured(settings),
    }
}

fn run(
    request: &mut Request,
    settings: &Settings,
    program: &Program,
    environment: &Environment,
) -> Answer {
    let argv = settings.argv();
    let args: Vec<&[u8]> = argv.iter().map(|arg| arg.as_bytes()).collect();
    let mounts: Vec<client::Mount<'_>> = settings
        .mounts()
        .iter()
        .map(|mount| client::Mount {
            host: &mount.host,
            guest: &mount.guest,
            read_only: mount.read_only,
        })
        .collect();
    let job = client::Request {
        args: &args,
        env: &environment.pairs(),
        mounts: &mounts,
        entry_point: settings
            .entry_point()
            .map(|entry_point| entry_point.name.as_str()),
        timeout: settings.timeout(request.server_timeout()),
        memory_limit: settings.memory_limit(),
    };
    let start = Instant::now();
    let mut exchange = HttpExchange::new(
        request,
        settings.cgi(),
        argv.first().copied().unwrap_or_default(),
    );
    let Some(guest) = program.guest() else {
        return outcome::not_loaded(&exchange);
    };
    let result = guest.run(&job, &mut exchange);
    outcome::conclude(exchange, settings, &job, result, start.elapsed())
}
