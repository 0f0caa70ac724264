//! Validates a program and its imports without generating code for it.
//!
//! Generating code for a large program takes many seconds, so a hollow copy is linked in its place. Nothing here starts
//! threads or touches signal handlers. It takes as much time, memory and stack as the program wants: for programs of strangers
//! it runs in the helper process.

use crate::capi::counted::counted;
use crate::engine::{base_config, unlinkable};
use crate::features::{self, Allowed, features};
use crate::guest::Plan;
use crate::hollow::Hollow;
use crate::kind::{GuestKind, Shape};
use crate::limits::TABLE_ELEMENT;
use crate::pool::widest;
use crate::weight::expect_light;
use crate::{Error, ErrorCode, link};
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasmparser::{Parser, Payload, Validator};
use wasmtime::component::Component;
use wasmtime::{Engine, InstanceAllocationStrategy, Module, OptLevel};

/// Says what kind of program `bytes` are and that they can be run here, with at most `memory_limit`
/// bytes of memory and the features that are always allowed.
///
/// # Errors
/// [`ErrorCode::NotWasm`], [`ErrorCode::Invalid`], [`ErrorCode::UnsupportedKind`],
/// [`ErrorCode::Unlinkable`].
pub fn check(bytes: &[u8], memory_limit: u64) -> Result<Shape, Error> {
    check_with(bytes, memory_limit, Allowed::default())
}

/// The same with the features that an operator allows.
///
/// # Errors
/// Those of [`check`].
pub fn check_with(bytes: &[u8], memory_limit: u64, allowed: Allowed) -> Result<Shape, Error> {
    let mut shape = Shape::read(bytes)?;
    let kind = shape.kind()?;
    check_size(bytes)?;
    Validator::new_with_features(features(allowed))
        .validate_all(bytes)
        .map_err(|e| Error::new(ErrorCode::Invalid, format!("not valid WebAssembly: {e}")))
        .map_err(|error| features::explain(bytes, allowed, error))?;
    match kind {
        GuestKind::CommandP1 => {
            let engine = engine(false, memory_limit, allowed)?;
            shape.note_types(&check_module(bytes, memory_limit, &engine)?);
        }
        _ => {
            let concurrent = shape.is_concurrent();
            let engine = engine(concurrent, memory_limit, allowed)?;
            check_component(bytes, memory_limit, kind, concurrent, &engine)?;
        }
    }
    Ok(shape)
}

/// Maximum number of things that a program declares, but for its functions, over all modules in it: far more than the compilers
/// of any language make.
const DECLARATIONS: u64 = 100_000;

/// Maximum number of imports and exports among them, whose names are kept.
const NAMES: u64 = 20_000;

/// Maximum number of segments of data and elements: Go's compiler makes as many as WebAssembly allows a module, 100,000.
const SEGMENTS: u64 = 250_000;

/// Whether the program declares no more than it may: the server keeps something of each of them as long as it keeps the program.
fn check_size(bytes: &[u8]) -> Result<(), Error> {
    let (mut names, mut others, mut segments) = (0, 0, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload
            .map_err(|e| Error::new(ErrorCode::Invalid, format!("not valid WebAssembly: {e}")))?;
        names += u64::from(match &payload {
            Payload::ImportSection(section) => section.count(),
            Payload::ExportSection(section) => section.count(),
            Payload::ComponentImportSection(section) => section.count(),
            Payload::ComponentExportSection(section) => section.count(),
            _ => 0,
        });
        segments += u64::from(match &payload {
            Payload::ElementSection(section) => section.count(),
            Payload::DataSection(section) => section.count(),
            _ => 0,
        });
        others += u64::from(match payload {
            Payload::TypeSection(section) => section.count(),
            Payload::TableSection(section) => section.count(),
            Payload::MemorySection(section) => section.count(),
            Payload::TagSection(section) => section.count(),
            Payload::GlobalSection(section) => section.count(),
            Payload::InstanceSection(section) => section.count(),
            Payload::CoreTypeSection(section) => section.count(),
            Payload::ComponentInstanceSection(section) => section.count(),
            Payload::ComponentAliasSection(section) => section.count(),
            Payload::ComponentTypeSection(section) => section.count(),
            Payload::ComponentCanonicalSection(section) => section.count(),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => 1,
            _ => 0,
        });
    }
    let refused = |count, what, most| {
        let text = format!("it has {count} {what}, more than the {most} that a program may have");
        Err(Error::new(ErrorCode::Invalid, text))
    };
    if names > NAMES {
        return refused(names, "imports and exports", NAMES);
    }
    if segments > SEGMENTS {
        return refused(segments, "segments of data and elements", SEGMENTS);
    }
    if names + others > DECLARATIONS {
        let what = "types, globals, imports, exports and the like";
        return refused(names + others, what, DECLARATIONS);
    }
    Ok(())
}

