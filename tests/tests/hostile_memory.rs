//! Programs that make the server hold much, or say much: each costs its own request, and the server gets the memory back.

#[path = "../../crates/wasm-runtime/tests/hostile/mod.rs"]
mod hostile;

use std::time::{Duration, Instant};
use suite::flow::MIB;
use suite::{Httpd, Setup, host, process, wat_guest};

/// How many requests are made at once.
const AT_ONCE: usize = 20;

/// What the server may have kept when all is over.
const KEPT: u64 = 50 * MIB;

/// A server with a guest at `/attack`, and a neighbour; `@folder@` in the section's lines is a directory.
fn server(lines: &str, attack: &str) -> Httpd {
    let setup = Setup::new().file("data/file", "");
    let lines = lines.replace("@folder@", &setup.path("data").display().to_string());
    setup
        .one_process()
        .threads(25)
        .wasm(
            "/attack",
            &wat_guest::module(attack),
            &format!("WasmMemoryLimit 16M\nWasmTimeout 20\n{lines}"),
        )
        .guest("/neighbour", "hello-http", "")
        .start()
}

/// Twenty such requests at once, twice, each answered with this status, cost no more than this while they last, and nothing
/// afterwards; the neighbour is served in between.
#[track_caller]
fn costs(attack: &str, status: u16, code: &str, most: u64) {
    costs_with("", attack, status, code, most);
}

#[track_caller]
fn costs_with(lines: &str, attack: &str, status: u16, code: &str, most: u64) {
    let httpd = server(lines, attack);
    httpd.tolerate(code);
    httpd.get("/neighbour").expect(200);
    let before = httpd.rss();
    let mut peak = 0;
    for _ in 0..2 {
        std::thread::scope(|scope| {
            let requests: Vec<_> = (0..AT_ONCE)
                .map(|_| scope.spawn(|| httpd.get("/attack").status()))
                .collect();
            while !requests
                .iter()
                .all(std::thread::ScopedJoinHandle::is_finished)
            {
                peak = peak.max(httpd.rss());
                assert_eq!(
                    httpd.get("/neighbour").expect(200).text(),
                    "Hello, world!\n"
                );
            }
            for request in requests {
                assert!(
                    request.join().is_ok_and(|got| got == status),
                    "not {status}"
                );
            }
        });
    }
    // One that takes no time is looked after now and then only.
    for _ in 0..64 {
        httpd.get("/neighbour").expect(200);
    }
    let after = httpd.rss();
    host::report_figures(&format!(
        "RSS {} MiB before, {} at most, {} after",
        before / MIB,
        peak / MIB,
        after / MIB
    ));
    assert!(after < before + KEPT, "{before} before, {after} after");
    assert!(peak < before + most, "{before} before, {peak} during");
}

#[test]
fn methods_of_megabytes() {
    let body = "(memory.fill (i32.const 4096) (i32.const 97) (i32.const 4000000))
        (loop $again
            (drop (call $set-method (call $request (call $fields)) (i32.const 9) (i32.const 4096) (i32.const 4000000)))
            (br_if $again (i32.lt_u (local.tee $object (i32.add (local.get $object) (i32.const 1))) (i32.const 40))))
        (i32.const 0)";
    costs(&hostile::component(body), 200, "WASM0110", 400 * MIB);
}

#[test]
fn lists_of_overlapping_strings() {
    let body = "(loop $l
            (i32.store (i32.add (i32.const 3145728) (i32.mul (local.get $object) (i32.const 16))) (i32.const 0))
            (i32.store (i32.add (i32.const 3145732) (i32.mul (local.get $object) (i32.const 16))) (i32.const 1048576))
            (br_if $l (i32.lt_u (local.tee $object (i32.add (local.get $object) (i32.const 1))) (i32.const 120))))
        (call $from-list (i32.const 3145728) (i32.const 120) (i32.const 3140000))
        (i32.const 0)";
    costs(&hostile::component(body), 500, "WASM0101", 400 * MIB);
}

#[test]
fn fields_without_end() {
    let body = "(loop $again
            (local.set $object (call $fields))
            (call $append (local.get $object) (i32.const 0) (i32.const 1) (i32.const 4096) (i32.const 30000) (i32.const 64))
            (br $again))
        (i32.const 0)";
    costs(&hostile::component(body), 500, "WASM0107", 600 * MIB);
}

#[test]
fn bodies_that_nobody_sends() {
    let body = "(loop $again
            (call $body (call $request (call $fields)) (i32.const 64))
            (call $stream (i32.load (i32.const 68)) (i32.const 64))
            (local.set $object (i32.const 8))
            (loop $piece
                (call $write (i32.load (i32.const 68)) (i32.const 4096) (i32.const 16384) (i32.const 128))
                (br_if $piece (local.tee $object (i32.sub (local.get $object) (i32.const 1)))))
            (br $again))
        (i32.const 0)";
    costs(&hostile::component(body), 500, "WASM0107", 600 * MIB);
}

#[test]
fn stacks_of_calls_that_wait() {
    costs(
        &hostile::suspended(120, 11000, 2000),
        500,
        "WASM0107",
        600 * MIB,
    );
}

/// Few enough to be allowed: they wait, return, and their stacks go back to the system.
#[test]
fn deep_stacks_are_given_back() {
    costs(
        &hostile::suspended(8, 11000, 200),
        200,
        "WASM0110",
        600 * MIB,
    );
}

#[test]
fn paths_of_calls_that_wait() {
    let attack = hostile::waiting_paths(400);
    costs_with(
        "WasmMapDir /data @folder@",
        &attack,
        500,
        "WASM0101",
        200 * MIB,
    );
}

#[test]
fn a_name_that_grows_when_it_is_decoded() {
    let module = wat_guest::module(&hostile::expansive("unreachable"));
    let httpd = Setup::new()
        .one_process()
        .log_level("warn wasm:debug")
        .wasm("/attack", &module, "WasmEnableCGI On\nWasmTimeout 2")
        .guest("/neighbour", "hello-http", "")
        .start();
    httpd.get("/neighbour").expect(200);
    let (before, begun) = (httpd.rss(), Instant::now());
    httpd.get("/attack").expect(500);
    httpd.expect_log("WASM0101");
    let lines = httpd.logged("backtrace (module");
    assert!(
        lines.iter().any(|line| line.contains("_Z1f1aIiiii")),
        "{lines:#?}"
    );
    assert!(lines.iter().all(|line| line.len() < 1000), "{lines:#?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(httpd.rss() < before + KEPT);
    assert!(process::alive(httpd.pid()));
    httpd.get("/neighbour").expect(200);
}
