//! wasi:http, bodies that stream: both ways at once, piece by piece, in bounded memory.
//!
//! Where a test can be in lock-step with the guest (send a piece, see it come back) it is, and needs no clock.

use std::thread;
use std::time::{Duration, Instant};
use suite::client::chunk;
use suite::flow::{Checker, MIB, read_pattern, upload, with_flat_memory};
use suite::{Conn, H2, Httpd, Probe, Req, Setup, both, paths};

both!(
    an_echo_is_in_lock_step_with_its_client,
    an_upload_with_a_length_arrives_piece_by_piece,
    the_response_may_be_over_before_the_request,
    output_comes_while_the_guest_waits,
    output_comes_through_mod_deflate_while_the_guest_waits,
    output_before_a_long_computation_comes,
    an_echo_is_in_lock_step_over_http_2,
    two_requests_on_one_connection_do_not_wait_for_each_other,
    a_client_that_does_not_read_stops_the_guest_from_writing,
    big_upload_in_flat_memory,
    big_download_in_flat_memory,
    big_echo_in_flat_memory,
    big_echo_over_http_2_in_flat_memory,
);

/// Reads body bytes until `wanted` have come; the response need not be over.
fn read_more(conn: &mut Conn, all: &mut Vec<u8>, wanted: &[u8]) {
    let there = |all: &[u8]| all.windows(wanted.len()).any(|w| w == wanted);
    let got = conn.read_raw(|new| there(&[all.as_slice(), new].concat()));
    all.extend_from_slice(&got);
    assert!(
        there(all),
        "the connection ended without {:?}, after {:?}",
        String::from_utf8_lossy(wanted),
        String::from_utf8_lossy(all)
    );
}

