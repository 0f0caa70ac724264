//! What one request gives a guest, in the words of the engine.

use crate::channel::Field;
use std::path::Path;
use std::time::Duration;

/// What one request gives to a guest. Everything is borrowed for the run.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The argument vector, argv\[0\] included. No NUL bytes.
    pub args: &'a [&'a [u8]],
    /// The environment, name and value. No NUL bytes.
    pub env: &'a [(&'a [u8], &'a [u8])],
    /// Host directories the guest may use.
    pub mounts: &'a [Mount<'a>],
    /// A directory for this request alone, which is removed after it.
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
    /// The HTTP request, for http guests.
    pub http: Option<HttpRequest<'a>>,
    /// The entries of its `wasi:config` store.
    pub config: &'a [(&'a str, &'a str)],
    /// Where it may connect to.
    pub outbound: Option<OutboundGrant<'a>>,
    /// Whether it may share an instance; only for http guests.
    pub reuse: Option<Reuse<'a>>,
    /// Whether a failure's [`Outcome`](crate::Outcome) tells the guest's stack.
    pub backtrace: bool,
    /// How many files, directories and sockets it may have open.
    pub max_open_files: u32,
}

/// The HTTP request that an http guest answers.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// The method.
    pub method: &'a [u8],
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and port as the client named them.
    pub authority: &'a [u8],
    /// The path and the query, as received.
    pub path: &'a [u8],
    /// The header fields in the order received.
    pub fields: &'a [Field<'a>],
}

/// Where a guest may connect to, and how much.
#[derive(Clone, Copy, Debug)]
pub struct OutboundGrant<'a> {
    /// Destinations as [`destination::Pattern`] reads them.
    pub destinations: &'a [&'a str],
    /// How long one outgoing HTTP request may take, its response's body included.
    pub timeout: Duration,
    /// Bytes that the body of one response may have.
    pub max_body: u64,
    /// How many outgoing HTTP requests one instance may have under way.
    pub max_concurrent: u32,
}

/// Lets requests share an instance of an http guest.
#[derive(Clone, Copy, Debug)]
pub struct Reuse<'a> {
    /// Only requests with the same key share; it stands for all that an instance keeps.
    pub key: &'a [u8],
    /// How many requests one instance serves.
    pub max_requests: u32,
    /// How many it serves at once, with WASI 0.3.
    pub max_concurrent: u32,
    /// How long an instance without requests is kept.
    pub idle: Duration,
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

/// A directory that is made for one request, or for one instance if requests share it, and removed with its content.
#[derive(Clone, Copy, Debug)]
pub struct TempDir<'a> {
    /// Its name for the guest.
    pub guest: &'a str,
    /// The directory on the host in which it is made.
    pub base: &'a Path,
    /// Bytes that its files may take on the disk; a guest that goes beyond is stopped soon after.
    pub max_bytes: u64,
    /// How many files and directories it may hold.
    pub max_files: u32,
}
