//! What guests may import, for each kind of guest. Nothing here knows a request.

pub mod component;
mod component_paths;
mod http;
mod paths;
pub mod preview1;
mod preview1_paths;
