//! Faults cost one request: whatever a guest does, the client gets the right status, the log one line with a code, and the
//! same process serves the next request.

use suite::{Httpd, Req, Setup, Then, paths, wat_guest};

fn setup() -> Setup {
    Setup::new()
        .cgi("/probe", "probe", "")
        .cgi("/c", "probe-c", "")
}

/// The request fails with this status, one line with this code and these words is logged, and the children live on.
#[track_caller]
fn fails(httpd: &Httpd, target: &str, status: u16, code: &str, words: &str) {
    let before = httpd.child_pids();
    let old = httpd.logged(code).len();
    httpd.get(target).expect(status);
    httpd.expect_log(code);
    let new = httpd.logged(code).split_off(old);
    assert_eq!(new.len(), 1, "{target}: {new:#?}");
    assert!(
        new[0].contains(words) && new[0].contains("[client 127.0.0.1:"),
        "{target}: {}",
        new[0]
    );
    httpd.assert_same_children(&before);
    assert_eq!(
        httpd.get("/probe?do=count").expect(200).text(),
        "bytes=0 fnv1a=cbf29ce484222325\n"
    );
    httpd.assert_same_children(&before);
}

#[test]
fn unreachable() {
    fails(
        &setup().start(),
        "/probe?do=unreachable",
        500,
        "WASM0101",
        "unreachable",
    );
}

#[test]
fn out_of_bounds() {
    fails(
        &setup().start(),
        "/probe?do=oob",
        500,
        "WASM0101",
        "out of bounds",
    );
}

#[test]
fn divide_by_zero() {
    let httpd = setup().start();
    fails(&httpd, "/probe?do=div0", 500, "WASM0101", "divide by zero");
    fails(&httpd, "/c?div0", 500, "WASM0101", "divide by zero");
}

#[test]
fn stack_overflow() {
    let httpd = setup().start();
    fails(&httpd, "/probe?do=recurse", 500, "WASM0101", "stack");
    fails(&httpd, "/c?overflow", 500, "WASM0101", "stack");
}

#[test]
fn stack_overflow_with_a_small_thread_stack() {
    if !paths::threaded() {
        suite::host::announce_skip("prefork runs guests on the main thread");
        return;
    }
    let httpd = setup().conf("ThreadStackSize 131072").start();
    fails(&httpd, "/probe?do=recurse", 500, "WASM0101", "stack");
    fails(&httpd, "/c?overflow", 500, "WASM0101", "stack");
    // What needs much of the server's own stack needs it here too.
    assert_eq!(
        httpd
            .post("/probe?do=echo", &[b'x'; 200_000])
            .expect(200)
            .body
            .len(),
        200_000
    );
}

#[test]
fn a_panic_in_a_guest() {
    let httpd = setup()
        .announce("panicked at")
        .tolerate("WASM0120")
        .announce("a panic as ordered")
        .start();
    fails(&httpd, "/probe?do=panic", 500, "WASM0101", "probe.wasm");
}

#[test]
fn faults_by_the_component() {
    let httpd = setup()
        .cgi("/comp", "probe-component", "")
        .tolerate("WASM0120")
        .start();
    for fault in ["unreachable", "oob", "div0", "recurse", "panic"] {
        fails(
            &httpd,
            &format!("/comp?do={fault}"),
            500,
            "WASM0101",
            "probe-component.wasm",
        );
    }
}

#[test]
fn a_start_function_that_traps() {
    let module =
        wat_guest::module("(module (func $s unreachable) (start $s) (func (export \"_start\")))");
    let httpd = setup().wasm("/start", &module, "WasmEnableCGI On").start();
    fails(&httpd, "/start", 500, "WASM0109", "start.wasm");
}

#[test]
fn more_memory_at_the_start_than_there_may_be() {
    let module =
        wat_guest::module("(module (memory (export \"memory\") 100) (func (export \"_start\")))");
    let httpd = setup()
        .wasm("/big", &module, "WasmEnableCGI On\nWasmMemoryLimit 1M")
        .start();
    fails(&httpd, "/big", 500, "WASM0107", "1M");
}

