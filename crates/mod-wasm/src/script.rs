//! Guests that speak CGI: httpd's own machinery for scripts makes their environment and reads their response head. Must not
//! know `wasi:http`.

mod request;
mod response;

pub use request::{Split, environment, query_words, split};
pub use response::open;