fn check_module(bytes: &[u8], memory_limit: u64, engine: &Engine) -> Result<Module, Error> {
    let (mut copy, mut hollow) = (Hollow::default(), wasm_encoder::Module::new());
    copy.parse_core_module(&mut hollow, Parser::new(0), bytes)
        .map_err(|e| cannot_copy(&e))?;
    check_tables(&copy, memory_limit)?;
    let (module, memory) = counted(|| Module::from_binary(engine, hollow.as_slice()));
    let module = module.map_err(invalid)?;
    expect_light(memory)?;
    let linker = link::preview1::linker(engine).map_err(unlinkable)?;
    linker.instantiate_pre(&module).map_err(unlinkable)?;
    Ok(module)
}

fn check_component(
    bytes: &[u8],
    memory_limit: u64,
    kind: GuestKind,
    concurrent: bool,
    engine: &Engine,
) -> Result<(), Error> {
    let (mut copy, mut hollow) = (Hollow::default(), wasm_encoder::Component::new());
    copy.parse_component(&mut hollow, Parser::new(0), bytes)
        .map_err(|e| cannot_copy(&e))?;
    check_tables(&copy, memory_limit)?;
    let (component, memory) = counted(|| Component::from_binary(engine, hollow.as_slice()));
    let component = component.map_err(invalid)?;
    expect_light(memory)?;
    let linker = link::component::linker(engine, concurrent).map_err(unlinkable)?;
    let pre = linker.instantiate_pre(&component).map_err(unlinkable)?;
    Plan::component(pre, kind).map_err(unlinkable)?;
    Ok(())
}

/// Whether the program's tables can ever be made within the limit.
fn check_tables(copy: &Hollow, memory_limit: u64) -> Result<(), Error> {
    let elements = copy.largest_table();
    match elements.saturating_mul(TABLE_ELEMENT as u64) > memory_limit {
        true => Err(Error::new(
            ErrorCode::Invalid,
            format!(
                "it begins with a table of {elements} elements, for which WasmMemoryLimit has no room"
            ),
        )),
        false => Ok(()),
    }
}

fn engine(concurrent: bool, memory_limit: u64, allowed: Allowed) -> Result<Engine, Error> {
    let mut config = base_config(concurrent, allowed);
    // Only what is refused matters here.
    let pool = widest(memory_limit, concurrent);
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .signals_based_traps(false)
        .parallel_compilation(false)
        .cranelift_opt_level(OptLevel::None);
    if let Ok(engine) = Engine::new(&config) {
        return Ok(engine);
    }
    // Without the address space for a pool the server runs without one too.
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config).map_err(|e| Error::wasmtime(ErrorCode::Engine, &e))
}

fn invalid(error: wasmtime::Error) -> Error {
    let error = Error::of_wasmtime(ErrorCode::Invalid, &error);
    // What Wasmtime says of a pool is about the bounds of `widest`, whose memories and tables are those of the limit.
    match error.message.contains("pooling allocator") {
        true => Error::new(
            error.code,
            format!(
                "it needs more memory, tables or instances than a program may have (WasmMemoryLimit bounds memories and tables): {error}"
            ),
        ),
        false => error,
    }
}

fn cannot_copy<E: std::fmt::Display>(error: &reencode::Error<E>) -> Error {
    Error::new(ErrorCode::Invalid, format!("cannot be read: {error}"))
}
