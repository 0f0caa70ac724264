//! CGI statements 12 and 23 for bodies whose length nobody has said: what `WasmBodyWithoutLength` makes of them. Over HTTP/2:
//! `http2.rs`; big ones: `streaming.rs`.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use suite::client::chunk;
use suite::{Httpd, Req, Setup, check_variables, process};

/// `/c` trusts `CONTENT_LENGTH`, `/probe` reads to the end, `/env` shows what it is told, `/started` says so in the log.
fn setup(lines: &str) -> Setup {
    Setup::new()
        .cgi("/c", "probe-c", lines)
        .cgi("/probe", "probe", lines)
        .cgi("/env", "probe", &format!("WasmArg env\n{lines}"))
        .cgi("/started", "probe", &format!("WasmArg stderr\n{lines}"))
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8).collect()
}

/// No guest has been started at `/started`.
fn none_started(httpd: &Httpd) {
    assert_eq!(httpd.logged("WASM0120"), [""; 0]);
}

#[test]
fn cgi_12_a_chunked_body_has_the_length_that_was_read() {
    let httpd = setup("").start();
    let told = |request: &Req| httpd.send(request).expect(200).variables();
    for (pieces, length) in [(&[&b"123"[..], b"45"][..], "5"), (&[], "0")] {
        let request = Req::post_chunked("/env", pieces);
        let expected = [
            ("CONTENT_LENGTH", Some(length)),
            ("HTTP_TRANSFER_ENCODING", None),
        ];
        check_variables(&told(&request), &expected);
    }
    let none = [("CONTENT_LENGTH", None)];
    check_variables(&told(&Req::get("/env")), &none);
    check_variables(&told(&Req::new("POST", "/env")), &none);
    check_variables(
        &told(&Req::post("/env", b"123")),
        &[("CONTENT_LENGTH", Some("3"))],
    );
}

#[test]
fn cgi_23_a_guest_that_reads_content_length_bytes_gets_a_chunked_body_whole() {
    let httpd = setup("").start();
    let mut conn = httpd.connect();
    for size in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
        let body = bytes(size);
        let pieces: Vec<&[u8]> = body.chunks(40_000).collect();
        for target in ["/c", "/probe?do=echo"] {
            let response = conn.exchange(&Req::post_chunked(target, &pieces));
            assert!(
                response.expect(200).body == body,
                "{size} bytes to {target}"
            );
        }
    }
}

#[test]
fn cgi_23_a_spooled_body_leaves_nothing_behind() {
    let setup = setup("").writable("tmp").threads(1);
    let tmp = setup.path("tmp");
    let httpd = setup.env("TMPDIR", &tmp.to_string_lossy()).start();
    let body = bytes(200_000);
    let request = Req::post_chunked("/c", &[&body]);
    let open = || {
        httpd
            .child_pids()
            .into_iter()
            .map(process::open_files)
            .max()
    };
    assert!(httpd.send(&request).expect(200).body == body);
    let before = open();
    for _ in 0..10 {
        assert!(httpd.send(&request).expect(200).body == body);
    }
    assert_eq!(
        fs::read_dir(&tmp).unwrap().count(),
        0,
        "a file has been left"
    );
    suite::wait::until("the files of the bodies are closed", || open() <= before);
}

#[test]
fn cgi_24_a_spooled_body_need_not_be_read() {
    let httpd = setup("").start();
    let mut conn = httpd.connect();
    let request = Req::post_chunked("/probe?do=noread", &[&bytes(100_000), b"end"]);
    for _ in 0..2 {
        let response = conn.exchange(&request).expect(200);
        assert_eq!(response.text(), "read 0 bytes\n");
    }
}

#[test]
fn cgi_25_a_client_that_expects_100_gets_it_before_the_guest_starts() {
    let httpd = setup("").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /c HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    assert_eq!(conn.head().status, 100);
    conn.send([chunk(b"body"), b"0\r\n\r\n".to_vec()].concat());
    assert_eq!(conn.response("POST").expect(200).text(), "body");
}

#[test]
fn cgi_26_a_chunked_body_over_the_limit_starts_no_guest() {
    let httpd = setup("LimitRequestBody 1000").start();
    let request = |pieces: &[&[u8]]| Req::post_chunked("/started", pieces);
    let mut conn = httpd.connect();
    let refused = conn.exchange(&request(&[&bytes(600), &bytes(600)]));
    refused.expect(413);
    httpd.expect_log("WASM0117");
    none_started(&httpd);
    let response = httpd.send(&Req::post_chunked("/c", &[&bytes(600), &bytes(400)]));
    assert!(response.expect(200).body.len() == 1000);
}

