//! Looking at processes through /proc: children, memory, processor time, open files; and signals by pid.
//!
//! Must not know httpd: a process is a number here.

use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// The pids whose parent is `parent`.
pub fn children(parent: u32) -> BTreeSet<u32> {
    let Ok(all) = fs::read_dir("/proc") else {
        return BTreeSet::new();
    };
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|s| s.parent == parent && s.state != 'Z'))
        .collect()
}

/// Does the process run (and is more than a zombie)?
pub fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|s| s.state != 'Z')
}

/// Sends a signal to one process; false when it is gone.
pub fn signal(pid: u32, signal: Signal) -> bool {
    let raw = i32::try_from(pid).expect("pids are positive");
    Pid::from_raw(raw).is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// The resident set of a process in bytes; 0 when it is gone.
pub fn rss(pid: u32) -> u64 {
    status_field(pid, "VmRSS:").map_or(0, |kib| kib * 1024)
}

/// The part of it that no file lies behind: heap and stacks, in bytes.
pub fn anonymous(pid: u32) -> u64 {
    status_field(pid, "RssAnon:").map_or(0, |kib| kib * 1024)
}

/// How many file descriptors a process has open.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// How many files this process may have open, and the programs that it starts.
pub fn file_limit() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.unwrap_or(u64::MAX)
}

/// Is the process listening on this TCP port?
pub fn listens(pid: u32, port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let inodes = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = fields.get(1)?.rsplit_once(':')?.1;
        let listening = fields.get(3) == Some(&"0A") && u16::from_str_radix(local, 16) == Ok(port);
        listening.then(|| format!("socket:[{}]", fields.get(9).unwrap_or(&"")))
    });
    let wanted: BTreeSet<String> = inodes.collect();
    let Ok(fds) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    fds.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
        .any(|target| wanted.contains(target.to_string_lossy().as_ref()))
}

/// How many threads a process has.
pub fn threads(pid: u32) -> u64 {
    status_field(pid, "Threads:").unwrap_or(0)
}

/// Processor time a process has used, user and system together, over all its threads.
pub fn cpu_time(pid: u32) -> Duration {
    let ticks = stat(pid).map_or(0, |s| s.ticks);
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_millis(ticks * 1000 / per_second)
}

fn status_field(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

struct Stat {
    state: char,
    parent: u32,
    ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, so count fields from its end.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n)?.parse::<u64>().ok();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        ticks: ticks(11)? + ticks(12)?,
    })
}

/// One mapping of a process, as in `/proc/pid/smaps`; sizes in KiB.
#[derive(Debug, Default)]
pub struct Mapping {
    /// Permissions, `r-xp`.
    pub perms: String,
    /// The mapped file, or empty.
    pub path: String,
    /// Resident size.
    pub rss: u64,
    /// Resident pages that only this process has and has written.
    pub private_dirty: u64,
    /// Resident pages that are no longer those of the file.
    pub anonymous: u64,
}

/// All mappings of a process.
pub fn smaps(pid: u32) -> Vec<Mapping> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("smaps is readable");
    let mut all: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if !first.ends_with(':') {
            all.push(Mapping {
                perms: words.next().unwrap_or_default().to_owned(),
                path: words.nth(3).unwrap_or_default().to_owned(),
                ..Mapping::default()
            });
            continue;
        }
        let kib = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let Some(mapping) = all.last_mut() else {
            continue;
        };
        match first {
            "Rss:" => mapping.rss = kib,
            "Private_Dirty:" => mapping.private_dirty = kib,
            "Anonymous:" => mapping.anonymous = kib,
            _ => {}
        }
    }
    all
}
