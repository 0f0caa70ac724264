//! wasi:http, requests that a guest makes itself: how they say whether there is a body and how long it is, and when one is
//! sent twice.
//!
//! Where they may go: `http_outbound.rs`.

use suite::{Probe, Req, Upstream, both, check_lines};

both!(
    a_request_is_framed_by_what_its_body_holds,
    a_request_that_meets_the_end_of_a_connection_is_sent_once_more,
);

/// The fields of a request's head that frame it.
fn framing(head: &str) -> Vec<String> {
    let lines = head.lines().map(str::to_ascii_lowercase);
    lines
        .filter(|line| {
            line.starts_with("content-length:") || line.starts_with("transfer-encoding:")
        })
        .collect()
}

fn a_request_is_framed_by_what_its_body_holds(probe: Probe) {
    let upstream = Upstream::saying("reached");
    let httpd = probe.setup("WasmAllowOutbound 127.0.0.1:*").start();
    // The probe passes method and body on, and writes the body when its own request is under way.
    let target = format!("/p/proxy?url={}", upstream.url("/"));
    let cases: [(&str, &[u8], &[&str]); 8] = [
        ("GET", b"", &[]),
        ("DELETE", b"", &[]),
        ("OPTIONS", b"", &[]),
        ("POST", b"", &["content-length: 0"]),
        ("PUT", b"", &["content-length: 0"]),
        ("GET", b"words", &["transfer-encoding: chunked"]),
        ("DELETE", b"words", &["transfer-encoding: chunked"]),
        ("POST", b"words", &["transfer-encoding: chunked"]),
    ];
    for (n, (method, body, expected)) in cases.into_iter().enumerate() {
        let request = match body {
            b"" => Req::new(method, &target),
            body => Req::post(&target, body).method(method),
        };
        assert_eq!(httpd.send(&request).expect(200).text(), "reached");
        let head = &upstream.asked()[n];
        assert!(head.starts_with(&format!("{method} / ")), "{head}");
        assert_eq!(framing(head), *expected, "{method} {body:?}");
    }
    assert_eq!(upstream.whole(), 8);
}

fn a_request_that_meets_the_end_of_a_connection_is_sent_once_more(probe: Probe) {
    let httpd = probe
        .setup("WasmAllowOutbound 127.0.0.1:*")
        .threads(1)
        .start();
    let fetch = |upstream: &Upstream, more: &str| {
        let target = format!("/p/fetch?url={}{more}", upstream.url("/"));
        httpd.get(&target).expect(200).text()
    };
    let upstream = Upstream::closing("reached");
    for _ in 0..2 {
        check_lines(&fetch(&upstream, ""), &["status=200", "reached"]);
    }
    assert_eq!((upstream.asked().len(), upstream.connections()), (3, 2));
    // Nobody knows what the server has done with this one.
    let upstream = Upstream::closing("reached");
    check_lines(&fetch(&upstream, ""), &["status=200", "reached"]);
    let text = fetch(&upstream, "&method=POST");
    check_lines(&text, &["error=ConnectionTerminated"]);
    assert_eq!((upstream.asked().len(), upstream.connections()), (2, 1));
}
