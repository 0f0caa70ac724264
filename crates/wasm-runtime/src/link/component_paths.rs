//! The methods of `wasi:filesystem` 0.2 that take a path: theirs, and once more where an absolute symbolic link leads from
//! one of the guest's directories into one (see [`links`](crate::links)). A component that has the descriptor of one of its
//! directories could have asked for the others as well. What is opened counts among the guest's files.

use super::component::files::last_listed;
use crate::links;
use crate::state::HostState;
use std::fs::{File, read_link};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};

/// The interface in the version that they implement; programs that were built for an earlier one get it too.
const TYPES: &str = "wasi:filesystem/types@0.2.12";

type Store<'a> = StoreContextMut<'a, HostState>;
type Dir = Resource<Descriptor>;

/// Puts these methods in front of theirs.
pub fn add(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    add_open(&mut types)?;
    add_looks(&mut types)?;
    add_changes(&mut types)?;
    add_rename(&mut types)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn add_open(types: &mut LinkerInstance<'_, HostState>) -> wasmtime::Result<()> {
    type Open = (Dir, PathFlags, String, OpenFlags, DescriptorFlags);
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: Store<'_>, (fd, look, path, how, flags): Open| {
            Box::new(async move {
                let state = store.data_mut();
                let Some(_opening) = state.may_open() else {
                    return Ok((Err(ErrorCode::InsufficientMemory),));
                };
                let mut view = state.filesystem();
                let mut opened = view
                    .open_at(same(&fd), look, path.clone(), how, flags)
                    .await;
                if let Some((dir, path)) = elsewhere(state, &opened, &fd, &path, follows(look))? {
                    let mut view = state.filesystem();
                    opened = view.open_at(same(&dir), look, path, how, flags).await;
                    forget(state, dir)?;
                }
                if let Ok(file) = &opened {
                    state.opened_file(file.rep());
                }
                result(opened)
            })
        },
    )
}

/// What looks at a path, and follows a link as its last name if it is told to.
macro_rules! looks {
    ($types:ident, $($name:literal $method:ident),*) => {$(
        $types.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: Store<'_>, (fd, look, path): (Dir, PathFlags, String)| {
                Box::new(async move {
                    let state = store.data_mut();
                    let first = state.filesystem().$method(same(&fd), look, path.clone()).await;
                    let Some((dir, path)) = elsewhere(state, &first, &fd, &path, follows(look))? else {
                        return result(first);
                    };
                    let again = state.filesystem().$method(same(&dir), look, path).await;
                    forget(state, dir)?;
                    result(again)
                })
            },
        )?;
    )*};
}

fn add_looks(types: &mut LinkerInstance<'_, HostState>) -> wasmtime::Result<()> {
    looks!(types, "stat-at" stat_at);
    types.func_wrap_async(
        "[method]descriptor.metadata-hash-at",
        |mut store: Store<'_>, (fd, look, path): (Dir, PathFlags, String)| {
            Box::new(async move {
                let state = store.data_mut();
                let mut view = state.filesystem();
                let mut hash = view.metadata_hash_at(same(&fd), look, path.clone()).await;
                if let Some((dir, path)) = elsewhere(state, &hash, &fd, &path, follows(look))? {
                    let mut view = state.filesystem();
                    hash = view.metadata_hash_at(same(&dir), look, path).await;
                    forget(state, dir)?;
                }
                let gone = |e: &FsError| matches!(e.downcast_ref(), Some(ErrorCode::NoEntry));
                if hash.as_ref().is_err_and(gone)
                    && let Some(known) = last_listed(state, fd.rep(), &path)
                {
                    hash = Ok(known);
                }
                result(hash)
            })
        },
    )
}

/// What makes or removes what a path names: a link as its last name is meant itself.
macro_rules! changes {
    ($types:ident, $($name:literal $method:ident),*) => {$(
        $types.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: Store<'_>, (fd, path): (Dir, String)| {
                Box::new(async move {
                    let state = store.data_mut();
                    let first = state.filesystem().$method(same(&fd), path.clone()).await;
                    let Some((dir, path)) = elsewhere(state, &first, &fd, &path, false)? else {
                        return result(first);
                    };
                    let again = state.filesystem().$method(same(&dir), path).await;
                    forget(state, dir)?;
                    result(again)
                })
            },
        )?;
    )*};
}

