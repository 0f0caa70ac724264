//! An update: libwasm_runtime.so is replaced by another one while the server runs, by a rename. The server goes on with what it
//! has mapped until it is stopped; the next start takes the new one, or refuses it when its ABI is another.
//!
//! The other library is that of the release before (`tests/PREVIOUS_RELEASE`), which `make test` builds, or a copy.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "to panic is to fail the test"
)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use suite::on_disk::{program_saying, programs};
use suite::{Httpd, Setup, host, paths, wait};

const LIBRARY: &str = "libwasm_runtime.so";
const MODULE: &str = "mod_wasm.so";

/// The server with the product in a folder of its own.
fn server(setup: Setup) -> (Setup, PathBuf) {
    let folder = setup.path("product");
    fs::create_dir(&folder).expect("a new folder");
    for part in [MODULE, LIBRARY, "wasm_runtime_helper"] {
        fs::copy(paths::dist().join(part), folder.join(part)).expect("the product is built");
    }
    (setup.product(Some(&folder)), folder)
}

fn guests() -> Setup {
    Setup::new()
        .guest("/hello", "hello", "")
        .cgi("/probe", "probe", "")
}

/// Puts a copy of a file in the place of another.
fn replace(file: &Path, with: &Path) {
    let fresh = file.with_extension("new");
    fs::copy(with, &fresh).expect("it can be copied");
    fs::rename(&fresh, file).expect("it can be renamed");
}

/// The folder of the release before, and both ABI versions: this release's and that one's. Says so when it is not there.
fn release_before() -> Option<(PathBuf, u32, u32)> {
    let root = paths::workspace();
    let read = |name: &str| fs::read_to_string(root.join(name)).expect("it is part of the sources");
    let header = read("crates/wasm-runtime/include/wasm_runtime.h");
    let mut lines = header.lines();
    let ours = lines.find_map(|line| line.strip_prefix("#define WRT_ABI_VERSION "));
    let named = read("tests/PREVIOUS_RELEASE");
    let line = named.lines().find(|line| !line.starts_with('#'));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    let [version, _, theirs] = words[..] else {
        panic!("tests/PREVIOUS_RELEASE has not three words");
    };
    let folder = root.join("target/previous").join(version);
    if !folder.join(LIBRARY).is_file() {
        host::announce_skip(&format!("release {version} has not been built"));
        return None;
    }
    let number = |text: &str| text.trim().parse().expect("a number");
    Some((folder, number(ours.unwrap_or_default()), number(theirs)))
}

/// A start with a module that needs one version of the ABI and a library that has another.
fn starts_only_with_the_same_version(setup: Setup, needed: u32, found: u32) {
    if needed == found {
        setup.start().get("/hello").expect(200);
        return;
    }
    let said = setup.must_fail_to_start();
    let numbers = format!("ABI version {found}, this module needs version {needed}");
    assert!(
        said.contains("WASM0002") && said.contains(&numbers),
        "{said}"
    );
}

/// Replaces the library while a request runs, which goes on, as do later ones and those after a graceful restart.
fn goes_on_with_another_library(httpd: &Httpd, replace: impl FnOnce()) {
    let mut conn = httpd.connect();
    conn.send("POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf ");
    let head = conn.head();
    assert_eq!(head.status, 200);
    replace();
    httpd.get("/hello").expect(200);
    let old = httpd.child_pids();
    httpd.graceful();
    wait::until("a new child", || {
        httpd.child_pids().difference(&old).count() > 0
    });
    httpd.get("/hello").expect(200);
    conn.send("whole");
    let mut body = Vec::new();
    assert!(conn.read_body("POST", &head, &mut |piece| body.extend_from_slice(piece)));
    assert_eq!(body, b"half whole");
    wait::until("the old children to end", || {
        old.is_disjoint(&httpd.child_pids())
    });
    httpd.get("/probe?do=count").expect(200);
}

#[test]
fn the_library_of_the_release_before_is_taken_by_no_running_server() {
    let Some((before, ours, theirs)) = release_before() else {
        return;
    };
    let (setup, folder) = server(guests());
    let library = folder.join(LIBRARY);
    let httpd = setup.clone().start();
    goes_on_with_another_library(&httpd, || replace(&library, &before.join(LIBRARY)));
    httpd.stop();
    starts_only_with_the_same_version(setup.clone(), ours, theirs);
    replace(&library, &paths::dist().join(LIBRARY));
    setup.start().get("/hello").expect(200);
}

#[test]
fn the_module_of_the_release_before_takes_this_library_by_its_version() {
    let Some((before, ours, theirs)) = release_before() else {
        return;
    };
    let (setup, folder) = server(guests());
    for part in [MODULE, LIBRARY] {
        replace(&folder.join(part), &before.join(part));
    }
    let httpd = setup.clone().start();
    goes_on_with_another_library(&httpd, || {
        replace(&folder.join(LIBRARY), &paths::dist().join(LIBRARY));
    });
    httpd.stop();
    starts_only_with_the_same_version(setup, theirs, ours);
}

#[test]
fn a_new_build_of_the_library_is_taken_by_the_next_start() {
    let (setup, folder) = server(guests());
    let library = folder.join(LIBRARY);
    let httpd = setup.clone().start();
    let old = file_number(&library);
    goes_on_with_another_library(&httpd, || replace(&library, &paths::dist().join(LIBRARY)));
    let mapped = |httpd: &Httpd| {
        let child = httpd.child_pids().first().copied().unwrap_or(0);
        let maps = fs::read_to_string(format!("/proc/{child}/maps")).expect("maps are readable");
        let line = maps.lines().find(|line| line.contains(LIBRARY));
        let number = line.and_then(|line| line.split_whitespace().nth(4)?.parse::<u64>().ok());
        number.expect("the library is mapped")
    };
    assert_eq!(mapped(&httpd), old);
    httpd.stop();
    let httpd = setup.start();
    httpd.get("/hello").expect(200);
    assert_ne!(file_number(&library), old);
    assert_eq!(mapped(&httpd), file_number(&library));
}

fn file_number(file: &Path) -> u64 {
    fs::metadata(file).expect("it is there").ino()
}

/// Until the restart nothing can be compiled, because the helper would take the new library: that is not the program's fault.
#[test]
fn a_program_that_is_new_after_the_update_waits_for_the_restart() {
    let (setup, folder) = server(programs().file("htdocs/known.wasm", program_saying("known")));
    let library = folder.join(LIBRARY);
    let source = setup.path("other.c");
    fs::write(&source, "unsigned wrt_abi_version(void) { return 4711; }\n").expect("a new file");
    let other = setup.path("other.so");
    host::run_ok(
        "cc",
        [
            "-shared".as_ref(),
            "-fPIC".as_ref(),
            "-o".as_ref(),
            other.as_os_str(),
            source.as_os_str(),
        ],
    );
    let httpd = setup.announce("WASM0151").start();
    httpd.get("/known.wasm").expect(200);
    replace(&library, &other);
    httpd.get("/known.wasm").expect(200);
    fs::write(httpd.path("htdocs/new.wasm"), program_saying("new")).expect("a new file");
    let answer = httpd.get("/new.wasm").expect(503);
    assert!(answer.header("retry-after").is_some());
    let line = httpd.expect_log("WASM0151");
    assert!(
        line.contains("new.wasm") && line.contains("libwasm_runtime.so"),
        "{line}"
    );
    // Nothing is held against the program.
    replace(&library, &paths::dist().join(LIBRARY));
    assert_eq!(httpd.get("/new.wasm").expect(200).text(), "new");
}
