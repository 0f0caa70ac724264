//! wasi:http, work after the response: it is done within a bounded time, its log lines appear, and the client does not wait for it.

use std::time::{Duration, Instant};
use suite::{Httpd, Probe, Req, both, process, wait};

both!(
    the_client_does_not_wait_for_it,
    its_time_is_bounded,
    a_trap_in_it_keeps_the_response,
    a_graceful_restart_lets_it_end,
    a_graceful_restart_lets_a_request_end,
    a_stop_does_not_wait_for_guests,
);

fn the_client_does_not_wait_for_it(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 20").start();
    let start = Instant::now();
    let response = httpd.get("/p/sleep?when=done&ms=1500").expect(200);
    assert_eq!(response.text(), "done\n");
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    let line = httpd.expect_log("slept 1500 ms");
    assert!(line.contains("WASM0120"), "{line}");
    if let Some(setup) = probe.setup("WasmTimeout 20").h2c() {
        let httpd = setup.start();
        let client = suite::H2::connect(httpd.port());
        let start = Instant::now();
        assert_eq!(client.get("/p/sleep?when=done&ms=1500").2, b"done\n");
        assert!(start.elapsed() < Duration::from_secs(1));
        httpd.expect_log("slept 1500 ms");
    }
}

/// The response is whole, and one line with this code tells of what came afterwards.
#[track_caller]
fn kept(httpd: &Httpd, target: &str, words: &str) {
    let before = httpd.child_pids();
    let old = httpd.logged("WASM0126").len();
    assert_eq!(httpd.get(target).expect(200).text(), "done\n");
    wait::until("the line", || httpd.logged("WASM0126").len() > old);
    let line = httpd.expect_log("WASM0126");
    assert!(line.contains("[wasm:warn]"), "{line}");
    let last = httpd.logged("WASM0126").pop().unwrap_or_default();
    assert!(last.contains(words), "{words}: {last}");
    httpd.assert_same_children(&before);
    httpd.get("/p/unread").expect(200);
}

fn its_time_is_bounded(probe: Probe) {
    let httpd = probe
        .setup("WasmTimeout 500ms")
        .conf("WasmMaxInstances 1")
        .timeout(300)
        .start();
    kept(&httpd, "/p/sleep?when=done", "500ms");
    kept(&httpd, "/p/spin?when=done", "500ms");
    assert_eq!(httpd.logged("WASM0111"), [""; 0]);
}

fn a_trap_in_it_keeps_the_response(probe: Probe) {
    let httpd = probe.setup("").start();
    kept(&httpd, "/p/trap?when=done", "unreachable");
}

fn a_graceful_restart_lets_it_end(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 20").start();
    httpd.get("/p/sleep?when=done&ms=1000").expect(200);
    httpd.graceful();
    httpd.expect_log("slept 1000 ms");
    httpd.get("/p/unread").expect(200);
}

fn a_graceful_restart_lets_a_request_end(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 60").start();
    let mut echo = httpd.connect();
    echo.send("POST /p/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf ");
    let head = echo.head();
    let mut sleep = httpd.connect();
    sleep.send(Req::get("/p/sleep?when=begun&ms=1000").bytes());
    let sleeping = sleep.head();
    let old = httpd.child_pids();
    httpd.graceful();
    wait::until("a new child", || {
        httpd.child_pids().difference(&old).count() > 0
    });
    httpd.get("/p/unread").expect(200);
    echo.send("whole");
    let mut body = Vec::new();
    assert!(echo.read_body("POST", &head, &mut |piece| body.extend_from_slice(piece)));
    assert_eq!(body, b"half whole");
    body.clear();
    assert!(sleep.read_body("GET", &sleeping, &mut |piece| body.extend_from_slice(piece)));
    assert_eq!(body, b"begun\nslept 1000 ms\n");
    wait::until("the old children to end", || {
        old.is_disjoint(&httpd.child_pids())
    });
    assert_eq!(process::threads(httpd.pid()), 1);
}

fn a_stop_does_not_wait_for_guests(probe: Probe) {
    let httpd = probe
        .setup("WasmTimeout 600")
        .timeout(600)
        .tolerate("WASM01")
        .start();
    let mut asked = Vec::new();
    for target in [
        "/p/spin?when=begun",
        "/p/sleep?when=begun",
        "/p/sleep?when=done",
    ] {
        let mut conn = httpd.connect();
        conn.send(Req::get(target).bytes());
        conn.head();
        asked.push(conn);
    }
    // The audit fails the test if httpd has to ask twice or to kill a child.
    httpd.stop_at_once();
}

#[test]
fn a_guest_of_0_3_learns_that_its_response_was_sent() {
    let httpd = suite::probe::P3.setup("").start();
    httpd.get("/p/sent?size=300000").expect(200);
    httpd.expect_log("sent: whole");
}
