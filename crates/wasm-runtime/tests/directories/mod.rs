//! Where a guest is: the directory that a component starts in, and the private directory of a request.

use super::common::{Client, engine, mount, request};
use std::path::Path;
use wasm_runtime::{End, ErrorCode, Mount, Outcome, Request, TempDir};

fn run(text: &str, request: &Request<'_>) -> Outcome {
    let guest = engine(1)
        .load("test", &wat::parse_str(text).unwrap())
        .unwrap();
    guest.run(request, Box::new(Client::default())).unwrap()
}

/// A component that asks for the directory it starts in, and ends well if that is `/data`. `function` and `run` are what WASI
/// calls the two functions in this version.
fn asks_for_cwd(version: &str, function: &str, run: &str) -> String {
    format!(
        r#"(component
            (import "wasi:cli/environment@{version}" (instance $environment
                (export "{function}" (func (result (option string))))))
            (core module $libc
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
            (core instance $libc (instantiate $libc))
            (core func $cwd (canon lower (func $environment "{function}")
                (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
            (core module $main
                (import "libc" "memory" (memory 1))
                (import "host" "cwd" (func $cwd (param i32)))
                (func (export "run") (result i32)
                    (call $cwd (i32.const 0))
                    (i32.or (i32.or
                        (i32.ne (i32.load8_u (i32.const 0)) (i32.const 1))
                        (i32.ne (i32.load (i32.const 8)) (i32.const 5)))
                        (i32.ne (i32.load (i32.load (i32.const 4))) (i32.const 0x7461642f)))))
            (core instance $main (instantiate $main
                (with "libc" (instance $libc))
                (with "host" (instance (export "cwd" (func $cwd))))))
            (func $run {run} (result (result)) (canon lift (core func $main "run")))
            (instance $cli (export "run" (func $run)))
            (export "wasi:cli/run@{version}" (instance $cli)))"#
    )
}

#[test]
fn a_component_starts_where_it_is_told_to() {
    for (version, function, run_type) in [
        ("0.2.0", "initial-cwd", ""),
        ("0.3.0", "get-initial-cwd", "async"),
    ] {
        let text = asks_for_cwd(version, function, run_type);
        for (cwd, end) in [
            (Some("/data"), End::Completed),
            (Some("/dat"), End::Exited(1)),
            (None, End::Exited(1)),
        ] {
            let request = Request { cwd, ..request() };
            assert_eq!(run(&text, &request).end, end, "{version} {cwd:?}");
        }
    }
}

/// A preview 1 program that ends well if the descriptor `fd` is a directory that it was given by a name of one letter, `name`.
fn asks_for_name(fd: u32, name: char) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_prestat_dir_name"
                (func $name (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (call $exit (i32.or
                    (call $name (i32.const {fd}) (i32.const 0) (i32.const 1))
                    (i32.ne (i32.load8_u (i32.const 0)) (i32.const {name}))))))"#,
        name = u32::from(name)
    )
}

#[test]
fn a_preview_1_program_is_given_its_working_directory_last_of_all() {
    let (base, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(data.path().join("sub")).unwrap();
    let mounts = [Mount {
        guest: "m",
        ..mount(data.path())
    }];
    let ask = |cwd, fd, name| {
        let request = Request {
            mounts: &mounts,
            temp_dir: Some(TempDir {
                guest: "t",
                ..private(base.path())
            }),
            cwd,
            ..request()
        };
        run(&asks_for_name(fd, name), &request).end == End::Completed
    };
    for cwd in [Some("m/sub"), Some("/m"), None] {
        assert!(ask(cwd, 3, 'm') && ask(cwd, 4, 't'), "{cwd:?}");
        assert_eq!(ask(cwd, 5, '.'), cwd.is_some(), "{cwd:?}");
    }
    // What is not there, and what lies in none of its directories.
    for cwd in ["m/gone", "elsewhere"] {
        assert!(!ask(Some(cwd), 5, '.'), "{cwd}");
    }
}

/// A program that makes directories in its first preopen for ever, each in the one before: `d`, `d/d`, ...
const DIGS: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_create_directory"
        (func $mkdir (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $length i32)
        (local.set $length (i32.const 1))
        (loop $deeper
            (i32.store16 (i32.sub (local.get $length) (i32.const 1)) (i32.const 0x2f64))
            (drop (call $mkdir (i32.const 3) (i32.const 0) (local.get $length)))
            (local.set $length (i32.add (local.get $length) (i32.const 2)))
            (br_if $deeper (i32.lt_u (local.get $length) (i32.const 1000))))
        (loop (br 0))))"#;

fn private(base: &Path) -> TempDir<'_> {
    TempDir {
        guest: "/tmp",
        base,
        max_bytes: 64 << 20,
        max_files: 1000,
    }
}

