//! wasi:http, how a request ends when it does not end well: traps, deadlines, errors instead of responses, bodies that break off,
//! clients that go. A response that has begun never looks whole then.

use std::time::{Duration, Instant};
use suite::{Conn, H2, Httpd, Probe, Req, both, wait};

both!(
    a_trap_before_the_response,
    a_trap_in_the_response,
    a_guest_that_computes_too_long,
    a_guest_that_sleeps_for_ever,
    a_slot_is_free_after_a_deadline,
    waiting_for_the_client_does_not_count,
    waiting_for_a_client_that_does_not_read_does_not_count,
    an_exit_before_the_response,
    an_error_code_instead_of_a_response,
    a_body_that_breaks_off,
    a_content_length_that_lies,
    a_broken_response_resets_the_stream_of_http_2,
    a_client_that_goes_while_the_guest_writes,
    a_client_that_goes_while_the_guest_sleeps,
    a_client_that_goes_while_the_guest_computes,
    a_client_that_goes_while_the_guest_waits_for_its_body,
    a_client_of_http_2_that_cancels,
);

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
        new.concat().contains(words) && new.concat().contains("[client 127.0.0.1:"),
        "{target}: {new:?}"
    );
    httpd.assert_same_children(&before);
    assert_eq!(httpd.get("/p/unread").expect(200).text(), "not read\n");
    httpd.assert_same_children(&before);
}

/// The response begins and is cut off, one line with this code is logged, and the children live on. Gives what came of the body.
#[track_caller]
fn cut(httpd: &Httpd, target: &str, code: &str) -> usize {
    let before = httpd.child_pids();
    let old = httpd.logged(code).len();
    let mut conn = httpd.connect();
    let response = conn.exchange(&Req::get(target));
    assert_eq!(response.status(), 200, "{target}");
    assert!(!response.complete, "{target} looks whole");
    assert!(conn.is_closed(), "{target}");
    wait::until("the line", || httpd.logged(code).len() > old);
    httpd.expect_log(code);
    assert_eq!(httpd.logged(code).len(), old + 1, "{}", httpd.error_log());
    httpd.assert_same_children(&before);
    response.body.len()
}

/// Waits until the children use no processor time: a thread that spins would use all of a window.
fn idle(httpd: &Httpd) {
    let window = Duration::from_millis(300);
    wait::until("the guest's thread to stop", || {
        let before = httpd.cpu_time();
        wait::poll(window, || {
            (httpd.cpu_time() > before + window / 4).then_some(())
        })
        .is_none()
    });
}

fn a_trap_before_the_response(probe: Probe) {
    let httpd = probe.setup("").start();
    fails(&httpd, "/p/trap", 500, "WASM0101", "unreachable");
}

fn a_trap_in_the_response(probe: Probe) {
    let httpd = probe.setup("").start();
    assert_eq!(cut(&httpd, "/p/trap?when=begun&wait=100", "WASM0102"), 6);
}

fn a_guest_that_computes_too_long(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 300ms").timeout(300).start();
    fails(&httpd, "/p/spin", 504, "WASM0105", "300ms");
    assert_eq!(cut(&httpd, "/p/spin?when=begun", "WASM0106"), 6);
    idle(&httpd);
}

fn a_guest_that_sleeps_for_ever(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 300ms").timeout(300).start();
    fails(&httpd, "/p/sleep", 504, "WASM0105", "300ms");
    assert_eq!(cut(&httpd, "/p/sleep?when=begun", "WASM0106"), 6);
    // A short sleep is fine.
    assert_eq!(
        httpd.get("/p/sleep?ms=1").expect(200).text(),
        "slept 1 ms\n"
    );
}

fn a_slot_is_free_after_a_deadline(probe: Probe) {
    let httpd = probe
        .setup("WasmTimeout 300ms")
        .conf("WasmMaxInstances 1")
        .timeout(300)
        .announce("WASM0105")
        .start();
    for _ in 0..5 {
        httpd.get("/p/sleep").expect(504);
        httpd.get("/p/unread").expect(200);
        httpd.get("/p/spin").expect(504);
        httpd.get("/p/unread").expect(200);
    }
    assert_eq!(httpd.logged("WASM0111"), [""; 0]);
}

