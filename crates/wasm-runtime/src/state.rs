//! The state of the store that a guest runs in: what its imports work on.

use crate::channel::Channel;
use crate::given::{self, Given};
use crate::guest::Guest;
use crate::limits::Limits;
use crate::listing::{self, Listing};
use crate::network::{Hooks, Network, Presence};
use crate::open_files::{OpenFiles, Opening, Refusal};
use crate::stdio::{Stderr, Stdin, Stdout};
use crate::temp::TempDir;
use crate::working::Working;
use crate::{Error, ErrorCode, Mount, Request, request};
use std::collections::HashMap;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_config::WasiConfigVariables;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Bytes that one set of header fields may take in the host.
const MAX_FIELDS: usize = 32 << 10;

/// Random bytes that a guest gets at once: they are collected in the host.
const MAX_RANDOM: u64 = 8 << 20;

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
    /// The directories that a preview 1 guest is listing, by descriptor.
    pub listings: HashMap<i32, Listing>,
    /// The listing that a guest of WASI 0.2 has read from last: its entry in the table.
    pub last_listed: Option<u32>,
    /// What all listings take.
    pub listed: listing::Account,
    /// Whether functions for files may block the thread that the guest runs on.
    pub may_block: bool,
    files: OpenFiles,
    /// The entries of `wasi:config`.
    pub config: WasiConfigVariables,
    /// Everything else of WASI, for all its versions.
    pub wasi: WasiP1Ctx,
    http: WasiHttpCtx,
    hooks: Hooks,
    /// The guest's private directory. After `wasi`, so that its files are closed before it goes.
    pub temp: Option<TempDir>,
    /// The directories of its mounts, and the one in which it starts to work where that is given as such.
    pub given: Vec<Given>,
}

impl HostState {
    /// The state for one run of a preview 1 program.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`] and [`ErrorCode::TempDir`] when a directory can not be opened or made.
    pub fn for_module(
        guest: &Guest,
        request: &Request<'_>,
        channel: Channel,
        network: Network,
    ) -> Result<(HostState, Presence), Error> {
        let builder = WasiCtxBuilder::new();
        let (mut state, presence) = HostState::new(guest, request, channel, network, builder)?;
        state.args = Strings::new(request.args.iter().map(|arg| [*arg]));
        state.env = Strings::new(request.env.iter().map(|(k, v)| [*k, b"=", *v]));
        Ok((state, presence))
    }

    /// The state for one run of a component: its strings must be Unicode, so bytes that are not
    /// become U+FFFD.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`] and [`ErrorCode::TempDir`] when a directory can not be opened or made.
    pub fn for_component(
        guest: &Guest,
        request: &Request<'_>,
        channel: Channel,
        network: Network,
    ) -> Result<(HostState, Presence), Error> {
        let mut builder = WasiCtxBuilder::new();
        if let Some(cwd) = request.cwd {
            builder.initial_cwd(cwd);
        }
        for arg in request.args {
            builder.arg(String::from_utf8_lossy(arg));
        }
        for (name, value) in request.env {
            builder.env(
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
        }
        HostState::new(guest, request, channel, network, builder)
    }

    fn new(
        guest: &Guest,
        request: &Request<'_>,
        channel: Channel,
        network: Network,
        mut builder: WasiCtxBuilder,
    ) -> Result<(HostState, Presence), Error> {
        // Guests run on a thread of their own request: file access may block it. Not so with concurrent calls: there the host
        // copies from file to file by itself, and would never come back to look at a deadline.
        let may_block = !guest.is_concurrent();
        builder.allow_blocking_current_thread(may_block);
        let working = Working::of(request);
        let files = open_files(guest, request, working.is_some())?;
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
        let temp = request
            .temp_dir
            .map(|temp| temp_dir(guest, &temp, request.mounts, &mut builder));
        let temp = temp.transpose()?;
        let working = match working {
            Some(working) if working.give(&mut builder)? => Some(working.host()),
            _ => None,
        };
        network.grant_sockets(&mut builder);
        let mut wasi = builder.max_random_size(MAX_RANDOM).build_p1();
        let reserved = guest.shared.reserved();
        let given = given::directories(&mut wasi, request.mounts, working.as_deref(), &reserved)?;
        let (hooks, presence) = Hooks::new(network);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_FIELDS);
        let state = HostState {
            args: Strings::default(),
            env: Strings::default(),
            standard: [true; 3],
            channel,
            limits: Limits::new(request.memory_limit),
            listings: HashMap::new(),
            last_listed: None,
            listed: listing::Account::default(),
            may_block,
            files,
            config: request.config.iter().copied().collect(),
            wasi,
            http,
            hooks,
            temp,
            given,
        };
        Ok((state, presence))
    }

    /// Asks for one more descriptor for the guest, and logs why there is none. What is opened then must be told to
    /// [`opened_file`](Self::opened_file) or [`opened_socket`](Self::opened_socket) before this is dropped.
    pub fn may_open(&mut self) -> Option<Opening> {
        match self.files.open(self.wasi.ctx().table) {
            Ok(opening) => Some(opening),
            Err(refusal) => {
                if self.files.says(refusal) {
                    let (level, text) = refusal.text();
                    self.channel.log(level, text.as_bytes());
                }
                None
            }
        }
    }

    /// The guest has opened the file or directory with this entry of the table, if there is one.
    pub fn opened_file(&mut self, rep: u32) {
        self.files.opened_file(self.wasi.ctx().table, rep);
    }

    /// The guest has made a socket.
    pub fn opened_socket(&mut self) {
        self.files.opened_socket();
    }
}

/// What an instance may have open, beginning with the directories that it is given. Instances that nobody uses make room.
fn open_files(guest: &Guest, request: &Request<'_>, working: bool) -> Result<OpenFiles, Error> {
    let temp = usize::from(request.temp_dir.is_some());
    let mounted = request.mounts.len() + temp + usize::from(working);
    loop {
        match OpenFiles::new(request.max_open_files, mounted) {
            Err(Refusal::Reserve { .. }) if guest.shared.idle.evict() => {}
            made => return Ok(made?),
        }
    }
}

/// Makes the private directory of an instance.
fn temp_dir(
    guest: &Guest,
    wanted: &request::TempDir<'_>,
    mounts: &[Mount<'_>],
    builder: &mut WasiCtxBuilder,
) -> Result<TempDir, Error> {
    let mut temp = guest.shared.homes.make(wanted, mounts)?;
    if guest.is_concurrent() {
        // What the guest has begun on another thread may come to its end after the guest.
        temp.use_once();
    }
    builder
        .preopened_dir(temp.host(), wanted.guest, FsPerms::ReadWrite)
        .map_err(|e| {
            let text = format!("cannot open the private directory: {e:#}");
            Error::new(ErrorCode::TempDir, text)
        })?;
    Ok(temp)
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: self.wasi.ctx().table,
            ctx: &mut self.http,
        }
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
