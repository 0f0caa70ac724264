//! What one request gives to a guest, in C's terms, and the Rust view of it.

use super::engine::check_size;
use super::guard::usage;
use super::text::{array, c_str, wrt_bytes};
use crate::{Error, HttpRequest, Mount, OutboundGrant, Request, Reuse, TempDir};
use std::ffi::c_char;
use std::path::Path;
use std::time::Duration;

/// A name and its value.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_variable {
    /// The name; no NUL, no `=`.
    pub name: wrt_bytes,
    /// The value; no NUL.
    pub value: wrt_bytes,
}

/// A host directory that the guest may use under another name.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_mount {
    /// The directory on the host, UTF-8.
    pub host: wrt_bytes,
    /// Its name for the guest, UTF-8.
    pub guest: wrt_bytes,
    /// Whether the guest may only read.
    pub read_only: bool,
}

/// An empty directory for the request, whose content is removed when the guest has ended, however it ends. With `wrt_reuse`
/// it belongs to the instance.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_temp_dir {
    /// `sizeof(wrt_temp_dir)`.
    pub size: usize,
    /// Its name for the guest, UTF-8. No mount may have the same.
    pub guest: wrt_bytes,
    /// The directory on the host in which it is made, UTF-8. The process makes one directory there, which `wrt_engine_stop`
    /// removes and, if the process is killed, the next process that makes one there.
    pub base: wrt_bytes,
    /// Bytes that its files may take on the disk. The guest is stopped soon after it has passed them.
    pub max_bytes: u64,
    /// How many files and directories it may hold.
    pub max_files: u32,
}

/// A header field or a trailer field: any bytes that HTTP allows.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_field {
    /// The name.
    pub name: wrt_bytes,
    /// The value.
    pub value: wrt_bytes,
}

/// The HTTP request that an http guest answers.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_http {
    /// `sizeof(wrt_http)`.
    pub size: usize,
    /// The method, such as `GET`.
    pub method: wrt_bytes,
    /// `http` or `https`.
    pub scheme: wrt_bytes,
    /// Host and port as the client named them; what `:authority` or `Host` says.
    pub authority: wrt_bytes,
    /// The path and the query, exactly as received.
    pub path: wrt_bytes,
    /// The header fields in the order received; a repeated one stands there as often.
    pub fields: *const wrt_field,
    /// How many fields there are.
    pub fields_len: usize,
}

/// Where a guest may connect to, and how much.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_outbound {
    /// `sizeof(wrt_outbound)`.
    pub size: usize,
    /// Destinations `[scheme://]host[:port]`: the scheme `http`, `https`, `tcp` or `udp` (without one: http
    /// and https), a name, `*.name`, `*`, an address or a block of addresses, a port or `*`. Addresses that
    /// are not public must be named as addresses. UTF-8.
    pub destinations: *const wrt_bytes,
    /// How many destinations there are.
    pub destinations_len: usize,
    /// Milliseconds that one outgoing HTTP request may take, its response's body included.
    pub timeout_ms: u64,
    /// Bytes that the body of one response may have.
    pub max_body: u64,
    /// How many outgoing HTTP requests one instance may have under way.
    pub max_concurrent: u32,
}

/// Lets requests share an instance of an http guest, one after the other or, with WASI 0.3, at once.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_reuse {
    /// `sizeof(wrt_reuse)`.
    pub size: usize,
    /// Only requests of the same guest with the same key share instances. The key must stand for
    /// everything else in `wrt_request` but `http`, `timeout_ms` and `backtrace`: an instance keeps what the
    /// first request gave it.
    pub key: wrt_bytes,
    /// How many requests one instance serves; at least 1.
    pub max_requests: u32,
    /// How many it serves at once; at least 1. WASI 0.2 always has 1.
    pub max_concurrent: u32,
    /// Milliseconds that an instance without requests is kept.
    pub idle_ms: u64,
}

/// What one request gives to a guest. Everything is borrowed for the run.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_request {
    /// `sizeof(wrt_request)`.
    pub size: usize,
    /// The argument vector, `argv[0]` included.
    pub args: *const wrt_bytes,
    /// How many arguments there are.
    pub args_len: usize,
    /// The environment.
    pub env: *const wrt_variable,
    /// How many variables there are.
    pub env_len: usize,
    /// The directories that the guest may use.
    pub mounts: *const wrt_mount,
    /// How many directories there are.
    pub mounts_len: usize,
    /// A directory for this request alone; NULL for none.
    pub temp_dir: *const wrt_temp_dir,
    /// The directory in which a command starts, as it calls it; NULL for none. Where one of the mounts holds it, it is given
    /// once more as `.`, unless a directory is called so or `/`.
    pub cwd: *const c_char,
    /// The exported function to call instead of the kind's own; NULL for that one.
    pub entry_point: *const c_char,
    /// Milliseconds the guest may take; what it waits in `read_body` and `write_body` does not
    /// count.
    pub timeout_ms: u64,
    /// Bytes that its memories and tables may take together.
    pub memory_limit: u64,
    /// The HTTP request, for http guests; NULL for commands.
    pub http: *const wrt_http,
    /// The entries of the guest's `wasi:config` store, UTF-8.
    pub config: *const wrt_variable,
    /// How many entries there are.
    pub config_len: usize,
    /// Where it may connect to; NULL for nowhere.
    pub outbound: *const wrt_outbound,
    /// Whether it may share an instance; NULL for an instance of its own. Ignored for commands.
    pub reuse: *const wrt_reuse,
    /// Whether `wrt_outcome` is to have the guest's stack when it fails: no work is done for a text that nobody reads.
    pub backtrace: bool,
    /// How many files, directories and sockets it may have open, the directories that it is given included.
    pub max_open_files: u32,
}

