//! What the error log says at each level, and the messages that no other file has a reason to raise.

use suite::{Req, Setup};

fn probe() -> Setup {
    Setup::new().cgi("/probe", "probe", "")
}

#[test]
fn info_tells_of_modules_and_readiness() {
    let httpd = probe().start();
    let ready = httpd.expect_log("WASM0003");
    assert!(
        ready.contains("[wasm:info]") && ready.contains("Wasmtime"),
        "{ready}"
    );
    httpd.get("/probe?do=count").expect(200);
    // At info a request that goes well says nothing.
    assert_eq!(httpd.logged("WASM01"), [""; 0]);
}

#[test]
fn debug_has_a_line_for_each_request() {
    let httpd = probe().log_level("warn wasm:debug").start();
    for _ in 0..3 {
        httpd.get("/probe?do=count").expect(200);
    }
    let line = httpd.expect_log("WASM0130");
    assert!(
        line.contains("[wasm:debug]") && line.contains("probe.wasm"),
        "{line}"
    );
    assert_eq!(httpd.logged("WASM0130").len(), 3);
}

#[test]
fn debug_has_the_backtrace_of_a_trap() {
    let httpd = probe()
        .log_level("warn wasm:debug")
        // A program's debugging data is never read, whatever the environment says.
        .env("WASMTIME_BACKTRACE_DETAILS", "1")
        .announce("WASM0101")
        .start();
    httpd.get("/probe?do=unreachable").expect(500);
    let line = httpd.expect_log("WASM0131");
    assert!(line.contains("[wasm:debug]"), "{line}");
    let frames = httpd.logged("WASM0131").concat();
    assert!(
        frames.contains("unreachable") && frames.contains("main"),
        "{frames}"
    );
    let quiet = probe().announce("WASM0101").start();
    quiet.get("/probe?do=unreachable").expect(500);
    assert_eq!(quiet.logged("WASM0131"), [""; 0]);
}

#[test]
fn trace_does_no_harm() {
    let httpd = probe()
        .log_level("warn wasm:trace8")
        .announce("WASM0101")
        .start();
    assert_eq!(
        httpd.post("/probe?do=echo", b"a body").expect(200).text(),
        "a body"
    );
    httpd.get("/probe?do=unreachable").expect(500);
}

#[test]
fn each_line_names_client_and_module() {
    let httpd = probe().start();
    httpd.get("/probe?do=unreachable").expect(500);
    let line = httpd.expect_log("WASM0101");
    assert!(
        line.contains("[client 127.0.0.1:") && line.contains("probe.wasm"),
        "{line}"
    );
    assert!(line.contains("unreachable"), "the cause: {line}");
}

#[test]
fn an_entry_point_that_meets_its_module_only_in_a_request() {
    let httpd = Setup::new()
        .guest("/a", "entry-c", "")
        .conf("<Location /a/b>\nWasmEntryPoint no_such_function\n</Location>")
        .conf("<Location /a/c>\nWasmEntryPoint respond\n</Location>")
        .start();
    let before = httpd.child_pids();
    httpd.get("/a/b").expect(500);
    let line = httpd.expect_log("WASM0118");
    assert!(line.contains("no_such_function"), "{line}");
    assert_eq!(httpd.get("/a/c").expect(200).text(), "this is respond\n");
    httpd.assert_same_children(&before);
}

#[test]
fn without_address_space_for_a_pool_requests_still_work() {
    // Enough for httpd and a few instances, not for a pool of them.
    let httpd = probe()
        .address_space(24 << 30)
        .conf("WasmMaxInstances 200\nWasmMemoryLimit 4G")
        .start();
    httpd.expect_log("WASM0005");
    assert_eq!(
        httpd.post("/probe?do=echo", b"a body").expect(200).text(),
        "a body"
    );
}

#[test]
fn log_lines_of_the_client_cannot_forge_others() {
    let httpd = probe().announce("WASM0120").start();
    let forged = "%0A[Mon Jan 01 00:00:00.0 2024] [core:emerg] forged".replace(' ', "+");
    httpd
        .send(&Req::get(&format!(
            "/probe?do=stderr&bare=1&text=x{forged}"
        )))
        .expect(200);
    let lines: Vec<String> = httpd.logged("forged");
    assert!(
        lines
            .iter()
            .all(|line| line.contains("[wasm:error]") && line.contains("WASM0120")),
        "{lines:#?}"
    );
}
