//! WASI 0.3: what the host does for a component by itself, between its streams, and what happens meanwhile.

use suite::probe::P3;
use suite::{Httpd, Req, Setup};

/// The request ends with this status and a line with this code, and the next one is served.
#[track_caller]
fn ends(httpd: &Httpd, target: &str, status: u16, code: &str) {
    let before = httpd.child_pids();
    httpd.get(target).expect(status);
    httpd.expect_log(code);
    httpd.assert_same_children(&before);
    assert_eq!(httpd.get("/p/unread").expect(200).text(), "not read\n");
}

#[test]
fn a_file_that_is_copied_to_its_own_end_ends_at_the_deadline() {
    let httpd = P3
        .setup("WasmTimeout 1\nWasmMapDir /d ${ROOT}/writable")
        .writable("writable")
        .start();
    ends(&httpd, "/p/copy?to=itself&path=/d/file", 504, "WASM0105");
}

#[test]
fn a_file_that_is_copied_to_the_log_ends_at_the_deadline() {
    let httpd = P3
        .setup("WasmTimeout 1\nWasmMapDir /d ${ROOT}/writable")
        .writable("writable")
        .tolerate("WASM0120")
        .tolerate("WASM0121")
        .start();
    ends(&httpd, "/p/copy?to=log&path=/d/file", 504, "WASM0105");
}

#[test]
fn a_file_that_is_copied_to_its_own_end_meets_the_limit_of_its_directory() {
    let httpd = P3.setup("WasmTimeout 60\nWasmTempDir /tmp max=2M").start();
    ends(&httpd, "/p/copy?to=itself&path=/tmp/file", 500, "WASM0175");
}

#[test]
fn the_output_of_a_command_may_include_guests_of_its_kind() {
    let httpd = Setup::new()
        .module("filter")
        .module("include")
        .cgi(
            "/page",
            "echo-p3",
            "Options +Includes\nSetOutputFilter INCLUDES",
        )
        .guest("/p", P3.guest, "")
        .cgi("/part", "hello-p3", "")
        .start();
    let page = "<!--#include virtual=\"/p/unread\" -->, <!--#include virtual=\"/part\" -->.";
    // So much that it goes out while the command writes.
    let page = format!("{page}{}", " ".repeat(200_000));
    let said = httpd.send(&Req::post("/page?echo", page.as_bytes()));
    let said = said.expect(200).text();
    assert!(
        said.starts_with("not read\n, Hello from a WASI 0.3 component"),
        "{said}"
    );
    httpd.get("/p/unread").expect(200);
}
