//! CGI statements 40 and 6: programs that write their whole response themselves (`WasmNPH On`).

use std::fs;
use suite::client::chunk;
use suite::{Httpd, Req, Setup, Then, host, paths, wait};

const NPH: &str = "WasmNPH On";

/// A server whose guest at `/x` writes this and then does that.
fn serving(output: impl AsRef<[u8]>, then: Then) -> Setup {
    Setup::new().prints_then("/x", output, then, NPH)
}

/// All that comes on a connection until the server closes it.
fn whole(httpd: &Httpd, request: &Req) -> String {
    let mut conn = httpd.connect();
    conn.send(request.bytes());
    String::from_utf8_lossy(&conn.read_raw(|_| false)).into_owned()
}

/// The statuses in the access log, once there are so many.
fn statuses(httpd: &Httpd, count: usize) -> Vec<String> {
    let read = || {
        let log = fs::read_to_string(httpd.path("logs/access.log")).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains(" /x"));
        let status = |line: &str| line.split(' ').nth(3).unwrap_or_default().to_owned();
        lines.map(status).collect::<Vec<_>>()
    };
    wait::until("the access log", || read().len() >= count);
    read()
}

#[test]
fn cgi_40_the_output_is_the_whole_response() {
    let output =
        "HTTP/1.1 200 As you like\r\nx-odd:  kept \r\nDate: never\r\nContent-Length: 4\r\n\r\nbody";
    let httpd = Setup::new()
        .module("filter")
        .module("deflate")
        .module("headers")
        .conf("Header always set X-Added yes")
        .prints_then(
            "/x",
            output,
            Then::Return,
            "WasmNPH On\nSetOutputFilter DEFLATE",
        )
        .start();
    let request = Req::get("/x").field("Accept-Encoding", "gzip");
    assert_eq!(whole(&httpd, &request), output);
    // What the client sends after it is not answered.
    let mut conn = httpd.connect();
    conn.send([request.bytes(), Req::get("/x").bytes()].concat());
    assert_eq!(conn.read_raw(|_| false), output.as_bytes());
    let post = Req::post("/x", &[b'x'; 100_000]);
    assert_eq!(whole(&httpd, &post), output);
}

#[test]
fn cgi_40_the_access_log_has_the_status_of_the_status_line() {
    let cases = [
        ("/x404", "HTTP/1.1 404 Not here\r\n\r\n", "404"),
        ("/x299", "HTTP/1.0 299 Odd\n\nbody", "299"),
    ];
    let setup = cases.iter().fold(Setup::new(), |setup, (path, output, _)| {
        setup.prints_then(path, output, Then::Return, NPH)
    });
    let httpd = setup.start();
    for (n, (path, output, status)) in cases.iter().enumerate() {
        assert_eq!(whole(&httpd, &Req::get(path)), *output);
        assert_eq!(statuses(&httpd, n + 1)[n], *status, "{path}");
    }
}

#[test]
fn cgi_41_an_interim_response_is_refused() {
    // Where it ends and the response begins is for nobody to find out here.
    let output = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    let httpd = serving(output, Then::Return).start();
    for request in [Req::get("/x"), Req::head("/x")] {
        httpd.send(&request).expect(500);
        let line = httpd.expect_log("WASM0110");
        assert!(line.contains("103 is an interim status"), "{line}");
    }
}

#[test]
fn cgi_40_a_big_response_is_not_changed() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n";
    let output = [head.as_bytes(), &suite::flow::pattern().repeat(50)].concat();
    let httpd = serving(&output, Then::Return).start();
    let mut conn = httpd.connect();
    conn.send(Req::get("/x").bytes());
    assert!(conn.read_raw(|_| false) == output);
}

#[test]
fn cgi_40_no_body_where_there_must_be_none() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    let httpd = serving(format!("{head}{}", "x".repeat(100_000)), Then::Return)
        .prints_then(
            "/x204",
            "HTTP/1.1 204 Nothing\r\n\r\nbody",
            Then::Return,
            NPH,
        )
        .prints_then(
            "/x304",
            "HTTP/1.1 304 As it was\r\n\r\nbody",
            Then::Return,
            NPH,
        )
        .start();
    assert_eq!(whole(&httpd, &Req::head("/x")), head);
    assert_eq!(
        whole(&httpd, &Req::get("/x204")),
        "HTTP/1.1 204 Nothing\r\n\r\n"
    );
    assert_eq!(
        whole(&httpd, &Req::get("/x304")),
        "HTTP/1.1 304 As it was\r\n\r\n"
    );
    assert_eq!(statuses(&httpd, 3), ["200", "204", "304"]);
}

/// Its client writes the response: `raw` copies what it is sent.
fn echo() -> Setup {
    let lines = "WasmNPH On\nWasmArg raw\nWasmBodyWithoutLength Stream";
    Setup::new().cgi("/x", "probe", lines)
}

