//! What one request gives to a guest, and its form in C's terms.

use crate::error::Error;
use crate::runtime::c_string;
use crate::sys;
use std::ffi::{CString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::time::Duration;

/// A header or trailer field: name and value, any bytes that HTTP allows.
pub type Field<'a> = (&'a [u8], &'a [u8]);

/// What one request gives to a guest.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The argument vector, argv\[0\] included. No NUL bytes.
    pub args: &'a [&'a [u8]],
    /// The environment, name and value. No NUL bytes.
    pub env: &'a [(&'a [u8], &'a [u8])],
    /// Host directories the guest may use.
    pub mounts: &'a [Mount<'a>],
    /// A directory for this request alone; none for none.
    pub temp_dir: Option<TempDir<'a>>,
    /// The directory in which a command starts, as the guest calls it. One of the mounts must hold it. Preview 1 has no such
    /// thing: it, and a component too, is given that directory once more as `.`, unless a directory is called so or `/`.
    pub cwd: Option<&'a str>,
    /// The exported function to call instead of `_start`; core modules only.
    pub entry_point: Option<&'a str>,
    /// How long the guest may take of its own time; waiting for the client does not count.
    pub timeout: Duration,
    /// Bytes its memories and tables may take together.
    pub memory_limit: u64,
    /// The HTTP request, for guests that answer HTTP; none for commands.
    pub http: Option<Http<'a>>,
    /// The entries of the guest's `wasi:config` store.
    pub config: &'a [(&'a str, &'a str)],
    /// Where it may connect to; none for nowhere.
    pub outbound: Option<Outbound<'a>>,
    /// Whether it may share an instance; none for an instance of its own.
    pub reuse: Option<Reuse<'a>>,
    /// Whether a failure's outcome is to have the guest's stack, which somebody will read.
    pub backtrace: bool,
    /// How many files, directories and sockets it may have open, the directories that it is given included.
    pub max_open_files: u32,
}

/// A host directory that the guest sees under another name.
#[derive(Clone, Copy, Debug)]
pub struct Mount<'a> {
    /// The directory on the host.
    pub host: &'a Path,
    /// Its name for the guest.
    pub guest: &'a str,
    /// Whether the guest may only read.
    pub read_only: bool,
}

/// A directory that is made for one request, or for one instance where requests share it, and removed with its content.
#[derive(Clone, Copy, Debug)]
pub struct TempDir<'a> {
    /// Its name for the guest. No mount may have the same.
    pub guest: &'a str,
    /// The directory on the host in which it is made.
    pub base: &'a Path,
    /// Bytes that its files may take on the disk. A guest that goes beyond is stopped soon after.
    pub max_bytes: u64,
    /// How many files and directories it may hold.
    pub max_files: u32,
}

/// The HTTP request that a guest answers.
#[derive(Clone, Copy, Debug)]
pub struct Http<'a> {
    /// The method, such as `GET`.
    pub method: &'a [u8],
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and port as the client named them.
    pub authority: &'a [u8],
    /// Path and query, exactly as received.
    pub path: &'a [u8],
    /// The header fields in order; a repeated one stands there as often.
    pub fields: &'a [Field<'a>],
}

/// Where a guest may connect to, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Outbound<'a> {
    /// Destinations in the form of `WasmAllowOutbound`.
    pub destinations: &'a [&'a str],
    /// How long one outgoing HTTP request may take, its response's body included.
    pub timeout: Duration,
    /// Bytes that the body of one response may have.
    pub max_body: u64,
    /// How many outgoing HTTP requests one instance may have under way.
    pub max_concurrent: u32,
}

/// Lets requests share an instance.
#[derive(Clone, Copy, Debug)]
pub struct Reuse<'a> {
    /// Only requests of one guest with the same key share instances. It must stand for everything else in the
    /// [`Request`] but [`http`](Request::http), [`timeout`](Request::timeout) and [`backtrace`](Request::backtrace).
    pub key: &'a [u8],
    /// How many requests one instance serves; at least 1.
    pub max_requests: u32,
    /// How many it serves at once; at least 1.
    pub max_concurrent: u32,
    /// How long an instance without requests is kept.
    pub idle: Duration,
}

/// The lists of a request in C's terms: they own what the C structs point to, besides what the request borrows.
pub(crate) struct Lists {
    args: Vec<sys::wrt_bytes>,
    env: Vec<sys::wrt_variable>,
    mounts: Vec<sys::wrt_mount>,
    config: Vec<sys::wrt_variable>,
    fields: Vec<sys::wrt_field>,
    destinations: Vec<sys::wrt_bytes>,
    temp_dir: Option<sys::wrt_temp_dir>,
    cwd: Option<CString>,
    entry_point: Option<CString>,
    http: Option<sys::wrt_http>,
    outbound: Option<sys::wrt_outbound>,
    reuse: Option<sys::wrt_reuse>,
}

