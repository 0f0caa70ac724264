//! Tells what kind of program a file is, from its bytes alone.
//!
//! It reads headers, imports and exports; whether the program is valid and links is for
//! [`check`](crate::check).

use crate::{Error, ErrorCode, text};
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
    /// A component that exports `wasi:http/incoming-handler` 0.2.
    ProxyP2,
    /// A component that exports `wasi:http/handler` 0.3.
    ServiceP3,
}

/// The kinds of components and the export that makes each, the one that is meant before the others. http before cli, because
/// a program that can answer HTTP is meant to, whatever else its toolchain made it export. The newer version before the older
/// one: standard libraries export what they were made for, beside what the program is written for (Rust's for 0.2 do).
const COMPONENTS: [(&str, GuestKind); 4] = [
    ("wasi:http/handler@0.3.", GuestKind::ServiceP3),
    ("wasi:http/incoming-handler@0.2.", GuestKind::ProxyP2),
    ("wasi:cli/run@0.3.", GuestKind::CommandP3),
    ("wasi:cli/run@0.2.", GuestKind::CommandP2),
];

impl GuestKind {
    /// Whether it answers HTTP requests, instead of writing a response to its standard output.
    pub fn answers_http(self) -> bool {
        matches!(self, GuestKind::ProxyP2 | GuestKind::ServiceP3)
    }

    /// Its number, which never changes its meaning.
    pub fn number(self) -> u8 {
        match self {
            GuestKind::CommandP1 => 1,
            GuestKind::CommandP2 => 2,
            GuestKind::CommandP3 => 3,
            GuestKind::ProxyP2 => 4,
            GuestKind::ServiceP3 => 5,
        }
    }

    /// The kind of this number.
    pub fn from_number(number: u8) -> Option<GuestKind> {
        [
            GuestKind::CommandP1,
            GuestKind::CommandP2,
            GuestKind::CommandP3,
            GuestKind::ProxyP2,
            GuestKind::ServiceP3,
        ]
        .into_iter()
        .find(|kind| kind.number() == number)
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GuestKind::CommandP1 => "WASI preview 1 command",
            GuestKind::CommandP2 => "WASI 0.2 command component",
            GuestKind::CommandP3 => "WASI 0.3 command component",
            GuestKind::ProxyP2 => "WASI 0.2 http component",
            GuestKind::ServiceP3 => "WASI 0.3 http component",
        })
    }
}

/// The names that matter to tell programs apart.
#[derive(Default)]
pub struct Shape {
    component: bool,
    imported_modules: Vec<String>,
    imported_interfaces: Vec<String>,
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

    /// What is known of a compiled core module.
    pub fn of_module(module: &wasmtime::Module) -> Shape {
        let functions = module
            .exports()
            .filter(|export| export.ty().func().is_some());
        let mut shape = Shape {
            exports: functions.map(|export| export.name().to_owned()).collect(),
            ..Shape::default()
        };
        shape.note_types(module);
        shape
    }

    /// What is known of a compiled component.
    pub fn of_component() -> Shape {
        Shape {
            component: true,
            ..Shape::default()
        }
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
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.imported_interfaces.push(import?.name.name.to_owned());
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
                    "a program for WASI preview 0 (wasi_unstable), which preview 1 replaced in 2019; build it again for wasm32-wasip1"
                        .into(),
                );
            }
            return Ok(GuestKind::CommandP1);
        }
        let exported = |prefix: &str, wanted: fn(&str) -> bool| {
            let mut versions = self.exports.iter().filter_map(|e| e.strip_prefix(prefix));
            versions.any(wanted)
        };
        let of = |wanted: fn(&str) -> bool| {
            let mut kinds = COMPONENTS.iter();
            kinds.find(|(prefix, _)| exported(prefix, wanted))
        };
        // What came before a release is run by nobody: it is meant only if there is nothing else, and then found wanting.
        let found = of(is_release).or_else(|| of(|_| true));
        match found {
            Some((_, kind)) => Ok(*kind),
            None => unsupported(format!(
                "a component that exports {}, but neither wasi:http/incoming-handler 0.2, wasi:http/handler 0.3 nor wasi:cli/run 0.2 or 0.3",
                text::list(&self.exports)
            )),
        }
    }

    /// Whether it needs an engine that runs concurrent calls: WASI 0.3 does.
    pub fn is_concurrent(&self) -> bool {
        let names = self.exports.iter().chain(&self.imported_interfaces);
        names.into_iter().any(|name| name.contains("@0.3."))
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
                "an entry point ({name}) can be chosen for core modules only; a component is called through what it exports for WASI"
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
                let reactor = name.is_none() && self.exports.iter().any(|e| e == "_initialize");
                let (what, advice) = match reactor {
                    true => (
                        "a WASI reactor (a library), not a command: it",
                        "; build it as a command, or name one of these as the entry point",
                    ),
                    false => ("the module", ""),
                };
                missing(format!(
                    "{what} does not export a function {wanted}; it exports {}{advice}",
                    text::list(&self.exports)
                ))
            }
        }
    }
}

/// Whether what follows the first two numbers of a version is that of a release: `0-rc-2026` is not.
fn is_release(patch: &str) -> bool {
    patch.bytes().all(|byte| byte.is_ascii_digit())
}

fn invalid(error: &wasmparser::BinaryReaderError) -> Error {
    Error::new(
        ErrorCode::Invalid,
        format!("not valid WebAssembly: {error}"),
    )
}
