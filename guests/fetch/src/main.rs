//! fetch: asks another server, and shows what it answered, or why there was no answer. Which one is configuration: the entry
//! `target` of `wasi:config`, which `WasmConfig` sets. Whether it may is the server's decision: `WasmAllowOutbound`.
//!
//! It must not take the address from the request: then anybody could send it anywhere it may go.

use config::wasi::config::store;
use wstd::http::error::{ErrorCode, Result};
use wstd::http::{Body, Client, Request, Response, StatusCode};

mod config {
    //! The bindings of `wasi:config`.
    wit_bindgen::generate!({ path: "wit/world.wit", generate_all });
}

#[wstd::http_server]
async fn main(_request: Request<Body>) -> Result<Response<Body>> {
    let Ok(Some(target)) = store::get("target") else {
        let text = "WasmConfig target is missing: it says what to ask for.\n";
        return answer(StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
    };
    match ask(&target).await {
        Ok(text) => answer(StatusCode::OK, format!("GET {target}\n\n{text}")),
        Err(error) => {
            let reason = error
                .downcast_ref::<ErrorCode>()
                .map_or_else(|| format!("{error:#}"), |code| format!("{code:?}"));
            let text = format!("GET {target}\n\nThere is no answer: {reason}\n");
            answer(StatusCode::BAD_GATEWAY, text)
        }
    }
}

/// What the target answers: its status, its fields and its body.
async fn ask(target: &str) -> Result<String> {
    let request = Request::get(target).body(())?;
    let response = Client::new().send(request).await?;
    let (head, mut body) = response.into_parts();
    let mut text = format!("{}\n", head.status);
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\n", value.as_bytes().escape_ascii()));
    }
    text.push('\n');
    text.push_str(body.str_contents().await?);
    Ok(text)
}

fn answer(status: StatusCode, text: String) -> Result<Response<Body>> {
    let response = Response::builder()
        .status(status)
        .header("content-type", "text/plain; charset=utf-8");
    Ok(response.body(text.into())?)
}
