//! A client that shuts down its sending side has said all it has to say, and gets its answer: `nc -N`, health checks, some
//! proxies. Only a reset, an error or a failed write means that nobody is there any more (see `time.rs`, `http_ends.rs`).

use suite::probe::Probe;
use suite::{Httpd, Req, Setup, both};

both![
    a_response_that_takes_a_while_is_whole,
    a_body_that_has_come_whole_is_answered,
];

/// What comes of a request whose client sends nothing more.
fn answer(httpd: &Httpd, request: &Req) -> String {
    let mut conn = httpd.connect();
    conn.send(request.bytes());
    conn.finish_sending();
    String::from_utf8_lossy(&conn.read_raw(|_| false)).into_owned()
}

#[track_caller]
fn is_whole(httpd: &Httpd, request: &Req, end: &str) {
    let all = answer(httpd, request);
    assert!(all.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
    assert!(all.contains(end), "{all}");
    assert!(
        !all.contains("Transfer-Encoding") || all.ends_with("0\r\n\r\n"),
        "{all}"
    );
}

#[test]
fn cgi_49_a_program_that_takes_a_while_answers_whole() {
    let httpd = Setup::new()
        .cgi("/p1", "probe", "")
        .cgi("/p2", "probe-component", "")
        .start();
    for (program, after) in [("/p1", ""), ("/p1", "&after=body"), ("/p2", "&after=body")] {
        // Longer than it takes until the client is looked at a few times.
        let target = format!("{program}?do=sleep&ms=600{after}");
        is_whole(&httpd, &Req::get(&target), "slept 600 ms\n");
    }
    let body = Req::post("/p1?do=echo", b"all of it");
    is_whole(&httpd, &body, "all of it");
    assert_eq!(httpd.logged("WASM01"), [""; 0]);
}

#[test]
fn a_program_that_waits_for_its_turn_keeps_it() {
    let lines = "WasmSerialize On\nWasmBodyWithoutLength Stream";
    let httpd = Setup::new().cgi("/probe", "probe", lines).start();
    let mut first = httpd.connect();
    first.send("POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nhe");
    first.head();
    let mut second = httpd.connect();
    second.send(Req::get("/probe?do=sleep&ms=600").bytes());
    second.finish_sending();
    first.send("ld");
    assert_eq!(second.response("GET").expect(200).text(), "slept 600 ms\n");
}

fn a_response_that_takes_a_while_is_whole(probe: Probe) {
    let httpd = probe.setup("").start();
    for when in ["before", "begun"] {
        let target = format!("/p/sleep?ms=600&when={when}");
        is_whole(&httpd, &Req::get(&target), "slept 600 ms\n");
    }
    assert_eq!(httpd.logged("WASM01"), [""; 0]);
}

fn a_body_that_has_come_whole_is_answered(probe: Probe) {
    let httpd = probe.setup("").start();
    is_whole(&httpd, &Req::post("/p/echo", b"all of it"), "all of it");
    is_whole(
        &httpd,
        &Req::post_chunked("/p/echo", &[b"all ", b"of it"]),
        "of it",
    );
    assert_eq!(httpd.logged("WASM01"), [""; 0]);
}
