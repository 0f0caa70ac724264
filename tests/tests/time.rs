//! CGI statements 48 and 49: a guest that takes too long, and a guest whose client has gone. Both are really stopped.

use std::time::Duration;
use suite::{Httpd, Req, Setup, wait};

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

fn timed() -> Setup {
    Setup::new()
        .timeout(300)
        .cgi("/probe", "probe", "WasmTimeout 300ms")
        .cgi("/echo", "probe-c", "WasmTimeout 300ms")
}

#[test]
fn cgi_48_a_guest_that_computes_too_long_is_504_and_stopped() {
    let httpd = timed().start();
    let before = httpd.child_pids();
    httpd.get("/probe?do=spin").expect(504);
    let line = httpd.expect_log("WASM0105");
    assert!(
        line.contains("300ms") && line.contains("probe.wasm"),
        "{line}"
    );
    idle(&httpd);
    httpd.assert_same_children(&before);
    assert_eq!(httpd.logged("WASM0105").len(), 1);
}

#[test]
fn cgi_48_a_guest_that_sleeps_too_long_is_504() {
    let httpd = timed().announce("WASM0105").start();
    httpd.get("/probe?do=sleep&ms=600000").expect(504);
    assert_eq!(
        httpd.get("/probe?do=sleep&ms=1").expect(200).text(),
        "slept 1 ms\n"
    );
}

#[test]
fn cgi_48_after_the_head_the_response_is_cut() {
    let httpd = timed().start();
    let before = httpd.child_pids();
    for fault in ["spin", "sleep&ms=600000"] {
        let mut conn = httpd.connect();
        let response = conn.exchange(&Req::get(&format!("/probe?do={fault}&after=body")));
        assert_eq!(
            (response.status(), response.text().as_str()),
            (200, "begun\n")
        );
        assert!(!response.complete, "{fault}");
        assert!(conn.is_closed());
    }
    httpd.expect_log("WASM0106");
    wait::until("the second line", || httpd.logged("WASM0106").len() == 2);
    idle(&httpd);
    httpd.assert_same_children(&before);
}

#[test]
fn cgi_48_the_default_is_the_servers_timeout() {
    let httpd = Setup::new()
        .timeout(1)
        .cgi("/probe", "probe", "")
        .announce("WASM0105")
        .start();
    httpd.get("/probe?do=spin").expect(504);
    // A virtual host's Timeout is its own.
    let httpd = Setup::new()
        .timeout(300)
        .vhost("a.example", "Timeout 1\n<Location /probe>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\n</Location>")
        .start();
    httpd
        .send(&Req::get("/probe?do=spin").field("Host", "a.example"))
        .expect(504);
    httpd.expect_log_of("a.example", "WASM0105");
}

#[test]
fn waiting_for_the_client_does_not_count() {
    let httpd = timed().start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /probe?do=count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf ",
    );
    // Three times as long as the guest may take. Nothing can be waited for: nothing is to happen.
    std::thread::sleep(Duration::from_millis(900));
    conn.send("whole");
    assert!(
        conn.response("POST")
            .expect(200)
            .text()
            .starts_with("bytes=10 ")
    );
}

#[test]
fn time_spent_by_components_and_by_async_guests_counts_too() {
    let httpd = Setup::new()
        .timeout(300)
        .cgi("/p2", "probe-component", "WasmTimeout 300ms")
        .cgi("/p3", "echo-p3", "WasmTimeout 300ms")
        .cgi("/loop", "loop", "WasmTimeout 300ms")
        .announce("WASM0105")
        .start();
    for target in ["/p2?do=spin", "/p2?do=sleep&ms=600000", "/p3?spin", "/loop"] {
        httpd.get(target).expect(504);
    }
    idle(&httpd);
    assert_eq!(httpd.logged("WASM0105").len(), 4);
}

/// The client goes away in the middle; the guest is stopped, its instance is free, and nobody calls it an error. One that
/// writes is answered by a reset as soon as the client has closed its socket. Of any other it takes a reset by itself: a
/// socket that is only closed looks like that of a client that has said all it has to say.
#[track_caller]
fn abandoned(guest: &str, target: &str) {
    let httpd = Setup::new()
        .timeout(600)
        .cgi("/probe", guest, "WasmTimeout 600")
        .start();
    let before = httpd.child_pids();
    let mut conn = httpd.connect();
    conn.send(Req::get(target).bytes());
    if target.contains("after=body") || target.contains("endless") {
        conn.head();
    } else {
        wait::until("the guest to run", || {
            httpd.cpu_time() > Duration::from_millis(200)
        });
    }
    match target.contains("endless") {
        true => drop(conn),
        false => conn.reset(),
    }
    let line = httpd.expect_log("WASM0108");
    assert!(line.contains("[wasm:info]"), "{line}");
    idle(&httpd);
    httpd.assert_same_children(&before);
    assert_eq!(httpd.logged("WASM01").len(), 1, "{}", httpd.error_log());
}

#[test]
fn cgi_49_a_client_that_goes_ends_a_guest_that_writes() {
    abandoned("probe", "/probe?do=endless");
}

#[test]
fn cgi_49_a_client_that_goes_ends_a_guest_that_sleeps() {
    abandoned("probe", "/probe?do=sleep&ms=600000&after=body");
}

#[test]
fn cgi_49_a_client_that_goes_ends_a_guest_that_computes() {
    abandoned("probe", "/probe?do=spin&after=body");
}

#[test]
fn cgi_49_a_client_that_goes_ends_a_guest_that_has_not_answered() {
    abandoned("probe", "/probe?do=spin");
}

#[test]
fn cgi_49_a_client_that_goes_ends_a_component() {
    abandoned("probe-component", "/probe?do=endless");
    abandoned("probe-component", "/probe?do=sleep&ms=600000&after=body");
}

#[test]
fn cgi_49_a_client_that_goes_in_the_middle_of_its_body() {
    let httpd = Setup::new().timeout(600).cgi("/probe", "probe", "").start();
    let before = httpd.child_pids();
    let mut conn = httpd.connect();
    conn.send(
        "POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf",
    );
    conn.head();
    drop(conn);
    wait::until("a line about it", || {
        !httpd.logged("WASM0108").is_empty() || !httpd.logged("WASM0112").is_empty()
    });
    idle(&httpd);
    httpd.assert_same_children(&before);
}
