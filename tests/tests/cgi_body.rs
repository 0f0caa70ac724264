//! CGI statements 22 to 28: how a request's body reaches the guest. 29 (its size): `streaming.rs`; over HTTP/2: `http2.rs`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use suite::client::chunk;
use suite::{Req, Setup};

fn setup() -> Setup {
    Setup::new().cgi("/probe", "probe", "")
}

/// Bodies without a length are left to the guest; what is the default is in `cgi_spool.rs`.
const STREAM: &str = "WasmBodyWithoutLength Stream";

#[test]
fn cgi_22_content_length_is_read_exactly_then_eof() {
    let httpd = setup().start();
    for size in [0, 1, 4095, 65536, 100_000] {
        let body: Vec<u8> = (0..size).map(|n| (n % 256) as u8).collect();
        let response = httpd.post("/probe?do=echo", &body).expect(200);
        assert!(response.body == body, "{size} bytes");
    }
    assert_eq!(
        httpd.get("/probe?do=count").expect(200).text(),
        "bytes=0 fnv1a=cbf29ce484222325\n"
    );
    // What follows the body belongs to the next request.
    let mut conn = httpd.connect();
    let first = Req::post("/probe?do=echo", b"first").bytes();
    let second = Req::post("/probe?do=echo", b"second").bytes();
    conn.send([first, second].concat());
    assert_eq!(conn.response("POST").expect(200).text(), "first");
    assert_eq!(conn.response("POST").expect(200).text(), "second");
}

#[test]
fn cgi_23_chunked_body_reaches_eof() {
    let httpd = Setup::new().cgi("/probe", "probe", STREAM).start();
    let pieces: [&[u8]; 3] = [b"one ", b"two ", b"three"];
    let response = httpd
        .send(&Req::post_chunked("/probe?do=echo", &pieces))
        .expect(200);
    assert_eq!(response.text(), "one two three");
    let empty = httpd
        .send(&Req::post_chunked("/probe?do=echo", &[]))
        .expect(200);
    assert_eq!(empty.body, b"");
    // The guest in C trusts CONTENT_LENGTH if there is one, and there must be none.
    let httpd = Setup::new().cgi("/c", "probe-c", STREAM).start();
    let response = httpd.send(&Req::post_chunked("/c", &pieces)).expect(200);
    assert_eq!(response.text(), "one two three");
}

#[test]
fn cgi_24_a_guest_that_never_reads_still_answers() {
    let httpd = setup().start();
    let mut conn = httpd.connect();
    for size in [10, 1 << 20] {
        let response = conn
            .exchange(&Req::post("/probe?do=noread", &vec![b'x'; size]))
            .expect(200);
        assert_eq!(response.text(), "read 0 bytes\n");
    }
    let chunked = Req::post_chunked("/probe?do=noread&n=2", &[&[b'x'; 100_000], b"end"]);
    assert_eq!(conn.exchange(&chunked).expect(200).text(), "read 2 bytes\n");
    assert_eq!(
        conn.exchange(&Req::post("/probe?do=echo", b"next"))
            .expect(200)
            .text(),
        "next"
    );
}

#[test]
fn cgi_24_the_answer_may_start_before_the_body_ends() {
    let httpd = setup().start();
    let mut conn = httpd.connect();
    conn.send("POST /probe?do=drip&n=2&ms=100 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf ");
    let head = conn.head();
    assert_eq!(head.status, 200);
    conn.send("whole");
    let mut body = Vec::new();
    assert!(conn.read_body("POST", &head, &mut |piece| body.extend_from_slice(piece)));
    assert_eq!(body, b"line 1\nline 2\n");
    assert_eq!(
        conn.exchange(&Req::post("/probe?do=echo", b"next"))
            .expect(200)
            .text(),
        "next"
    );
}