impl Lists {
    pub(crate) fn of(request: &Request<'_>) -> Result<Lists, Error> {
        let outbound = request.outbound.map_or(&[][..], |out| out.destinations);
        let text = |&(key, value): &(&str, &str)| variable(&(key.as_bytes(), value.as_bytes()));
        let mut lists = Lists {
            args: request.args.iter().map(|arg| bytes(arg)).collect(),
            env: request.env.iter().map(variable).collect(),
            mounts: request.mounts.iter().map(mount).collect(),
            config: request.config.iter().map(text).collect(),
            fields: borrowed(request.http.map_or(&[][..], |http| http.fields)),
            destinations: outbound.iter().map(|out| bytes(out.as_bytes())).collect(),
            temp_dir: request.temp_dir.as_ref().map(temp_dir),
            cwd: request.cwd.map(c_string).transpose()?,
            entry_point: request.entry_point.map(c_string).transpose()?,
            http: None,
            outbound: None,
            reuse: request.reuse.as_ref().map(reuse),
        };
        lists.http = request.http.as_ref().map(|http| lists.http(http));
        lists.outbound = request.outbound.as_ref().map(|out| lists.outbound(out));
        Ok(lists)
    }

    fn http(&self, http: &Http<'_>) -> sys::wrt_http {
        sys::wrt_http {
            size: size_of::<sys::wrt_http>(),
            method: bytes(http.method),
            scheme: bytes(http.scheme.as_bytes()),
            authority: bytes(http.authority),
            path: bytes(http.path),
            fields: self.fields.as_ptr(),
            fields_len: self.fields.len(),
        }
    }

    fn outbound(&self, outbound: &Outbound<'_>) -> sys::wrt_outbound {
        sys::wrt_outbound {
            size: size_of::<sys::wrt_outbound>(),
            destinations: self.destinations.as_ptr(),
            destinations_len: self.destinations.len(),
            timeout_ms: milliseconds(outbound.timeout),
            max_body: outbound.max_body,
            max_concurrent: outbound.max_concurrent,
        }
    }

    /// The request as C sees it. It points into these lists, which must stay where they are meanwhile, and to what `request`
    /// borrows, from which they were made.
    pub(crate) fn request(&self, request: &Request<'_>) -> sys::wrt_request {
        sys::wrt_request {
            size: size_of::<sys::wrt_request>(),
            args: self.args.as_ptr(),
            args_len: self.args.len(),
            env: self.env.as_ptr(),
            env_len: self.env.len(),
            mounts: self.mounts.as_ptr(),
            mounts_len: self.mounts.len(),
            temp_dir: pointer(self.temp_dir.as_ref()),
            cwd: c_pointer(self.cwd.as_ref()),
            entry_point: c_pointer(self.entry_point.as_ref()),
            timeout_ms: milliseconds(request.timeout),
            memory_limit: request.memory_limit,
            http: pointer(self.http.as_ref()),
            config: self.config.as_ptr(),
            config_len: self.config.len(),
            outbound: pointer(self.outbound.as_ref()),
            reuse: pointer(self.reuse.as_ref()),
            backtrace: request.backtrace,
            max_open_files: request.max_open_files,
        }
    }
}

/// The address of an optional struct; NULL stands for none.
fn pointer<T>(value: Option<&T>) -> *const T {
    value.map_or(ptr::null(), ptr::from_ref)
}

/// The address of an optional string; NULL stands for none.
fn c_pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// Fields in C's terms, which borrow the bytes of `fields`.
pub(crate) fn borrowed(fields: &[Field<'_>]) -> Vec<sys::wrt_field> {
    let field = |(name, value): &Field<'_>| sys::wrt_field {
        name: bytes(name),
        value: bytes(value),
    };
    fields.iter().map(field).collect()
}

pub(crate) fn bytes(data: &[u8]) -> sys::wrt_bytes {
    sys::wrt_bytes {
        data: data.as_ptr(),
        len: data.len(),
    }
}

fn variable((name, value): &(&[u8], &[u8])) -> sys::wrt_variable {
    sys::wrt_variable {
        name: bytes(name),
        value: bytes(value),
    }
}

fn mount(mount: &Mount<'_>) -> sys::wrt_mount {
    sys::wrt_mount {
        host: bytes(mount.host.as_os_str().as_bytes()),
        guest: bytes(mount.guest.as_bytes()),
        read_only: mount.read_only,
    }
}

fn temp_dir(temp_dir: &TempDir<'_>) -> sys::wrt_temp_dir {
    sys::wrt_temp_dir {
        size: size_of::<sys::wrt_temp_dir>(),
        guest: bytes(temp_dir.guest.as_bytes()),
        base: bytes(temp_dir.base.as_os_str().as_bytes()),
        max_bytes: temp_dir.max_bytes,
        max_files: temp_dir.max_files,
    }
}

fn reuse(reuse: &Reuse<'_>) -> sys::wrt_reuse {
    sys::wrt_reuse {
        size: size_of::<sys::wrt_reuse>(),
        key: bytes(reuse.key),
        max_requests: reuse.max_requests,
        max_concurrent: reuse.max_concurrent,
        idle_ms: milliseconds(reuse.idle),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
