//! Tells what kind of program a file is, from its bytes alone.
//!
//! It reads headers, imports and exports; whether the program is valid and links is for
//! [`check`](crate::check).

use crate::{Error, ErrorCode};
use std::fmt;
use wasmparser::{Encoding, ExternalKind, Parser, Payload};

/// A kind of program that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// A core module for WASI preview 1.
    CommandP1,
    /// A component that exports `wasi:cli/run` 0.2.
    CommandP2,
    /// A component that exports `wasi:cli/run` 0.3.
    CommandP3,
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GuestKind::CommandP1 => "WASI preview 1 command",
            GuestKind::CommandP2 => "WASI 0.2 command component",
            GuestKind::CommandP3 => "WASI 0.3 command component",
        })
    }
}

/// The names that matter to tell programs apart.
#[derive(Default)]
pub struct Shape {
    component: bool,
    imported_modules: Vec<String>,
    exports: Vec<String>,
    /// Exports that can not be an entry point, because they take parameters.
    with_parameters: Vec<String>,
}

impl Shape {
    /// Reads a program's imports and exports.
    ///
    /// # Errors
    /// [`ErrorCode::NotWasm`] and [`ErrorCode::Invalid`].
    pub fn read(bytes: &[u8]) -> Result<Shape, Error> {
        if !bytes.starts_with(b"\0asm") {
            let text = match bytes.is_empty() {
                true => "the file is empty",
                false => "the file is not WebAssembly: it does not begin with \\0asm",
            };
            return Err(Error::new(ErrorCode::NotWasm, text));
        }
        let mut shape = Shape::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|e| invalid(&e))? {
                Payload::Version { encoding, .. } => {
                    shape.component |= depth == 0 && encoding == Encoding::Component;
                    depth += 1;
                }
                Payload::End(_) => depth -= 1,
                payload if depth == 1 => shape.note(payload).map_err(|e| invalid(&e))?,
                _ => {}
            }
        }
        Ok(shape)
    }

    /// Learns the types of a core module's exports.
    pub fn note_types(&mut self, module: &wasmtime::Module) {
        let takes_parameters = |export: &wasmtime::ExportType<'_>| {
            let function = export.ty().func().cloned();
            function.is_some_and(|function| function.params().len() > 0)
        };
        let exports = module.exports().filter(takes_parameters);
        self.with_parameters = exports.map(|export| export.name().to_owned()).collect();
    }

    fn note(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.imported_modules.push(import?.module.to_owned());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports.push(export.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The kind of the program.
    ///
    /// # Errors
    /// [`ErrorCode::UnsupportedKind`], with what was found instead.
    pub fn kind(&self) -> Result<GuestKind, Error> {
        let unsupported = |text: String| Err(Error::new(ErrorCode::UnsupportedKind, text));
        if !self.component {
            if self.imported_modules.iter().any(|m| m == "wasi_unstable") {
                return unsupported(
                    "a program for WASI preview 0 (wasi_unstable); build it for wasm32-wasip1"
                        .into(),
                );
            }
            return Ok(GuestKind::CommandP1);
        }
        let exports = |prefix: &str| self.exports.iter().any(|e| e.starts_with(prefix));
        match (exports("wasi:cli/run@0.2."), exports("wasi:cli/run@0.3.")) {
            (true, false) => Ok(GuestKind::CommandP2),
            (false, true) => Ok(GuestKind::CommandP3),
            (true, true) => unsupported(
                "a component that exports wasi:cli/run both as 0.2 and as 0.3: which one is meant?"
                    .into(),
            ),
            (false, false) => unsupported(format!(
                "a component that exports {}, but not wasi:cli/run 0.2 or 0.3",
                list(&self.exports)
            )),
        }
    }

    /// Whether the entry point is there and takes no parameters: `name` or, without one, `_start`.
    ///
    /// # Errors
    /// [`ErrorCode::NoEntryPoint`].
    pub fn check_entry_point(&self, name: Option<&str>) -> Result<(), Error> {
        let missing = |text: String| Err(Error::new(ErrorCode::NoEntryPoint, text));
        match (self.component, name) {
            (true, None) => Ok(()),
            (true, Some(name)) => missing(format!(
                "an entry point ({name}) can be chosen for core modules only; a component is called through wasi:cli/run"
            )),
            (false, name) => {
                let wanted = name.unwrap_or("_start");
                if self.with_parameters.iter().any(|e| e == wanted) {
                    return missing(format!(
                        "the function {wanted} takes parameters, an entry point takes none"
                    ));
                }
                if self.exports.iter().any(|e| e == wanted) {
                    return Ok(());
                }
                let what = match self.exports.iter().any(|e| e == "_initialize") {
                    true if name.is_none() => "a WASI reactor (a library), not a command: it",
                    _ => "the module",
                };
                missing(format!(
                    "{what} does not export a function {wanted}; it exports {}",
                    list(&self.exports)
                ))
            }
        }
    }
}

fn invalid(error: &wasmparser::BinaryReaderError) -> Error {
    Error::new(
        ErrorCode::Invalid,
        format!("not valid WebAssembly: {error}"),
    )
}

/// The first few names, for a message.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => "nothing".into(),
        n if n <= SHOWN => names.join(", "),
        n => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
    }
}
