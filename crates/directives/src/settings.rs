//! What the directives of one section say, how an inner section is laid over an outer one, and the defaults.
//! Must not know how a value is written (that is the directives' business) nor what is done with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use destination::Pattern;

use crate::args::Origin;
use crate::choices::{BodyWithoutLength, ScriptLog, Serialize};
use crate::mounts::Mount;
use crate::units;
use crate::value::Value;

/// `WasmMemoryLimit` where none is configured, in bytes.
///
/// 256 MiB, because a limit exists to stop a runaway guest and must not stop an honest one: a 30 MB interpreter such
/// as CPython or PHP touches 40 to 100 MB of linear memory for an ordinary page, and a page that decodes a picture or
/// sorts a large result may need twice that. 256 MiB leaves such programs room to spare, while a guest that allocates
/// in a loop still ends long before the machine swaps. It is a ceiling and not a reservation: a request that touches
/// 2 MB costs 2 MB.
pub const DEFAULT_MEMORY_LIMIT: u64 = 256 * units::MIB;

/// `WasmLogLimit` where none is configured, in bytes a second: more than anybody reads, and at the worst 5 GB a day, for which
/// logs can be rotated in time.
const DEFAULT_LOG_LIMIT: u64 = 64 * units::KIB;

/// `WasmMaxOpenFiles` where none is configured: far more than an interpreter (one at a time) or SQLite (five a database) has open.
const DEFAULT_MAX_OPEN_FILES: u32 = 64;

/// The module that a section runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModuleRef {
    /// The file, absolute.
    pub path: PathBuf,
    /// May the server start without it?
    pub optional: bool,
    /// The line that named it, for errors found after all lines have been read.
    pub origin: Origin,
}

/// The exported function that a section calls instead of `_start`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryPoint {
    /// The export's name.
    pub name: String,
    /// The line that named it, for errors found after all lines have been read.
    pub origin: Origin,
}

/// What outgoing HTTP of one instance may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OutboundLimit {
    /// The whole time of one outgoing request, from the connection to the end of the response's body.
    pub timeout: Duration,
    /// The body of one response, in bytes.
    pub max_body: u64,
    /// Requests under way at the same time.
    pub max_concurrent: u32,
}

impl Default for OutboundLimit {
    fn default() -> OutboundLimit {
        OutboundLimit {
            timeout: Duration::from_secs(30),
            max_body: 64 * units::MIB,
            max_concurrent: 16,
        }
    }
}

/// A directory that a request has for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TempDir {
    /// The path under which the guest sees it: absolute, without a slash at its end unless it is `/`.
    pub guest: String,
    /// What its files may take on the disk, in bytes.
    pub max: u64,
    /// How many files and directories it may hold.
    pub files: u32,
}

impl TempDir {
    /// The directory under this path, with the limits that hold where none are given. 64 MiB, because that is more than
    /// an upload of an ordinary form and less than a disk notices a hundred times; 1000 files, because they can be
    /// looked at in the time that a guest needs to write some ten megabytes.
    pub(crate) fn at(guest: String) -> TempDir {
        TempDir {
            guest,
            max: 64 * units::MIB,
            files: 1000,
        }
    }
}

/// How an instance is used for more than one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reuse {
    /// How many requests an instance serves before it is dropped.
    pub requests: u32,
    /// How many of them at the same time, where the kind of program can do that.
    pub concurrent: u32,
    /// How long an instance that nobody uses is kept.
    pub idle: Duration,
}

impl Default for Reuse {
    fn default() -> Reuse {
        Reuse {
            requests: 128,
            concurrent: 1,
            idle: Duration::from_secs(10),
        }
    }
}

