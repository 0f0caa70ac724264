//! The directory in which a command starts to work. Preview 1 has none: the programs of wasi-libc, and of what stands on it,
//! start at `/`, and find there what the directory holds that they were given as `/` or `.`, which is one name to them.
//! Without such a directory no relative path leads anywhere, and even `.` is not there. So where nothing else has that name,
//! the working directory is given a second time, as `.`. Must not know what the guest does in it.

use crate::{Error, ErrorCode, Mount, Request};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// What it is called.
pub const NAME: &str = ".";

/// How often a look at a path is repeated when something is renamed meanwhile, as the kernel asks for it.
const TRIES: usize = 4;

/// Where it lies.
pub struct Working<'a> {
    mount: &'a Mount<'a>,
    below: PathBuf,
}

impl<'a> Working<'a> {
    /// Where the command of this request starts to work, if one of its mounts holds that and none is at `/` itself.
    pub fn of(request: &Request<'a>) -> Option<Working<'a>> {
        let wanted = names(request.cwd?)?;
        let private = request.temp_dir.map(|temp| temp.guest);
        let mounts = request.mounts.iter();
        let mut all = mounts.clone().map(|mount| mount.guest).chain(private);
        if all.any(|guest| names(guest).is_none_or(|names| names.is_empty())) {
            return None;
        }
        let held_by = |guest: &str| {
            let above = names(guest)?;
            wanted.starts_with(&above).then_some(above.len())
        };
        let holding = mounts.filter_map(|mount| Some((held_by(mount.guest)?, mount)));
        let (depth, mount) = holding.max_by_key(|(depth, _)| *depth)?;
        if private
            .and_then(held_by)
            .is_some_and(|other| other >= depth)
        {
            return None;
        }
        let below = wanted[depth..].iter().collect();
        Some(Working { mount, below })
    }

    /// Its path on the host, as the request has it.
    pub fn host(&self) -> PathBuf {
        self.mount.host.join(&self.below)
    }

    /// Gives it to the guest, after all others: these keep their numbers. Says whether it is there: what cannot be reached
    /// below the mount, because a link leads out of it, is nothing that the guest may have.
    ///
    /// # Errors
    /// [`ErrorCode::Mount`]: there are no descriptors left.
    pub fn give(&self, builder: &mut WasiCtxBuilder) -> Result<bool, Error> {
        let given = self.open().map_err(io::Error::from);
        match given.and_then(|dir| self.hand_over(&dir, builder)) {
            Ok(()) => Ok(true),
            Err(e) if is_short_of_descriptors(&e) => {
                let text = format!("cannot open the directory {:?}: {e}", self.host());
                Err(Error::new(ErrorCode::Mount, text))
            }
            Err(_) => Ok(false),
        }
    }

    fn hand_over(&self, dir: &OwnedFd, builder: &mut WasiCtxBuilder) -> io::Result<()> {
        let perms = match self.mount.read_only {
            true => FsPerms::ReadOnly,
            false => FsPerms::ReadWrite,
        };
        // They take a path. This one leads to what is open, whatever has become of the other since.
        let path = format!("/proc/self/fd/{}", dir.as_raw_fd());
        let given = builder.preopened_dir(path, NAME, perms);
        given
            .map(drop)
            .map_err(|e| match e.downcast::<io::Error>() {
                Ok(e) => e,
                Err(e) => io::Error::other(e.to_string()),
            })
    }

    /// As the guest itself could: no link leads out of the mount.
    fn open(&self) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mount = openat(CWD, self.mount.host, flags, Mode::empty())?;
        if self.below.as_os_str().is_empty() {
            return Ok(mount);
        }
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut tries =
            (0..TRIES).map(|_| openat2(&mount, &self.below, flags, Mode::empty(), beneath));
        let opened = tries.find(|opened| !matches!(opened, Err(Errno::AGAIN)));
        opened.unwrap_or(Err(Errno::AGAIN))
    }
}

fn is_short_of_descriptors(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

/// The names in a path of the guest; to wasi-libc `/a`, `./a` and `a` are the same. `None` if it leads upwards.
fn names(path: &str) -> Option<Vec<&OsStr>> {
    let parts = Path::new(path).components();
    let parts = parts.filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
    parts
        .map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn place(cwd: Option<&str>, mounts: &[&str], private: Option<&str>) -> Option<PathBuf> {
        let hosts: Vec<PathBuf> = mounts.iter().map(|m| format!("/host{m}").into()).collect();
        let mounts = mounts.iter().zip(&hosts).map(|(guest, host)| Mount {
            host,
            guest,
            read_only: false,
        });
        let mounts: Vec<Mount<'_>> = mounts.collect();
        let request = Request {
            args: &[],
            env: &[],
            mounts: &mounts,
            temp_dir: private.map(|guest| crate::TempDir {
                guest,
                base: Path::new("/tmp"),
                max_bytes: 0,
                max_files: 0,
            }),
            cwd,
            entry_point: None,
            timeout: Duration::ZERO,
            memory_limit: 0,
            http: None,
            config: &[],
            outbound: None,
            reuse: None,
            backtrace: false,
            max_open_files: 0,
        };
        Working::of(&request).map(|working| working.host())
    }

    #[test]
    fn it_lies_in_the_innermost_directory_and_nothing_else_has_its_name() {
        let at = |path: &str| Some(PathBuf::from(path));
        let cwd = Some("/site/sub/dir");
        assert_eq!(place(cwd, &["/site"], None), at("/host/site/sub/dir"));
        assert_eq!(
            place(cwd, &["/site/sub", "/site"], None),
            at("/host/site/sub/dir")
        );
        assert_eq!(
            place(Some("/site/"), &["/site"], Some("/tmp")),
            at("/host/site/")
        );
        for (cwd, mounts, private) in [
            (None, &["/site"][..], None),
            (cwd, &[], None),
            (cwd, &["/sit", "/site/sub/dir/more"], None),
            (cwd, &["/site", "/"], None),
            (cwd, &["/site", "."], None),
            (cwd, &["/site"], Some("/")),
            (cwd, &["/site"], Some("/site/sub")),
            (Some("/site/../etc"), &["/site"], None),
        ] {
            assert_eq!(
                place(cwd, mounts, private),
                None,
                "{cwd:?} {mounts:?} {private:?}"
            );
        }
    }
}