/// Sends five pieces, each only when the one before has come back.
fn lock_step(httpd: &Httpd, target: &str) {
    let mut conn = httpd.connect();
    let mut seen = Vec::new();
    conn.send(format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    for n in 0..5 {
        let piece = format!("<piece {n}>");
        conn.send(chunk(piece.as_bytes()));
        read_more(&mut conn, &mut seen, piece.as_bytes());
    }
    conn.send("0\r\n\r\n");
    read_more(&mut conn, &mut seen, b"0\r\n\r\n");
}

fn an_echo_is_in_lock_step_with_its_client(probe: Probe) {
    let httpd = probe.setup("").start();
    lock_step(&httpd, "/p/echo");
    if probe.is_p3() {
        lock_step(&httpd, "/p/pass");
    }
}

fn an_upload_with_a_length_arrives_piece_by_piece(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    let mut seen = Vec::new();
    conn.send("POST /p/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n");
    for piece in ["first.....", "second...."] {
        conn.send(piece);
        read_more(&mut conn, &mut seen, piece.as_bytes());
    }
}

fn the_response_may_be_over_before_the_request(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    conn.send("POST /p/early HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    conn.send(chunk(b"half "));
    assert_eq!(conn.response("POST").expect(200).text(), "early\n");
    conn.send(chunk(b"whole"));
    conn.send("0\r\n\r\n");
    let line = httpd.expect_log("early: ");
    assert!(
        line.contains("bytes=10 ") && line.contains("WASM0120"),
        "{line}"
    );
    // The connection goes on with the next request.
    assert_eq!(
        conn.exchange(&Req::get("/p/unread")).expect(200).text(),
        "not read\n"
    );
}

/// The body comes in several pieces, over at least half the time that the guest waits between them.
#[track_caller]
fn comes_while_the_guest_runs(httpd: &Httpd, request: &Req) {
    let response = httpd.send(request).expect(200);
    let pieces = &response.pieces;
    let spread = match (pieces.first(), pieces.last()) {
        (Some((first, _)), Some((last, _))) => *last - *first,
        _ => Duration::ZERO,
    };
    assert!(spread > Duration::from_millis(400), "{pieces:?}");
}

fn output_comes_while_the_guest_waits(probe: Probe) {
    let httpd = probe.setup("").start();
    let kind = "type=text/event-stream";
    comes_while_the_guest_runs(&httpd, &Req::get(&format!("/p/drip?n=3&ms=400&{kind}")));
    comes_while_the_guest_runs(&httpd, &Req::get("/p/drip?n=3&ms=400&flush=1"));
    if let Some(setup) = probe.setup("").h2c() {
        let httpd = setup.start();
        let client = H2::connect(httpd.port());
        let mut stream = client.open("GET", "/p/drip?n=3&ms=400", &[], true);
        stream.head();
        stream.read_until(b"line 1\n");
        let first = Instant::now();
        stream.read_until(b"line 3\n");
        assert!(first.elapsed() > Duration::from_millis(400));
    }
}

fn output_comes_through_mod_deflate_while_the_guest_waits(probe: Probe) {
    let httpd = probe
        .setup("SetOutputFilter DEFLATE")
        .module("filter")
        .module("deflate")
        .start();
    let request = Req::get("/p/drip?n=3&ms=400").field("Accept-Encoding", "gzip");
    comes_while_the_guest_runs(&httpd, &request);
}

fn output_before_a_long_computation_comes(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 20").tolerate("WASM0106").start();
    let mut conn = httpd.connect();
    let mut seen = Vec::new();
    // The guest never calls the host again, and yet the line must come before the guest is stopped.
    conn.send(Req::get("/p/spin?when=begun").bytes());
    let start = Instant::now();
    read_more(&mut conn, &mut seen, b"begun\n");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

fn an_echo_is_in_lock_step_over_http_2(probe: Probe) {
    let Some(setup) = probe.setup("").h2c() else {
        return;
    };
    let httpd = setup.start();
    let client = H2::connect(httpd.port());
    let mut stream = client.open("POST", "/p/echo", &[], false);
    for n in 0..5 {
        let piece = format!("<piece {n}>");
        stream.send(piece.as_bytes(), false);
        if n == 0 {
            assert_eq!(stream.head().0, 200);
        }
        stream.read_until(piece.as_bytes());
    }
    stream.send(b"", true);
    assert_eq!(stream.body(), b"");
}

fn two_requests_on_one_connection_do_not_wait_for_each_other(probe: Probe) {
    let Some(setup) = probe.setup("").h2c() else {
        return;
    };
    let httpd = setup.threads(8).start();
    let client = H2::connect(httpd.port());
    let mut waiting = client.open("POST", "/p/echo", &[], false);
    waiting.send(b"<1>", false);
    waiting.head();
    waiting.read_until(b"<1>");
    // While the first is in the middle of both its bodies, others come and go.
    for _ in 0..3 {
        let (status, _, body) = client.get("/p/unread");
        assert_eq!((status, body.as_slice()), (200, &b"not read\n"[..]));
    }
    let mut second = client.open("POST", "/p/echo", &[], false);
    second.send(b"<2>", false);
    second.head();
    second.read_until(b"<2>");
    waiting.send(b"<3>", true);
    assert_eq!(waiting.body(), b"<3>");
    second.send(b"<4>", true);
    assert_eq!(second.body(), b"<4>");
}

fn big(probe: Probe) -> Setup {
    // Chunked bodies count against LimitRequestBody too, and its default is 1 GiB.
    probe.setup("").timeout(300).conf("LimitRequestBody 0")
}

fn a_client_that_does_not_read_stops_the_guest_from_writing(probe: Probe) {
    let httpd = big(probe).start();
    httpd.get("/p/source?size=1000000").expect(200);
    with_flat_memory(&httpd, "back-pressure", 256 * MIB, || {
        let mut conn = httpd.connect();
        conn.send(Req::get(&format!("/p/source?size={}", 256 * MIB)).bytes());
        let head = conn.head();
        // Long enough for the guest to write it all if nothing held it back.
        thread::sleep(Duration::from_secs(1));
        let mut checker = Checker::default();
        assert!(conn.read_body("GET", &head, &mut |piece| checker.take(piece)));
        assert_eq!(checker.count, 256 * MIB);
    });
}

fn big_upload_in_flat_memory(probe: Probe) {
    let (httpd, size) = (big(probe).start(), paths::big());
    upload(&httpd, "/p/sink", MIB, |conn| {
        conn.response("POST").expect(200);
    });
    with_flat_memory(&httpd, "upload", size, || {
        upload(&httpd, "/p/sink", size, |conn| {
            let text = conn.response("POST").expect(200).text();
            assert!(text.starts_with(&format!("bytes={size} ")), "{text}");
        });
    });
}

fn big_download_in_flat_memory(probe: Probe) {
    let (httpd, size) = (big(probe).start(), paths::big());
    httpd.get("/p/source?size=1000000").expect(200);
    with_flat_memory(&httpd, "download", size, || {
        let mut conn = httpd.connect();
        conn.send(Req::get(&format!("/p/source?size={size}")).bytes());
        read_pattern(&mut conn, size);
    });
}

fn big_echo_in_flat_memory(probe: Probe) {
    let (httpd, size) = (big(probe).start(), paths::big());
    for target in ["/p/echo", "/p/pass"] {
        if target == "/p/pass" && !probe.is_p3() {
            continue;
        }
        upload(&httpd, target, MIB, |conn| read_pattern(conn, MIB));
        with_flat_memory(&httpd, &format!("echo by {target}"), size, || {
            upload(&httpd, target, size, |conn| read_pattern(conn, size));
        });
    }
}

fn big_echo_over_http_2_in_flat_memory(probe: Probe) {
    let Some(setup) = big(probe).h2c() else {
        return;
    };
    let (httpd, size) = (setup.start(), paths::big() / 16);
    let client = H2::connect(httpd.port());
    let whole = suite::flow::pattern();
    let echo = |size: u64| {
        let mut stream = client.open("POST", "/p/echo", &[], false);
        let mut checker = Checker::default();
        // A window's worth at a time: sending and receiving take turns here.
        let piece = &whole[..251 * 100];
        stream.send(piece, false);
        stream.head();
        let mut sent = piece.len() as u64;
        while sent < size {
            stream.send(piece, false);
            sent += piece.len() as u64;
            while checker.count + 2 * (piece.len() as u64) < sent {
                take(&mut stream, &mut checker);
            }
        }
        stream.send(b"", true);
        checker.take(&stream.body());
        assert_eq!(checker.count, sent);
    };
    echo(MIB);
    with_flat_memory(&httpd, "echo over HTTP/2", size, || echo(size));
}

fn take(stream: &mut suite::h2::Stream, checker: &mut Checker) {
    match stream.piece() {
        Ok(Some(piece)) => checker.take(&piece),
        other => assert!(other.is_err(), "the body ended early"),
    }
}
