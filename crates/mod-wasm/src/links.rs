//! Paths of the host that lead through symbolic links which a guest cannot follow: absolute ones, as deploy tools make them.
//! httpd has followed and judged them on its way to the file; where they lead from a guest's directories into one, the guest
//! is told the path without links, which is the same file. Must not know what the path is for.

use std::path::{Path, PathBuf};

use directives::Settings;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// How a guest reaches a path of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By that path, as far as one of its directories holds it.
    AsItIs,
    /// By this one, which is the same without links.
    Instead(PathBuf),
    /// Not at all: this link on the way leads out of its directories.
    Out(PathBuf),
}

/// The way to `path` in the directories of `settings`. A path without links, as most are, costs a call of the system for
/// each name in it that lies in the directory.
pub fn way(settings: &Settings, path: &Path) -> Way {
    let mounts = settings.mounts();
    let holding = mounts.filter(|mount| path.starts_with(&mount.host));
    let Some(mount) = holding.max_by_key(|mount| mount.host.as_os_str().len()) else {
        return Way::AsItIs;
    };
    let links: Vec<&Path> = links(path, &mount.host).collect();
    if links.is_empty() || opens(&mount.host, path) {
        return Way::AsItIs;
    }
    if let Some(path) = seen(settings, &real(path)) {
        return Way::Instead(path);
    }
    let leads_out = |link: &&&Path| seen(settings, &real(link)).is_none();
    match links.iter().find(leads_out) {
        Some(link) => Way::Out((*link).to_owned()),
        None => Way::AsItIs,
    }
}

/// The path to be told instead of `path`, if there is one.
pub fn instead(settings: &Settings, path: &Path) -> Option<PathBuf> {
    match way(settings, path) {
        Way::Instead(path) => Some(path),
        Way::AsItIs | Way::Out(_) => None,
    }
}

/// The path without symbolic links, as far as it is there.
pub fn real(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let Ok(there) = above.canonicalize() {
            let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
            // Joining nothing would add a slash.
            return match rest.as_os_str().is_empty() {
                true => there,
                false => there.join(rest),
            };
        }
    }
    path.to_owned()
}

/// The links in `path` below `directory`, the outermost first.
fn links<'p>(path: &'p Path, directory: &Path) -> impl Iterator<Item = &'p Path> {
    let below = path
        .ancestors()
        .take_while(move |above| *above != directory);
    let mut below: Vec<&Path> = below.collect();
    below.reverse();
    below.into_iter().filter(|path| path.read_link().is_ok())
}

/// Whether WASI would open it there: no link in it is absolute or leads out of the directory. Where the system cannot say, a
/// path without links is as good.
fn opens(directory: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(directory) else {
        return false;
    };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let directory = openat(CWD, directory, flags | OFlags::DIRECTORY, Mode::empty());
    let opened = directory.and_then(|directory| {
        openat2(
            directory,
            below,
            flags,
            Mode::empty(),
            ResolveFlags::BENEATH,
        )
    });
    !matches!(opened, Err(Errno::XDEV | Errno::NOSYS | Errno::PERM))
}

/// A path without links, as it is called in the directory that the configuration names, if a guest sees it.
fn seen(settings: &Settings, real: &Path) -> Option<PathBuf> {
    let called = settings.mounts().filter_map(|mount| {
        let below = real.strip_prefix(mount.host.canonicalize().ok()?).ok()?;
        let path = match below.as_os_str().is_empty() {
            true => mount.host.clone(),
            false => mount.host.join(below),
        };
        settings.guest_path(&path).map(|_| (below, path))
    });
    let called = called.min_by_key(|(below, _)| below.as_os_str().len());
    called.map(|(_, path)| path)
}
