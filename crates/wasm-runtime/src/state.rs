//! What one request gives a guest, and the state of the store it runs in.

use crate::channel::Channel;
use crate::limits::Limits;
use crate::stdio::{Stderr, Stdin, Stdout};
use crate::{Error, ErrorCode};
use std::path::Path;
use std::time::Duration;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, WasiCtxView, WasiView};

/// The most host objects (open files and directories, streams, pollables) a guest may hold at
/// once, so that one guest cannot use up the process's file descriptors.
const MAX_RESOURCES: usize = 512;

/// What one request gives to a guest. Everything is borrowed for the run.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The argument vector, argv\[0\] included. No NUL bytes.
    pub args: &'a [&'a [u8]],
    /// The environment, name and value. No NUL bytes.
    pub env: &'a [(&'a [u8], &'a [u8])],
    /// Host directories the guest may use.
    pub mounts: &'a [Mount<'a>],
    /// The exported function to call instead of `_start`; core modules only.
    pub entry_point: Option<&'a str>,
    /// How long the guest may take of its own time; waiting for the client does not count.
    pub timeout: Duration,
    /// Bytes its memories and tables may take together.
    pub memory_limit: u64,
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

/// The state of a store.
pub struct HostState {
    /// The arguments, in the form that preview 1 hands out.
    pub args: Strings,
    /// The environment, each `NAME=value`, in the form that preview 1 hands out.
    pub env: Strings,
    /// Which of the descriptors 0 to 2 are still the ones the guest was started with.
    pub standard: [bool; 3],
    /// The request's input and output.
    pub channel: Channel,
    /// The guest's memory account.
    pub limits: Limits,
    /// Everything else of WASI, for all its versions.
    pub wasi: WasiP1Ctx,
}

impl HostState {
    /// The state for one run of a preview 1 program.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`] when a directory can not be opened.
    pub fn for_module(request: &Request<'_>, channel: Channel) -> Result<HostState, Error> {
        let mut state = HostState::new(request, channel, WasiCtxBuilder::new())?;
        state.args = Strings::new(request.args.iter().map(|arg| [*arg]));
        state.env = Strings::new(request.env.iter().map(|(k, v)| [*k, b"=", *v]));
        Ok(state)
    }

    /// The state for one run of a component: its strings must be Unicode, so bytes that are not
    /// become U+FFFD.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`] when a directory can not be opened.
    pub fn for_component(request: &Request<'_>, channel: Channel) -> Result<HostState, Error> {
        let mut builder = WasiCtxBuilder::new();
        for arg in request.args {
            builder.arg(String::from_utf8_lossy(arg));
        }
        for (name, value) in request.env {
            builder.env(
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
        }
        HostState::new(request, channel, builder)
    }

    fn new(
        request: &Request<'_>,
        channel: Channel,
        mut builder: WasiCtxBuilder,
    ) -> Result<HostState, Error> {
        // Guests run on a thread of their own request: file access may block it.
        builder.allow_blocking_current_thread(true);
        builder
            .stdin(Stdin(channel.clone()))
            .stdout(Stdout(channel.clone()))
            .stderr(Stderr(channel.clone()));
        for mount in request.mounts {
            let perms = match mount.read_only {
                true => FsPerms::ReadOnly,
                false => FsPerms::ReadWrite,
            };
            builder
                .preopened_dir(mount.host, mount.guest, perms)
                .map_err(|e| {
                    let text = format!("cannot open the directory {:?}: {e:#}", mount.host);
                    Error::new(ErrorCode::Mount, text)
                })?;
        }
        let mut wasi = builder.build_p1();
        wasi.ctx().table.set_max_capacity(MAX_RESOURCES);
        Ok(HostState {
            args: Strings::default(),
            env: Strings::default(),
            standard: [true; 3],
            channel,
            limits: Limits::new(request.memory_limit),
            wasi,
        })
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

/// A list of NUL-terminated strings in one block, as `args_get` and `environ_get` want it.
#[derive(Default)]
pub struct Strings {
    /// All strings, each with its NUL.
    pub block: Vec<u8>,
    /// Where each one starts.
    pub starts: Vec<u32>,
}

impl Strings {
    fn new<'a, const N: usize>(strings: impl ExactSizeIterator<Item = [&'a [u8]; N]>) -> Strings {
        let mut out = Strings {
            block: Vec::with_capacity(strings.len() * 32),
            starts: Vec::with_capacity(strings.len()),
        };
        for parts in strings {
            out.starts.push(out.block.len() as u32);
            for part in parts {
                out.block.extend_from_slice(part);
            }
            out.block.push(0);
        }
        out
    }
}