/// What lies in the homes below `base`.
fn left(base: &Path) -> usize {
    let homes = std::fs::read_dir(base).unwrap();
    homes
        .map(|home| std::fs::read_dir(home.unwrap().path()).unwrap().count())
        .sum()
}

#[test]
fn a_private_directory_is_bounded_in_depth_and_goes() {
    let base = tempfile::tempdir().unwrap();
    let deep = Request {
        temp_dir: Some(private(base.path())),
        ..request()
    };
    let outcome = run(DIGS, &deep);
    assert_eq!(outcome.end, End::TempDirFull);
    assert!(outcome.detail.contains("deep"), "{}", outcome.detail);
    assert_eq!(left(base.path()), 0);
}

#[test]
fn an_engine_that_goes_takes_its_home_along() {
    let base = tempfile::tempdir().unwrap();
    let outcome = run(
        r#"(module (memory (export "memory") 1) (func (export "_start")))"#,
        &Request {
            temp_dir: Some(private(base.path())),
            ..request()
        },
    );
    assert_eq!(outcome.end, End::Completed);
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
}

#[test]
fn a_private_directory_that_can_not_be_or_would_be_shown_is_an_error() {
    let base = tempfile::tempdir().unwrap();
    let text = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    let engine = engine(1);
    let guest = engine.load("test", &wat::parse_str(text).unwrap()).unwrap();
    let refused = |request: &Request<'_>| {
        let error = guest.run(request, Box::new(Client::default()));
        let error = error.err().unwrap();
        assert_eq!(error.code, ErrorCode::TempDir, "{error}");
        error.message
    };
    let absent = Request {
        temp_dir: Some(private(Path::new("/does/not/exist"))),
        ..request()
    };
    assert!(refused(&absent).contains("/does/not/exist"));
    let mounts = [mount(base.path())];
    let shown = Request {
        mounts: &mounts,
        temp_dir: Some(private(base.path())),
        ..request()
    };
    assert!(refused(&shown).contains("the program may use"));
}

#[test]
fn a_call_may_ask_to_write_and_read_any_part_of_a_file() {
    // Nine mebibytes to a file, and back to another place, by a call each; at an offset too. A call may do less than it is asked.
    let text = r#"(module
        (import "wasi_snapshot_preview1" "path_open" (func $open
            (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 320)
        (data (i32.const 100) "large")
        (func $expect (param $errno i32)
            (if (i32.or (local.get $errno) (i32.eqz (i32.load (i32.const 8))))
                (then (call $exit (i32.add (i32.const 100) (local.get $errno))))))
        (func (export "_start")
            ;; O_CREAT, and the rights to read, write and seek.
            (drop (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 1)
                (i64.const 70) (i64.const 0) (i32.const 0) (i32.const 16)))
            (i32.store (i32.const 0) (i32.const 65536))
            (i32.store (i32.const 4) (i32.const 9437184))
            (i32.store (i32.const 65636) (i32.const 77))
            (call $expect (call $write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))
            (call $expect (call $pwrite (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 8)))
            (i32.store (i32.const 0) (i32.const 10000000))
            (call $expect (call $pread (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 8)))
            (call $exit (i32.load (i32.const 10000100)))))"#;
    let folder = std::env::temp_dir().join(format!("wasm-runtime-large-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mounts = [Mount {
        read_only: false,
        ..mount(&folder)
    }];
    let request = Request {
        mounts: &mounts,
        memory_limit: 64 << 20,
        ..request()
    };
    let end = run(text, &request).end;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(end, End::Exited(77));
}