/// What the directives of one section, or of several merged ones, say. Every value knows whether it was set. Equal ones
/// say the same: requests are told apart by them when an instance is used again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    pub(crate) module: Option<ModuleRef>,
    pub(crate) entry_point: Option<EntryPoint>,
    pub(crate) args: Option<Vec<Value>>,
    pub(crate) query_args: Option<bool>,
    pub(crate) env: Vec<(String, Value)>,
    pub(crate) config: Vec<(String, String)>,
    pub(crate) mounts: Vec<Mount>,
    /// The inner `None` is `none`.
    pub(crate) temp_dir: Option<Option<TempDir>>,
    pub(crate) outbound: Option<Vec<Pattern>>,
    pub(crate) outbound_timeout: Option<Duration>,
    pub(crate) outbound_body: Option<u64>,
    pub(crate) outbound_concurrent: Option<u32>,
    pub(crate) cgi: Option<bool>,
    pub(crate) map_cgi_file_names: Option<bool>,
    pub(crate) body_without_length: Option<BodyWithoutLength>,
    pub(crate) nph: Option<bool>,
    /// The inner `None` is `none`.
    pub(crate) script_log: Option<Option<ScriptLog>>,
    pub(crate) timeout: Option<Duration>,
    /// The inner `None` is `Off`.
    pub(crate) serialize: Option<Option<Serialize>>,
    /// The inner `None` is `Off`.
    pub(crate) reuse: Option<Option<Reuse>>,
    pub(crate) memory_limit: Option<u64>,
    /// The inner `None` is `none`.
    pub(crate) log_limit: Option<Option<u64>>,
    pub(crate) max_open_files: Option<u32>,
}

impl Settings {
    /// `inner` laid over `outer`. Scalars: the inner one wins if it was set. Arguments and outgoing destinations: a
    /// section that gives any replaces the outer list, because a command line is one value, and so is a grant.
    /// Environment and configuration store: by name. Directories: by guest path.
    #[must_use]
    pub fn merge(outer: &Settings, inner: &Settings) -> Settings {
        // Both are taken apart without `..`: a field that merging forgets does not compile.
        let Settings {
            module,
            entry_point,
            args,
            query_args,
            env,
            config,
            mounts,
            temp_dir,
            outbound,
            outbound_timeout,
            outbound_body,
            outbound_concurrent,
            cgi,
            map_cgi_file_names,
            body_without_length,
            nph,
            script_log,
            timeout,
            serialize,
            reuse,
            memory_limit,
            log_limit,
            max_open_files,
        } = inner;
        let mut merged = Settings {
            module: module.clone().or_else(|| outer.module.clone()),
            entry_point: entry_point.clone().or_else(|| outer.entry_point.clone()),
            args: args.clone().or_else(|| outer.args.clone()),
            query_args: query_args.or(outer.query_args),
            env: outer.env.clone(),
            config: outer.config.clone(),
            mounts: outer.mounts.clone(),
            temp_dir: temp_dir.clone().or_else(|| outer.temp_dir.clone()),
            outbound: outbound.clone().or_else(|| outer.outbound.clone()),
            outbound_timeout: outbound_timeout.or(outer.outbound_timeout),
            outbound_body: outbound_body.or(outer.outbound_body),
            outbound_concurrent: outbound_concurrent.or(outer.outbound_concurrent),
            cgi: cgi.or(outer.cgi),
            map_cgi_file_names: map_cgi_file_names.or(outer.map_cgi_file_names),
            body_without_length: body_without_length.or(outer.body_without_length),
            nph: nph.or(outer.nph),
            script_log: script_log.clone().or_else(|| outer.script_log.clone()),
            timeout: timeout.or(outer.timeout),
            serialize: serialize.clone().or_else(|| outer.serialize.clone()),
            reuse: reuse.or(outer.reuse),
            memory_limit: memory_limit.or(outer.memory_limit),
            log_limit: log_limit.or(outer.log_limit),
            max_open_files: max_open_files.or(outer.max_open_files),
        };
        for (name, value) in env {
            merged.set_env(name, value.clone());
        }
        for (key, value) in config {
            merged.set_config(key, value.clone());
        }
        for mount in mounts {
            merged.set_mount(mount.clone());
        }
        merged
    }

    /// The module to run, if any section named one.
    #[must_use]
    pub fn module(&self) -> Option<&ModuleRef> {
        self.module.as_ref()
    }

