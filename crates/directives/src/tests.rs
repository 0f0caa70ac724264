//! The tests of the table, the settings, the catalogue and the grammars, through what the crate shows to others.

mod common;
mod expressions;
mod grammar;
mod messages;
mod mounts;
mod serialize;
mod settings;
mod table;
