//! The directories a guest is given, and where a host path lies inside them. Pure: looks at no file system.

use std::path::{Component, Path, PathBuf};

/// One host directory, opened for the guest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mount {
    /// The directory on the host, absolute.
    pub host: PathBuf,
    /// The path under which the guest sees it, never empty, without a slash at its end unless it is `/`.
    pub guest: String,
    /// May the guest only read? Always `false` for now: no directive asks for it yet.
    pub read_only: bool,
}

/// Where the guest sees the host path `host`, or `None` when no mount covers it: then the path must be hidden from the
/// guest, because it would tell about the host.
///
/// The mount with the longest host path decides, counted in whole components (`/srv/www2` is not inside `/srv/www`); of
/// two that mount the same directory, the one written last. Paths with `..` and paths that are not UTF-8 are hidden.
#[must_use]
pub fn guest_path<'m>(mounts: impl IntoIterator<Item = &'m Mount>, host: &Path) -> Option<String> {
    if host.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let mount = mounts
        .into_iter()
        .filter(|m| host.starts_with(&m.host))
        .max_by_key(|m| m.host.components().count())?;
    let rest = host.strip_prefix(&mount.host).ok()?.to_str()?;
    let mut path = mount.guest.clone();
    if !rest.is_empty() {
        push_slash(&mut path);
        path.push_str(rest);
    }
    // Path forgets a final slash, but to a CGI program "/dir/" and "/dir" are two things.
    if host.to_str()?.ends_with('/') {
        push_slash(&mut path);
    }
    Some(path)
}

fn push_slash(path: &mut String) {
    if !path.ends_with('/') {
        path.push('/');
    }
}
