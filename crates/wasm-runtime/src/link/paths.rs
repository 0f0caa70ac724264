//! A bound for the paths that programs of WASI 0.3 give: each call may wait for its turn, and its path with it, with thousands
//! of others.
//!
//! Each function stands in front of the one of wasmtime-wasi, and refuses what the system would refuse in the end. `open-at`
//! has the bound beside that of open files.

use crate::state::HostState;
use wasmtime::component::{Accessor, Linker, Resource};
use wasmtime_wasi::filesystem::{
    Descriptor, WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView,
};
use wasmtime_wasi::p3::bindings::filesystem::types::{
    ErrorCode, HostDescriptorWithStore, NewTimestamp, PathFlags,
};
use wasmtime_wasi::p3::filesystem::FilesystemError;

/// Bytes of a path: what Linux takes.
pub const PATH: usize = 4096;

type Behind = WasiFilesystem;

fn view(state: &mut HostState) -> WasiFilesystemCtxView<'_> {
    state.filesystem()
}

/// What the guest is told, or how it is stopped.
fn told<T>(result: Result<T, FilesystemError>) -> wasmtime::Result<(Result<T, ErrorCode>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

/// Puts a method of descriptors, by its name here and there, in front of itself: its arguments, and which of them are paths.
macro_rules! bound {
    ($types:ident: $name:literal $method:ident($($argument:ident: $type:ty),*), $($path:ident),+) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<HostState>, (file, $($argument),*): (Resource<Descriptor>, $($type),*)| {
                Box::pin(async move {
                    if $($path.len() > PATH)||+ {
                        return Ok((Err(ErrorCode::NameTooLong),));
                    }
                    let accessor = accessor.with_getter::<Behind>(view);
                    told(Behind::$method(&accessor, file, $($argument),*).await)
                })
            },
        )?;
    };
}

/// Puts the bound in front of WASI 0.3, which must be linked.
pub fn bound_p3(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:filesystem/types@0.3.0")?;
    bound!(types: "create-directory-at" create_directory_at(path: String), path);
    bound!(types: "stat-at" stat_at(flags: PathFlags, path: String), path);
    bound!(types: "set-times-at" set_times_at(
        flags: PathFlags, path: String, accessed: NewTimestamp, modified: NewTimestamp), path);
    bound!(types: "link-at" link_at(
        flags: PathFlags, old: String, directory: Resource<Descriptor>, new: String), old, new);
    bound!(types: "readlink-at" readlink_at(path: String), path);
    bound!(types: "remove-directory-at" remove_directory_at(path: String), path);
    bound!(types: "rename-at" rename_at(old: String, directory: Resource<Descriptor>, new: String), old, new);
    bound!(types: "symlink-at" symlink_at(old: String, new: String), old, new);
    bound!(types: "unlink-file-at" unlink_file_at(path: String), path);
    bound!(types: "metadata-hash-at" metadata_hash_at(flags: PathFlags, path: String), path);
    linker.allow_shadowing(false);
    Ok(())
}
