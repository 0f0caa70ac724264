//! hello-service: the smallest guest that speaks HTTP itself, for WASI 0.3: it exports `wasi:http/handler`.
//!
//! `make bench` measures with it what one request costs; it answers what hello-http answers. It must not keep anything from one
//! request for the next, although one instance may serve several.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

/// What every request is answered with.
const BODY: &[u8] = b"Hello, world!\n";

/// The component; `export!` makes its `handle` the file's `wasi:http/handler`.
struct Hello;

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let fields = [("content-type".to_owned(), b"text/plain".to_vec())];
        let fields = Fields::from_list(&fields).map_err(|_| ErrorCode::ConfigurationError)?;
        let (mut writer, contents) = wit_stream::new();
        // Dropped without a value it says what is given here: no trailers follow.
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(fields, Some(contents), trailers);
        // Nobody reads the body before the response is handed over, so it is written after that.
        wit_bindgen::spawn_local(async move {
            // What is not accepted has lost its reader: the client is gone.
            writer.write_all(BODY.to_vec()).await;
        });
        Ok(response)
    }
}

wasip3::http::service::export!(Hello);
