//! Guests that answer HTTP themselves, through `wasi:http`: what they are told of their request, how their response reaches
//! httpd, which requests may share an instance. Must not know CGI, nor how a guest calls.

mod request;
mod response;
mod reuse;

pub use request::Asked;
pub use response::{open, set_trailers};
pub use reuse::{HtaccessId, htaccess, key};
