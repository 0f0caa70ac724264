//! Bodies stream both ways, in bounded memory: CGI statements 29, 44 and 45.
//!
//! Where a test can be in lock-step with the guest (send a piece, see it come back) it is, and needs no clock.

use std::thread;
use std::time::{Duration, Instant};
use suite::client::chunk;
use suite::flow::{MIB, read_pattern, upload, with_flat_memory};
use suite::{Conn, Httpd, Req, Setup, paths};

fn setup() -> Setup {
    Setup::new()
        .timeout(300)
        .conf("WasmBodyWithoutLength Stream")
        .cgi("/probe", "probe", "")
        .cgi("/c", "probe-c", "")
        .cgi("/p2", "probe-component", "")
        .cgi("/p3", "echo-p3", "")
}

/// Reads body bytes until `wanted` have come; the response need not be over.
fn read_more(conn: &mut Conn, all: &mut Vec<u8>, wanted: &[u8]) {
    let got = conn.read_raw(|new| {
        let seen = [all.as_slice(), new].concat();
        seen.windows(wanted.len()).any(|w| w == wanted)
    });
    all.extend_from_slice(&got);
    let there = all.windows(wanted.len()).any(|w| w == wanted);
    assert!(
        there,
        "the connection ended without {:?}",
        String::from_utf8_lossy(wanted)
    );
}

#[test]
fn echo_is_in_lock_step_with_its_client() {
    let httpd = setup().start();
    for target in ["/probe?do=echo", "/p2?do=echo", "/p3?echo"] {
        let mut conn = httpd.connect();
        let mut seen = Vec::new();
        conn.send(format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        for n in 0..5 {
            let piece = format!("<piece {n} of {target}>");
            conn.send(chunk(piece.as_bytes()));
            // The next piece is only sent when this one has come back.
            read_more(&mut conn, &mut seen, piece.as_bytes());
        }
        conn.send("0\r\n\r\n");
        read_more(&mut conn, &mut seen, b"0\r\n\r\n");
    }
}

#[test]
fn upload_arrives_piece_by_piece_with_content_length() {
    let httpd = setup().start();
    let mut conn = httpd.connect();
    let mut seen = Vec::new();
    conn.send("POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n");
    for piece in ["first.....", "second...."] {
        conn.send(piece);
        read_more(&mut conn, &mut seen, piece.as_bytes());
    }
}

/// The body comes in several pieces, over at least half the time that the guest sleeps between them.
#[track_caller]
fn comes_while_the_guest_runs(httpd: &Httpd, request: &Req) {
    let response = httpd.send(request).expect(200);
    let [(first, _), .., (last, _)] = response.pieces[..] else {
        assert!(
            response.pieces.len() > 1,
            "not in pieces: {:?}",
            response.pieces
        );
        return;
    };
    assert!(
        last - first > Duration::from_millis(400),
        "{:?}",
        response.pieces
    );
}

#[test]
fn cgi_44_the_first_byte_arrives_while_the_guest_runs() {
    let httpd = setup()
        .guest(
            "/plain",
            "probe",
            "WasmArg drip\nWasmArg n=3\nWasmArg ms=400\nWasmArg --plain",
        )
        .start();
    comes_while_the_guest_runs(&httpd, &Req::get("/probe?do=drip&n=3&ms=400"));
    comes_while_the_guest_runs(&httpd, &Req::get("/p2?do=drip&n=3&ms=400"));
    comes_while_the_guest_runs(&httpd, &Req::get("/plain"));
}

#[test]
fn cgi_44_through_mod_deflate() {
    let httpd = Setup::new()
        .module("filter")
        .module("deflate")
        .cgi("/probe", "probe", "SetOutputFilter DEFLATE")
        .start();
    let request = Req::get("/probe?do=drip&n=3&ms=400").field("Accept-Encoding", "gzip");
    comes_while_the_guest_runs(&httpd, &request);
    assert_eq!(
        httpd.send(&request).header("Content-Encoding"),
        Some("gzip")
    );
}

#[test]
fn cgi_44_output_before_a_long_computation_arrives() {
    let httpd = setup()
        .cgi("/timed", "probe", "WasmTimeout 20")
        .tolerate("WASM0106")
        .start();
    let mut conn = httpd.connect();
    let mut seen = Vec::new();
    // The guest never calls the host again, and yet the line must come before the guest is stopped.
    conn.send(Req::get("/timed?do=spin&after=body").bytes());
    let start = Instant::now();
    read_more(&mut conn, &mut seen, b"begun\n");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

fn big() -> Setup {
    // Chunked bodies count against LimitRequestBody too, and its default is 1 GiB.
    setup().conf("LimitRequestBody 0")
}

#[test]
fn cgi_29_big_upload_in_flat_memory() {
    let (httpd, size) = (big().start(), paths::big());
    upload(&httpd, "/probe?do=count", MIB, |conn| {
        assert_eq!(conn.response("POST").status(), 200)
    });
    with_flat_memory(&httpd, "upload", size, || {
        upload(&httpd, "/probe?do=count", size, |conn| {
            let text = conn.response("POST").expect(200).text();
            assert!(text.starts_with(&format!("bytes={size} ")), "{text}");
        });
    });
}

#[test]
fn cgi_29_big_upload_that_is_spooled_in_flat_memory() {
    let lines = "WasmBodyWithoutLength Spool";
    let (httpd, size) = (big().cgi("/spool", "probe-c", lines).start(), paths::big());
    upload(&httpd, "/spool", MIB, |conn| read_pattern(conn, MIB));
    with_flat_memory(&httpd, "spooled echo", size, || {
        upload(&httpd, "/spool", size, |conn| read_pattern(conn, size));
    });
}

#[test]
fn cgi_45_big_download_in_flat_memory() {
    let (httpd, size) = (big().start(), paths::big());
    httpd.get("/probe?do=gen&n=1000000").expect(200);
    with_flat_memory(&httpd, "download", size, || {
        let mut conn = httpd.connect();
        conn.send(Req::get(&format!("/probe?do=gen&n={size}")).bytes());
        read_pattern(&mut conn, size);
    });
}

/// An echo of `size` bytes through the guest at `target`.
fn big_echo(what: &str, target: &str, size: u64) {
    let httpd = big().start();
    upload(&httpd, target, MIB, |conn| read_pattern(conn, MIB));
    with_flat_memory(&httpd, what, size, || {
        upload(&httpd, target, size, |conn| read_pattern(conn, size));
    });
}

#[test]
fn big_echo_in_flat_memory() {
    big_echo("echo", "/probe?do=echo", paths::big());
}

#[test]
fn big_echo_of_the_other_kinds_in_flat_memory() {
    let size = paths::big() / 8;
    big_echo("echo in C", "/c", size);
    big_echo("echo of a component", "/p2?do=echo", size);
    big_echo("echo of a WASI 0.3 component", "/p3?echo", size);
}

#[test]
fn a_client_that_does_not_read_stops_the_guest_from_writing() {
    let httpd = setup().start();
    httpd.get("/probe?do=gen&n=1000000").expect(200);
    with_flat_memory(&httpd, "back-pressure", 256 * MIB, || {
        let mut conn = httpd.connect();
        conn.send(Req::get(&format!("/probe?do=gen&n={}", 256 * MIB)).bytes());
        let head = conn.head();
        // Long enough for the guest to write it all if nothing held it back.
        thread::sleep(Duration::from_secs(1));
        let mut count = 0;
        assert!(conn.read_body("GET", &head, &mut |piece| count += piece.len() as u64));
        assert_eq!(count, 256 * MIB);
    });
}
