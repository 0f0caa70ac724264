//! Where compiled programs are kept.

use crate::sys;
use std::ffi::CStr;
use std::path::PathBuf;

/// Where compiled programs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// The directory, absolute. It is made when it is missing; its parent must be there.
    pub directory: PathBuf,
    /// How many bytes each user's part of it may hold.
    pub max_bytes: u64,
    /// User and group of the processes that will be forked; `None`: those of this one.
    pub children: Option<(u32, u32)>,
}

impl CacheOptions {
    /// As the library takes them; they borrow `directory`.
    pub(crate) fn raw(&self, directory: &CStr) -> sys::wrt_cache_options {
        let (uid, gid) = self.children.unwrap_or((u32::MAX, u32::MAX));
        sys::wrt_cache_options {
            size: size_of::<sys::wrt_cache_options>(),
            directory: directory.as_ptr(),
            max_bytes: self.max_bytes,
            children_uid: uid,
            children_gid: gid,
        }
    }
}
