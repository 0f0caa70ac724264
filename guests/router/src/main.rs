//! router: a small site as a WASI 0.2 http component, with the routes of axum, which wstd-axum connects to `wasi:http`.
//!
//! Its paths begin with /router, since a guest sees the path as the client sent it. It must not keep anything from one request
//! for the next: each may find a fresh instance.

use axum::body::Body;
use axum::extract::{OriginalUri, Path};
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;

/// The page at the top.
const PAGE: &str = include_str!("page.html");

/// The content type of a body whose sender gave none.
const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Something to list.
#[derive(Clone, Copy, Serialize)]
struct Fruit {
    name: &'static str,
    colour: &'static str,
}

const FRUIT: [Fruit; 3] = [
    Fruit {
        name: "apple",
        colour: "green",
    },
    Fruit {
        name: "banana",
        colour: "yellow",
    },
    Fruit {
        name: "cherry",
        colour: "red",
    },
];

/// What a client is told when there is nothing to show.
#[derive(Serialize)]
struct Problem {
    problem: &'static str,
    what: String,
}

#[wstd_axum::http_server]
fn main() -> Router {
    let routes = Router::new()
        .route("/", get(Html(PAGE)))
        .route("/fruit", get(Json(FRUIT)))
        .route("/fruit/{name}", get(fruit))
        .route("/echo", post(echo))
        .route("/cookies", get(cookies));
    Router::new().nest("/router", routes).fallback(not_found)
}

/// One fruit by its name, which is part of the path.
async fn fruit(Path(name): Path<String>) -> Result<Json<Fruit>, impl IntoResponse> {
    let found = FRUIT.into_iter().find(|fruit| fruit.name == name);
    found
        .map(Json)
        .ok_or_else(|| missing("no such fruit", name))
}

/// Gives a body back, as it comes.
async fn echo(fields: HeaderMap, body: Body) -> impl IntoResponse {
    let content_type = fields.get(CONTENT_TYPE).cloned().unwrap_or(UNKNOWN);
    ([(CONTENT_TYPE, content_type)], body)
}

/// Counts visits in one cookie and sets another beside it: a response with a repeated field.
async fn cookies(fields: HeaderMap) -> impl IntoResponse {
    let sent = fields.get_all(COOKIE).iter();
    let visits: u32 = sent
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split("; "))
        .find_map(|pair| pair.strip_prefix("visits=")?.parse().ok())
        .unwrap_or_default();
    let visits = visits.saturating_add(1);
    (
        AppendHeaders([
            (
                SET_COOKIE,
                format!("visits={visits}; Path=/router; HttpOnly; SameSite=Lax"),
            ),
            (
                SET_COOKIE,
                "seen=router; Path=/router; HttpOnly; SameSite=Lax".to_owned(),
            ),
        ]),
        format!("Visit number {visits}.\n"),
    )
}

/// Whatever no route is for.
async fn not_found(OriginalUri(uri): OriginalUri) -> impl IntoResponse {
    missing("no such page", uri.path().to_owned())
}

fn missing(problem: &'static str, what: String) -> (StatusCode, Json<Problem>) {
    (StatusCode::NOT_FOUND, Json(Problem { problem, what }))
}
