//! A response is as long as its head says, whoever has written the head: what is too much would be another response to whoever
//! reads on, such as a proxy that sends requests of others over the same connection.

use suite::client::chunk;
use suite::{Httpd, Req, Setup, Then};

/// What nobody may get to see.
const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Injected: 1\r\n\r\nEVIL!";

/// More than is held back, so that the head goes out before the body is whole.
fn long(start: &str) -> String {
    format!("{start}{}", "x".repeat(100_000))
}

/// A CGI program whose output the client writes, piece by piece.
fn raw(location: &str, lines: &str) -> Setup {
    let lines = format!("WasmArg raw\nWasmBodyWithoutLength Stream\n{lines}");
    Setup::new()
        .module("env")
        .module("headers")
        .cgi(location, "probe", &lines)
}

const TRUSTED: &str = "SetEnv ap_trust_cgilike_cl yes";

/// All that comes back for two requests on one connection, the second of which is for `/next`. The program of the first writes
/// these pieces, each when the one before has arrived.
fn with_pieces(httpd: &Httpd, target: &str, pieces: &[&str]) -> String {
    let mut conn = httpd.connect();
    conn.send(format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    let mut all = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        conn.send(chunk(piece.as_bytes()));
        if n == 0 {
            all = conn.read_raw(|all| all.windows(4).any(|end| end == b"\r\n\r\n"));
        }
    }
    // The server may have closed by now.
    let _ = conn.try_send(b"0\r\n\r\n");
    let _ = conn.try_send(&Req::get("/next").bytes());
    all.extend(conn.read_raw(|_| false));
    String::from_utf8_lossy(&all).into_owned()
}

/// The same for a program that writes what it writes at once.
fn at_once(httpd: &Httpd, request: &Req) -> String {
    let mut conn = httpd.connect();
    conn.send([request.bytes(), Req::get("/next").bytes()].concat());
    String::from_utf8_lossy(&conn.read_raw(|_| false)).into_owned()
}

/// One response, and then the end of the connection.
#[track_caller]
fn is_cut(all: &str, body: &str) {
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
    assert!(
        !all.contains("EVIL") && !all.contains("X-Injected"),
        "{all}"
    );
    assert!(all.ends_with(&format!("\r\n\r\n{body}")), "{all}");
}

#[test]
fn a_body_longer_than_a_trusted_length_is_cut() {
    let httpd = raw("/x", TRUSTED).announce("WASM0200").start();
    let head = "Content-Type: text/plain\nContent-Length: 2\n\n";
    let all = with_pieces(&httpd, "/x", &[&format!("{head}A"), &format!("B{EVIL}")]);
    is_cut(&all, "AB");
    let all = with_pieces(&httpd, "/x", &[&format!("{head}AB"), EVIL]);
    is_cut(&all, "AB");
    let line = httpd.expect_log("longer than its head says");
    assert!(line.contains("module probe.wasm"), "{line}");
}

#[test]
fn a_body_shorter_than_a_trusted_length_closes_the_connection() {
    let httpd = raw("/x", TRUSTED).announce("WASM0200").start();
    let head = "Content-Type: text/plain\nContent-Length: 100\n\n";
    is_cut(
        &with_pieces(&httpd, "/x", &[&format!("{head}A"), "B"]),
        "AB",
    );
    httpd.expect_log("shorter than its head says");
}

#[test]
fn a_trusted_length_that_is_right_keeps_the_connection() {
    let httpd = raw("/x", TRUSTED)
        .prints("/next", "Content-Type: a/b\n\nnext")
        .start();
    let first = "Content-Type: text/plain\nContent-Length: 4\n\nAB";
    let mut conn = httpd.connect();
    for _ in 0..3 {
        let request = Req::post_chunked("/x", &[first.as_bytes(), b"CD"]);
        assert_eq!(conn.exchange(&request).expect(200).text(), "ABCD");
    }
    assert_eq!(conn.exchange(&Req::get("/next")).expect(200).text(), "next");
}

