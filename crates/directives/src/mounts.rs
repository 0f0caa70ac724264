//! The directories a guest is given, and where a host path lies inside them. Pure: looks at no file system.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::args::Origin;
use crate::settings::Settings;

/// One host directory, opened for the guest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mount {
    /// The directory on the host, absolute.
    pub host: PathBuf,
    /// The path under which the guest sees it, never empty, without a slash at its end unless it is `/`.
    pub guest: String,
    /// The directive that says so, for errors found after all lines have been read.
    pub directive: &'static str,
    /// Its line.
    pub origin: Origin,
    /// May the guest only read? Always `false` for now: no directive asks for it yet.
    pub read_only: bool,
}

impl Settings {
    /// Where the guest sees the host path `host`, or `None` when no directory of it shows that: then the path must be hidden
    /// from the guest, because it would tell about the host.
    ///
    /// The mount with the longest host path decides, counted in whole components (`/srv/www2` is not inside `/srv/www`); of
    /// two that mount the same directory, the one written last. If what the guest finds under that path lies in another
    /// directory of it, the next best mount decides. Paths with `..` and paths that are not UTF-8 are hidden.
    #[must_use]
    pub fn guest_path(&self, host: &Path) -> Option<String> {
        if host.components().any(|part| part == Component::ParentDir) {
            return None;
        }
        let mut mounts: Vec<&Mount> = self
            .mounts()
            .filter(|m| host.starts_with(&m.host))
            .collect();
        mounts.reverse();
        mounts.sort_by_key(|m| Reverse(m.host.components().count()));
        mounts.into_iter().find_map(|mount| {
            let path = below(mount, host)?;
            self.leads_to(mount, &path).then_some(path)
        })
    }

    /// Does `path`, which lies in this mount, lead a guest there? A guest looks in the directory with the longest guest path
    /// that the path begins with, its temporary one included. Which of two equally long ones, such as `/` and `.`, depends on
    /// the guest.
    fn leads_to(&self, mount: &Mount, path: &str) -> bool {
        let path = names(path);
        let takes = |guest: &str| {
            let (own, other) = (names(&mount.guest), names(guest));
            other.len() >= own.len() && path.starts_with(&other)
        };
        let mut others = self.mounts().filter(|other| other.guest != mount.guest);
        let temp = self.temp_dir().is_some_and(|temp| takes(&temp.guest));
        !temp && !others.any(|other| takes(&other.guest))
    }
}

/// The path of `host` below the guest's name for the mount.
fn below(mount: &Mount, host: &Path) -> Option<String> {
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

/// The names in a path of the guest. What stands before the first one says nothing to wasi-libc: `/a`, `./a` and `a` are the
/// same.
fn names(path: &str) -> Vec<&OsStr> {
    let parts = Path::new(path).components();
    parts
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect()
}

fn push_slash(path: &mut String) {
    if !path.ends_with('/') {
        path.push('/');
    }
}
