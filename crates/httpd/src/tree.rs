//! What the configuration, as it has been read, says of the server's own files: the lines of all its directives, with the
//! files they stand in, the files of loaded modules, the error logs. Must not know what which directive means.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use httpd_sys as sys;

use crate::pool::Pool;
use crate::server::Server;
use crate::table::bytes;

/// One directive of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Directive<'p> {
    node: &'p sys::ap_directive_t,
    pool: Pool<'p>,
}

impl<'p> Directive<'p> {
    /// Its name, as it is written there; `<Directory` and the like for a section.
    #[must_use]
    pub fn name(&self) -> &'p [u8] {
        // SAFETY: a string of the tree, as long-lived as the tree.
        unsafe { bytes(self.node.directive) }.unwrap_or_default()
    }

    /// The file in which it stands.
    #[must_use]
    pub fn file(&self) -> &'p Path {
        // SAFETY: the name of a configuration file, as long-lived as the tree.
        let file = unsafe { bytes(self.node.filename) }.unwrap_or_default();
        Path::new(OsStr::from_bytes(file))
    }

    /// Its first argument, without quotes and with its variables replaced, as its own module was given it.
    #[must_use]
    pub fn first_argument(&self) -> &'p [u8] {
        let mut rest = self.node.args;
        if rest.is_null() {
            return b"";
        }
        // SAFETY: the pool is alive and the arguments end with a NUL; httpd copies the word and moves our pointer behind it.
        let word = unsafe { sys::ap_getword_conf(self.pool.as_ptr(), &raw mut rest) };
        // SAFETY: as the word was just given; httpd makes a copy in the pool.
        let word = unsafe { sys::ap_resolve_env(self.pool.as_ptr(), word) };
        // SAFETY: null or a string in the pool.
        unsafe { bytes(word) }.unwrap_or_default()
    }
}

/// All directives, those in sections included, without the ones that httpd carries out while it reads (`Include`,
/// `LoadModule`, `Define`). Of the configuration that `pconf` belongs to, in a hook that is given that.
pub fn directives(pconf: Pool<'_>) -> impl Iterator<Item = Directive<'_>> {
    // SAFETY: a variable of the server, which only the reading of the configuration changes, on this thread.
    let root: *mut sys::ap_directive_t = unsafe { sys::ap_conftree };
    let mut open = vec![root];
    std::iter::from_fn(move || {
        loop {
            // SAFETY: null or a directive of the tree, which lives as long as the configuration.
            let Some(node) = (unsafe { open.pop()?.as_ref() }) else {
                continue;
            };
            open.extend([node.next, node.first_child]);
            return Some(Directive { node, pool: pconf });
        }
    })
}

/// The files that loaded modules came from.
#[must_use]
pub fn module_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    // SAFETY: a variable of the server, which only the loading of modules changes, on this thread.
    let mut next = unsafe { sys::ap_loaded_modules };
    if next.is_null() {
        return files;
    }
    loop {
        // SAFETY: in the array, which ends with a null that has not been met yet.
        let module = unsafe { *next };
        if module.is_null() {
            return files;
        }
        files.extend(file_of(module));
        // SAFETY: not the end yet, so there is one more.
        next = unsafe { next.add(1) };
    }
}

/// The file that the object with this address came from. The server's own file may be known by a relative name, which says
/// nothing.
fn file_of<T>(object: *const T) -> Option<PathBuf> {
    let mut found = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: the function looks the address up without reading what is there, and writes into our struct.
    if unsafe { libc::dladdr(object.cast(), &raw mut found) } == 0 {
        return None;
    }
    // SAFETY: null or the name in the list of loaded objects; a module is not unloaded while it is in httpd's list.
    let name = unsafe { bytes(found.dli_fname) }?;
    let file = PathBuf::from(OsStr::from_bytes(name));
    file.is_absolute().then_some(file)
}

/// The server's root directory (`ServerRoot`).
#[must_use]
pub fn server_root() -> PathBuf {
    // SAFETY: a variable of the server, which only the reading of the configuration changes, on this thread.
    let root = unsafe { sys::ap_server_root };
    // SAFETY: null or a string of the configuration.
    let root = unsafe { bytes(root) }.unwrap_or_default();
    PathBuf::from(OsStr::from_bytes(root))
}

/// `path` made absolute, relative to `ServerRoot`; `None` if it cannot be a path.
#[must_use]
pub fn server_root_relative(pool: Pool<'_>, path: &[u8]) -> Option<PathBuf> {
    let path = std::ffi::CString::new(path).ok()?;
    // SAFETY: the pool is alive and the path ends with a NUL.
    let path = unsafe { sys::ap_server_root_relative(pool.as_ptr(), path.as_ptr()) };
    // SAFETY: null or a string in that pool.
    let path = unsafe { bytes(path) }?;
    Some(PathBuf::from(OsStr::from_bytes(path)))
}

/// What `ErrorLog` says, for the main server and each virtual host that says something.
#[must_use]
pub fn error_logs(server: Server<'_>) -> Vec<Vec<u8>> {
    let mut logs = Vec::new();
    let mut next = server.as_ptr().cast_const();
    while !next.is_null() {
        // SAFETY: a server of the list, which lives as long as the configuration.
        let name = unsafe { (*next).error_fname };
        if !name.is_null() {
            // SAFETY: not null, so a string of the configuration.
            logs.push(unsafe { CStr::from_ptr(name) }.to_bytes().to_vec());
        }
        // SAFETY: as above.
        next = unsafe { (*next).next };
    }
    logs
}
