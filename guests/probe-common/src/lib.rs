//! What the HTTP probes for WASI 0.2 and 0.3 share: how a path chooses a behaviour, and how answers are put into words. So one
//! test can ask both.
//!
//! It must not know WASI, nor which version of it a probe is built for: everything here is text and bytes.

mod call;
mod pattern;
mod report;
mod target;

pub use call::{Call, split_field};
pub use pattern::{Pattern, Sum};
pub use report::{Head, fields_text};
pub use target::Target;

/// How much a probe reads or writes at a time, in bytes.
pub const PIECE: usize = 64 * 1024;
