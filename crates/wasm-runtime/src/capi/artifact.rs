//! The way from a file with native code to a program, which is where native code is trusted.

use crate::kind::{GuestKind, Shape};
use crate::load::NativeCode;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use wasmtime::component::Component;
use wasmtime::{Engine, Module, Result};

/// Maps the code of a core module. What an engine of other settings or another version made is an error.
pub fn map_module(engine: &Engine, code: &NativeCode) -> Result<Module> {
    let path = by_descriptor(code.file());
    // SAFETY: a `NativeCode` is what Wasmtime's compiler has written. One that was kept is a file that nobody but root and this
    // user can write, with an authentication code that only this server can make; its writers never change it: they remove
    // it, which leaves a mapping as it is. One that is fresh is memory that has been sealed against every change. The path
    // leads to that open file, whatever is renamed meanwhile.
    unsafe { Module::deserialize_file(engine, path) }
}

/// The same for a component.
pub fn map_component(engine: &Engine, code: &NativeCode) -> Result<Component> {
    let path = by_descriptor(code.file());
    // SAFETY: as for modules above; the same holds of components.
    unsafe { Component::deserialize_file(engine, path) }
}

/// A program that is loaded to find out what that takes, and never run.
pub enum Loaded {
    Module(Module),
    Component(#[expect(dead_code, reason = "what matters is that it is held")] Component),
}

impl Loaded {
    /// Loads what this process has compiled itself.
    pub fn from(engine: &Engine, code: &[u8], kind: GuestKind) -> Result<Loaded> {
        match kind {
            GuestKind::CommandP1 => {
                // SAFETY: Wasmtime's compiler has just written it, in this process, where nobody can change it.
                unsafe { Module::deserialize(engine, code) }.map(Loaded::Module)
            }
            _ => {
                // SAFETY: as above.
                unsafe { Component::deserialize(engine, code) }.map(Loaded::Component)
            }
        }
    }
}

impl Loaded {
    /// What is kept of it beside itself.
    pub fn shape(&self) -> Shape {
        match self {
            Loaded::Module(module) => Shape::of_module(module),
            Loaded::Component(_) => Shape::of_component(),
        }
    }
}

/// A path that leads to an open file: Wasmtime opens components by path only.
fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
