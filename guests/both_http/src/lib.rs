//! both-http: the test guest that exports the handlers of `wasi:http` 0.2 and 0.3. It answers with the status 202 or 203, which
//! says which of them was called.

use wasip2::http::types as old;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_future;

/// The component of both versions.
struct Both;

impl wasip2::exports::http::incoming_handler::Guest for Both {
    fn handle(_request: old::IncomingRequest, out: old::ResponseOutparam) {
        let response = old::OutgoingResponse::new(old::Fields::new());
        // 202 is a status.
        let _ = response.set_status_code(202);
        old::ResponseOutparam::set(out, Ok(response));
    }
}

impl wasip3::exports::http::handler::Guest for Both {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(Fields::new(), None, trailers);
        let status = response.set_status_code(203);
        status.map_err(|()| ErrorCode::ConfigurationError)?;
        Ok(response)
    }
}

wasip2::http::proxy::export!(Both);
wasip3::http::service::export!(Both);
