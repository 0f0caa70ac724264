//! What guests may import, for each kind of guest. Nothing here knows a request.

pub mod component;
pub mod preview1;
