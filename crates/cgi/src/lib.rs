//! The decisions between server and guest: where a response head ends, which variables and header fields a guest may see,
//! which part of a URL is the program, what may be sent of a guest's head, how much a guest may log, what each end of a
//! guest means to the client, and which programs a process keeps. Pure functions on bytes and settings.
//!
//! It must not know httpd: what needs a server is done in `mod-wasm` with what is decided here, so all of this is tested
//! without one.

mod environment;
mod fields;
mod head;
mod kept;
mod location;
mod log_limit;
mod numbers;
mod outcome;
mod pairs;
mod query;
mod requested;
mod response;
mod script_log;
mod stderr;
mod target;
mod whole;

pub use environment::Environment;
pub use fields::{request_fields, request_trailers, without_connection_fields};
pub use head::{HEAD_LIMIT, HeadProblem, HeadScanner, LINE_LIMIT, status_line, status_problem};
pub use kept::{Kept, Weight, surplus};
pub use location::{SectionKind, location_prefix, split};
pub use log_limit::{Dropped, LogQuotas};
pub use numbers::Numbers;
pub use outcome::{Judgement, Stage, Verdict, judge, judge_error};
pub use pairs::Pairs;
pub use query::query_words;
pub use requested::Requested;
pub use response::{FieldProblem, ResponseHead, response_trailers};
pub use script_log::{Failed, Record};
pub use stderr::{Line, Stderr};
pub use target::{is_kept, is_resolved, join, path_with_query};
pub use whole::WholeBody;