fn add_changes(types: &mut LinkerInstance<'_, HostState>) -> wasmtime::Result<()> {
    changes!(
        types,
        "create-directory-at" create_directory_at,
        "remove-directory-at" remove_directory_at,
        "unlink-file-at" unlink_file_at
    );
    Ok(())
}

fn add_rename(types: &mut LinkerInstance<'_, HostState>) -> wasmtime::Result<()> {
    type Rename = (Dir, String, Dir, String);
    types.func_wrap_async(
        "[method]descriptor.rename-at",
        |mut store: Store<'_>, (fd, path, onto, name): Rename| {
            Box::new(async move {
                let state = store.data_mut();
                let mut view = state.filesystem();
                let first = view
                    .rename_at(same(&fd), path.clone(), same(&onto), name.clone())
                    .await;
                let from = elsewhere(state, &first, &fd, &path, false)?;
                let to = elsewhere(state, &first, &onto, &name, false)?;
                if from.is_none() && to.is_none() {
                    return result(first);
                }
                let (from, path) = from.unwrap_or((same(&fd), path));
                let (to, name) = to.unwrap_or((same(&onto), name));
                let mut view = state.filesystem();
                let again = view.rename_at(same(&from), path, same(&to), name).await;
                forget(state, from)?;
                forget(state, to)?;
                result(again)
            })
        },
    )
}

fn follows(look: PathFlags) -> bool {
    look.contains(PathFlags::SYMLINK_FOLLOW)
}

/// The same descriptor, for a call that takes one.
fn same(dir: &Dir) -> Dir {
    Resource::new_borrow(dir.rep())
}

/// In the interface's own words. Other failures end the guest.
fn result<T>(result: FsResult<T>) -> wasmtime::Result<(Result<T, ErrorCode>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(e) => Ok((Err(e.downcast()?),)),
    }
}

/// Where a call that was refused is to be made again: a descriptor of ours, to be forgotten after it, and a path.
fn elsewhere<T>(
    state: &mut HostState,
    first: &FsResult<T>,
    fd: &Dir,
    path: &str,
    follow: bool,
) -> wasmtime::Result<Option<(Dir, String)>> {
    let refused = |e: &FsError| matches!(e.downcast_ref(), Some(ErrorCode::NotPermitted));
    if state.given.is_empty() || !first.as_ref().is_err_and(refused) {
        return Ok(None);
    }
    let Descriptor::Dir(dir) = state.filesystem().table.get(fd)? else {
        return Ok(None);
    };
    let dir = Arc::clone(&dir.dir);
    let place = start(state, &dir, path)
        .and_then(|(given, path)| links::resolve(&state.given, given, &path, follow));
    let Some(place) = place else {
        return Ok(None);
    };
    let Some(there) = state.given.get(place.given) else {
        return Ok(None);
    };
    let there = Descriptor::Dir(there.dir.clone());
    let there = state.filesystem().table.push(there)?;
    Ok(Some((there, place.path)))
}

/// Which of the given directories a path begins in, and the path from there. A directory that the guest has opened itself is
/// known by where it is now.
fn start(state: &HostState, dir: &Arc<File>, path: &str) -> Option<(usize, String)> {
    let given = &state.given;
    if let Some(at) = given
        .iter()
        .position(|given| Arc::ptr_eq(given.file(), dir))
    {
        return Some((at, path.to_owned()));
    }
    let whole = where_it_is(dir)?;
    given.iter().enumerate().find_map(|(at, given)| {
        let before = whole.strip_prefix(where_it_is(given.file())?).ok()?;
        // An absolute path means nothing below a directory, and must not come to mean something.
        let relative = !path.starts_with('/');
        relative.then(|| Some((at, before.join(path).to_str()?.to_owned())))?
    })
}

fn where_it_is(dir: &File) -> Option<PathBuf> {
    read_link(format!("/proc/self/fd/{}", dir.as_raw_fd())).ok()
}

/// Gives up a descriptor of ours; one that is only borrowed from the guest stays.
fn forget(state: &mut HostState, dir: Dir) -> wasmtime::Result<()> {
    if dir.owned() {
        state.filesystem().table.delete(dir)?;
    }
    Ok(())
}
