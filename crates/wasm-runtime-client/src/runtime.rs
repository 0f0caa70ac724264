//! The loaded library.
#![expect(
    unsafe_code,
    reason = "loads a library and calls its C functions; each use is argued for where it stands"
)]

use crate::cache::CacheOptions;
use crate::compiler::CompilerOptions;
use crate::error::{Error, ErrorCode};
use crate::handles::Engine;
use crate::sys;
use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;

const LIBRARY: &str = "libwasm_runtime.so";

/// The library, loaded once for the life of the process.
pub struct Runtime {
    pub(crate) functions: sys::Functions,
}

/// How an engine is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// How many guests may run at once in one process.
    pub max_instances: u32,
    /// The largest memory limit that a request will have, bytes.
    pub memory_limit: u64,
    /// Where compiled programs are kept; `None`: they are not.
    pub cache: Option<CacheOptions>,
    /// How programs are read, checked and compiled.
    pub compiler: CompilerOptions,
    /// Whether guests may keep objects on a garbage-collected heap; exceptions they may throw in any case.
    pub garbage_collection: bool,
}

/// Which function of a program is to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint<'a> {
    /// The one of its kind, `_start` for a core module.
    Standard,
    /// This export of a core module.
    Named(&'a str),
    /// Not known yet: do not check it.
    Unchecked,
}

/// What kind of program a guest is.
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
    /// A kind that a newer library knows and this client does not.
    Other(u32),
}

impl GuestKind {
    /// Does it answer HTTP requests itself? A command is given its input and output instead.
    #[must_use]
    pub fn answers_http(self) -> bool {
        matches!(self, GuestKind::ProxyP2 | GuestKind::ServiceP3)
    }

    pub(crate) fn of(kind: sys::wrt_kind) -> GuestKind {
        match kind {
            sys::WRT_KIND_COMMAND_P1 => GuestKind::CommandP1,
            sys::WRT_KIND_COMMAND_P2 => GuestKind::CommandP2,
            sys::WRT_KIND_COMMAND_P3 => GuestKind::CommandP3,
            sys::WRT_KIND_PROXY_P2 => GuestKind::ProxyP2,
            sys::WRT_KIND_SERVICE_P3 => GuestKind::ServiceP3,
            other => GuestKind::Other(other),
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GuestKind::CommandP1 => f.write_str("WASI preview 1 command"),
            GuestKind::CommandP2 => f.write_str("WASI 0.2 command component"),
            GuestKind::CommandP3 => f.write_str("WASI 0.3 command component"),
            GuestKind::ProxyP2 => f.write_str("WASI 0.2 http component"),
            GuestKind::ServiceP3 => f.write_str("WASI 0.3 http component"),
            GuestKind::Other(kind) => write!(f, "program of kind {kind}"),
        }
    }
}

impl Runtime {
    /// Loads `libwasm_runtime.so`: the dynamic linker looks beside the library that this client is
    /// linked into (its run path), then where it looks for any library. Later calls return the same.
    ///
    /// # Errors
    /// [`ErrorCode::LibraryMissing`], [`ErrorCode::AbiMismatch`].
    pub fn load() -> Result<&'static Runtime, Error> {
        static LOADED: OnceLock<Result<Runtime, Error>> = OnceLock::new();
        LOADED.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    /// The versions of the library and of the Wasmtime in it.
    pub fn version(&self) -> String {
        // SAFETY: the function takes nothing and may be called at any time.
        let text = unsafe { self.functions.wrt_version() };
        text_at(text).unwrap_or_default()
    }

    /// Validates a program and its imports without generating code, for an engine with this memory
    /// limit and this choice of features, in a process of its own. Any process may call it at any time.
    ///
    /// # Errors
    /// What is wrong with the program.
    pub fn check(
        &self,
        path: &Path,
        memory_limit: u64,
        garbage_collection: bool,
        entry_point: EntryPoint<'_>,
        compiler: &CompilerOptions,
    ) -> Result<GuestKind, Error> {
        let compiler = compiler.raw();
        let path = c_path(path)?;
        let entry_point = match entry_point {
            EntryPoint::Standard => None,
            EntryPoint::Named(name) => Some(c_string(name)?),
            EntryPoint::Unchecked => Some(c"".to_owned()),
        };
        let mut kind = 0;
        self.call(|error| {
            // SAFETY: the strings live until after the call, and `kind` and `error` are valid for
            // writes.
            unsafe {
                self.functions.wrt_check(
                    path.as_ptr(),
                    memory_limit,
                    garbage_collection,
                    entry_point
                        .as_ref()
                        .map_or(ptr::null(), |name| name.as_ptr()),
                    &compiler,
                    &mut kind,
                    error,
                )
            }
        })?;
        Ok(GuestKind::of(kind))
    }

