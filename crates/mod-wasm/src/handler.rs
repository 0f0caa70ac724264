//! The content handler: from a request to a run of its guest.

use std::time::Instant;

use cgi::Environment;
use directives::{Settings, messages};
use httpd::{Answer, Request};
use wasm_runtime_client as client;
use wasm_runtime_client::Guest;

use crate::Wasm;
use crate::body::Body;
use crate::config::DirConfig;
use crate::exchange::HttpExchange;
use crate::messages::{is_logged, log_request};
use crate::response::Form;
use crate::{http, nph, outcome, program, script, script_log, serialize, temp, values};

/// What `SetHandler` must say.
const HANDLER: &[u8] = b"wasm-handler";

/// Serves the request, if it is ours.
pub fn handle(request: &mut Request) -> Answer {
    if request.handler() != HANDLER {
        return Answer::Declined;
    }
    #[cfg(feature = "test-panic")]
    crate::panics::here(request, "handler");
    let Some(mut config) = request.dir_config::<Wasm>().cloned() else {
        // Declined, the request would be served by httpd's own handler, which sends the program or the script as it is.
        log_request(request, &messages::NO_CONFIGURATION, &[]);
        return Answer::Http(500);
    };
    let chosen = match program::choose(request, &config) {
        Ok(chosen) => chosen,
        Err(answer) => return answer,
    };
    if let Err(answer) = values::evaluate(request, &mut config, &chosen.name) {
        return answer;
    }
    let settings = config.settings();
    // What kind of program it is says how it wants to be called; CGI is a way to call a command.
    let form = match chosen.requested.is_cgi(settings) {
        _ if chosen.guest.kind().answers_http() => Form::Http,
        true if settings.nph() => Form::Nph,
        true => Form::Script,
        false => Form::Plain,
    };
    let body = Body::new(request, form != Form::Plain);
    if body.is_offered() && body_too_large(request, &chosen.name) {
        return Answer::Http(413);
    }
    let words = match form {
        Form::Script | Form::Nph if chosen.requested.takes_query(settings) => {
            script::query_words(request)
        }
        _ => Vec::new(),
    };
    let mut run = Run {
        config: &config,
        guest: &chosen.guest,
        name: &chosen.name,
        form,
        cwd: chosen.requested.working_directory(settings),
        words,
        body,
    };
    match form {
        Form::Plain => run.start(request, Environment::configured(settings), None),
        Form::Script | Form::Nph => {
            if form == Form::Nph
                && let Err(answer) = nph::check(request, &chosen.name)
            {
                return answer;
            }
            if let Err(failure) = run.body.settle_length(request, settings) {
                return outcome::refused(request, &chosen.name, &failure);
            }
            let environment = script::environment(
                request,
                settings,
                &chosen.requested,
                chosen.split.as_ref(),
                run.body.length(),
            );
            run.start(request, environment, None)
        }
        Form::Http => run.answer(request),
    }
}

/// Refuses a body that says itself that it is too large, before a guest is started for it.
fn body_too_large(request: &Request, module: &str) -> bool {
    let length = request
        .headers_in()
        .and_then(|headers| headers.get(c"Content-Length"));
    let length = length.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
    let (Some(length), Some(limit)) = (length, request.body_limit()) else {
        return false;
    };
    if length > limit {
        log_request(
            request,
            &messages::BODY_TOO_LARGE,
            &[("limit", &limit), ("module", &module)],
        );
    }
    length > limit
}

/// A run that is about to start.
struct Run<'c> {
    config: &'c DirConfig,
    guest: &'c Guest,
    /// What the guest gets as `argv[0]`, and what log lines call it.
    name: &'c str,
    form: Form,
    /// The guest's directory in which a command starts.
    cwd: Option<String>,
    /// Arguments that the request gives.
    words: Vec<String>,
    body: Body,
}

impl Run<'_> {
    /// Runs a guest that answers HTTP itself.
    fn answer(mut self, request: &mut Request) -> Answer {
        let settings = self.config.settings();
        if let Err(failure) = self.body.settle_stream(request, settings) {
            return outcome::refused(request, self.name, &failure);
        }
        let asked = http::Asked::of(request, self.body.is_as_long_as_said(request));
        let environment = Environment::configured(settings);
        self.start(request, environment, Some(&asked))
    }

    /// Collects what the guest is given, and runs it.
    fn start(
        self,
        request: &mut Request,
        mut environment: Environment,
        asked: Option<&http::Asked>,
    ) -> Answer {
        let settings = self.config.settings();
        let argv = settings.argv(self.name);
        let words = self.words.iter().map(String::as_str);
        let args: Vec<&[u8]> = argv
            .iter()
            .copied()
            .chain(words)
            .map(str::as_bytes)
            .collect();
        let temp_dir = settings.temp_dir();
        if let Some(temp_dir) = temp_dir {
            environment.default_to("TMPDIR", &temp_dir.guest);
        }
        let mounts: Vec<client::Mount<'_>> = settings.mounts().map(mount).collect();
        let fields = asked.map(http::Asked::fields).unwrap_or_default();
        let entries: Vec<_> = settings.config().collect();
        let patterns: Vec<String> = settings
            .outbound()
            .iter()
            .map(ToString::to_string)
            .collect();
        let destinations: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let reuse = settings.reuse().filter(|_| asked.is_some());
        let cwd = self.cwd.filter(|_| asked.is_none());
        let key = reuse.map(|_| http::key(request, self.config));
        let job = client::Request {
            args: &args,
            env: &environment.pairs(),
            mounts: &mounts,
            temp_dir: temp_dir.map(temp::private),
            cwd: cwd.as_deref(),
            entry_point: settings
                .entry_point()
                .map(|entry_point| entry_point.name.as_str()),
            timeout: settings.timeout(request.server_timeout()),
            memory_limit: settings.memory_limit(),
            http: asked.map(|asked| asked.http(&fields)),
            config: &entries,
            outbound: outbound(settings, &destinations),
            reuse: reuse.zip(key.as_ref()).map(|(reuse, key)| client::Reuse {
                key,
                max_requests: reuse.requests,
                max_concurrent: reuse.concurrent,
                idle: reuse.idle,
            }),
            backtrace: is_logged(request, &messages::GUEST_BACKTRACE),
            max_open_files: settings.max_open_files(),
        };
        let turn = match serialize::wait(request, settings, self.name) {
            Ok(turn) => turn,
            Err(answer) => return answer,
        };
        let start = Instant::now();
        let mut exchange = HttpExchange::new(request, self.body, self.form, self.config, self.name);
        exchange.record = script_log::record(settings, self.form);
        let result = self.guest.run(&job, &mut exchange);
        drop(turn);
        outcome::conclude(exchange, settings, &job, result, start.elapsed())
    }
}

fn mount(mount: &directives::Mount) -> client::Mount<'_> {
    client::Mount {
        host: &mount.host,
        guest: &mount.guest,
        read_only: mount.read_only,
    }
}

/// What `WasmAllowOutbound` grants; none if that is nothing.
fn outbound<'a>(settings: &Settings, destinations: &'a [&'a str]) -> Option<client::Outbound<'a>> {
    let limit = settings.outbound_limit();
    (!destinations.is_empty()).then_some(client::Outbound {
        destinations,
        timeout: limit.timeout,
        max_body: limit.max_body,
        max_concurrent: limit.max_concurrent,
    })
}