#[test]
fn cgi_27_a_body_that_does_not_arrive_starts_no_guest() {
    let httpd = setup("").timeout(1).start();
    let head = "POST /started HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut malformed = httpd.connect();
    malformed.send(format!("{head}4\r\nbody\r\nzz\r\n"));
    assert_eq!(malformed.response("POST").status(), 400);
    let mut slow = httpd.connect();
    slow.send(format!("{head}4\r\nbo"));
    assert_eq!(slow.response("POST").status(), 408);
    httpd.expect_log("WASM0112");
    let mut gone = httpd.connect();
    gone.send(format!("{head}4\r\nbo"));
    drop(gone);
    suite::wait::until("all three are logged", || {
        httpd.logged("WASM0112").len() == 3
    });
    none_started(&httpd);
}

#[test]
fn cgi_28_a_body_that_a_filter_changes_has_its_true_length() {
    let httpd = ["", "WasmBodyWithoutLength Refuse"].map(|more| {
        let lines = format!("SetInputFilter DEFLATE\nLimitRequestBody 100000\nDeflateInflateLimitRequestBody 1000000\n{more}");
        setup(&lines).module("filter").module("deflate").start()
    });
    for httpd in &httpd {
        let plain = bytes(90_000);
        let packed = gzip(&plain);
        assert!(packed.len() < plain.len());
        let request =
            |target: &str, body: &[u8]| Req::post(target, body).field("Content-Encoding", "gzip");
        assert!(httpd.send(&request("/c", &packed)).expect(200).body == plain);
        let told = httpd
            .send(&request("/env", &packed))
            .expect(200)
            .variables();
        let expected = [
            ("CONTENT_LENGTH", Some("90000")),
            ("HTTP_CONTENT_ENCODING", None),
        ];
        check_variables(&told, &expected);
        // One that the filter has nothing to do with keeps its own.
        let told = httpd.post("/env", b"12345").expect(200).variables();
        check_variables(&told, &[("CONTENT_LENGTH", Some("5"))]);
        // Small as it comes, and too large when it is unpacked, which mod_deflate has been told to allow.
        let bomb = gzip(&bytes(100_001));
        httpd.send(&request("/started", &bomb)).expect(413);
        none_started(httpd);
        httpd.expect_log("WASM0117");
    }
}

#[test]
fn cgi_28_a_streamed_body_that_a_filter_changes_has_no_length() {
    let httpd = setup("SetInputFilter DEFLATE\nWasmBodyWithoutLength Stream")
        .module("filter")
        .module("deflate")
        .start();
    let plain = bytes(90_000);
    let request = |target| Req::post(target, &gzip(&plain)).field("Content-Encoding", "gzip");
    assert!(httpd.send(&request("/c")).expect(200).body == plain);
    let told = httpd.send(&request("/env")).expect(200).variables();
    check_variables(&told, &[("CONTENT_LENGTH", None)]);
}

#[test]
fn cgi_23_refuse_asks_for_a_length() {
    let httpd = setup("WasmBodyWithoutLength Refuse").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /started HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let response = conn.response("POST").expect(411);
    assert!(response.interim.is_empty(), "nobody reads the body");
    let line = httpd.expect_log("WASM0162");
    assert!(line.contains("probe.wasm"), "{line}");
    none_started(&httpd);
    assert_eq!(httpd.post("/c", b"body").expect(200).text(), "body");
    httpd.get("/env").expect(200);
}

#[test]
fn cgi_23_without_a_directory_for_temporary_files_small_bodies_still_arrive() {
    let httpd = setup("").env("TMPDIR", "/nonexistent/tmp").start();
    let response = httpd.send(&Req::post_chunked("/c", &[&bytes(65_536)]));
    assert!(response.expect(200).body.len() == 65_536);
    let failed = httpd.send(&Req::post_chunked("/started", &[&bytes(65_537)]));
    let page = failed.expect(500).text();
    assert!(!page.contains("/nonexistent"), "{page}");
    let line = httpd.expect_log("WASM0160");
    assert!(line.contains("No such file or directory"), "{line}");
    none_started(&httpd);
}

#[test]
fn cgi_23_no_room_for_a_body_is_507() {
    let limit = 1 << 20;
    let httpd = setup("").file_size(limit).start();
    let size = usize::try_from(limit).unwrap_or_default();
    let fits = bytes(size);
    assert!(
        httpd
            .send(&Req::post_chunked("/c", &[&fits]))
            .expect(200)
            .body
            == fits
    );
    let request = Req::post_chunked("/started", &[&fits, b"more"]);
    httpd.send(&request).expect(507);
    let line = httpd.expect_log("WASM0161");
    assert!(line.contains("File too large"), "{line}");
    none_started(&httpd);
}

#[expect(clippy::expect_used, reason = "to panic is to fail the test")]
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is there");
    let mut stdin = child.stdin.take().expect("a pipe");
    let data = data.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&data));
    let out = child.wait_with_output().expect("gzip ends").stdout;
    assert!(writer.join().is_ok_and(|written| written.is_ok()));
    out
}
