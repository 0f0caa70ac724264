//! wasi:http, requests of a guest that fail or reach a limit: the guest gets an error that it can handle, and its own time goes on.

use std::time::{Duration, Instant};
use suite::flow::{MIB, read_pattern, upload, with_flat_memory};
use suite::upstream::reply;
use suite::{Httpd, Probe, Req, Setup, Upstream, after, both, check_lines, paths, wait};

both!(
    nobody_listens,
    a_name_that_does_not_exist,
    a_response_that_does_not_come_in_time,
    the_guests_own_timeouts,
    a_response_that_breaks_off,
    a_response_that_is_no_http,
    a_response_larger_than_the_limit,
    more_requests_at_once_than_the_limit,
    waiting_counts_as_the_guests_time,
    a_client_that_goes_ends_the_request,
    a_guest_that_ends_ends_its_requests,
    half_an_upload_is_not_taken_for_a_whole_one,
    a_certificate_must_be_good,
    big_bodies_in_flat_memory,
);

fn allowed(probe: Probe, lines: &str) -> Setup {
    probe.setup(&format!(
        "WasmAllowOutbound 127.0.0.1:* localhost:*\n{lines}"
    ))
}

#[track_caller]
fn fetch(httpd: &Httpd, url: &str) -> String {
    httpd.get(&format!("/p/fetch?url={url}")).expect(200).text()
}

/// Is it about this? A stream of WASI 0.2 gives the words of an error, not always its name.
fn says(error: &str, words: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace([' ', '-'], "");
    plain(error).contains(&plain(words))
}

fn nobody_listens(probe: Probe) {
    let httpd = allowed(probe, "").start();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0");
        listener
            .and_then(|l| l.local_addr())
            .map_or(1, |a| a.port())
    };
    let text = fetch(&httpd, &format!("http://127.0.0.1:{port}/"));
    assert_eq!(text, "error=ConnectionRefused\n");
}

fn a_name_that_does_not_exist(probe: Probe) {
    let httpd = probe
        .setup("WasmAllowOutbound *\nWasmOutboundLimit timeout=5s")
        .start();
    let text = fetch(&httpd, "http://no-such-name.invalid/");
    assert!(text.starts_with("error=Dns"), "{text}");
}

