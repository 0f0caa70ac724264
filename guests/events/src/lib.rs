//! events: server-sent events from a WASI 0.3 http component. A page whose script listens, and, at the same path with the query
//! `ticks`, the events: one every half second, for half a minute. Then the browser connects again by itself and says which
//! event it had last, and counting goes on from there.
//!
//! It must not need an instance that remembers: what it has to know comes with the request.

use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{self, StreamWriter};
use wasip3::{wit_future, wit_stream};

/// The page. It uses nothing of other servers.
const PAGE: &[u8] = include_bytes!("page.html");

/// The time between two events, in nanoseconds.
const PAUSE: u64 = 500_000_000;

/// How many events one response holds.
const EVENTS: u64 = 60;

/// The component; `export!` makes its `handle` the file's `wasi:http/handler`.
struct Events;

impl wasip3::exports::http::handler::Guest for Events {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        if !path.ends_with("?ticks") {
            let (response, mut page) = respond("text/html; charset=utf-8")?;
            wit_bindgen::spawn_local(async move {
                page.write_all(PAGE.to_vec()).await;
            });
            return Ok(response);
        }
        let last = last_event(&request.get_headers());
        let (response, events) = respond("text/event-stream")?;
        wit_bindgen::spawn_local(tick(events, last));
        Ok(response)
    }
}

/// The number of the event that the browser had last, 0 when this is its first request.
fn last_event(fields: &Fields) -> u64 {
    let values = fields.get("last-event-id");
    values
        .first()
        .and_then(|value| str::from_utf8(value).ok()?.parse().ok())
        .unwrap_or_default()
}

/// A response of status 200, and what its body is written to.
fn respond(content_type: &str) -> Result<(Response, StreamWriter<u8>), ErrorCode> {
    let fields = [
        ("content-type", content_type),
        ("cache-control", "no-store"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let fields = Fields::from_list(&fields).map_err(|_| ErrorCode::ConfigurationError)?;
    let (writer, contents) = wit_stream::new();
    // Dropped without a value it says what is given here: no trailers follow.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(fields, Some(contents), trailers);
    Ok((response, writer))
}

/// Sends the events after `last`, until all are sent or the browser has left.
async fn tick(mut events: StreamWriter<u8>, last: u64) {
    // How long a browser waits before it connects again, in milliseconds.
    let mut event = "retry: 500\n".to_owned();
    for number in (1..=EVENTS).map(|n| last.saturating_add(n)) {
        let seconds = system_clock::now().seconds;
        event.push_str(&format!("id: {number}\ndata: {seconds}\n\n"));
        if !events.write_all(event.into_bytes()).await.is_empty() {
            return;
        }
        event = String::new();
        monotonic_clock::wait_for(PAUSE).await;
    }
}

wasip3::http::service::export!(Events);