fn waiting_for_the_client_does_not_count(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 300ms").timeout(300).start();
    for target in ["/p/sink", "/p/echo"] {
        let mut conn = httpd.connect();
        conn.send(format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf "
        ));
        // Three times as long as the guest may take. Nothing can be waited for: nothing is to happen.
        std::thread::sleep(Duration::from_millis(900));
        conn.send("whole");
        conn.response("POST").expect(200);
    }
}

fn waiting_for_a_client_that_does_not_read_does_not_count(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 3").timeout(300).start();
    for chunk in [4000, 65536] {
        let mut conn = httpd.connect();
        conn.send(format!(
            "GET /p/source?size=16000000&chunk={chunk} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        // Longer than the guest may take. Nothing can be waited for: nothing is to happen.
        std::thread::sleep(Duration::from_secs(5));
        let response = conn.response("GET").expect(200);
        assert_eq!((response.body.len(), response.complete), (16_000_000, true));
    }
}

fn an_exit_before_the_response(probe: Probe) {
    let httpd = probe.setup("").tolerate("WASM0122").start();
    fails(&httpd, "/p/exit?code=7", 500, "WASM0103", "status 7");
}

fn an_error_code_instead_of_a_response(probe: Probe) {
    let httpd = probe.setup("").start();
    for (code, words) in [
        ("denied", "HTTP-request-denied"),
        ("configuration", "configuration-error"),
        ("timeout", "HTTP-response-timeout"),
        ("refused", "connection-refused"),
        ("size", "HTTP-request-body-size"),
        ("internal", "an error as ordered"),
    ] {
        fails(
            &httpd,
            &format!("/p/error?code={code}"),
            500,
            "WASM0123",
            "",
        );
        let last = httpd.logged("WASM0123").pop().unwrap_or_default();
        let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
        assert!(plain(&last).contains(&plain(words)), "{words}: {last}");
    }
}

fn a_body_that_breaks_off(probe: Probe) {
    let httpd = probe.setup("").start();
    // Nothing has been sent of a short one: then an honest 500 is better than a cut response.
    fails(&httpd, "/p/break", 500, "WASM0123", "");
    assert!(cut(&httpd, "/p/break?size=300000", "WASM0124") <= 300_000);
}

fn a_content_length_that_lies(probe: Probe) {
    let httpd = probe.setup("").tolerate("WASM0120").start();
    for (say, write) in [(10, 5), (5, 10), (0, 1), (1, 0)] {
        let target = format!("/p/length?say={say}&write={write}");
        fails(&httpd, &target, 500, "WASM0123", "");
    }
    cut(&httpd, "/p/length?say=300001&write=300000", "WASM0124");
    // The client must never see more than was promised.
    let got = cut_or_refused(&httpd, "/p/length?say=300000&write=300001");
    assert!(got <= 300_000, "{got}");
    httpd.get("/p/length?say=x&write=1").expect(500);
    httpd.tolerate("WASM0122");
    httpd.tolerate("WASM0124");
}

/// A response that is refused or cut off. Gives how much of its body came.
#[track_caller]
fn cut_or_refused(httpd: &Httpd, target: &str) -> usize {
    let mut conn = httpd.connect();
    let response = conn.exchange(&Req::get(target));
    assert!(
        response.status() == 500 || !response.complete,
        "{target}: {:?}",
        response.head
    );
    response.body.len()
}

fn a_broken_response_resets_the_stream_of_http_2(probe: Probe) {
    let Some(setup) = probe.setup("WasmTimeout 300ms").h2c() else {
        return;
    };
    let httpd = setup
        .announce("WASM0102")
        .announce("WASM0106")
        .announce("WASM0124")
        .tolerate("WASM0120")
        .start();
    let before = httpd.child_pids();
    let client = H2::connect(httpd.port());
    for target in [
        "/p/trap?when=begun&wait=100",
        "/p/sleep?when=begun",
        "/p/break?size=300000",
        "/p/length?say=300001&write=300000",
    ] {
        let mut stream = client.open("GET", target, &[], true);
        let body = stream.try_head().and_then(|_| stream.rest());
        assert!(body.is_err(), "{target} looks whole");
    }
    assert_eq!(client.get("/p/unread").0, 200);
    httpd.assert_same_children(&before);
}

/// The client goes away in the middle; the guest is stopped, its slot is free, and nobody calls it an error. `go`: by closing
/// its socket, which a guest that writes finds out, or by a reset.
#[track_caller]
fn abandoned(probe: Probe, target: &str, go: fn(Conn)) {
    let httpd = probe
        .setup("WasmTimeout 600")
        .conf("WasmMaxInstances 1")
        .timeout(600)
        .start();
    let before = httpd.child_pids();
    let mut conn = asking(&httpd, target);
    assert_eq!(conn.head().status, 200);
    go(conn);
    let line = httpd.expect_log("WASM0108");
    assert!(line.contains("[wasm:info]"), "{line}");
    idle(&httpd);
    httpd.assert_same_children(&before);
    assert_eq!(httpd.logged("WASM01").len(), 1, "{}", httpd.error_log());
    httpd.get("/p/unread").expect(200);
}

fn asking(httpd: &Httpd, target: &str) -> Conn {
    let mut conn = httpd.connect();
    conn.send(Req::get(target).bytes());
    conn
}

fn a_client_that_goes_while_the_guest_writes(probe: Probe) {
    abandoned(probe, "/p/source?size=1000000000000", drop);
}

fn a_client_that_goes_while_the_guest_sleeps(probe: Probe) {
    abandoned(probe, "/p/sleep?when=begun", Conn::reset);
}

fn a_client_that_goes_while_the_guest_computes(probe: Probe) {
    abandoned(probe, "/p/spin?when=begun", Conn::reset);
}

fn a_client_that_goes_while_the_guest_waits_for_its_body(probe: Probe) {
    let httpd = probe
        .setup("WasmTimeout 600")
        .timeout(600)
        .tolerate("WASM0120")
        .start();
    let before = httpd.child_pids();
    let mut conn = httpd.connect();
    conn.send("POST /p/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf");
    conn.head();
    drop(conn);
    wait::until("a line about it", || {
        !httpd.logged("WASM0108").is_empty() || !httpd.logged("WASM0112").is_empty()
    });
    idle(&httpd);
    httpd.assert_same_children(&before);
}

fn a_client_of_http_2_that_cancels(probe: Probe) {
    let Some(setup) = probe.setup("WasmTimeout 600").h2c() else {
        return;
    };
    let httpd = setup.timeout(600).start();
    let before = httpd.child_pids();
    let client = H2::connect(httpd.port());
    let mut stream = client.open("GET", "/p/sleep?when=begun", &[], true);
    stream.head();
    stream.cancel();
    let start = Instant::now();
    httpd.expect_log("WASM0108");
    assert!(start.elapsed() < Duration::from_secs(20));
    // The connection is still good.
    assert_eq!(client.get("/p/unread").0, 200);
    httpd.assert_same_children(&before);
}

#[test]
fn no_response_at_all_is_500() {
    let httpd = suite::probe::P2.setup("").start();
    fails(&httpd, "/p/none", 500, "WASM0122", "probe-http.wasm");
}

#[test]
fn a_guest_of_0_3_that_waits_for_nothing_is_stopped() {
    let httpd = suite::probe::P3
        .setup("WasmTimeout 300ms")
        .timeout(300)
        .tolerate("WASM01")
        .start();
    let before = httpd.child_pids();
    // Whether it is seen that nothing can ever happen, or the deadline comes, it is no success.
    let status = httpd.get("/p/none").status();
    assert!([500, 504].contains(&status), "{status}");
    httpd.assert_same_children(&before);
    httpd.get("/p/unread").expect(200);
}
