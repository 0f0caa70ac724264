//! The functions of preview 1 that take a path: theirs, and once more where an absolute symbolic link leads from one of the
//! guest's directories into one (see [`links`](crate::links)).
//!
//! The second call is theirs too. It works on a memory of ours, in which the other path stands and the result is written, and
//! on the descriptor that the guest itself has for the directory: without one it has no right to look there. What is opened
//! counts among the guest's files, whichever call has opened it.

use super::preview1::files::{EMFILE, ENFILE, next_entry};
use super::preview1::{MODULE, guest, piece};
use crate::given::Given;
use crate::links;
use crate::state::HostState;
use wasmtime::{Caller, Linker};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::wasi_snapshot_preview1 as theirs;
use wiggle::GuestMemory;

type Result<T> = wasmtime::Result<T>;

/// What refuses an absolute link: `ERRNO_PERM`.
const PERM: i32 = 63;
/// `LOOKUPFLAGS_SYMLINK_FOLLOW`.
const FOLLOW: i32 = 1;
/// The first descriptor that can be one of a directory that was given.
const FIRST: i32 = 3;
/// Bytes in front of the paths in the memory of a second call, for its result; `filestat` is the longest.
const RESULT: usize = 64;

/// Puts these functions in front of theirs.
pub fn add(linker: &mut Linker<HostState>) -> Result<()> {
    add_open(linker)?;
    add_stat(linker)?;
    add_changes(linker)?;
    add_rename(linker)
}

fn add_open(linker: &mut Linker<HostState>) -> Result<()> {
    type Open = (i32, i32, i32, i32, i32, i64, i64, i32, i32);
    linker.func_wrap_async(
        MODULE,
        "path_open",
        |mut caller: Caller<'_, HostState>, open: Open| {
            Box::new(async move {
                let (fd, look, path, len, how, base, inherit, flags, out) = open;
                let Some(_opening) = caller.data_mut().may_open() else {
                    return Ok(EMFILE);
                };
                let Some(entry) = next_entry(caller.data_mut()) else {
                    return Ok(ENFILE);
                };
                let (mut memory, state) = guest(&mut caller)?;
                let first = theirs::path_open(
                    &mut state.wasi,
                    &mut memory,
                    fd,
                    look,
                    path,
                    len,
                    how,
                    base,
                    inherit,
                    flags,
                    out,
                );
                let first = first.await?;
                let Some(mut other) = elsewhere(&mut caller, first, fd, (path, len), look)? else {
                    caller.data_mut().opened_file(entry);
                    return Ok(first);
                };
                let (wasi, mut memory, place) = other.parts(&mut caller);
                let again = theirs::path_open(
                    wasi,
                    &mut memory,
                    place.fd,
                    look,
                    place.path,
                    place.len,
                    how,
                    base,
                    inherit,
                    flags,
                    0,
                );
                let again = again.await?;
                caller.data_mut().opened_file(entry);
                other.give(&mut caller, again, out, 4)
            })
        },
    )?;
    Ok(())
}

fn add_stat(linker: &mut Linker<HostState>) -> Result<()> {
    linker.func_wrap_async(
        MODULE,
        "path_filestat_get",
        |mut caller: Caller<'_, HostState>,
         (fd, look, path, len, out): (i32, i32, i32, i32, i32)| {
            Box::new(async move {
                let (mut memory, state) = guest(&mut caller)?;
                let wasi = &mut state.wasi;
                let first =
                    theirs::path_filestat_get(wasi, &mut memory, fd, look, path, len, out).await?;
                let Some(mut other) = elsewhere(&mut caller, first, fd, (path, len), look)? else {
                    return Ok(first);
                };
                let (wasi, mut memory, place) = other.parts(&mut caller);
                let (fd, path, len) = (place.fd, place.path, place.len);
                let again =
                    theirs::path_filestat_get(wasi, &mut memory, fd, look, path, len, 0).await?;
                other.give(&mut caller, again, out, RESULT)
            })
        },
    )?;
    Ok(())
}

/// What only takes a path; a link as its last name is meant itself.
macro_rules! change {
    ($linker:ident, $($name:ident),*) => {$(
        $linker.func_wrap_async(
            MODULE,
            stringify!($name),
            |mut caller: Caller<'_, HostState>, (fd, path, len): (i32, i32, i32)| {
                Box::new(async move {
                    let (mut memory, state) = guest(&mut caller)?;
                    let first = theirs::$name(&mut state.wasi, &mut memory, fd, path, len).await?;
                    let Some(mut other) = elsewhere(&mut caller, first, fd, (path, len), 0)? else {
                        return Ok(first);
                    };
                    let (wasi, mut memory, place) = other.parts(&mut caller);
                    theirs::$name(wasi, &mut memory, place.fd, place.path, place.len).await
                })
            },
        )?;
    )*};
}

fn add_changes(linker: &mut Linker<HostState>) -> Result<()> {
    change!(
        linker,
        path_create_directory,
        path_remove_directory,
        path_unlink_file
    );
    Ok(())
}

