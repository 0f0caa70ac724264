//! Everything about configuration that needs no server: the directive table, the settings it fills, how settings
//! merge, how a host path maps into a guest, the message catalogue, and the documentation made from all of these.
//!
//! It must not know httpd or Wasmtime: where a guest may connect to is `destination`'s to say, paths are resolved and expressions parsed through [`Paths`], log lines are written by the caller.

mod args;
mod checks;
mod choices;
mod describe;
mod directive;
pub mod docs;
pub mod messages;
mod mounts;
mod settings;
pub mod units;
mod value;

pub use args::{Args, Origin, Paths, utf8};
pub use checks::{Check, Places, checks};
pub use choices::{Alone, BodyWithoutLength, ScriptLog, Serialize};
pub use directive::{
    Apply, Arity, Contexts, DIRECTIVES, Directive, Example, FoundBy, Reject, directive,
};
pub use messages::{Fault, Level, MESSAGES, Message};
pub use mounts::Mount;
pub use settings::{
    CacheDir, DEFAULT_MEMORY_LIMIT, EntryPoint, ModuleRef, OutboundLimit, Reuse, ServerSettings,
    Settings, TempDir,
};
pub use value::ValueProblem;

#[cfg(test)]
mod tests;
