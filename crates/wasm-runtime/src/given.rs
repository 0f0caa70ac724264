//! The directories that a guest has been given, as they are open. Must not know what the guest does in them.

use crate::reserved::Reserved;
use crate::{Error, ErrorCode, Mount};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host;

/// One of them.
#[derive(Clone)]
pub struct Given {
    /// Its name for the guest.
    pub guest: String,
    /// Its name on the host, as the request has it.
    pub host: PathBuf,
    /// As the guest has it.
    pub dir: Dir,
}

impl Given {
    /// The open directory.
    pub fn file(&self) -> &Arc<File> {
        &self.dir.dir
    }
}

/// The directories of these mounts, which were the first to be opened in `state`, and the working directory with its path on
/// the host, which was the last one if it is there. They are judged as they are open: what their paths lead to may have
/// changed since the server looked at them.
///
/// # Errors
/// [`ErrorCode::Mount`]: one is reserved, or there are too many.
pub fn directories(
    state: &mut impl WasiFilesystemView,
    mounts: &[Mount<'_>],
    working: Option<&Path>,
    reserved: &Reserved,
) -> Result<Vec<Given>, Error> {
    if mounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut view = state.filesystem();
    let failed = |e: wasmtime::Error| Error::wasmtime(ErrorCode::Mount, &e);
    let opened = view.get_directories().map_err(failed)?;
    let last = opened.len().saturating_sub(1);
    let mut given = Vec::with_capacity(opened.len());
    for (i, (resource, guest)) in opened.into_iter().enumerate() {
        // A guest is handed descriptors of its own.
        let descriptor = view.table.delete(resource);
        let descriptor = descriptor.map_err(|e| failed(e.into()))?;
        let host = mounts.get(i).map(|mount| mount.host);
        let host = host.or(working.filter(|_| i == last));
        let (Some(host), Descriptor::Dir(dir)) = (host, descriptor) else {
            continue;
        };
        reserved.judge(dir.dir.as_fd(), host)?;
        given.push(Given {
            guest,
            host: host.to_owned(),
            dir,
        });
    }
    Ok(given)
}