#[test]
fn lengths_of_the_configuration_are_held_to_as_well() {
    let output = long(&format!("Content-Type: text/plain\n\nAB{EVIL}"));
    let httpd = Setup::new()
        .module("headers")
        .prints_then("/set", &output, Then::Return, "Header set Content-Length 2")
        .prints_then(
            "/always",
            &output,
            Then::Return,
            "Header always set Content-Length 2",
        )
        .prints_then(
            "/none",
            &output,
            Then::Return,
            "Header set Content-Length 2x",
        )
        .prints_then(
            "/coded",
            &output,
            Then::Return,
            "Header set Transfer-Encoding chunked",
        )
        // httpd knows the length of a short one, and sends both.
        .prints_then(
            "/two",
            format!("Content-Type: text/plain\n\nAB{EVIL}"),
            Then::Return,
            "Header always set Content-Length 2",
        )
        .announce("WASM0200")
        .start();
    for (target, body) in [
        ("/set", "AB"),
        ("/always", "AB"),
        ("/none", ""),
        ("/coded", ""),
        ("/two", "AB"),
    ] {
        is_cut(&at_once(&httpd, &Req::get(target)), body);
    }
    assert_eq!(httpd.logged("WASM0200").len(), 5, "{}", httpd.error_log());
}

#[test]
fn a_guest_without_a_head_of_its_own_is_held_to_it() {
    let httpd = Setup::new()
        .module("headers")
        .wasm(
            "/plain",
            &suite::wat_guest::printing(long(&format!("AB{EVIL}")).as_bytes(), Then::Return),
            "Header set Content-Length 2",
        )
        .guest("/p", "probe-http", "Header set Content-Length 2")
        .announce("WASM0200")
        .start();
    is_cut(&at_once(&httpd, &Req::get("/plain")), "AB");
    let all = at_once(&httpd, &Req::get("/p/source?size=200000"));
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
    let (_, body) = all.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body.len(), 2);
}

#[test]
fn an_include_is_held_to_the_head_of_its_page() {
    // What stands before the include may have gone out when the program begins.
    let page = |before: usize| format!("{}<!--#include virtual=\"/x\" -->", "y".repeat(before));
    let httpd = Setup::new()
        .module("headers")
        .module("include")
        .conf(
            "<Directory ${ROOT}/htdocs>\nOptions +Includes\nSetOutputFilter INCLUDES\n</Directory>\n\
             <Location /short.html>\nHeader set Content-Length 2\n</Location>\n\
             <Location /long.html>\nHeader set Content-Length 20002\n</Location>",
        )
        .file("htdocs/short.html", page(0))
        .file("htdocs/long.html", page(20_000))
        .prints("/x", long(&format!("Content-Type: text/html\n\nAB{EVIL}")))
        .announce("WASM0200")
        .tolerate("include:error")
        .start();
    for target in ["/short.html", "/long.html"] {
        let all = at_once(&httpd, &Req::get(target));
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
        assert!(!all.contains("EVIL") && all.ends_with("AB"), "{all}");
    }
}

#[test]
fn a_head_request_says_what_it_likes() {
    let head = "Content-Type: text/plain\nContent-Length: 2\n\n";
    let httpd = Setup::new()
        .module("env")
        .prints_then(
            "/x",
            long(&format!("{head}AB{EVIL}")),
            Then::Return,
            TRUSTED,
        )
        .prints("/next", "Content-Type: a/b\n\nnext")
        .tolerate("WASM0108")
        .start();
    let mut conn = httpd.connect();
    let response = conn.exchange(&Req::head("/x")).expect(200);
    assert!(response.body.is_empty());
    assert_eq!(conn.exchange(&Req::get("/next")).expect(200).text(), "next");
}

#[test]
fn filters_that_change_the_length_are_no_fault() {
    let page = format!(
        "Content-Type: text/plain\nContent-Length: 100000\n\n{}",
        "x".repeat(100_000)
    );
    let httpd = Setup::new()
        .module("env")
        .module("filter")
        .module("deflate")
        .prints_then(
            "/x",
            page,
            Then::Return,
            &format!("{TRUSTED}\nSetOutputFilter DEFLATE"),
        )
        .start();
    let mut conn = httpd.connect();
    for _ in 0..2 {
        let request = Req::get("/x").field("Accept-Encoding", "gzip");
        let response = conn.exchange(&request).expect(200);
        assert_eq!(response.header("Content-Encoding"), Some("gzip"));
        assert!(response.complete && response.body.len() < 10_000);
        assert_eq!(
            conn.exchange(&Req::get("/x")).expect(200).body.len(),
            100_000
        );
    }
}

