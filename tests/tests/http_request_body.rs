//! wasi:http, the body and the trailers of a request as the guest gets them, for 0.2 and 0.3.
//!
//! Bodies that stream: `http_stream.rs`.

use suite::client::chunk;
use suite::{Httpd, Probe, Req, after, both, check_lines, probe, wait};

both!(
    bodies_with_a_length_chunked_and_empty,
    a_get_may_have_a_body,
    trailers_of_a_chunked_request_arrive,
    a_client_that_waits_for_100_continue_gets_it,
    a_body_that_nobody_reads_needs_no_100_continue,
    a_body_that_is_not_read_does_no_harm,
    a_malformed_body_is_the_clients_fault,
    a_body_beyond_the_limit_is_413,
    content_filters_work_on_the_body,
    requests_on_one_connection_follow_each_other,
);

fn report(httpd: &Httpd, request: &Req) -> String {
    httpd.send(request).expect(200).text()
}

fn bodies_with_a_length_chunked_and_empty(probe: Probe) {
    let httpd = probe.setup("").start();
    let counted = report(&httpd, &Req::post("/p/report", b"a body"));
    check_lines(
        &counted,
        &["field=content-length: 6", "bytes=6 fnv1a=021a337c955cd3a0"],
    );
    let chunked = report(
        &httpd,
        &Req::post_chunked("/p/report", &[b"a ", b"bo", b"dy"]),
    );
    check_lines(&chunked, &["bytes=6 fnv1a=021a337c955cd3a0"]);
    assert!(
        after(&chunked, "field=content-length: ").is_empty(),
        "{chunked}"
    );
    for empty in [
        Req::post("/p/report", b""),
        Req::post_chunked("/p/report", &[]),
    ] {
        check_lines(&report(&httpd, &empty), &["bytes=0 fnv1a=cbf29ce484222325"]);
    }
    let large: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    assert!(httpd.post("/p/echo", &large).expect(200).body == large);
}

fn a_get_may_have_a_body(probe: Probe) {
    let httpd = probe.setup("").start();
    let text = report(&httpd, &Req::post("/p/report", b"a body").method("GET"));
    check_lines(&text, &["method=GET", "bytes=6 fnv1a=021a337c955cd3a0"]);
}

fn trailers_of_a_chunked_request_arrive(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /p/sink HTTP/1.1\r\nHost: localhost\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\nX-Sum: 7\r\nX-More: a b\r\n\r\n",
    );
    let text = conn.response("POST").expect(200).text();
    check_lines(
        &text,
        &[
            "bytes=3 fnv1a=e71fa2190541574b",
            "trailer=x-sum: 7",
            "trailer=x-more: a b",
        ],
    );
    // The connection is sound: the next request is read from the right place.
    assert!(
        conn.exchange(&Req::post("/p/sink", b"abc"))
            .expect(200)
            .text()
            .starts_with("bytes=3 ")
    );
}

fn a_client_that_waits_for_100_continue_gets_it(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /p/sink HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    );
    // Nothing of the body has been sent when the server asks for it.
    assert_eq!(conn.head().status, 100);
    conn.send("abc");
    assert!(
        conn.response("POST")
            .expect(200)
            .text()
            .starts_with("bytes=3 ")
    );
}

fn a_body_that_nobody_reads_needs_no_100_continue(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /p/unread HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    );
    let response = conn.response("POST").expect(200);
    assert_eq!(
        (response.text().as_str(), response.interim.len()),
        ("not read\n", 0)
    );
}

fn a_body_that_is_not_read_does_no_harm(probe: Probe) {
    let httpd = probe.setup("").start();
    let before = httpd.child_pids();
    let body = vec![b'x'; 2 << 20];
    for (target, says) in [
        ("/p/unread", "not read\n"),
        ("/p/half?n=1000", "read 1000\n"),
    ] {
        assert_eq!(httpd.post(target, &body).expect(200).text(), says);
    }
    httpd.assert_same_children(&before);
}

fn a_malformed_body_is_the_clients_fault(probe: Probe) {
    let httpd = probe.setup("").tolerate("WASM0120").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /p/sink HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    );
    assert_eq!(conn.response("POST").status(), 400);
    httpd.expect_log("WASM0112");
}

fn a_body_beyond_the_limit_is_413(probe: Probe) {
    let httpd = probe
        .setup("LimitRequestBody 1000")
        .tolerate("WASM0120")
        .start();
    httpd.post("/p/sink", &[b'x'; 1000]).expect(200);
    assert_eq!(httpd.post("/p/sink", &[b'x'; 1001]).status(), 413);
    let pieces = [&[b'x'; 600][..], &[b'x'; 600]];
    assert_eq!(
        httpd.send(&Req::post_chunked("/p/sink", &pieces)).status(),
        413
    );
    httpd.expect_log("WASM0117");
}

fn content_filters_work_on_the_body(probe: Probe) {
    let httpd = probe
        .setup("SetInputFilter DEFLATE")
        .module("filter")
        .module("deflate")
        .start();
    // "abc" as gzip stores it.
    let packed: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 6, 0, 0xc2, 0x41, 0x24, 0x35, 3, 0,
        0, 0,
    ];
    let request = Req::post("/p/report", packed).field("Content-Encoding", "gzip");
    let text = report(&httpd, &request);
    check_lines(&text, &["bytes=3 fnv1a=e71fa2190541574b"]);
    assert!(after(&text, "field=content-length: ").is_empty(), "{text}");
}

fn requests_on_one_connection_follow_each_other(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    let all = [
        Req::post("/p/sink", b"abc").bytes(),
        Req::get("/p/report?2").bytes(),
        Req::post("/p/unread", b"abc").bytes(),
        Req::get("/p/report?4").bytes(),
    ];
    conn.send(all.concat());
    assert!(
        conn.response("POST")
            .expect(200)
            .text()
            .starts_with("bytes=3 ")
    );
    check_lines(
        &conn.response("GET").expect(200).text(),
        &["path=/p/report?2"],
    );
    conn.response("POST").expect(200);
    check_lines(
        &conn.response("GET").expect(200).text(),
        &["path=/p/report?4"],
    );
}

#[test]
fn a_client_that_stops_in_the_middle_of_its_body() {
    for tested in [probe::P2, probe::P3] {
        let httpd = tested.setup("").tolerate("WASM0120").start();
        let before = httpd.child_pids();
        let mut conn = httpd.connect();
        conn.send("POST /p/sink HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        conn.send(chunk(b"half"));
        conn.finish_sending();
        // Whatever it gets, it is no success.
        let answer = conn.try_response("POST").expect("well-formed HTTP");
        assert!(answer.is_none_or(|response| response.status() == 400));
        wait::until("a line about it", || {
            !httpd.logged("WASM0108").is_empty() || !httpd.logged("WASM0112").is_empty()
        });
        httpd.assert_same_children(&before);
        httpd.get("/p/report").expect(200);
    }
}