const POST: &str = "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn cgi_40_output_is_sent_as_it_comes() {
    let httpd = echo().start();
    let mut conn = httpd.connect();
    conn.send(POST);
    // A part of a head stays until it is whole.
    conn.send(chunk(b"HTTP/1.1 20"));
    let mut seen = Vec::new();
    for piece in ["0 OK\r\n\r\n", "one ", "two "] {
        conn.send(chunk(piece.as_bytes()));
        let ends = |all: &[u8]| all.ends_with(piece.as_bytes());
        seen.extend(conn.read_raw(ends));
    }
    assert_eq!(
        String::from_utf8_lossy(&seen),
        "HTTP/1.1 200 OK\r\n\r\none two "
    );
    conn.send("0\r\n\r\n");
    assert!(
        conn.is_closed(),
        "the end of the response is the end of the connection"
    );
}

#[test]
fn cgi_40_a_bad_request_body_puts_no_error_page_into_the_response() {
    let httpd = echo().start();
    let mut conn = httpd.connect();
    conn.send(POST);
    conn.send(chunk(b"HTTP/1.1 200 OK\r\n\r\nhalf"));
    let begun = conn.read_raw(|all| all.ends_with(b"half"));
    assert!(begun.starts_with(b"HTTP/1.1 200 OK\r\n"));
    conn.send("zz\r\n");
    let rest = conn.read_raw(|_| false);
    assert_eq!(String::from_utf8_lossy(&rest), "");
    httpd.expect_log("WASM0112");
}

#[test]
fn cgi_40_a_guest_that_fails_early_is_500() {
    let httpd = serving("HTTP/1.1 200 OK\r\nContent-Le", Then::Trap)
        .prints_then("/held", "HTTP/1.1 200 OK\r\n\r\nshort", Then::Trap, NPH)
        .prints_then("/empty", "", Then::Return, NPH)
        .prints_then("/cut", "HTTP/1.1 200 OK\r\nA: b\r\n", Then::Return, NPH)
        .prints_then(
            "/cgi",
            "Content-Type: text/plain\r\n\r\nbody",
            Then::Return,
            NPH,
        )
        .conf("ErrorDocument 500 \"the error page\"")
        .announce("WASM0101")
        .start();
    for target in ["/x", "/held", "/empty", "/cut", "/cgi"] {
        let response = httpd.get(target).expect(500);
        assert_eq!(response.text(), "the error page", "{target}");
    }
    httpd.expect_log("no status line: ");
    httpd.expect_log("WASM0110");
    let lines = httpd.logged("WASM0110");
    assert!(
        lines[2].contains("no status line: Content-Type: text/plain"),
        "{lines:#?}"
    );
}

#[test]
fn cgi_40_a_guest_that_fails_late_closes_the_connection() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let httpd = serving(format!("{head}{}", "x".repeat(200_000)), Then::Trap)
        .announce("WASM0102")
        .start();
    let response = httpd.get("/x");
    assert!(response.status() == 200 && !response.complete);
    assert!(
        response.body.iter().all(|byte| *byte == b'x'),
        "an error page in the body"
    );
    assert_eq!(statuses(&httpd, 1), ["200"]);
}

#[test]
fn cgi_40_it_is_off_where_it_is_not_said() {
    let output = "HTTP/1.1 200 OK\r\n\r\nbody";
    let httpd = Setup::new()
        .prints("/x", output)
        .conf(NPH)
        .prints_then("/off", output, Then::Return, "WasmNPH Off")
        .guest("/plain", "hello", "")
        .start();
    assert_eq!(
        whole(&httpd, &Req::get("/x")),
        output,
        "an inner section inherits it"
    );
    httpd.get("/off").expect(500);
    httpd.expect_log("WASM0110");
    httpd.tolerate("malformed header");
    // It is about CGI programs only.
    httpd.get("/plain").expect(200);
}

#[test]
fn cgi_40_over_http_2_it_is_500() {
    if !paths::threaded() {
        host::announce_skip("mod_http2 does not work under prefork");
        return;
    }
    let httpd = serving("HTTP/1.1 200 OK\r\n\r\nbody", Then::Return)
        .module("http2")
        .conf("Protocols h2c http/1.1")
        .start();
    let (status, _, body) = suite::H2::connect(httpd.port()).get("/x");
    assert_eq!(status, 500, "{}", String::from_utf8_lossy(&body));
    let line = httpd.expect_log("WASM0167");
    assert!(line.contains("module x.wasm"), "{line}");
    assert_eq!(
        whole(&httpd, &Req::get("/x")),
        "HTTP/1.1 200 OK\r\n\r\nbody"
    );
}

#[test]
fn cgi_06_an_include_is_refused() {
    let page = "Content-Type: text/html\r\n\r\n<!--#config errmsg=\"refused\" --><!--#include virtual=\"/x\" -->";
    let httpd = serving("HTTP/1.1 200 OK\r\n\r\nforged", Then::Return)
        .module("include")
        .prints_then(
            "/page",
            page,
            Then::Return,
            "Options +Includes\nSetOutputFilter INCLUDES",
        )
        .start();
    let mut conn = httpd.connect();
    for _ in 0..2 {
        let response = conn.exchange(&Req::get("/page")).expect(200);
        let text = response.text();
        assert!(
            !text.contains("forged") && !text.contains("HTTP/1.1"),
            "{text}"
        );
        assert!(text.contains("403") || text.contains("refused"), "{text}");
    }
    let line = httpd.expect_log("WASM0168");
    assert!(line.contains("module x.wasm"), "{line}");
    httpd.tolerate("mod_include");
    httpd.tolerate("include:error");
}