fn a_response_that_does_not_come_in_time(probe: Probe) {
    let httpd = allowed(probe, "WasmOutboundLimit timeout=300ms").start();
    let silent = Upstream::silent();
    let start = Instant::now();
    let text = fetch(&httpd, &silent.url("/"));
    assert!(
        [
            "error=HttpResponseTimeout\n",
            "error=ConnectionReadTimeout\n"
        ]
        .contains(&text.as_str()),
        "{text}"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    // The whole time counts, not only that until the head.
    let slow =
        Upstream::start(|_| Some(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ".to_vec()));
    let text = fetch(&httpd, &slow.url("/"));
    check_lines(&text, &["status=200"]);
    assert_eq!(after(&text, "body-error=").len(), 1, "{text}");
}

fn the_guests_own_timeouts(probe: Probe) {
    let httpd = allowed(probe, "").start();
    let silent = Upstream::silent();
    let start = Instant::now();
    let text = fetch(&httpd, &format!("{}&first=200", silent.url("/")));
    assert!(
        text.starts_with("error=") && text.contains("Timeout"),
        "{text}"
    );
    let slow =
        Upstream::start(|_| Some(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ".to_vec()));
    let text = fetch(&httpd, &format!("{}&between=200", slow.url("/")));
    check_lines(&text, &["status=200"]);
    let error = after(&text, "body-error=").concat();
    assert!(says(&error, "timeout"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

fn a_response_that_breaks_off(probe: Probe) {
    let httpd = allowed(probe, "").start();
    // It says "close" by ending: the reply is followed by nothing, since the test's server drops the connection.
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let Ok(listener) = listener else { return };
    let port = listener.local_addr().map_or(0, |a| a.port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            use std::io::{Read as _, Write as _};
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ");
        }
    });
    let text = fetch(&httpd, &format!("http://127.0.0.1:{port}/"));
    check_lines(&text, &["status=200"]);
    assert_eq!(after(&text, "body-error=").len(), 1, "{text}");
}

fn a_response_that_is_no_http(probe: Probe) {
    let httpd = allowed(probe, "").start();
    let upstream = Upstream::start(|_| Some(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()));
    let text = fetch(&httpd, &upstream.url("/"));
    assert_eq!(text, "error=HttpProtocolError\n");
}

fn a_response_larger_than_the_limit(probe: Probe) {
    let httpd = allowed(probe, "WasmOutboundLimit size=1000").start();
    let upstream = Upstream::start(|head| {
        let size = if head.starts_with("GET /fits ") {
            1000
        } else {
            1001
        };
        Some(reply(200, &[], &vec![b'x'; size]))
    });
    let text = fetch(&httpd, &upstream.url("/fits"));
    check_lines(&text, &["status=200"]);
    assert!(
        text.contains("bytes=1000 ") && !text.contains("error"),
        "{text}"
    );
    let text = fetch(&httpd, &upstream.url("/more"));
    let error = after(&text, "body-error=").concat();
    assert!(says(&error, "HTTP response body size"), "{text}");
}

fn more_requests_at_once_than_the_limit(probe: Probe) {
    let httpd = allowed(probe, "WasmOutboundLimit concurrent=3").start();
    let upstream = Upstream::saying("reached");
    let text = httpd
        .get(&format!("/p/many?n=5&url={}", upstream.url("/")))
        .expect(200)
        .text();
    check_lines(
        &text,
        &["status=200 times=3", "error=ConnectionLimitReached times=2"],
    );
}

fn waiting_counts_as_the_guests_time(probe: Probe) {
    let silent = Upstream::silent();
    let httpd = allowed(probe, "WasmTimeout 300ms")
        .timeout(300)
        .conf("WasmMaxInstances 1")
        .announce("WASM0105")
        .start();
    for _ in 0..3 {
        httpd
            .get(&format!("/p/fetch?url={}", silent.url("/")))
            .expect(504);
        httpd.get("/p/unread").expect(200);
    }
}

fn a_client_that_goes_ends_the_request(probe: Probe) {
    // The other server sees its connection close, since nobody waits for its answer any more.
    let silent = Upstream::silent();
    let httpd = allowed(probe, "WasmTimeout 600").timeout(600).start();
    let mut conn = httpd.connect();
    conn.send(Req::get(&format!("/p/fetch?url={}", silent.url("/"))).bytes());
    wait::until("the request to arrive", || silent.asked().len() == 1);
    conn.reset();
    httpd.expect_log("WASM0108");
    wait::until("the connection to be closed", || silent.closed() == 1);
}

fn a_guest_that_ends_ends_its_requests(probe: Probe) {
    let silent = Upstream::silent();
    let httpd = allowed(probe, "WasmTimeout 300ms")
        .timeout(300)
        .announce("WASM0105")
        .start();
    httpd
        .get(&format!("/p/fetch?url={}", silent.url("/")))
        .expect(504);
    wait::until("the connection to be closed", || silent.closed() == 1);
}

fn half_an_upload_is_not_taken_for_a_whole_one(probe: Probe) {
    // Whoever takes the upload must be able to tell that its end is missing, as in RFC 9112, section 8.
    let upstream = Upstream::silent();
    let httpd = allowed(probe, "").start();
    let mut conn = httpd.connect();
    let target = format!("/p/proxy?url={}", upstream.url("/"));
    conn.send(format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    ));
    wait::until("the request to arrive", || upstream.asked().len() == 1);
    drop(conn);
    wait::until("the connection to be closed", || upstream.closed() == 1);
    assert_eq!(upstream.whole(), 0);
    let logged = || httpd.logged("WASM01");
    wait::until("the end to be told", || !logged().is_empty());
    httpd.tolerate(&logged().remove(0));
}

fn a_certificate_must_be_good(probe: Probe) {
    let neighbour = Setup::new().tls().file("htdocs/a.txt", "a file");
    let certificate = neighbour.certificate();
    let neighbour = neighbour.start();
    let url = format!("https://localhost:{}/a.txt", neighbour.port());
    let strange = allowed(probe, "").start();
    assert_eq!(fetch(&strange, &url), "error=TlsCertificateError\n");
    // The system's roots are found through this variable too.
    let trusting = allowed(probe, "")
        .env("SSL_CERT_FILE", &certificate.to_string_lossy())
        .start();
    check_lines(&fetch(&trusting, &url), &["status=200", "a file"]);
    // A server that does not speak TLS.
    let plain = format!("https://127.0.0.1:{}/", strange.port());
    assert_eq!(fetch(&trusting, &plain), "error=TlsProtocolError\n");
    strange.tolerate("AH");
    neighbour.tolerate("AH0");
}

fn big_bodies_in_flat_memory(probe: Probe) {
    let lines = "LimitRequestBody 0\nWasmOutboundLimit size=1024G timeout=10min";
    let httpd = allowed(probe, lines)
        .guest("/q", probe.guest, "LimitRequestBody 0")
        .timeout(300)
        .start();
    let size = paths::big() / 8;
    let target = format!("/p/proxy?url=http://localhost:{}/q/sink", httpd.port());
    upload(&httpd, &target, MIB, |conn| {
        conn.response("POST").expect(200);
    });
    with_flat_memory(&httpd, "upload passed on", size, || {
        upload(&httpd, &target, size, |conn| {
            let text = conn.response("POST").expect(200).text();
            assert!(text.starts_with(&format!("bytes={size} ")), "{text}");
        });
    });
    with_flat_memory(&httpd, "download passed on", size, || {
        let mut conn = httpd.connect();
        let source = format!("http://localhost:{}/q/source?size={size}", httpd.port());
        conn.send(Req::get(&format!("/p/proxy?url={source}")).bytes());
        read_pattern(&mut conn, size);
    });
}
