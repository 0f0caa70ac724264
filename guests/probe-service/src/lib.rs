//! probe-service: the test component for wasi:http 0.3. The second segment of the path chooses what it does
//! (`/mount/source?size=9`), the query holds parameters. The behaviours stand in [`run`], each described in the module it is in;
//! probe-http has the same for WASI 0.2, under the same names. What only 0.3 can do stands at the end of the list.
//!
//! Raw bindings, no framework: what reaches the host is what is written here. It must not know what the tests expect of it.
//! A behaviour that fails answers with an internal error that says why.

mod bodies;
mod exchange;
mod faults;
mod heads;
mod net;
mod outgoing;
mod world;

use exchange::{Answer, Exchange, wrong};
use wasip3::http::types::{ErrorCode, Request, Response};

/// The component; `export!` makes its `handle` the `wasi:http/handler` of the file.
struct Probe;

impl wasip3::exports::http::handler::Guest for Probe {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let inside = world::enter();
        let answer = run(Exchange::new(request)).await;
        drop(inside);
        answer
    }
}

/// Does what the path asks for.
async fn run(exchange: Exchange) -> Answer {
    match exchange.call.word() {
        "report" => heads::report(exchange).await,
        "status" => heads::status(&exchange),
        "fields" => heads::fields(&exchange),
        "immutable" => heads::immutable(&exchange),
        "trailers" => heads::trailers(&exchange),
        "none" => heads::none().await,
        "error" => heads::error(&exchange),
        "echo" => bodies::echo(exchange),
        "sink" => bodies::sink(exchange).await,
        "half" => bodies::half(exchange).await,
        "unread" => bodies::unread(),
        "early" => bodies::early(exchange),
        "source" => bodies::source(&exchange),
        "length" => bodies::length(&exchange),
        "drip" => bodies::drip(&exchange),
        "break" => bodies::break_off(&exchange),
        "trap" => faults::trap(&exchange).await,
        "spin" => faults::spin(&exchange).await,
        "sleep" => faults::sleep(&exchange).await,
        "exit" => faults::exit(&exchange).await,
        "eat" => faults::eat(&exchange).await,
        "env" => world::environment(),
        "config" => world::config(&exchange),
        "files" => world::files(&exchange).await,
        "copy" => world::copy(&exchange).await,
        "log" => world::log(&exchange).await,
        "count" => world::count(),
        "meet" => world::meet(&exchange).await,
        "fetch" => outgoing::fetch(&exchange).await,
        "many" => outgoing::many(&exchange).await,
        "proxy" => outgoing::proxy(exchange).await,
        "tcp" => net::tcp(&exchange).await,
        "udp" => net::udp(&exchange).await,
        "listen" => net::listen(&exchange),
        "resolve" => net::resolve(&exchange).await,
        "pass" => bodies::pass(exchange),
        "sent" => bodies::sent(&exchange),
        other => Err(wrong(format!("unknown behaviour '{other}'"))),
    }
}

/// The interfaces of this probe's own world: logging and configuration.
mod extra {
    wit_bindgen::generate!({ world: "extra", path: "wit", generate_all });
}

wasip3::http::service::export!(Probe);
