//! Listings of directories: complete and quick, whatever happens to the directory meanwhile and whatever is in it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use suite::{Httpd, Setup};

fn setup(lines: &str) -> Setup {
    let lines = format!("WasmMapDir /data ${{ROOT}}/data\n{lines}");
    Setup::new()
        .writable("data")
        .cgi("/p1", "probe", &lines)
        .cgi("/c", "probe-c", &lines)
        .cgi("/p2", "probe-component", &lines)
        .cgi("/p3", "echo-p3", &lines)
}

/// Files with these numbers, as long as those of sessions.
fn fill(dir: &Path, n: usize) {
    for number in 0..n {
        assert!(File::create(dir.join(format!("sess_{number:026}"))).is_ok());
    }
}

/// The names that each version of WASI lists.
fn listings(httpd: &Httpd) -> [(&'static str, Vec<String>); 3] {
    let targets = [
        "/p1?do=files&op=list&path=/data",
        "/p2?do=files&op=list&path=/data",
        "/p3?list",
    ];
    targets.map(|target| {
        let text = httpd.get(target).expect(200).text();
        let mut names: Vec<_> = text.lines().map(str::to_owned).collect();
        if target == "/p3?list" {
            assert_eq!(names.pop().as_deref(), Some("Ok(())"), "{text}");
        }
        (target, names)
    })
}

#[test]
fn a_directory_is_emptied_while_it_is_listed() {
    let httpd = setup("").start();
    let data = httpd.path("data");
    for at in ["/p1", "/p2"] {
        fill(&data, 1000);
        let target = format!("{at}?do=files&op=clear&path=/data");
        let said = httpd.get(&target).expect(200).text();
        assert_eq!(said, "seen=1000 left=0\n", "{at}");
    }
}

#[test]
fn many_names_are_listed_in_one_go() {
    // What took half a minute took it from the program's time.
    let httpd = setup("WasmTimeout 10").start();
    fill(&httpd.path("data"), 20_000);
    for (target, names) in listings(&httpd) {
        assert_eq!(names.len(), 20_000, "{target}");
    }
}

#[test]
fn names_that_are_not_unicode_fail_no_listing() {
    let httpd = setup("").start();
    let data = httpd.path("data");
    fs::create_dir(data.join("dir")).unwrap();
    for name in [&b"a"[..], b"caf\xe9"] {
        File::create(data.join(OsStr::from_bytes(name))).unwrap();
    }
    let [(_, p1), (_, p2), (_, p3)] = listings(&httpd);
    assert_eq!(p1, ["a", "caf\u{fffd}", "dir/"]);
    assert_eq!(p2, ["a", "dir/"]);
    assert_eq!(p3, ["a", "dir"]);
}

#[test]
fn a_listing_says_the_same_of_a_file_as_stat() {
    let httpd = setup("").start();
    let data = httpd.path("data");
    fill(&data, 10);
    fs::create_dir(data.join("dir")).unwrap();
    std::os::unix::fs::symlink("nowhere", data.join("link")).unwrap();
    let said = httpd.get("/c?inodes").expect(200).text();
    assert_eq!(said, "same=13 other=0\n");
}

/// Says that it is over, however that comes.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn files_that_come_and_go_fail_no_listing() {
    let httpd = setup("").start();
    let data = httpd.path("data");
    fill(&data, 300);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for number in 0..50 {
                    let path = data.join(format!("tmp{number}"));
                    File::create(&path).unwrap();
                    fs::remove_file(&path).unwrap();
                }
            }
        });
        let _over = Over(&over);
        let all: Vec<_> = (0..30).flat_map(|_| listings(&httpd)).collect();
        for (target, names) in all {
            let stayed = names
                .iter()
                .filter(|name| name.starts_with("sess_"))
                .count();
            assert_eq!(stayed, 300, "{target}: {names:?}");
        }
    });
}
