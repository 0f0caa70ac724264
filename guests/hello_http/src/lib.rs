//! hello-http: the smallest guest that speaks HTTP itself, for WASI 0.2: it exports `wasi:http/incoming-handler`.
//!
//! It calls the interfaces as they are, without a framework in between, since `make bench` measures with it what one request
//! costs. It must not print: the response is what it hands over.

use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

/// What every request is answered with.
const BODY: &[u8] = b"Hello, world!\n";

/// The component; `export!` makes its `handle` the file's `wasi:http/incoming-handler`.
struct Hello;

impl wasip2::exports::http::incoming_handler::Guest for Hello {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let fields = [("content-type".to_owned(), b"text/plain".to_vec())];
        let Ok(fields) = Fields::from_list(&fields) else {
            return ResponseOutparam::set(out, Err(ErrorCode::ConfigurationError));
        };
        let response = OutgoingResponse::new(fields);
        let Ok(body) = response.body() else {
            return ResponseOutparam::set(out, Err(ErrorCode::InternalError(None)));
        };
        ResponseOutparam::set(out, Ok(response));
        if write(&body) {
            // Without this the body would count as broken off. Should it fail, the client is gone.
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

/// Writes the whole body, and gives its stream back before the body is finished.
fn write(body: &OutgoingBody) -> bool {
    let Ok(stream) = body.write() else {
        return false;
    };
    // Without a flush where there is room: the server then sees the end at once and knows the length.
    match stream.check_write() {
        Ok(room) if room >= BODY.len() as u64 => stream.write(BODY).is_ok(),
        _ => stream.blocking_write_and_flush(BODY).is_ok(),
    }
}

wasip2::http::proxy::export!(Hello);
