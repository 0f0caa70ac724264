//! wasi:http, requests that a guest makes itself: how they say whether there is a body and how long it is, and when one is sent twice.
//!
//! Where they may go: `http_outbound.rs`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
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

/// A server that answers the first request of each connection and closes it when a second one has come; and how many it has
/// been sent.
fn closing() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst", ""] {
                    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
                    while !all.ends_with(b"\r\n\r\n") {
                        match stream.read(&mut piece) {
                            Ok(n) if n > 0 => all.extend_from_slice(&piece[..n]),
                            _ => return,
                        }
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, asked)
}

fn a_request_that_meets_the_end_of_a_connection_is_sent_once_more(probe: Probe) {
    let httpd = probe
        .setup("WasmAllowOutbound 127.0.0.1:*")
        .threads(1)
        .start();
    let fetch = |port: u16, more: &str| {
        let target = format!("/p/fetch?url=http://127.0.0.1:{port}/{more}");
        httpd.get(&target).expect(200).text()
    };
    let (port, asked) = closing();
    for _ in 0..2 {
        check_lines(&fetch(port, ""), &["status=200", "first"]);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    // Nobody knows what the server has done with this one.
    let (port, asked) = closing();
    check_lines(&fetch(port, ""), &["status=200", "first"]);
    let text = fetch(port, "&method=POST");
    check_lines(&text, &["error=ConnectionTerminated"]);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
