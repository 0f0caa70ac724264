//! Files of preview 1: how many may be open, and listings of directories.
//!
//! wasmtime-wasi takes a new listing for each call of `fd_readdir`, so that a directory which changes meanwhile is listed wrongly
//! and a large one for ever. Here each descriptor has one, taken at cookie 0; a cookie is a position in it.

use super::{EFAULT, MODULE, Result, SUCCESS, piece, put_u32, split};
use crate::listing::{Entry, Failure, Listing};
use crate::open_files;
use crate::state::HostState;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::fs::File;
use std::sync::Arc;
use wasmtime::{Caller, Linker};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as theirs;
use wasmtime_wasi::{WasiView, p1};
use wiggle::GuestMemory;

const EBADF: i32 = 8;
const EIO: i32 = 29;
pub(in crate::link) const EMFILE: i32 = 33;
pub(in crate::link) const ENFILE: i32 = 41;
const ENOENT: i32 = 44;
const ENOMEM: i32 = 48;
const ENOTDIR: i32 = 54;
const EACCES: i32 = 2;

/// `oflags::directory`.
const DIRECTORY: i32 = 2;

/// The size of a `dirent`, whose name follows it.
const DIRENT: usize = 24;

pub fn add(linker: &mut Linker<HostState>) -> Result<()> {
    linker.func_wrap_async(
        MODULE,
        "fd_readdir",
        |mut caller: Caller<'_, HostState>,
         (fd, buffer, length, cookie, used): (i32, i32, i32, i64, i32)| {
            Box::new(async move {
                let state = caller.data_mut();
                if cookie == 0 || !state.listings.contains_key(&fd) {
                    match list(state, fd).await? {
                        Ok(listing) => state.listings.insert(fd, listing),
                        Err(errno) => return Ok(errno),
                    };
                }
                let (memory, state) = split(&mut caller)?;
                let (Some(listing), Some(buffer)) = (
                    state.listings.get(&fd),
                    piece(memory, buffer, length.cast_unsigned() as usize),
                ) else {
                    return Ok(EFAULT);
                };
                let n = copy(listing, cookie.cast_unsigned(), buffer);
                Ok(super::errno(put_u32(memory, used, n as u32)))
            })
        },
    )?;
    Ok(())
}

/// Takes a listing of a directory, or says why there is none.
async fn list(state: &mut HostState, fd: i32) -> Result<Result2<Listing>> {
    // The one before goes first: it is of no use any more, and counts.
    state.listings.remove(&fd);
    let Some(_opening) = state.may_open() else {
        return Ok(Err(EMFILE));
    };
    let dir = match directory(state, fd).await? {
        Ok(dir) => dir,
        Err(errno) => return Ok(Err(errno)),
    };
    let channel = &state.channel;
    Ok(
        match Listing::take(&dir, &state.listed, || channel.check()) {
            Ok(listing) => Ok(listing),
            Err(Failure::Errno(errno)) => Err(number(errno)),
            Err(Failure::Stop(stop)) => return Err(stop.into()),
        },
    )
}

/// A result of the guest's world: its error is an `errno` of preview 1.
type Result2<T> = std::result::Result<T, i32>;

/// The directory that the guest has open as `fd`. wasmtime-wasi does not tell; but it opens the directory once more, which is then
/// the next entry of its table.
async fn directory(state: &mut HostState, fd: i32) -> Result<Result2<Arc<File>>> {
    use theirs::WasiSnapshotPreview1;
    let Some(rep) = next_entry(state) else {
        return Ok(Err(ENFILE));
    };
    // A memory of our own: the path, and the place for the new descriptor.
    const OPENED: i32 = 4;
    let mut memory = [0; 8];
    memory[0] = b'.';
    let mut memory = GuestMemory::Unshared(&mut memory);
    let wasi: &mut p1::WasiP1Ctx = &mut state.wasi;
    wasi.set_hostcall_fuel(usize::MAX);
    let errno =
        theirs::path_open(wasi, &mut memory, fd, 0, 0, 1, DIRECTORY, 0, 0, 0, OPENED).await?;
    match errno {
        SUCCESS => {}
        // The descriptor itself is none of a directory.
        ENOTDIR => return Ok(Err(EBADF)),
        errno => return Ok(Err(errno)),
    }
    let dir = open_files::file(wasi.ctx().table, rep);
    let mut number = [0; 4];
    if let GuestMemory::Unshared(memory) = &memory {
        number.copy_from_slice(&memory[OPENED as usize..]);
    }
    let number = u32::from_le_bytes(number).cast_signed();
    theirs::fd_close(wasi, &mut memory, number).await?;
    Ok(dir.ok_or(EIO))
}

/// The entry of the table that is filled next. Nothing but the table knows, and there may be no room.
pub(in crate::link) fn next_entry(state: &mut HostState) -> Option<u32> {
    let table = state.wasi.ctx().table;
    let entry = table.push(()).ok()?;
    let rep = entry.rep();
    table.delete(entry).ok()?;
    Some(rep)
}

/// Writes entries from a position on, as many as there is room for; the last one may be cut. Gives the number of bytes.
fn copy(listing: &Listing, position: u64, buffer: &mut [u8]) -> usize {
    let mut used = 0;
    for position in position.. {
        let entry = usize::try_from(position)
            .ok()
            .and_then(|at| listing.get(at));
        let Some(entry) = entry else {
            break;
        };
        for part in [&dirent(&entry, position + 1)[..], entry.name] {
            let n = part.len().min(buffer.len() - used);
            buffer[used..used + n].copy_from_slice(&part[..n]);
            used += n;
        }
        if used == buffer.len() {
            break;
        }
    }
    used
}

fn dirent(entry: &Entry<'_>, next: u64) -> [u8; DIRENT] {
    let mut dirent = [0; DIRENT];
    dirent[..8].copy_from_slice(&next.to_le_bytes());
    dirent[8..16].copy_from_slice(&entry.inode.to_le_bytes());
    // A name has no more than 255 bytes.
    dirent[16..20].copy_from_slice(&(entry.name.len() as u32).to_le_bytes());
    dirent[20] = match entry.kind {
        FileType::BlockDevice => 1,
        FileType::CharacterDevice => 2,
        FileType::Directory => 3,
        FileType::RegularFile => 4,
        FileType::Symlink => 7,
        _ => 0,
    };
    dirent
}

fn number(errno: Errno) -> i32 {
    match errno {
        Errno::ACCESS => EACCES,
        Errno::NOENT => ENOENT,
        Errno::NOMEM => ENOMEM,
        Errno::MFILE => EMFILE,
        Errno::NFILE => ENFILE,
        _ => EIO,
    }
}
