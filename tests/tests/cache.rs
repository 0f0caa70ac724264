//! `WasmCacheDir`: a program is compiled once and mapped by every later start; what cannot be trusted is not used.

use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use suite::{Httpd, Setup, host, process, wait};

/// A server with one program.
fn with_hello(cache: &str) -> Setup {
    Setup::new().conf(cache).guest("/hello", "hello", "")
}

/// The last line that tells how the program was loaded.
fn loaded(httpd: &Httpd) -> String {
    httpd.get("/hello").expect(200);
    httpd.logged("WASM0007").pop().unwrap_or_default()
}

/// Starts a server, which must compile its program or not, and stops it.
fn start(setup: &Setup, how: &str) {
    let httpd = setup.clone().start();
    let line = loaded(&httpd);
    assert!(line.contains(how), "{line}");
    httpd.stop();
}

/// The compiled programs in a cache.
fn entries(cache: &Path) -> Vec<PathBuf> {
    let Ok(all) = fs::read_dir(cache.join("server")) else {
        return Vec::new();
    };
    all.filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "cwasm"))
        .collect()
}

const COMPILED: &str = ", compiled in ";
const CACHED: &str = ", from the cache in ";

#[test]
fn a_second_start_maps_what_the_first_has_compiled() {
    let setup = with_hello("WasmCacheDir kept");
    start(&setup.clone().announce("WASM0020"), COMPILED);
    start(&setup, CACHED);
    let cache = setup.path("kept");
    assert_eq!(entries(&cache).len(), 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let group_reads = if host::is_root() { 0o050 } else { 0 };
    assert_eq!(mode(&cache), 0o755);
    assert_eq!(mode(&cache.join("server")), 0o700 | group_reads);
    assert_eq!(mode(&entries(&cache)[0]), 0o400 | (group_reads & 0o040));
}

#[test]
fn without_the_directive_programs_are_kept_in_the_runtime_directory() {
    let setup = with_hello("");
    start(&setup, COMPILED);
    assert_eq!(entries(&setup.path("run/mod_wasm")).len(), 1);
    start(&setup, CACHED);
}

#[test]
fn none_switches_it_off() {
    let setup = with_hello("WasmCacheDir none");
    start(&setup, COMPILED);
    start(&setup, COMPILED);
    assert!(!setup.path("run/mod_wasm").exists());
}

#[test]
fn a_configuration_test_makes_no_directory() {
    let setup = with_hello("WasmCacheDir kept");
    setup.clone().check().passes();
    assert!(!setup.path("kept").exists());
}

#[test]
fn children_have_a_directory_of_their_own_when_they_are_another_user() {
    let setup = with_hello("WasmCacheDir kept");
    let httpd = setup.clone().start();
    let cache = setup.path("kept");
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    let parent = owner(&cache.join("server"));
    if host::is_root() {
        let children = cache.join("children");
        assert_eq!(parent, 0);
        assert_ne!(owner(&children), 0);
        assert_eq!(
            fs::metadata(children).unwrap().permissions().mode() & 0o777,
            0o700
        );
    } else {
        assert!(!cache.join("children").exists());
    }
    assert_eq!(owner(&entries(&cache)[0]), parent);
    httpd.get("/hello").expect(200);
}

#[test]
fn a_damaged_program_is_told_and_compiled_again() {
    let setup = with_hello("WasmCacheDir kept");
    start(&setup, COMPILED);
    let entry = entries(&setup.path("kept")).remove(0);
    let good = fs::read(&entry).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 0x10;
    fs::write(&entry, bad).unwrap();
    let damaged = setup.clone().announce("WASM0023");
    start(&damaged, COMPILED);
    assert_eq!(fs::read(&entry).unwrap(), good);
    start(&setup, CACHED);
}

#[test]
fn a_program_that_others_could_have_written_is_compiled_again() {
    let setup = with_hello("WasmCacheDir kept");
    start(&setup, COMPILED);
    let entry = entries(&setup.path("kept")).remove(0);
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
    let damaged = setup.clone().announce("others can write it (mode 0666");
    start(&damaged, COMPILED);
    start(&setup, CACHED);
}

#[test]
fn a_directory_that_others_can_write_is_refused_and_the_server_runs() {
    let setup = with_hello("WasmCacheDir kept")
        .writable("kept")
        .announce("WASM0022");
    start(&setup, COMPILED);
    start(&setup, COMPILED);
    assert_eq!(fs::read_dir(setup.path("kept")).unwrap().count(), 0);
    // The line says where, why and what would do.
    let httpd = setup.start();
    let line = httpd.expect_log("WASM0022");
    for words in ["/kept", "mode 0777", "0755"] {
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn a_directory_that_is_a_link_or_has_no_parent_is_refused() {
    let setup = with_hello("WasmCacheDir link").announce("WASM0022");
    fs::create_dir(setup.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(setup.path("elsewhere"), setup.path("link")).unwrap();
    start(&setup, COMPILED);
    assert_eq!(fs::read_dir(setup.path("elsewhere")).unwrap().count(), 0);
    start(
        &with_hello("WasmCacheDir no/parent").announce("WASM0022"),
        COMPILED,
    );
}

#[test]
fn a_program_larger_than_the_bound_runs_and_is_not_kept() {
    let mut output = b"Content-Type: text/plain\r\n\r\n".to_vec();
    output.resize(output.len() + (2 << 20), b'x');
    let setup = Setup::new()
        .conf("WasmCacheDir kept max=1M")
        .guest("/hello", "hello", "")
        .prints("/large", output)
        .announce("WASM0024");
    for _ in 0..2 {
        let httpd = setup.clone().start();
        assert_eq!(httpd.get("/large").expect(200).body.len(), 2 << 20);
        let line = httpd.logged("large.wasm loaded").pop().unwrap();
        assert!(line.contains(COMPILED), "{line}");
        httpd.stop();
    }
    assert_eq!(entries(&setup.path("kept")).len(), 1);
}

#[test]
fn restarts_use_it_too() {
    let setup = with_hello("WasmCacheDir kept").cgi("/probe", "probe", "");
    let warm = setup.clone().start();
    warm.stop();
    let mut httpd = setup.clone().start();
    httpd.graceful();
    assert!(
        loaded(&httpd).contains("unchanged"),
        "{}",
        httpd.error_log()
    );
    // Another limit of instances needs another engine, whose programs are all loaded anew.
    httpd.reconfigure(|setup| setup.conf("WasmMaxInstances 7"));
    httpd.graceful();
    let lines = httpd.logged("WASM0007");
    let last = &lines[lines.len() - 2..];
    assert!(last.iter().all(|line| line.contains(CACHED)), "{last:#?}");
    httpd.get("/probe?do=count").expect(200);
}

#[test]
fn two_servers_that_start_at_once_compile_a_program_once() {
    let cache = Setup::new();
    let line = format!("WasmCacheDir {}", cache.path("shared").display());
    let (first, second) = (
        Setup::new()
            .conf(&line)
            .guest("/hello", "hello-component", ""),
        Setup::new()
            .conf(&line)
            .guest("/hello", "hello-component", ""),
    );
    let compiled = |setup: Setup| {
        let httpd = setup.start();
        let compiled = loaded(&httpd).contains(COMPILED);
        httpd.stop();
        usize::from(compiled)
    };
    let both = thread::scope(|scope| {
        let other = scope.spawn(|| compiled(second));
        compiled(first) + other.join().unwrap()
    });
    assert_eq!(both, 1);
    assert_eq!(entries(&cache.path("shared")).len(), 1);
}

#[test]
fn a_program_that_another_process_compiles_is_waited_for_and_that_is_told() {
    let setup = with_hello("WasmCacheDir kept");
    start(&setup, COMPILED);
    fs::remove_file(entries(&setup.path("kept")).remove(0)).unwrap();
    // The locks of all programs.
    let lock = fs::File::create(setup.path("kept/server/lock")).unwrap();
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    let log = setup.path("logs/error.log");
    thread::scope(|scope| {
        scope.spawn(|| {
            wait::until("the server to wait", || {
                fs::read_to_string(&log).is_ok_and(|log| log.contains("WASM0025"))
            });
            drop(lock);
        });
        // A server ends with the thread that has started it.
        start(&setup.clone().announce("WASM0025"), COMPILED);
    });
}

#[test]
fn a_large_program_is_there_at_once_but_for_the_first_time() {
    let setup = Setup::new()
        .conf("WasmCacheDir kept")
        .guest("/large", "hello-py", "");
    let first = setup.clone().announce("WASM0021").start();
    first.get("/large").expect(200);
    first.stop();
    let httpd = setup.start();
    httpd.get("/large").expect(200);
    let line = httpd.logged("WASM0007").concat();
    let time = line
        .split_once(CACHED)
        .and_then(|(_, rest)| rest.split_once(' '))
        .and_then(|(ms, _)| ms.parse::<u32>().ok());
    assert!(time.is_some_and(|ms| ms < 1000), "{line}");
    host::report_figures(&line);
}

#[test]
fn faults_in_mapped_code_are_traps() {
    let setup = Setup::new()
        .conf("WasmCacheDir kept")
        .cgi("/probe", "probe", "WasmTimeout 300ms")
        .announce("WASM0101")
        .announce("WASM0105");
    for _ in 0..2 {
        let httpd = setup.clone().start();
        for fault in ["unreachable", "oob", "div0", "recurse"] {
            httpd.get(&format!("/probe?do={fault}")).expect(500);
        }
        httpd.get("/probe?do=spin").expect(504);
        httpd.get("/probe?do=count").expect(200);
        httpd.stop();
    }
}

#[test]
fn the_files_can_go_while_the_server_runs() {
    let setup = with_hello("WasmCacheDir kept");
    let httpd = setup.clone().start();
    fs::remove_dir_all(setup.path("kept")).unwrap();
    for _ in 0..5 {
        httpd.get("/hello").expect(200);
    }
    let files = process::open_files(httpd.pid());
    for _ in 0..3 {
        httpd.graceful();
        httpd.get("/hello").expect(200);
    }
    assert!(process::open_files(httpd.pid()) <= files + 1);
    // Each restart opens it anew.
    assert!(setup.path("kept/server").is_dir());
}
