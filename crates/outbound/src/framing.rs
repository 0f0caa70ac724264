//! How the body of a request is framed, and whether the request may be sent twice. Most bindings hand over a body with every
//! request and finish it at once where there is none to send, so only the first of it tells. Must not know connections.

use crate::Error;
use crate::upload::Upload;
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request};
use http_body::Body as _;
use std::time::Duration;
use tokio::time::timeout;

/// How long a guest may take to write the first of a body, or to finish it, before its request goes out all the same: as one
/// with a body, in chunks. One that waits for the response first must get it.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same where hardly anybody sends a body: then the request goes out as one without.
const PATIENCE_WITHOUT: Duration = Duration::from_secs(2);

/// Waits for the first of the body and makes the head say how it is framed: nothing where there is none, but for methods
/// that are to have one `Content-Length: 0` (RFC 9110, 8.6); the length that the guest has said; else chunks, whatever the
/// method. `most`: the whole time of the request, most of which is for the server.
///
/// # Errors
/// The guest has given up on the body: nothing is sent.
pub async fn settle(request: &mut Request<Upload>, most: Duration) -> Result<(), Error> {
    if request.headers().contains_key(CONTENT_LENGTH) {
        return Ok(());
    }
    let expected = expects_body(request.method());
    let patience = if expected { PATIENCE } else { PATIENCE_WITHOUT };
    let patience = patience.min(most / 4);
    let written = match request.body().size_hint().exact() {
        Some(0) => false,
        // The library says the length by itself.
        Some(_) => return Ok(()),
        None => match timeout(patience, request.body_mut().begin()).await {
            Ok(written) => written?,
            Err(_) => expected,
        },
    };
    let wants_length = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    if written {
        // The library would take a GET for one without a body. A connection of HTTP/2 leaves the field out.
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(TRANSFER_ENCODING, chunked);
    } else {
        request.body_mut().forgo();
        if wants_length {
            request
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(0));
        }
    }
    Ok(())
}

/// Has a request of this method a body, when its guest has not said so in time?
fn expects_body(method: &Method) -> bool {
    const WITHOUT: [Method; 5] = [
        Method::GET,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ];
    !WITHOUT.contains(method)
}

/// The same request, for the case that the connection has ended before the server can have taken it. None if it could do
/// something twice, or has a body, of which nothing is kept.
pub fn spare(request: &Request<Upload>) -> Option<Request<()>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut spare = Request::new(());
    *spare.method_mut() = request.method().clone();
    *spare.uri_mut() = request.uri().clone();
    *spare.version_mut() = request.version();
    *spare.headers_mut() = request.headers().clone();
    Some(spare)
}