#[test]
fn cgi_50_the_memory_limit() {
    let httpd = setup()
        .cgi("/small", "probe", "WasmMemoryLimit 16M")
        .start();
    let refused = httpd.get("/small?do=alloc&mib=100").expect(200).text();
    assert!(refused.starts_with("asked for 100 MiB, got 1"), "{refused}");
    fails(
        &httpd,
        "/small?do=alloc&mib=100&insist=1",
        500,
        "WASM0107",
        "16M",
    );
    assert_eq!(
        httpd.get("/probe?do=alloc&mib=100").expect(200).text(),
        "asked for 100 MiB, got 100 MiB\n"
    );
    let default = httpd.get("/probe?do=alloc&mib=300").expect(200).text();
    assert!(default.starts_with("asked for 300 MiB, got 2"), "{default}");
}

#[test]
fn a_fault_after_the_response_has_begun_cuts_it() {
    let httpd = setup().start();
    let before = httpd.child_pids();
    for fault in ["unreachable", "oob", "div0", "recurse"] {
        let mut conn = httpd.connect();
        conn.send(Req::get(&format!("/probe?do=stderr&n=0&after=body&x={fault}")).bytes());
        assert_eq!(
            conn.response("GET").expect(200).text(),
            "begun\nwrote 0 lines\n"
        );
        let response = httpd.get(&format!("/probe?do={fault}&after=body"));
        // Nothing may have been sent yet: then an honest 500 is better than a cut response.
        assert!(
            response.status() == 500 || !response.complete,
            "{fault}: {response:?}"
        );
        httpd.assert_same_children(&before);
    }
    httpd.tolerate("WASM0101");
    httpd.tolerate("WASM0102");
    let lines = httpd.logged("WASM0101").len() + httpd.logged("WASM0102").len();
    assert_eq!(lines, 4);
}

#[test]
fn endless_heads_are_stopped() {
    let httpd = setup().tolerate("Bad header").start();
    fails(
        &httpd,
        "/probe?do=endlesshead",
        500,
        "WASM0113",
        "probe.wasm",
    );
}

#[test]
fn endless_output_is_stopped_by_time() {
    let httpd = setup()
        .cgi("/timed", "probe", "WasmTimeout 500ms")
        .announce("WASM0106")
        .start();
    let before = httpd.child_pids();
    let mut conn = httpd.connect();
    conn.send(Req::get("/timed?do=endless").bytes());
    let head = conn.head();
    assert_eq!(head.status, 200);
    assert!(
        !conn.read_body("GET", &head, &mut |_| {}),
        "the response must be cut off"
    );
    httpd.assert_same_children(&before);
}

#[test]
fn a_guest_that_never_reads_does_no_harm() {
    let httpd = setup().start();
    let before = httpd.child_pids();
    let body = vec![b'x'; 4 << 20];
    assert_eq!(
        httpd.post("/probe?do=noread", &body).expect(200).text(),
        "read 0 bytes\n"
    );
    httpd.assert_same_children(&before);
}

#[test]
fn a_directory_that_has_gone_is_500() {
    let httpd = setup()
        .writable("gone")
        .cgi("/gone", "probe", "WasmArg env\nWasmMapDir /d ${ROOT}/gone")
        .start();
    httpd.get("/gone").expect(200);
    std::fs::remove_dir(httpd.path("gone")).unwrap();
    fails(&httpd, "/gone", 500, "WASM0115", "gone");
}

#[test]
fn exit_before_the_head() {
    let httpd = setup().tolerate("End of script output").start();
    fails(&httpd, "/probe?do=exit&code=7", 500, "WASM0103", "status 7");
    // Without CGI there is no head to miss: what was written is the body.
    let module = wat_guest::printing(b"all of it", Then::Exit(7));
    let plain = setup()
        .wasm("/plain", &module, "")
        .announce("WASM0104")
        .start();
    assert_eq!(plain.get("/plain").expect(200).text(), "all of it");
}
