//! The directories that the server keeps for itself, found out from its configuration: no program may be given what decides
//! what the server runs, or what it must not read. The engine judges; here is only the list.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use httpd::{Pool, Server};
use wasm_runtime_client::{CacheOptions, ReservedDir};

use crate::links::real;
use crate::registry;

/// Directives whose first argument is a file that httpd writes, or the directory of such files. What `LoadModule` and
/// `Include` name is found by what has been loaded and read.
const LOGS: [&[u8]; 5] = [
    b"CustomLog",
    b"TransferLog",
    b"GlobalLog",
    b"ForensicLog",
    b"ScriptLog",
];

/// What the names of directories in `ServerRoot` begin with that distributions keep configuration in. One in which nothing but
/// `LoadModule` stands, or nothing yet, is not known by what has been read.
const USUAL: [&[u8]; 4] = [b"conf", b"mods-", b"sites-", b"vhosts"];

/// How `Mutex` names a directory: a mechanism that uses files, and where.
const MUTEX_FILES: [&[u8]; 3] = [b"file:", b"flock:", b"fcntl:"];

const CONFIGURATION: &str = "which holds the server's configuration";
const LOG: &str = "which holds a log of the server";
const MODULES: &str = "which holds modules of the server";
const RUNTIME: &str = "the server's runtime directory";
const LOCKS: &str = "which holds locks of the server";
const CACHE: &str = "the cache of compiled programs";

/// All of them, in the hooks that are given the whole configuration.
pub fn directories(
    pconf: Pool<'_>,
    server: Server<'_>,
    cache: Option<&CacheOptions>,
) -> Vec<ReservedDir> {
    let mut list = List::of(pconf);
    for file in httpd::module_files().iter().chain(runtime_file().as_ref()) {
        list.add_file(file, MODULES, Extent::All);
    }
    if let Some(runtime) = httpd::runtime_dir_relative(pconf, c"") {
        list.add(Path::new(&runtime), RUNTIME, Extent::All);
    }
    if let Some(cache) = cache {
        list.add(&cache.directory, CACHE, Extent::All);
    }
    for log in httpd::error_logs(server) {
        list.add_log(pconf, &log);
    }
    for section in registry::sections() {
        if let Some(log) = section.script_log {
            list.add_file(&log.path, LOG, Extent::OfServerRoot);
        }
    }
    for directive in httpd::directives(pconf) {
        list.add_file(directive.file(), CONFIGURATION, Extent::OfServerRoot);
        let is = |name: &[u8]| directive.name().eq_ignore_ascii_case(name);
        if LOGS.into_iter().any(is) {
            list.add_log(pconf, directive.first_argument());
        } else if is(b"PidFile") {
            let file = directive.first_argument();
            if let Some(file) = httpd::server_root_relative(pconf, file) {
                list.add_file(&file, RUNTIME, Extent::OfServerRoot);
            }
        } else if is(b"Mutex") {
            list.add_locks(pconf, directive.first_argument());
        }
    }
    list.add_usual();
    list.finish()
}

/// The library with the engine, which need not lie beside this one.
fn runtime_file() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let files = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]));
    files
        .map(Path::new)
        .find(|file| file.file_name() == Some(OsStr::new("libwasm_runtime.so")))
        .map(Path::to_owned)
}

/// Which directories inside of a reserved one are reserved with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of them.
    All,
    /// All of them in the directories of `ServerRoot`, which are the server's. Elsewhere, a file says nothing about what lies
    /// beside it: a site may have its own configuration next to its documents.
    OfServerRoot,
}

/// The list while it grows.
struct List {
    root: PathBuf,
    documents: Vec<PathBuf>,
    found: BTreeMap<PathBuf, (&'static str, bool)>,
}

impl List {
    fn of(pconf: Pool<'_>) -> List {
        let roots = httpd::directives(pconf)
            .filter(|directive| directive.name().eq_ignore_ascii_case(b"DocumentRoot"));
        let roots =
            roots.filter_map(|root| httpd::server_root_relative(pconf, root.first_argument()));
        List {
            root: real(&httpd::server_root()),
            documents: roots.map(|root| real(&root)).collect(),
            found: BTreeMap::new(),
        }
    }

    /// The directory of a file, as it is named and where a symbolic link leads.
    fn add_file(&mut self, file: &Path, holds: &'static str, extent: Extent) {
        if !file.is_absolute() {
            return;
        }
        for file in [file, &real(file)] {
            if let Some(directory) = file.parent() {
                self.add(directory, holds, extent);
            }
        }
    }

    /// A file that is written, unless it is a program's input or not a file at all.
    fn add_log(&mut self, pconf: Pool<'_>, log: &[u8]) {
        let elsewhere = log.starts_with(b"|") || log.starts_with(b"syslog");
        let file = httpd::server_root_relative(pconf, log).filter(|_| !elsewhere);
        if let Some(file) = file {
            self.add_file(&file, LOG, Extent::OfServerRoot);
        }
    }

    fn add_usual(&mut self) {
        let Ok(entries) = self.root.read_dir() else {
            return;
        };
        let usual = |entry: &DirEntry| {
            let name = entry.file_name();
            let begins = |start: &&[u8]| name.as_bytes().starts_with(start);
            USUAL.iter().any(begins) && entry.path().is_dir()
        };
        for entry in entries.flatten().filter(usual) {
            self.add(&entry.path(), CONFIGURATION, Extent::OfServerRoot);
        }
    }

    fn add_locks(&mut self, pconf: Pool<'_>, mutex: &[u8]) {
        let path = MUTEX_FILES
            .into_iter()
            .find_map(|mechanism| mutex.strip_prefix(mechanism));
        if let Some(path) = path.and_then(|path| httpd::server_root_relative(pconf, path)) {
            self.add(&path, LOCKS, Extent::All);
        }
    }

    fn add(&mut self, directory: &Path, holds: &'static str, extent: Extent) {
        let directory = real(directory);
        let below_root = directory != self.root && directory.starts_with(&self.root);
        let holds_documents = self.documents.iter().any(|it| it.starts_with(&directory));
        let inside = match extent {
            // A server all of whose files are in one directory has its documents there too.
            Extent::All => !self.root.starts_with(&directory),
            Extent::OfServerRoot => below_root && !holds_documents,
        };
        let entry = self.found.entry(directory).or_insert((holds, inside));
        entry.1 |= inside;
    }

    fn finish(self) -> Vec<ReservedDir> {
        let dir = |(path, (holds, inside))| ReservedDir {
            path,
            holds,
            inside,
        };
        self.found.into_iter().map(dir).collect()
    }
}
