//! The decisions between server and guest: where a response head ends, which variables a guest may see, which part of a
//! URL is the program, how much a guest may log, and what each end of a guest means to the client. Pure functions on bytes
//! and settings.
//!
//! It must not know httpd: what needs a server is done in `mod-wasm` with what is decided here, so all of this is tested
//! without one.

mod environment;
mod head;
mod location;
mod outcome;
mod stderr;

pub use environment::Environment;
pub use head::{HEAD_LIMIT, HeadProblem, HeadScanner, LINE_LIMIT, status_problem};
pub use location::{location_prefix, split};
pub use outcome::{Judgement, Stage, Verdict, judge, judge_error};
pub use stderr::{Line, Stderr};