#[test]
fn over_http_2_the_stream_is_reset() {
    if !suite::paths::threaded() {
        suite::host::announce_skip("mod_http2 does not work under prefork");
        return;
    }
    let httpd = Setup::new()
        .module("http2")
        .module("headers")
        .conf("Protocols h2c http/1.1")
        .prints_then(
            "/x",
            long("Content-Type: a/b\n\nAB"),
            Then::Return,
            "Header set Content-Length 2",
        )
        .prints_then(
            "/short",
            long("Content-Type: a/b\n\nAB"),
            Then::Return,
            "Header set Content-Length 2000000",
        )
        .prints("/next", "Content-Type: a/b\n\nnext")
        .announce("WASM0200")
        .start();
    let client = suite::H2::connect(httpd.port());
    for target in ["/x", "/short"] {
        let mut stream = client.open("GET", target, &[], true);
        let body = stream.try_head().and_then(|_| stream.rest());
        assert!(body.is_err(), "{target} looks whole");
    }
    assert_eq!(client.get("/next").0, 200);
}

#[test]
fn a_whole_response_of_a_program_is_held_to_its_own_head() {
    let nph = "WasmNPH On";
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nAB\r\n0\r\n\r\n";
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nAB";
    let httpd = raw("/raw", nph)
        .prints_then("/length", format!("{length}{EVIL}"), Then::Return, nph)
        .prints_then("/chunks", format!("{chunks}{EVIL}"), Then::Return, nph)
        .prints_then("/long", long(&format!("{length}{EVIL}")), Then::Return, nph)
        .prints_then(
            "/short",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nAB",
            Then::Return,
            nph,
        )
        .prints_then(
            "/two",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 2\r\n\r\nAB",
            Then::Return,
            nph,
        )
        .announce("WASM0200")
        .start();
    is_cut(&at_once(&httpd, &Req::get("/length")), "AB");
    is_cut(
        &at_once(&httpd, &Req::get("/chunks")),
        "2\r\nAB\r\n0\r\n\r\n",
    );
    is_cut(&at_once(&httpd, &Req::get("/long")), "AB");
    is_cut(&at_once(&httpd, &Req::get("/short")), "AB");
    is_cut(&with_pieces(&httpd, "/raw", &[length, EVIL]), "AB");
    assert_eq!(httpd.logged("WASM0200").len(), 5, "{}", httpd.error_log());
    httpd.get("/two").expect(500);
    let line = httpd.expect_log("WASM0110");
    assert!(line.contains("two lengths"), "{line}");
}

#[test]
fn cgi_36_the_connection_is_not_the_programs_to_speak_of() {
    let fields = "Connection: Upgrade\nKeep-Alive: timeout=999\nUpgrade: h2c\nProxy-Connection: keep-alive\nX-Own: 1\n";
    let httpd = Setup::new()
        .prints("/x", format!("Content-Type: a/b\n{fields}\nbody"))
        .start();
    let mut conn = httpd.connect();
    for _ in 0..2 {
        let response = conn.exchange(&Req::get("/x")).expect(200);
        for name in ["Connection", "Upgrade", "Proxy-Connection"] {
            assert_eq!(response.header(name), None, "{name}");
        }
        assert_eq!(response.header("X-Own"), Some("1"));
        assert_ne!(response.header("Keep-Alive"), Some("timeout=999"));
        assert_eq!(response.text(), "body");
    }
}

#[test]
fn reset_content_has_no_body() {
    let long_body = "x".repeat(100_000);
    let status = "Status: 205 Reset Content\nContent-Type: a/b\n";
    let httpd = Setup::new()
        .module("env")
        .prints("/short", format!("{status}\nbody"))
        .prints_then(
            "/trusted",
            format!("{status}Content-Length: 4\n\nbody"),
            Then::Return,
            TRUSTED,
        )
        .prints_then(
            "/long",
            format!("{status}Content-Length: 100000\n\n{long_body}"),
            Then::Return,
            TRUSTED,
        )
        .guest("/p2", "probe-http", "")
        .guest("/p3", "probe-service", "")
        .prints("/next", "Content-Type: a/b\n\nnext")
        .start();
    let mut conn = httpd.connect();
    for target in [
        "/short",
        "/trusted",
        "/long",
        "/p2/status?code=205",
        "/p3/status?code=205",
    ] {
        let response = conn.exchange(&Req::get(target)).expect(205);
        assert!(response.complete && response.body.is_empty(), "{target}");
        assert_eq!(conn.exchange(&Req::get("/next")).expect(200).text(), "next");
    }
}
