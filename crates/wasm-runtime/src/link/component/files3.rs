//! The same as [`files`](super::files) for WASI 0.3.

use super::super::paths::PATH;
use super::files::{Needed, next};
use crate::listing::{Failure, Listing};
use crate::open_files;
use crate::outcome::Stop;
use crate::state::HostState;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasmtime::component::{
    Accessor, Destination, FutureReader, Linker, Resource, StreamProducer, StreamReader,
    StreamResult, VecBuffer,
};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p3::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, DirectoryEntry, ErrorCode, HostDescriptorWithStore, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p3::bindings::sockets::types::{
    ErrorCode as SocketCode, HostTcpSocket, HostUdpSocket, IpAddressFamily,
};
use wasmtime_wasi::sockets::{TcpSocket, UdpSocket, WasiSocketsView};

/// Entries that are handed to a guest at once.
const AT_ONCE: usize = 128;

/// What a guest is told that may open nothing more.
const TOO_MANY: &str = "too many open files";

type Store<'a> = StoreContextMut<'a, HostState>;

type OpenAt = (
    Resource<Descriptor>,
    PathFlags,
    String,
    OpenFlags,
    DescriptorFlags,
);

pub fn add(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.3.0")?;
    types.func_wrap_concurrent(
        "[method]descriptor.open-at",
        |accessor: &Accessor<HostState>, arguments: OpenAt| {
            Box::pin(async move { Ok((open_at(accessor, arguments).await?,)) })
        },
    )?;
    types.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: Store<'_>, (dir,): (Resource<Descriptor>,)| {
            let (sender, result) = oneshot::channel();
            let producer = Entries::new(store.data_mut(), &dir, sender)?;
            let entries = StreamReader::new(store.as_context_mut(), producer)?;
            let result = FutureReader::new(store.as_context_mut(), result)?;
            Ok(((entries, result),))
        },
    )?;
    let mut types = linker.instance("wasi:sockets/types@0.3.0")?;
    types.func_wrap(
        "[static]tcp-socket.create",
        |mut store: Store<'_>, (family,): (IpAddressFamily,)| {
            let state = store.data_mut();
            let Some(_opening) = state.may_open() else {
                return Ok((Err(SocketCode::Other(Some(TOO_MANY.to_owned()))),));
            };
            let made: Result<Resource<TcpSocket>, _> =
                HostTcpSocket::create(&mut state.sockets(), family);
            state.opened_socket();
            Ok((match made {
                Ok(socket) => Ok(socket),
                Err(error) => Err(error.downcast()?),
            },))
        },
    )?;
    types.func_wrap_async(
        "[static]udp-socket.create",
        |mut store: Store<'_>, (family,): (IpAddressFamily,)| {
            Box::new(async move {
                let state = store.data_mut();
                let Some(_opening) = state.may_open() else {
                    return Ok((Err(SocketCode::Other(Some(TOO_MANY.to_owned()))),));
                };
                let made: Result<Resource<UdpSocket>, _> =
                    HostUdpSocket::create(&mut state.sockets(), family).await;
                state.opened_socket();
                Ok((match made {
                    Ok(socket) => Ok(socket),
                    Err(error) => Err(error.downcast()?),
                },))
            })
        },
    )
}

async fn open_at(
    accessor: &Accessor<HostState>,
    (dir, lookup, path, how, flags): OpenAt,
) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    if path.len() > PATH {
        return Ok(Err(ErrorCode::NameTooLong));
    }
    // Until it is open, or this is given up.
    let Some(_opening) = accessor.with(|mut access| access.get().may_open()) else {
        return Ok(Err(ErrorCode::Other(Some(TOO_MANY.to_owned()))));
    };
    let files = accessor.with_getter::<WasiFilesystem>(HostState::filesystem);
    let opened = <WasiFilesystem as HostDescriptorWithStore<HostState>>::open_at(
        &files, dir, lookup, path, how, flags,
    )
    .await;
    match opened {
        Ok(file) => {
            accessor.with(|mut access| access.get().opened_file(file.rep()));
            Ok(Ok(file))
        }
        Err(error) => Ok(Err(error.downcast()?)),
    }
}

