//! What the configuration, as a whole, says: each section that names a module or an entry point, each distinct module
//! once, and the settings of the whole server. Filled while the configuration is read, looked at once after it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use directives::{EntryPoint, ModuleRef, Mount, Origin, ScriptLog, ServerSettings, Settings};
use wasm_runtime_client::Guest;

/// A module file, shared by all sections that name it. Loaded before children are started.
pub struct Program {
    /// The file.
    pub path: PathBuf,
    guest: OnceLock<Option<Result<Arc<Guest>, String>>>,
}

/// What has become of a program when the server started.
pub enum Started<'p> {
    /// It was loaded.
    Loaded(Arc<Guest>),
    /// It has been left out, for this reason.
    LeftOut(&'p str),
    /// It is loaded when a request asks for it.
    Later,
    /// Nothing yet: the configuration is only checked.
    NotYet,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Program {
    /// What has become of it.
    pub fn started(&self) -> Started<'_> {
        match self.guest.get() {
            None => Started::NotYet,
            Some(None) => Started::Later,
            Some(Some(Ok(guest))) => Started::Loaded(Arc::clone(guest)),
            Some(Some(Err(reason))) => Started::LeftOut(reason),
        }
    }

    /// Stores the loaded program, or why it is left out, for all sections; `None`: requests will load it.
    pub fn set_started(&self, guest: Option<Result<Arc<Guest>, String>>) {
        // A second one would be of the same file; the first stays.
        let _ = self.guest.set(guest);
    }
}

/// Which section, in the order in which they were first seen.
pub type SectionId = usize;

/// What one section says about its program, without what it inherits.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// The module it names.
    pub module: Option<ModuleRef>,
    /// The entry point it names.
    pub entry_point: Option<EntryPoint>,
    /// `WasmMemoryLimit` as it holds here, or the default.
    pub memory_limit: u64,
    /// The script log it names.
    pub script_log: Option<ScriptLog>,
    /// The line that makes its requests wait for each other.
    pub serialize: Option<Origin>,
    /// The directories that it gives.
    pub mounts: Vec<Mount>,
}

/// All of it.
#[derive(Debug, Default)]
struct Registry {
    sections: Vec<Section>,
    programs: Vec<Arc<Program>>,
    server: ServerSettings,
}

static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Registry>> {
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets everything, before the configuration is read anew.
pub fn reset() {
    *lock() = None;
}

/// A section in which something is said.
pub fn new_section() -> SectionId {
    let mut registry = lock();
    let sections = &mut registry.get_or_insert_default().sections;
    sections.push(Section::default());
    sections.len() - 1
}

/// What the section says now.
pub fn note(id: SectionId, settings: &Settings) {
    if let Some(section) = lock().get_or_insert_default().sections.get_mut(id) {
        section.module = settings.module().cloned();
        section.entry_point = settings.entry_point().cloned();
        section.memory_limit = settings.memory_limit();
        section.script_log = settings.script_log().cloned();
        section.serialize = settings.serialize().map(|it| it.origin.clone());
        section.mounts = settings.mounts().cloned().collect();
    }
}

/// The program of a file: the same one for the same file.
pub fn program(path: &Path) -> Arc<Program> {
    let mut registry = lock();
    let programs = &mut registry.get_or_insert_default().programs;
    if let Some(known) = programs.iter().find(|program| program.path == path) {
        return Arc::clone(known);
    }
    let program = Arc::new(Program {
        path: path.to_owned(),
        guest: OnceLock::new(),
    });
    programs.push(Arc::clone(&program));
    program
}

/// Reads or changes the settings of the whole server.
pub fn with_server_settings<T>(change: impl FnOnce(&mut ServerSettings) -> T) -> T {
    change(&mut lock().get_or_insert_default().server)
}

/// All sections.
pub fn sections() -> Vec<Section> {
    lock().get_or_insert_default().sections.clone()
}

/// All distinct programs, in the order of the configuration.
pub fn programs() -> Vec<Arc<Program>> {
    lock().get_or_insert_default().programs.clone()
}
