//! Files and sockets of WASI 0.2: how many may be open, and listings of directories.
//!
//! wasmtime-wasi's listing fails when an entry has gone meanwhile or has a name that is not Unicode. Here such a name is left
//! out: WASI could neither hand it out nor take it back. And since the C libraries of components ask for the hash of each entry
//! that they read, and end the listing when there is none, that of an entry is known as long as it is the last one read.

use crate::listing::{Failure, Listing};
use crate::open_files;
use crate::state::HostState;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorType, DirectoryEntry, ErrorCode, MetadataHashValue,
};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode as SocketCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;

/// The listing of a directory, and how far the guest has read it.
struct Entries {
    /// The directory's entry in the table.
    directory: u32,
    listing: Listing,
    next: usize,
}

type Store<'a> = StoreContextMut<'a, HostState>;

pub fn add(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store: Store<'_>, (dir,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let state = store.data_mut();
                Ok((match list(state, &dir).await? {
                    Ok(listing) => {
                        let directory = dir.rep();
                        let entries = Entries {
                            directory,
                            listing,
                            next: 0,
                        };
                        Ok(state.ctx().table.push(entries)?)
                    }
                    Err(errno) => Err(code(errno)),
                },))
            })
        },
    )?;
    types.resource(
        "directory-entry-stream",
        ResourceType::host::<Entries>(),
        |mut store, rep| {
            let stream = Resource::<Entries>::new_own(rep);
            store.data_mut().ctx().table.delete(stream)?;
            Ok(())
        },
    )?;
    types.func_wrap(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: Store<'_>, (stream,): (Resource<Entries>,)| {
            let state = store.data_mut();
            state.last_listed = Some(stream.rep());
            let entries = state.ctx().table.get_mut(&stream)?;
            let entry = next(&entries.listing, &mut entries.next);
            let entry = entry.map(|(name, kind)| DirectoryEntry {
                type_: type_of(kind),
                name,
            });
            Ok((Ok::<_, ErrorCode>(entry),))
        },
    )?;
    add_sockets(linker)
}

/// The hash of an entry that has gone since it was listed, if it is the last one that the guest has read.
pub(in crate::link) fn last_listed(
    state: &mut HostState,
    directory: u32,
    name: &str,
) -> Option<MetadataHashValue> {
    let stream = Resource::<Entries>::new_borrow(state.last_listed?);
    let entries = state.ctx().table.get(&stream).ok()?;
    let entry = entries.listing.get(entries.next.checked_sub(1)?)?;
    let it = entries.directory == directory && entry.name == name.as_bytes();
    it.then_some(MetadataHashValue {
        lower: entry.inode,
        // As wasmtime-wasi does it.
        upper: entry.inode ^ 4_614_256_656_552_045_848,
    })
}

fn add_sockets(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:sockets/tcp-create-socket@0.2.12")?
        .func_wrap(
            "create-tcp-socket",
            |mut store: Store<'_>, (family,): (IpAddressFamily,)| {
                let state = store.data_mut();
                let Some(_opening) = state.may_open() else {
                    return Ok((Err(SocketCode::NewSocketLimit),));
                };
                let made: Result<Resource<TcpSocket>, _> =
                    tcp_create_socket::Host::create_tcp_socket(&mut state.sockets(), family);
                state.opened_socket();
                Ok((match made {
                    Ok(socket) => Ok(socket),
                    Err(error) => Err(error.downcast()?),
                },))
            },
        )?;
    linker
        .instance("wasi:sockets/udp-create-socket@0.2.12")?
        .func_wrap_async(
            "create-udp-socket",
            |mut store: Store<'_>, (family,): (IpAddressFamily,)| {
                Box::new(async move {
                    let state = store.data_mut();
                    let Some(_opening) = state.may_open() else {
                        return Ok((Err(SocketCode::NewSocketLimit),));
                    };
                    let made: Result<Resource<UdpSocket>, _> =
                        udp_create_socket::Host::create_udp_socket(&mut state.sockets(), family)
                            .await;
                    state.opened_socket();
                    Ok((match made {
                        Ok(socket) => Ok(socket),
                        Err(error) => Err(error.downcast()?),
                    },))
                })
            },
        )
}

/// Takes a listing of a directory, on another thread if this one may not be blocked.
async fn list(
    state: &mut HostState,
    dir: &Resource<Descriptor>,
) -> wasmtime::Result<Result<Listing, Errno>> {
    let Some(opening) = state.may_open() else {
        return Ok(Err(Errno::NOMEM));
    };
    let table = state.ctx().table;
    // A handle that is none is the guest's fault, as everywhere.
    if let Descriptor::File(_) = table.get(dir)? {
        return Ok(Err(Errno::NOTDIR));
    }
    let Some(dir) = open_files::file(table, dir.rep()) else {
        return Ok(Err(Errno::BADF));
    };
    let taken = if state.may_block {
        let channel = &state.channel;
        Listing::take(&dir, &state.listed, || channel.check())
    } else {
        let (account, needed) = (state.listed.clone(), Needed::default());
        let wanted = needed.0.clone();
        let stop = move || match wanted.load(Ordering::Relaxed) {
            true => Err(crate::outcome::Stop::ClientGone),
            false => Ok(()),
        };
        let take = move || {
            let _opening = opening;
            Listing::take(&dir, &account, stop)
        };
        tokio::task::spawn_blocking(take).await?
    };
    match taken {
        Ok(listing) => Ok(Ok(listing)),
        Err(Failure::Errno(errno)) => Ok(Err(errno)),
        Err(Failure::Stop(stop)) => Err(stop.into()),
    }
}

/// Tells work on another thread to stop, when it is dropped.
#[derive(Default)]
pub struct Needed(pub Arc<AtomicBool>);

impl Drop for Needed {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The next entry that a component can be told of, beginning at a position.
pub fn next(listing: &Listing, position: &mut usize) -> Option<(String, FileType)> {
    loop {
        let entry = listing.get(*position)?;
        *position += 1;
        if matches!(entry.name, b"." | b"..") {
            continue;
        }
        if let Ok(name) = std::str::from_utf8(entry.name) {
            return Some((name.to_owned(), entry.kind));
        }
    }
}

fn type_of(kind: FileType) -> DescriptorType {
    match kind {
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::Directory => DescriptorType::Directory,
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Symlink => DescriptorType::SymbolicLink,
        _ => DescriptorType::Unknown,
    }
}

fn code(errno: Errno) -> ErrorCode {
    ErrorCode::from(std::io::Error::from(errno))
}