fn add_rename(linker: &mut Linker<HostState>) -> Result<()> {
    type Rename = (i32, i32, i32, i32, i32, i32);
    linker.func_wrap_async(
        MODULE,
        "path_rename",
        |mut caller: Caller<'_, HostState>, (fd, path, len, to_fd, to, to_len): Rename| {
            Box::new(async move {
                let (mut memory, state) = guest(&mut caller)?;
                let wasi = &mut state.wasi;
                let first =
                    theirs::path_rename(wasi, &mut memory, fd, path, len, to_fd, to, to_len)
                        .await?;
                let from = elsewhere(&mut caller, first, fd, (path, len), 0)?;
                let onto = elsewhere(&mut caller, first, to_fd, (to, to_len), 0)?;
                if from.is_none() && onto.is_none() {
                    return Ok(first);
                }
                let mut other = match from {
                    Some(from) => from,
                    None => Other::same(&mut caller, fd, (path, len))?,
                };
                let onto = match onto {
                    Some(onto) => onto,
                    None => Other::same(&mut caller, to_fd, (to, to_len))?,
                };
                let target = other.add(&onto);
                let (wasi, mut memory, source) = other.parts(&mut caller);
                theirs::path_rename(
                    wasi,
                    &mut memory,
                    source.fd,
                    source.path,
                    source.len,
                    target.fd,
                    target.path,
                    target.len,
                )
                .await
            })
        },
    )?;
    Ok(())
}

/// A path, as their functions take it.
#[derive(Clone, Copy)]
struct Argument {
    fd: i32,
    path: i32,
    len: i32,
}

/// A second call: its memory, and where the path is in that.
struct Other {
    memory: Vec<u8>,
    argument: Argument,
}

impl Other {
    fn new(fd: i32, path: &[u8]) -> Other {
        let mut memory = vec![0; RESULT];
        memory.extend_from_slice(path);
        let argument = Argument {
            fd,
            path: RESULT as i32,
            len: path.len() as i32,
        };
        Other { memory, argument }
    }

    /// The guest's own path: the one of two that was right.
    fn same(caller: &mut Caller<'_, HostState>, fd: i32, path: (i32, i32)) -> Result<Other> {
        let path = text(caller, path)?.unwrap_or_default();
        Ok(Other::new(fd, path.as_bytes()))
    }

    /// Takes over the path of another call.
    fn add(&mut self, other: &Other) -> Argument {
        let at = self.memory.len();
        self.memory.extend_from_slice(&other.memory[RESULT..]);
        Argument {
            path: at as i32,
            ..other.argument
        }
    }

    fn parts<'a>(
        &'a mut self,
        caller: &'a mut Caller<'_, HostState>,
    ) -> (&'a mut WasiP1Ctx, GuestMemory<'a>, Argument) {
        let memory = GuestMemory::Unshared(&mut self.memory);
        (&mut caller.data_mut().wasi, memory, self.argument)
    }

    /// Hands the guest the result of the call.
    fn give(
        &self,
        caller: &mut Caller<'_, HostState>,
        errno: i32,
        out: i32,
        len: usize,
    ) -> Result<i32> {
        const EFAULT: i32 = 21;
        if errno != 0 {
            return Ok(errno);
        }
        let (memory, _) = super::preview1::split(caller)?;
        let written = piece(memory, out, len).map(|to| to.copy_from_slice(&self.memory[..len]));
        Ok(written.map_or(EFAULT, |()| 0))
    }
}

/// Where a call that was refused is to be made again.
fn elsewhere(
    caller: &mut Caller<'_, HostState>,
    errno: i32,
    fd: i32,
    path: (i32, i32),
    look: i32,
) -> Result<Option<Other>> {
    if errno != PERM || caller.data().given.is_empty() {
        return Ok(None);
    }
    let Some(path) = text(caller, path)? else {
        return Ok(None);
    };
    let state = caller.data_mut();
    let Some(start) = given_at(state, fd)? else {
        return Ok(None);
    };
    let Some(place) = links::resolve(&state.given, start, &path, look & FOLLOW != 0) else {
        return Ok(None);
    };
    // Its own descriptor for the directory is most often one of the first.
    let most = FIRST + state.given.len() as i32;
    for fd in (FIRST..=most).chain([fd]) {
        if given_at(state, fd)? == Some(place.given) {
            return Ok(Some(Other::new(fd, place.path.as_bytes())));
        }
    }
    Ok(None)
}

/// The path at this place of the guest's memory. The kernel has seen it, so it is no longer than a path can be.
fn text(caller: &mut Caller<'_, HostState>, (at, len): (i32, i32)) -> Result<Option<String>> {
    let (memory, _) = super::preview1::split(caller)?;
    let bytes = piece(memory, at, len.cast_unsigned() as usize);
    Ok(bytes.and_then(|bytes| str::from_utf8(bytes).ok().map(str::to_owned)))
}

/// Which of the given directories a descriptor is for: the one that it has the name of.
fn given_at(state: &mut HostState, fd: i32) -> Result<Option<usize>> {
    let HostState { wasi, given, .. } = state;
    // On the heap, as all memory of these calls: what is allocated there is aligned for every type.
    let mut prestat = vec![0; 8];
    let mut memory = GuestMemory::Unshared(&mut prestat);
    if theirs::fd_prestat_get(wasi, &mut memory, fd, 0)? != 0 {
        return Ok(None);
    }
    let len = u32::from_le_bytes([prestat[4], prestat[5], prestat[6], prestat[7]]);
    let mut name = vec![0; len as usize];
    let mut memory = GuestMemory::Unshared(&mut name);
    if theirs::fd_prestat_dir_name(wasi, &mut memory, fd, 0, len.cast_signed())? != 0 {
        return Ok(None);
    }
    let is = |given: &Given| given.guest.as_bytes() == name;
    Ok(given.iter().position(is))
}
