//! Compiled programs as bytes and files, and the way back, which is where native code is believed.

use crate::cache::Verified;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use wasmtime::component::Component;
use wasmtime::{Engine, Module, Result};

/// Native code that this process has just generated.
pub struct Fresh(Vec<u8>);

impl Fresh {
    /// The bytes, as a file holds them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A form of program that can be compiled, kept and loaded.
pub trait Artifact: Sized + Send {
    /// Tells the forms apart.
    const FORM: &'static str;

    /// Compiles a program to be used at once.
    fn compile(engine: &Engine, program: &[u8]) -> Result<Self>;
    /// Compiles a program to be kept.
    fn precompile(engine: &Engine, program: &[u8]) -> Result<Fresh>;
    /// Loads what has just been compiled.
    fn from_fresh(engine: &Engine, fresh: &Fresh) -> Result<Self>;
    /// Maps a file. What an engine of other settings or another version made is an error.
    fn map(engine: &Engine, entry: &Verified) -> Result<Self>;
}

impl Artifact for Module {
    const FORM: &'static str = "module";

    fn compile(engine: &Engine, program: &[u8]) -> Result<Module> {
        Module::from_binary(engine, program)
    }

    fn precompile(engine: &Engine, program: &[u8]) -> Result<Fresh> {
        engine.precompile_module(program).map(Fresh)
    }

    fn from_fresh(engine: &Engine, fresh: &Fresh) -> Result<Module> {
        // SAFETY: only `precompile` makes a `Fresh`: the bytes are Wasmtime's own, unchanged.
        unsafe { Module::deserialize(engine, fresh.bytes()) }
    }

    fn map(engine: &Engine, entry: &Verified) -> Result<Module> {
        // A descriptor of its own: Wasmtime keeps it.
        let path = by_descriptor(entry.file());
        // SAFETY: a `Verified` is a file that nobody but root and this user can write, and whose
        // content is what a process of theirs got from `precompile`. The path leads to that open
        // file, whatever is renamed meanwhile. Its writers never change a file under its final name:
        // they remove it, which leaves a mapping as it is.
        unsafe { Module::deserialize_file(engine, path) }
    }
}

impl Artifact for Component {
    const FORM: &'static str = "component";

    fn compile(engine: &Engine, program: &[u8]) -> Result<Component> {
        Component::from_binary(engine, program)
    }

    fn precompile(engine: &Engine, program: &[u8]) -> Result<Fresh> {
        engine.precompile_component(program).map(Fresh)
    }

    fn from_fresh(engine: &Engine, fresh: &Fresh) -> Result<Component> {
        // SAFETY: only `precompile` makes a `Fresh`: the bytes are Wasmtime's own, unchanged.
        unsafe { Component::deserialize(engine, fresh.bytes()) }
    }

    fn map(engine: &Engine, entry: &Verified) -> Result<Component> {
        let path = by_descriptor(entry.file());
        // SAFETY: as for modules above; the same holds of components.
        unsafe { Component::deserialize_file(engine, path) }
    }
}

/// A path that leads to an open file: Wasmtime opens components by path only.
fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