    /// The function to call; `None` means the one its kind of program has (`_start`, `wasi:cli/run`).
    #[must_use]
    pub fn entry_point(&self) -> Option<&EntryPoint> {
        self.entry_point.as_ref()
    }

    /// Are the words of an indexed query arguments? `default`: whether they are where nothing is said.
    #[must_use]
    pub fn query_args(&self, default: bool) -> bool {
        self.query_args.unwrap_or(default)
    }

    /// The guest's command line: the name of its module, then the `WasmArg`s.
    #[must_use]
    pub fn argv<'a>(&'a self, module: &'a str) -> Vec<&'a str> {
        std::iter::once(module)
            .chain(self.args.iter().flatten().map(Value::text))
            .collect()
    }

    /// The configured environment, each name once.
    pub fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env
            .iter()
            .map(|(name, value)| (name.as_str(), value.text()))
    }

    /// The entries of the `wasi:config` store, each key once.
    pub fn config(&self) -> impl Iterator<Item = (&str, &str)> {
        self.config
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The directories that the guest is given, each guest path once, in the order they were written. Without one that the
    /// temporary directory hides: what lies there is no path of the guest.
    pub fn mounts(&self) -> impl Iterator<Item = &Mount> {
        let temp_dir = self.temp_dir();
        let hidden = move |mount: &&Mount| temp_dir.is_some_and(|temp| temp.guest == mount.guest);
        self.mounts.iter().filter(move |mount| !hidden(mount))
    }

    /// The directory that each request has for itself; `None`, the default, means none. A mount of the same guest path is
    /// hidden by it.
    #[must_use]
    pub fn temp_dir(&self) -> Option<&TempDir> {
        self.temp_dir.as_ref()?.as_ref()
    }

    /// Where the guest may connect to. Default: nowhere.
    #[must_use]
    pub fn outbound(&self) -> &[Pattern] {
        self.outbound.as_deref().unwrap_or_default()
    }

    /// What outgoing HTTP may take; each part has a default of its own.
    #[must_use]
    pub fn outbound_limit(&self) -> OutboundLimit {
        let default = OutboundLimit::default();
        OutboundLimit {
            timeout: self.outbound_timeout.unwrap_or(default.timeout),
            max_body: self.outbound_body.unwrap_or(default.max_body),
            max_concurrent: self.outbound_concurrent.unwrap_or(default.max_concurrent),
        }
    }

    /// How instances are used again; `None`, the default, means not at all.
    #[must_use]
    pub fn reuse(&self) -> Option<Reuse> {
        self.reuse.flatten()
    }

    /// Is the guest a CGI program? What holds where nothing is said depends on what the requested file is to the guest.
    #[must_use]
    pub fn cgi(&self, default: bool) -> bool {
        self.cgi.unwrap_or(default)
    }

    /// Are the CGI variables that hold host paths rewritten to guest paths? The default is as for [`cgi`](Settings::cgi).
    #[must_use]
    pub fn map_cgi_file_names(&self, default: bool) -> bool {
        self.map_cgi_file_names.unwrap_or(default)
    }

    /// What becomes of a request body whose length nobody has said.
    #[must_use]
    pub fn body_without_length(&self) -> BodyWithoutLength {
        self.body_without_length.unwrap_or_default()
    }

    /// Does a CGI program write its whole response itself? Default: no.
    #[must_use]
    pub fn nph(&self) -> bool {
        self.nph.unwrap_or(false)
    }

    /// Where failed runs of a CGI program are described, if anywhere.
    #[must_use]
    pub fn script_log(&self) -> Option<&ScriptLog> {
        self.script_log.as_ref()?.as_ref()
    }

    /// How long the guest itself may take. `server` is httpd's own `Timeout`, which holds where none is configured.
    #[must_use]
    pub fn timeout(&self, server: Duration) -> Duration {
        self.timeout.unwrap_or(server)
    }

    /// How requests wait for each other; `None`, the default, means not at all.
    #[must_use]
    pub fn serialize(&self) -> Option<&Serialize> {
        self.serialize.as_ref()?.as_ref()
    }

    /// How much memory one request may take, in bytes.
    #[must_use]
    pub fn memory_limit(&self) -> u64 {
        self.memory_limit.unwrap_or(DEFAULT_MEMORY_LIMIT)
    }

    /// How many bytes of log the programs may fill in a second, in one child; `None` means any number.
    #[must_use]
    pub fn log_limit(&self) -> Option<u64> {
        self.log_limit.unwrap_or(Some(DEFAULT_LOG_LIMIT))
    }

    /// How many files, directories and sockets one request may have open.
    #[must_use]
    pub fn max_open_files(&self) -> u32 {
        self.max_open_files.unwrap_or(DEFAULT_MAX_OPEN_FILES)
    }

    /// Sets a variable; the last one of a name holds.
    pub(crate) fn set_env(&mut self, name: &str, value: Value) {
        set(&mut self.env, name, value);
    }

    /// Sets an entry of the configuration store; the last one of a key holds.
    pub(crate) fn set_config(&mut self, key: &str, value: String) {
        set(&mut self.config, key, value);
    }

    /// Adds a directory; the last one of a guest path holds.
    pub(crate) fn set_mount(&mut self, mount: Mount) {
        self.mounts.retain(|known| known.guest != mount.guest);
        self.mounts.push(mount);
    }
}