    /// Makes the engine of this process and of those forked from it. The process's signal handlers
    /// stay as they are.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`].
    pub fn new_engine(&'static self, options: &EngineOptions) -> Result<Engine, Error> {
        let cache = options.cache.as_ref();
        let directory = cache.map(|cache| c_path(&cache.directory)).transpose()?;
        let cache = cache.zip(directory.as_ref());
        let cache = cache.map(|(cache, directory)| cache.raw(directory));
        let compiler = options.compiler.raw();
        let options = sys::wrt_engine_options {
            size: size_of::<sys::wrt_engine_options>(),
            max_instances: options.max_instances,
            memory_limit: options.memory_limit,
            cache: cache.as_ref().map_or(ptr::null(), ptr::from_ref),
            compiler: &compiler,
            garbage_collection: options.garbage_collection,
        };
        let mut engine = ptr::null_mut();
        self.call(|error| {
            // SAFETY: the options and what they point to live until after the call; `engine` and
            // `error` are valid for writes.
            unsafe { self.functions.wrt_engine_new(&options, &mut engine, error) }
        })?;
        Ok(Engine::new(self, engine))
    }

    /// Installs the handlers that turn guest faults into traps, before the first guest of a process
    /// runs.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`]; [`ErrorCode::Usage`] when no engine has been made.
    pub fn install_signal_handlers(&self) -> Result<(), Error> {
        self.call(|error| {
            // SAFETY: `error` is valid for a write.
            unsafe { self.functions.wrt_signals_install(error) }
        })
    }

    /// Makes a call that may hand out an error, and turns that into Rust.
    pub(crate) fn call(
        &self,
        function: impl FnOnce(*mut *mut sys::wrt_error) -> sys::wrt_status,
    ) -> Result<(), Error> {
        let mut error = ptr::null_mut();
        let status = function(&mut error);
        if status == sys::WRT_OK {
            return Ok(());
        }
        // SAFETY: `error` is NULL or the error just received.
        let text = unsafe { self.functions.wrt_error_message(error) };
        let text = text_at(text).unwrap_or_else(|| format!("status {status}"));
        // SAFETY: `error` is NULL or the error just received, and its text has been copied.
        unsafe { self.functions.wrt_error_free(error) };
        Err(Error::new(ErrorCode::of(status), text))
    }
}

fn open() -> Result<Runtime, Error> {
    let missing =
        |e: libloading::Error| Error::new(ErrorCode::LibraryMissing, format!("{LIBRARY}: {e}"));
    // SAFETY: loading runs the library's initialisers; it has none beyond Rust's own.
    let library = unsafe { libloading::Library::new(LIBRARY) }.map_err(missing)?;
    // SAFETY: the function has this type in every version of the ABI.
    let version = unsafe { library.get::<unsafe extern "C" fn() -> u32>(b"wrt_abi_version\0") }
        .map_err(missing)?;
    // SAFETY: the function takes nothing and may be called at any time.
    let found = unsafe { version() };
    if found != sys::WRT_ABI_VERSION {
        let text = format!(
            "{LIBRARY} has ABI version {found}, this module needs version {}",
            sys::WRT_ABI_VERSION
        );
        return Err(Error::new(ErrorCode::AbiMismatch, text));
    }
    // SAFETY: the version says that the functions have the types of the header.
    let functions = unsafe { sys::Functions::from_library(library) }.map_err(missing)?;
    Ok(Runtime { functions })
}

/// A copy of a C string; `None` for NULL.
pub(crate) fn text_at(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: every string that the library hands out is NUL-terminated and lives until it is
    // freed, which callers do after this copy.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}

pub(crate) fn c_path(path: &Path) -> Result<CString, Error> {
    c_string(path.as_os_str().as_bytes())
}

pub(crate) fn c_string(text: impl Into<Vec<u8>>) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::new(ErrorCode::Usage, "a text holds a NUL byte"))
}