#[test]
fn cgi_25_expect_100_continue() {
    let httpd = setup().start();
    let head = |sub: &str| {
        format!(
            "POST /probe?do={sub} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
    };
    let mut reads = httpd.connect();
    reads.send(head("count"));
    assert_eq!(reads.head().status, 100);
    reads.send("body");
    let counted = reads.response("POST").expect(200);
    assert!(counted.text().starts_with("bytes=4 "));
    let mut ignores = httpd.connect();
    ignores.send(head("noread"));
    let response = ignores.response("POST").expect(200);
    assert_eq!(
        (response.interim.as_slice(), response.text().as_str()),
        (&[][..], "read 0 bytes\n")
    );
}

#[test]
fn cgi_25_no_100_in_the_middle_of_a_response() {
    let httpd = setup().start();
    let mut conn = httpd.connect();
    // This guest writes its head before it reads. The client waits for one of the two answers.
    conn.send(
        "POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
         Connection: close\r\nContent-Length: 4\r\n\r\n",
    );
    let mut all = conn.read_raw(|all| all.windows(4).any(|w| w == b"\r\n\r\n"));
    conn.send("body");
    all.extend(conn.read_raw(|_| false));
    let all = String::from_utf8_lossy(&all).into_owned();
    let (_, body) = all.rsplit_once("\r\n\r\n").unwrap();
    let (interim, last) = (all.find("100 Continue"), all.find("200 OK"));
    assert!(
        last.is_some() && interim < last,
        "a 100 after the head is a part of the body:\n{all}"
    );
    assert_eq!(body, "body");
}

#[test]
fn cgi_26_limit_request_body() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "LimitRequestBody 1000")
        .cgi("/started", "probe", "LimitRequestBody 1000\nWasmArg stderr")
        .cgi(
            "/stream",
            "probe",
            &format!("LimitRequestBody 1000\n{STREAM}"),
        )
        .start();
    httpd.post("/probe?do=count", &[b'x'; 1000]).expect(200);
    httpd.post("/probe?do=count", &[b'x'; 1001]).expect(413);
    httpd.post("/started", &[b'x'; 1001]).expect(413);
    assert_eq!(
        httpd.logged("WASM0120").len(),
        0,
        "the guest must not be started"
    );
    let chunked = Req::post_chunked("/stream?do=count", &[&[b'x'; 600], &[b'x'; 600]]);
    httpd.send(&chunked).expect(413);
    // Too long when the head has gone out: all that can be done is to cut the response off.
    let mut late = httpd.connect();
    late.send(
        "POST /stream?do=echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    late.send(chunk(&[b'x'; 600]));
    let head = late.head();
    assert_eq!(head.status, 200);
    let _ = late.try_send(&[chunk(&[b'x'; 600]), b"0\r\n\r\n".to_vec()].concat());
    assert!(
        !late.read_body("POST", &head, &mut |_| {}),
        "the response must be cut off"
    );
    httpd.expect_log("WASM0117");
}

#[test]
fn cgi_27_malformed_bodies() {
    let httpd = setup().start();
    let mut bad_chunk = httpd.connect();
    bad_chunk.send("POST /probe?do=count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nzz\r\n");
    assert_eq!(bad_chunk.response("POST").status(), 400);
    // RFC 9112 would have 501 here; httpd answers itself, before any handler is asked.
    let mut odd = httpd.connect();
    odd.send("POST /probe?do=count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n");
    odd.response("POST").expect(400);
    let mut short = httpd.connect();
    short
        .send("POST /probe?do=count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
    short.finish_sending();
    let end = short.try_response("POST").unwrap();
    assert!(end.is_none_or(|response| response.status() == 400));
    httpd.expect_log("WASM0112");
    assert_eq!(httpd.get("/probe?do=count").expect(200).status(), 200);
}

#[test]
fn cgi_27_a_slow_body_is_408() {
    let by_timeout = setup().timeout(1).start();
    let by_module = setup()
        .module("reqtimeout")
        .conf("RequestReadTimeout body=1")
        .start();
    for httpd in [&by_timeout, &by_module] {
        let mut conn = httpd.connect();
        conn.send(
            "POST /probe?do=count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf",
        );
        assert_eq!(conn.response("POST").status(), 408);
    }
}

#[test]
fn cgi_28_input_filters_change_the_body() {
    let httpd = Setup::new()
        .module("filter")
        .module("deflate")
        .cgi("/probe", "probe", "SetInputFilter DEFLATE")
        .start();
    let plain = b"a body that was packed ".repeat(100);
    let packed = gzip(&plain);
    assert!(packed.len() < plain.len());
    let request = Req::post("/probe?do=echo", &packed).field("Content-Encoding", "gzip");
    assert!(httpd.send(&request).expect(200).body == plain);
    assert!(httpd.post("/probe?do=echo", &plain).expect(200).body == plain);
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let spawned = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        return Vec::new();
    };
    if let Some(mut stdin) = child.stdin.take() {
        // Less than a pipe holds, so that nobody waits for anybody.
        let _ = stdin.write_all(data);
    }
    child
        .wait_with_output()
        .map(|out| out.stdout)
        .unwrap_or_default()
}