/// What may be said once for the whole server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerSettings {
    pub(crate) max_instances: Option<u32>,
    pub(crate) cache_dir: Option<CacheDir>,
    pub(crate) cache_max: Option<u64>,
    pub(crate) compile_limit: Option<CompileLimit>,
    pub(crate) garbage_collection: Option<bool>,
}

/// What reading and compiling one program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimit {
    /// Processor time.
    pub time: Duration,
    /// Memory, in bytes.
    pub memory: u64,
    /// Size of the program's file, in bytes.
    pub size: u64,
    /// How long a request waits for its program.
    pub wait: Duration,
}

impl Default for CompileLimit {
    /// What holds for the largest interpreters (CPython and Ruby have some 30 MB and take 30 to 60 s of processor time and
    /// less than 1 GiB), with room for slower machines.
    fn default() -> CompileLimit {
        CompileLimit {
            time: Duration::from_secs(120),
            memory: 2 * units::GIB,
            size: 64 * units::MIB,
            wait: Duration::from_secs(20),
        }
    }
}

/// Where compiled programs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheDir {
    /// Nowhere.
    None,
    /// In this directory, absolute.
    Path(PathBuf),
}

/// How many bytes of compiled programs are kept where nothing is configured: a dozen large interpreters.
const DEFAULT_CACHE_MAX: u64 = units::GIB;

impl ServerSettings {
    /// How many guests may run at once in one child; `None` means as many as the child has threads.
    #[must_use]
    pub fn max_instances(&self) -> Option<u32> {
        self.max_instances
    }

    /// Where compiled programs are kept; `None` means in httpd's runtime directory.
    #[must_use]
    pub fn cache_dir(&self) -> Option<&CacheDir> {
        self.cache_dir.as_ref()
    }

    /// May programs keep objects on a garbage-collected heap? Default: no.
    #[must_use]
    pub fn garbage_collection(&self) -> bool {
        self.garbage_collection.unwrap_or(false)
    }

    /// How many bytes of them.
    #[must_use]
    pub fn cache_max(&self) -> u64 {
        self.cache_max.unwrap_or(DEFAULT_CACHE_MAX)
    }

    /// What reading and compiling one program may take.
    #[must_use]
    pub fn compile_limit(&self) -> CompileLimit {
        self.compile_limit.unwrap_or_default()
    }
}

fn set<V>(list: &mut Vec<(String, V)>, name: &str, value: V) {
    list.retain(|(known, _)| known != name);
    list.push((name.to_owned(), value));
}

/// A path as text, for messages.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