/// A request's lists in Rust's terms.
pub struct Parts<'a> {
    args: Vec<&'a [u8]>,
    env: Vec<(&'a [u8], &'a [u8])>,
    mounts: Vec<Mount<'a>>,
    temp_dir: Option<TempDir<'a>>,
    cwd: Option<&'a str>,
    entry_point: Option<&'a str>,
    timeout: Duration,
    memory_limit: u64,
    http: Option<HttpParts<'a>>,
    config: Vec<(&'a str, &'a str)>,
    outbound: Option<OutboundParts<'a>>,
    reuse: Option<Reuse<'a>>,
    backtrace: bool,
    max_open_files: u32,
}

/// The lists of an HTTP request.
struct HttpParts<'a> {
    method: &'a [u8],
    scheme: &'a str,
    authority: &'a [u8],
    path: &'a [u8],
    fields: Vec<(&'a [u8], &'a [u8])>,
}

/// The list of a grant.
struct OutboundParts<'a> {
    destinations: Vec<&'a str>,
    timeout: Duration,
    max_body: u64,
    max_concurrent: u32,
}

impl wrt_request {
    /// Borrows everything the request points to.
    ///
    /// # Safety
    /// All its pointers stay valid, and what they point to unchanged, for `'a`.
    pub unsafe fn parts<'a>(&self) -> Result<Parts<'a>, Error> {
        // SAFETY: `args` and its length belong together by the contract.
        let args = unsafe { array(self.args, self.args_len) };
        // SAFETY: `env` and its length belong together by the contract.
        let env = unsafe { array(self.env, self.env_len) };
        // SAFETY: `mounts` and its length belong together by the contract.
        let mounts = unsafe { array(self.mounts, self.mounts_len) };
        // SAFETY: `config` and its length belong together by the contract.
        let config = unsafe { array(self.config, self.config_len) };
        // SAFETY: NULL or NUL-terminated by the contract.
        let entry_point = unsafe { c_str(self.entry_point, "entry_point") }?;
        // SAFETY: the caller keeps every string of the lists valid for 'a.
        let bytes = |b: &wrt_bytes| unsafe { b.as_slice() };
        // SAFETY: the caller keeps every string of the lists valid for 'a.
        let text = |b: &wrt_bytes, what| unsafe { b.as_str(what) };
        let mounts = mounts.iter().map(|mount| {
            Ok(Mount {
                host: Path::new(text(&mount.host, "a mount's host directory")?),
                guest: text(&mount.guest, "a mount's name")?,
                read_only: mount.read_only,
            })
        });
        let parts = Parts {
            args: args.iter().map(bytes).collect(),
            env: env
                .iter()
                .map(|v| (bytes(&v.name), bytes(&v.value)))
                .collect(),
            mounts: mounts.collect::<Result<_, Error>>()?,
            // SAFETY: NULL or valid for 'a, with what it points to.
            temp_dir: unsafe { self.temp_dir.as_ref() }
                // SAFETY: its pointers stay valid for 'a by the contract.
                .map(|temp_dir| unsafe { temp_dir.parts() })
                .transpose()?,
            // SAFETY: NULL or NUL-terminated by the contract.
            cwd: unsafe { c_str(self.cwd, "cwd") }?,
            entry_point,
            timeout: Duration::from_millis(self.timeout_ms),
            memory_limit: self.memory_limit,
            // SAFETY: NULL or valid for 'a, with what it points to.
            http: unsafe { self.http.as_ref() }
                // SAFETY: its pointers stay valid for 'a by the contract.
                .map(|http| unsafe { http.parts() })
                .transpose()?,
            config: config
                .iter()
                .map(|entry| {
                    Ok((
                        text(&entry.name, "a configuration key")?,
                        text(&entry.value, "a configuration value")?,
                    ))
                })
                .collect::<Result<_, Error>>()?,
            // SAFETY: NULL or valid for 'a, with what it points to.
            outbound: unsafe { self.outbound.as_ref() }
                // SAFETY: its pointers stay valid for 'a by the contract.
                .map(|outbound| unsafe { outbound.parts() })
                .transpose()?,
            // SAFETY: NULL or valid for 'a, with what it points to.
            reuse: unsafe { self.reuse.as_ref() }
                // SAFETY: its pointers stay valid for 'a by the contract.
                .map(|reuse| unsafe { reuse.parts() })
                .transpose()?,
            backtrace: self.backtrace,
            max_open_files: self.max_open_files,
        };
        match parts.has_nul() {
            true => Err(usage("an argument or a variable holds a NUL byte")),
            false => Ok(parts),
        }
    }
}

