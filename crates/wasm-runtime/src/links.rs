//! Absolute symbolic links inside of a guest's directories. WASI refuses them, since it knows no path of the host; but deploy
//! tools choose a release by such links, and httpd follows them. So where one leads from a directory of the guest into one,
//! what the guest asks for is asked again by the path that it could have used itself: everything that holds for that path
//! holds for the link, and nothing outside of the guest's directories is looked at.
//!
//! Must not know how a guest asks.

use crate::given::Given;
use rustix::fs::readlinkat;
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// How many links the kernel follows in one path (`MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// How many names are looked at for one path: each is a call of the system, in which nothing interrupts the guest.
const MOST_NAMES: usize = 1024;

/// A path below one of a guest's directories.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the directories.
    pub given: usize,
    /// Below it; `.` for itself.
    pub path: String,
}

/// Where `path`, in the directory `start`, leads, if an absolute link takes it into one of the directories; that of the last
/// name is one of them only if `follow` says so. `None` for every other path, for one that leads elsewhere, and for what
/// cannot be looked at.
pub fn resolve(given: &[Given], start: usize, path: &str, follow: bool) -> Option<Place> {
    let mut walk = Walk {
        given,
        at: start,
        walked: PathBuf::new(),
        ahead: Vec::new(),
        crossed: false,
    };
    walk.push(Path::new(path))?;
    let mut links = 0;
    for _ in 0..MOST_NAMES {
        let Some(name) = walk.ahead.pop() else {
            return walk.end();
        };
        if name == ".." {
            if !walk.walked.pop() {
                return None;
            }
            continue;
        }
        let last = walk.ahead.is_empty();
        if last && !follow && !path.ends_with('/') {
            walk.walked.push(name);
            return walk.end();
        }
        match walk.link(&name) {
            Ok(target) => {
                links += 1;
                if links > MOST_LINKS {
                    return None;
                }
                walk.follow(&target)?;
            }
            // No link.
            Err(Errno::INVAL) => walk.walked.push(name),
            // The last name may be one that the guest wants to make.
            Err(Errno::NOENT) if last => {
                walk.walked.push(name);
                return walk.end();
            }
            Err(_) => return None,
        }
    }
    None
}

/// The way that has been gone, and what is ahead.
struct Walk<'a> {
    given: &'a [Given],
    at: usize,
    /// Below the directory that it is at, without links.
    walked: PathBuf,
    /// Names, the next one last.
    ahead: Vec<OsString>,
    /// It has met an absolute link.
    crossed: bool,
}

impl Walk<'_> {
    /// Puts a relative path ahead.
    fn push(&mut self, path: &Path) -> Option<()> {
        for part in path.components().rev() {
            match part {
                Component::Normal(name) => self.ahead.push(name.to_owned()),
                Component::ParentDir => self.ahead.push("..".into()),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        (self.ahead.len() <= MOST_NAMES).then_some(())
    }

    /// What the link of this name says.
    fn link(&self, name: &OsStr) -> rustix::io::Result<PathBuf> {
        let directory = self.given.get(self.at).ok_or(Errno::BADF)?;
        let target = readlinkat(directory.file(), self.walked.join(name), Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    fn follow(&mut self, target: &Path) -> Option<()> {
        if target.is_relative() {
            return self.push(target);
        }
        let (at, rest) = below(self.given, target)?;
        self.at = at;
        self.walked.clear();
        self.crossed = true;
        self.push(&rest)
    }

    fn end(self) -> Option<Place> {
        if !self.crossed {
            return None;
        }
        let path = match self.walked.as_os_str().as_bytes() {
            b"" => ".".to_owned(),
            _ => self.walked.to_str()?.to_owned(),
        };
        Some(Place {
            given: self.at,
            path,
        })
    }
}

/// Which of the directories a path of the host lies in, the innermost of them, and the path below it. By the name that the
/// configuration has for the directory, or by the one without symbolic links.
fn below(given: &[Given], path: &Path) -> Option<(usize, PathBuf)> {
    let of = |(at, directory): (usize, &Given)| {
        let rest = match path.strip_prefix(&directory.host) {
            Ok(rest) => rest,
            Err(_) => path
                .strip_prefix(directory.host.canonicalize().ok()?)
                .ok()?,
        };
        Some((at, rest.to_owned()))
    };
    let all = given.iter().enumerate().filter_map(of);
    all.min_by_key(|(_, rest)| rest.components().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, create_dir_all};
    use std::os::unix::fs::symlink;
    use wasmtime_wasi::filesystem::Dir;
    use wasmtime_wasi::{FsPerms, OpenMode};

    fn given(guest: &str, host: &Path) -> Given {
        let file = File::open(host).expect("a directory");
        Given {
            guest: guest.into(),
            host: host.into(),
            dir: Dir::new(file, FsPerms::ReadWrite, OpenMode::READ, true),
        }
    }

    fn place(given: usize, path: &str) -> Option<Place> {
        Some(Place {
            given,
            path: path.into(),
        })
    }

    #[test]
    fn absolute_links_lead_into_the_directories_only() {
        let root = tempfile::tempdir().expect("a directory");
        let (site, data) = (root.path().join("site"), root.path().join("data"));
        for dir in ["site/releases/1", "site/shared", "data/uploads", "other"] {
            create_dir_all(root.path().join(dir)).expect("directories");
        }
        let link = |from: &str, to: &Path| symlink(to, site.join(from)).expect("a link");
        link("current", &site.join("releases/1"));
        link("releases/1/shared", &site.join("shared"));
        link("uploads", &data.join("uploads"));
        link("out", &root.path().join("other"));
        link("up", &site.join("../other"));
        link("loop", &site.join("loop"));
        link("self", &site);
        link("relative", Path::new("releases"));
        let dirs = [given("/site", &site), given("/data", &data)];
        let at = |path: &str, follow| resolve(&dirs, 0, path, follow);
        assert_eq!(at("current/index", true), place(0, "releases/1/index"));
        assert_eq!(at("current/shared/new", true), place(0, "shared/new"));
        assert_eq!(at("uploads/a", false), place(1, "uploads/a"));
        assert_eq!(at("uploads", true), place(1, "uploads"));
        assert_eq!(at("uploads/", false), place(1, "uploads"));
        assert_eq!(
            at("self/relative/../current/x", true),
            place(0, "releases/1/x")
        );
        assert_eq!(at("self", true), place(0, "."));
        for path in [
            "releases/1",
            "relative/1",
            "uploads",
            "out/a",
            "up/a",
            "loop/a",
            "../data/uploads",
            "/site",
            "current/gone/x",
            "",
        ] {
            assert_eq!(at(path, false), None, "{path}");
        }
    }
}
