//! probe-http: the test component for wasi:http 0.2. The second segment of the path chooses what it does (`/mount/source?size=9`),
//! the query holds parameters. The behaviours stand in [`run`], each described in the module it is in; probe-service has the same
//! for WASI 0.3, under the same names.
//!
//! Raw bindings, no framework: what reaches the host is what is written here. It must not know what the tests expect of it.
//! A behaviour that fails says why on stderr and leaves its exchange as it is then.

mod bodies;
mod exchange;
mod faults;
mod heads;
mod net;
mod outgoing;
mod world;

use exchange::{Done, Exchange};
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

/// The component; `export!` makes its `handle` the `wasi:http/incoming-handler` of the file.
struct Probe;

impl wasip2::exports::http::incoming_handler::Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let inside = world::enter();
        let exchange = Exchange::new(request, out);
        if let Err(why) = run(exchange) {
            eprintln!("probe-http: {why}");
        }
        drop(inside);
    }
}

/// Does what the path asks for.
fn run(exchange: Exchange) -> Done {
    match exchange.call.word() {
        "report" => heads::report(exchange),
        "status" => heads::status(exchange),
        "fields" => heads::fields(exchange),
        "immutable" => heads::immutable(exchange),
        "trailers" => heads::trailers(exchange),
        "none" => heads::none(exchange),
        "error" => heads::error(exchange),
        "echo" => bodies::echo(exchange),
        "sink" => bodies::sink(exchange),
        "half" => bodies::half(exchange),
        "unread" => bodies::unread(exchange),
        "early" => bodies::early(exchange),
        "source" => bodies::source(exchange),
        "length" => bodies::length(exchange),
        "drip" => bodies::drip(exchange),
        "break" => bodies::break_off(exchange),
        "trap" => faults::trap(exchange),
        "spin" => faults::spin(exchange),
        "sleep" => faults::sleep(exchange),
        "exit" => faults::exit(exchange),
        "eat" => faults::eat(exchange),
        "env" => world::environment(exchange),
        "config" => world::config(exchange),
        "files" => world::files(exchange),
        "log" => world::log(exchange),
        "count" => world::count(exchange),
        "meet" => world::meet(exchange),
        "fetch" => outgoing::fetch(exchange),
        "many" => outgoing::many(exchange),
        "proxy" => outgoing::proxy(exchange),
        "tcp" => net::tcp(exchange),
        "udp" => net::udp(exchange),
        "listen" => net::listen(exchange),
        "resolve" => net::resolve(exchange),
        other => Err(format!("unknown behaviour '{other}'")),
    }
}

/// The interfaces of this probe's own world: logging and configuration.
mod extra {
    wit_bindgen::generate!({ world: "extra", path: "wit", generate_all });
}

wasip2::http::proxy::export!(Probe);