impl wrt_http {
    /// Borrows everything it points to.
    ///
    /// # Safety
    /// As for [`wrt_request::parts`].
    unsafe fn parts<'a>(&self) -> Result<HttpParts<'a>, Error> {
        check_size(self.size, size_of::<wrt_http>(), "wrt_http")?;
        // SAFETY: `fields` and its length belong together by the contract.
        let fields = unsafe { array(self.fields, self.fields_len) };
        // SAFETY: the caller keeps every string valid for 'a.
        let bytes = |b: &wrt_bytes| unsafe { b.as_slice() };
        Ok(HttpParts {
            method: bytes(&self.method),
            // SAFETY: the caller keeps every string valid for 'a.
            scheme: unsafe { self.scheme.as_str("the scheme") }?,
            authority: bytes(&self.authority),
            path: bytes(&self.path),
            fields: fields
                .iter()
                .map(|f| (bytes(&f.name), bytes(&f.value)))
                .collect(),
        })
    }
}

impl wrt_outbound {
    /// Borrows everything it points to.
    ///
    /// # Safety
    /// As for [`wrt_request::parts`].
    unsafe fn parts<'a>(&self) -> Result<OutboundParts<'a>, Error> {
        check_size(self.size, size_of::<wrt_outbound>(), "wrt_outbound")?;
        // SAFETY: `destinations` and its length belong together by the contract.
        let destinations = unsafe { array(self.destinations, self.destinations_len) };
        // SAFETY: the caller keeps every string valid for 'a.
        let text = |b: &wrt_bytes| unsafe { b.as_str("a destination") };
        Ok(OutboundParts {
            destinations: destinations.iter().map(text).collect::<Result<_, _>>()?,
            timeout: Duration::from_millis(self.timeout_ms),
            max_body: self.max_body,
            max_concurrent: self.max_concurrent,
        })
    }
}

impl wrt_reuse {
    /// Borrows everything it points to.
    ///
    /// # Safety
    /// As for [`wrt_request::parts`].
    unsafe fn parts<'a>(&self) -> Result<Reuse<'a>, Error> {
        check_size(self.size, size_of::<wrt_reuse>(), "wrt_reuse")?;
        Ok(Reuse {
            // SAFETY: the caller keeps the key valid for 'a.
            key: unsafe { self.key.as_slice() },
            max_requests: self.max_requests.max(1),
            max_concurrent: self.max_concurrent.max(1),
            idle: Duration::from_millis(self.idle_ms),
        })
    }
}

impl wrt_temp_dir {
    /// Borrows everything it points to.
    ///
    /// # Safety
    /// As for [`wrt_request::parts`].
    unsafe fn parts<'a>(&self) -> Result<TempDir<'a>, Error> {
        check_size(self.size, size_of::<wrt_temp_dir>(), "wrt_temp_dir")?;
        // SAFETY: the caller keeps every string valid for 'a.
        let text = |b: &wrt_bytes, what| unsafe { b.as_str(what) };
        Ok(TempDir {
            guest: text(&self.guest, "a private directory's name")?,
            base: Path::new(text(&self.base, "a private directory's base")?),
            max_bytes: self.max_bytes,
            max_files: self.max_files,
        })
    }
}

impl Parts<'_> {
    /// The request that borrows these lists.
    pub fn borrow(&self) -> Request<'_> {
        Request {
            args: &self.args,
            env: &self.env,
            mounts: &self.mounts,
            temp_dir: self.temp_dir,
            cwd: self.cwd,
            entry_point: self.entry_point,
            timeout: self.timeout,
            memory_limit: self.memory_limit,
            http: self.http.as_ref().map(|http| HttpRequest {
                method: http.method,
                scheme: http.scheme,
                authority: http.authority,
                path: http.path,
                fields: &http.fields,
            }),
            config: &self.config,
            outbound: self.outbound.as_ref().map(|outbound| OutboundGrant {
                destinations: &outbound.destinations,
                timeout: outbound.timeout,
                max_body: outbound.max_body,
                max_concurrent: outbound.max_concurrent,
            }),
            reuse: self.reuse,
            backtrace: self.backtrace,
            max_open_files: self.max_open_files,
        }
    }

    fn has_nul(&self) -> bool {
        let variables = self.env.iter().flat_map(|(name, value)| [name, value]);
        self.args
            .iter()
            .chain(variables)
            .any(|text| text.contains(&0))
    }
}
