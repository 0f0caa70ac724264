//! What guests may import, for each kind of guest. Nothing here knows a request.

pub mod component;
mod http;
mod paths;
pub mod preview1;