/// Hands out the entries of a directory, once its listing has been taken on another thread.
struct Entries {
    taking: Option<JoinHandle<Result<Listing, Failure>>>,
    listing: Option<Listing>,
    next: usize,
    result: Option<oneshot::Sender<Result<(), ErrorCode>>>,
    needed: Needed,
}

impl Entries {
    fn new(
        state: &mut HostState,
        dir: &Resource<Descriptor>,
        result: oneshot::Sender<Result<(), ErrorCode>>,
    ) -> wasmtime::Result<Entries> {
        let (account, needed) = (state.listed.clone(), Needed::default());
        let mut entries = Entries {
            taking: None,
            listing: None,
            next: 0,
            result: Some(result),
            needed,
        };
        let Some(opening) = state.may_open() else {
            entries.end(Err(code(Errno::MFILE)));
            return Ok(entries);
        };
        let table = state.ctx().table;
        // A handle that is none is the guest's fault, as everywhere.
        match (table.get(dir)?, open_files::file(table, dir.rep())) {
            (Descriptor::Dir(_), Some(dir)) => {
                let given_up = entries.needed.0.clone();
                let stop = move || match given_up.load(Ordering::Relaxed) {
                    true => Err(Stop::ClientGone),
                    false => Ok(()),
                };
                let take = move || {
                    let _opening = opening;
                    Listing::take(&dir, &account, stop)
                };
                entries.taking = Some(tokio::task::spawn_blocking(take));
            }
            _ => entries.end(Err(ErrorCode::NotDirectory)),
        }
        Ok(entries)
    }

    /// The listing, when it has been taken.
    fn poll_listing(&mut self, cx: &mut Context<'_>) -> Poll<Option<&Listing>> {
        if let Some(taking) = &mut self.taking {
            let taken = ready!(Pin::new(taking).poll(cx));
            self.taking = None;
            match taken {
                Ok(Ok(listing)) => self.listing = Some(listing),
                Ok(Err(Failure::Errno(errno))) => self.end(Err(code(errno))),
                // Nobody waits for it any more.
                Ok(Err(Failure::Stop(_))) | Err(_) => self.end(Err(ErrorCode::Io)),
            }
        }
        Poll::Ready(self.listing.as_ref())
    }

    fn end(&mut self, result: Result<(), ErrorCode>) {
        if let Some(sender) = self.result.take() {
            // The guest need not wait for it.
            let _ = sender.send(result);
        }
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        self.end(Ok(()));
    }
}

impl<D> StreamProducer<D> for Entries {
    type Item = DirectoryEntry;
    type Buffer = VecBuffer<DirectoryEntry>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, DirectoryEntry, VecBuffer<DirectoryEntry>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        match self.poll_listing(cx) {
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
        }
        // A read of nothing asks whether there is something.
        if destination.remaining(store.as_context_mut()) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let me = &mut *self;
        let listing = me.listing.as_ref();
        let entries = std::iter::from_fn(|| next(listing?, &mut me.next));
        let entries: Vec<_> = entries.take(AT_ONCE).map(entry).collect();
        if entries.is_empty() {
            me.end(Ok(()));
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        destination.set_buffer(entries.into());
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

fn entry((name, kind): (String, FileType)) -> DirectoryEntry {
    DirectoryEntry {
        type_: match kind {
            FileType::BlockDevice => DescriptorType::BlockDevice,
            FileType::CharacterDevice => DescriptorType::CharacterDevice,
            FileType::Directory => DescriptorType::Directory,
            FileType::RegularFile => DescriptorType::RegularFile,
            FileType::Symlink => DescriptorType::SymbolicLink,
            FileType::Fifo => DescriptorType::Fifo,
            FileType::Socket => DescriptorType::Socket,
            FileType::Unknown => DescriptorType::Other(None),
        },
        name,
    }
}

fn code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::MFILE | Errno::NFILE => ErrorCode::Other(Some(TOO_MANY.to_owned())),
        errno => ErrorCode::from(io::Error::from(errno)),
    }
}
