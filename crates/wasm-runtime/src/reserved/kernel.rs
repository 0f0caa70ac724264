//! What belongs to the kernel: the file systems through which it shows processes and devices, wherever they are mounted.

use super::ReservedDir;
use rustix::fs::{FsWord, fstatfs};
use std::ffi::OsString;
use std::fs::read;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Reserved wherever the kernel has said nothing about its mounts.
const ALWAYS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The file systems, and the number by which `statfs` tells them (`linux/magic.h`). That of `devtmpfs` is the one of `tmpfs`:
/// it is known by where it is mounted.
const FILE_SYSTEMS: [(&str, Option<FsWord>); 15] = [
    ("proc", Some(0x9fa0)),
    ("sysfs", Some(0x6265_6572)),
    ("devtmpfs", None),
    ("devpts", Some(0x1cd1)),
    ("debugfs", Some(0x6462_6720)),
    ("tracefs", Some(0x7472_6163)),
    ("cgroup", Some(0x0027_e0eb)),
    ("cgroup2", Some(0x6367_7270)),
    ("securityfs", Some(0x7363_6673)),
    ("selinuxfs", Some(0xf97c_ff8c)),
    ("configfs", Some(0x6265_6570)),
    ("bpf", Some(0xcafe_4a11)),
    ("efivarfs", Some(0xde5e_81e4)),
    ("pstore", Some(0x6165_676c)),
    ("nsfs", Some(0x6e73_6673)),
];

/// The name of the file system of an open directory, if it is one of these.
pub fn file_system(dir: BorrowedFd<'_>) -> rustix::io::Result<Option<&'static str>> {
    let found = fstatfs(dir)?.f_type;
    let known = FILE_SYSTEMS
        .iter()
        .find(|(_, number)| *number == Some(found));
    Ok(known.map(|(name, _)| *name))
}

/// Where they are mounted.
pub fn directories() -> Vec<ReservedDir> {
    let mounts = read("/proc/self/mountinfo").unwrap_or_default();
    let mounted = mounts.split(|&byte| byte == b'\n').filter_map(mount_point);
    let always = ALWAYS.iter().map(PathBuf::from);
    let mut all: Vec<PathBuf> = always.chain(mounted).collect();
    all.sort();
    // What lies in another one needs no entry of its own.
    all.dedup_by(|inner, outer| inner.starts_with(outer));
    let reserved = |path| ReservedDir {
        path,
        holds: "through which the kernel shows processes and devices".into(),
        inside: true,
    };
    all.into_iter().map(reserved).collect()
}

/// The mount point in a line of `mountinfo` (`proc(5)`), if a file system of the kernel is mounted there: its fifth word; the
/// type of the file system is the first one behind the hyphen.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let mut words = line.split(|&byte| byte == b' ');
    let point = words.nth(4)?;
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    let ours = FILE_SYSTEMS.iter().any(|(name, _)| name.as_bytes() == kind);
    ours.then(|| PathBuf::from(OsString::from_vec(unescaped(point))))
}

/// Blanks and backslashes stand there as three octal digits.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let Some((&first, rest)) = text.split_first() {
        let code = rest.get(..3).filter(|_| first == b'\\');
        let code = code.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                text = &rest[3..];
            }
            None => {
                out.push(first);
                text = rest;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_kernel_are_read() {
        let point = |line: &str| mount_point(line.as_bytes());
        let proc = r"36 35 0:33 / /srv/a\040jail/proc rw,nosuid shared:5 - proc proc rw";
        assert_eq!(point(proc), Some("/srv/a jail/proc".into()));
        assert_eq!(point("36 35 8:1 / /srv rw - ext4 /dev/sda1 rw"), None);
        assert_eq!(
            point("36 35 0:5 /x /srv/dev rw - devtmpfs udev rw"),
            Some("/srv/dev".into())
        );
        assert_eq!(point(""), None);
        assert_eq!(point("36 35 8:1 / /srv rw -"), None);
    }
}
