//! The module record: what httpd finds in the shared object, and the trait that a module implements to be one. Creates,
//! merges and hands out its per-directory configuration.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use httpd_sys as sys;

use crate::answer::Answer;
use crate::command::{Command, Commands};
use crate::guard;
use crate::hooks::{self, Failed};
use crate::pool::Pool;
use crate::request::Request;
use crate::server::Server;

/// httpd's module record.
pub type Record = sys::module;

/// An httpd module. All functions run on a thread of httpd; those about configuration in the single-threaded parent,
/// except that `.htaccess` files are read and configurations merged on the thread of a request.
pub trait Module: Sized + 'static {
    /// What the directives of one section fill.
    type DirConfig: Send + Sync + 'static;

    /// The record that [`module!`](crate::module) declared.
    fn record() -> *const Record;
    /// The configuration of a section in which nothing has been said yet.
    fn create_dir_config() -> Self::DirConfig;
    /// `inner` laid over `outer`.
    fn merge_dir_config(outer: &Self::DirConfig, inner: &Self::DirConfig) -> Self::DirConfig;
    /// One line of configuration.
    ///
    /// # Errors
    /// What is wrong with it; httpd adds file and line.
    fn command(command: &Command<'_>, config: &mut Self::DirConfig) -> Result<(), String>;
    /// Before the configuration is read.
    fn pre_config();
    /// After it has been read; `httpd -t` comes this far.
    ///
    /// # Errors
    /// The server must not start; the module has said why.
    fn check_config(pconf: Pool<'_>, server: Server<'_>) -> Result<(), Failed>;
    /// Before children are started, in every pass.
    ///
    /// # Errors
    /// As [`check_config`](Module::check_config).
    fn post_config(pconf: Pool<'_>, server: Server<'_>) -> Result<(), Failed>;
    /// In each child, before it serves.
    fn child_init(pchild: Pool<'_>, server: Server<'_>);
    /// The content handler.
    fn handler(request: &mut Request) -> Answer;
    /// The content handler panicked with this text.
    fn handler_panicked(request: &mut Request, text: &str) -> Answer;
    /// A function outside of a request panicked with this text.
    fn panicked(text: &str);
}

/// The record of the module in this shared object, known once its hooks are registered.
static CURRENT: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());

/// The record, for functions of httpd that ask whose configuration is meant.
pub(crate) fn current() -> *const Record {
    CURRENT.load(Ordering::Relaxed)
}

/// The module's number, under which it logs.
pub(crate) fn index() -> c_int {
    let record = current();
    if record.is_null() {
        return sys::APLOG_NO_MODULE;
    }
    // SAFETY: the record is a static of a library that is never unloaded; httpd writes the number only while it loads
    // modules, when there is one thread.
    unsafe { (*record).module_index }
}

/// The record for a module. `file` is the name that `<IfModule>` takes.
#[must_use]
pub const fn record<M: Module, const N: usize>(
    file: &'static CStr,
    commands: &'static Commands<N>,
) -> Record {
    Record {
        version: sys::MODULE_MAGIC_NUMBER_MAJOR.cast_signed(),
        minor_version: sys::MODULE_MAGIC_NUMBER_MINOR.cast_signed(),
        module_index: -1,
        name: file.as_ptr(),
        dynamic_load_handle: ptr::null_mut(),
        next: ptr::null_mut(),
        magic: sys::MODULE_MAGIC_COOKIE as std::ffi::c_ulong,
        rewrite_args: None,
        create_dir_config: Some(create_dir_config::<M>),
        merge_dir_config: Some(merge_dir_config::<M>),
        create_server_config: None,
        merge_server_config: None,
        cmds: commands.as_ptr(),
        register_hooks: Some(register_hooks::<M>),
        flags: 0,
    }
}

/// Declares the symbol that `LoadModule` looks for, with the module's commands. Once in a shared object.
#[macro_export]
macro_rules! module {
    ($symbol:ident, $module:ty, $file:literal, $specs:expr) => {
        static COMMAND_TEXTS: [$crate::CommandTexts; $specs.len()] = $crate::command_texts(&$specs);
        static COMMANDS: $crate::Commands<{ $specs.len() + 1 }> = $crate::commands::<
            $module,
            { $specs.len() },
            { $specs.len() + 1 },
        >(&$specs, &COMMAND_TEXTS);
        /// The module record. httpd finds it by this name and writes to it.
        #[expect(unsafe_code, reason = "httpd looks the symbol up by its name")]
        #[unsafe(no_mangle)]
        pub static mut $symbol: $crate::Record =
            $crate::record::<$module, { $specs.len() + 1 }>($file, &COMMANDS);
    };
}

unsafe extern "C" fn register_hooks<M: Module>(_: *mut sys::apr_pool_t) {
    guard::keep_panic_text();
    guard::guard_with(
        || {
            CURRENT.store(M::record().cast_mut(), Ordering::Relaxed);
            hooks::register::<M>();
        },
        M::panicked,
    );
}

unsafe extern "C" fn create_dir_config<M: Module>(
    pool: *mut sys::apr_pool_t,
    _: *mut c_char,
) -> *mut c_void {
    let create = || {
        // SAFETY: httpd passes the pool that the configuration is to live in.
        let pool = unsafe { Pool::from_raw(pool) }?;
        Some(pool.own(M::create_dir_config()))
    };
    guard::guard_with(create, panicked::<M, _>)
        .map_or(ptr::null_mut(), |config| config.as_ptr().cast())
}

unsafe extern "C" fn merge_dir_config<M: Module>(
    pool: *mut sys::apr_pool_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_void {
    let merge = || {
        // SAFETY: httpd passes the pool that the configuration is to live in.
        let pool = unsafe { Pool::from_raw(pool) }?;
        // SAFETY: both were made by `create_dir_config` or by this function for the same module, and live in pools that
        // outlive this call. After the configuration has been read nobody changes them.
        let outer = unsafe { outer.cast::<M::DirConfig>().as_ref() }?;
        // SAFETY: as the outer one.
        let inner = unsafe { inner.cast::<M::DirConfig>().as_ref() }?;
        Some(pool.own(M::merge_dir_config(outer, inner)))
    };
    guard::guard_with(merge, panicked::<M, _>)
        .map_or(ptr::null_mut(), |config| config.as_ptr().cast())
}

fn panicked<M: Module, T>(text: &str) -> Option<T> {
    M::panicked(text);
    None
}
