//! CGI statements 30 to 39: the head that a guest writes, and what httpd makes of it.
//!
//! The guests are made here, byte by byte, so that a failure shows exactly what was written. 37 to 39 and 41: `cgi_ends.rs`.

use suite::{Req, Response, Setup};

const OK: &str = "Content-Type: text/plain\r\n\r\nbody";

#[test]
fn cgi_30_crlf_and_lf_heads_parse_and_no_type_is_needed() {
    let httpd = Setup::new()
        .prints("/crlf", OK)
        .prints("/lf", "Content-Type: text/plain\nX-Two: 2\n\nbody")
        .prints("/304", "Status: 304 Not Modified\r\n\r\n")
        .prints("/204", "Status: 204 No Content\r\n\r\n")
        .prints("/302", "Location: http://example.org/x\r\n\r\n")
        .start();
    let crlf = httpd.get("/crlf").expect(200);
    assert_eq!(crlf.text(), "body");
    assert_eq!(crlf.header("Content-Type"), Some("text/plain"));
    let lf = httpd.get("/lf").expect(200);
    assert_eq!(
        (lf.text().as_str(), lf.header("X-Two")),
        ("body", Some("2"))
    );
    httpd.get("/304").expect(304);
    httpd.get("/204").expect(204);
    let redirect = httpd.get("/302").expect(302);
    assert_eq!(redirect.header("Location"), Some("http://example.org/x"));
}

#[test]
fn cgi_31_status_sets_the_status_line_and_keeps_the_body() {
    let httpd = Setup::new()
        .conf("ErrorDocument 404 \"from httpd\"\nErrorDocument 500 \"from httpd\"")
        .prints(
            "/404",
            "Status: 404 Not here\r\nContent-Type: text/plain\r\n\r\nfrom the guest",
        )
        .prints(
            "/500",
            "Status: 500 Broken\r\nContent-Type: text/plain\r\n\r\nfrom the guest",
        )
        .prints(
            "/bare",
            "Status: 418\r\nContent-Type: text/plain\r\n\r\nfrom the guest",
        )
        .start();
    for (target, status, reason) in [("/404", 404, "Not here"), ("/500", 500, "Broken")] {
        let response = httpd.get(target).expect(status);
        assert_eq!(response.head.reason, reason);
        assert_eq!(response.text(), "from the guest");
    }
    assert_eq!(httpd.get("/bare").expect(418).text(), "from the guest");
}

#[test]
fn cgi_31_a_bad_status_is_500() {
    let bad = ["abc", "", "99 too small", "1000 too large", "20x"];
    let mut setup = Setup::new().tolerate("Invalid status line");
    for (n, value) in bad.iter().enumerate() {
        setup = setup.prints(&format!("/{n}"), format!("Status: {value}\r\n{OK}"));
    }
    let httpd = setup.start();
    for n in 0..bad.len() {
        httpd.get(&format!("/{n}")).expect(500);
    }
    httpd.expect_log("WASM0110");
    assert_eq!(httpd.logged("WASM0110").len(), bad.len());
}

#[test]
fn cgi_32_a_local_location_redirects_internally() {
    let httpd = Setup::new()
        .prints(
            "/from",
            "Location: /to?b=2\r\nContent-Type: text/plain\r\n\r\ndropped",
        )
        .cgi("/to", "env", "")
        .start();
    let page = httpd.get("/from?a=1").expect(200).text();
    for (name, value) in [
        ("REQUEST_METHOD", "GET"),
        ("QUERY_STRING", "b=2"),
        ("REDIRECT_URL", "/from"),
        ("REDIRECT_QUERY_STRING", "a=1"),
        ("REDIRECT_STATUS", "200"),
    ] {
        assert!(
            page.contains(&format!("<td>{name}</td><td>{value}</td>")),
            "{name}\n{page}"
        );
    }
    assert!(!page.contains("dropped"));
    let posted = httpd.post("/from", b"a body").expect(200).text();
    assert!(
        posted.contains("<td>REQUEST_METHOD</td><td>GET</td>"),
        "{posted}"
    );
    assert!(!posted.contains("<td>CONTENT_LENGTH</td>"), "{posted}");
}

/// A guest at `/from` that redirects to `/to` without having read its body, and one at `/next` for the request that follows.
fn redirecting(lines: &str) -> Setup {
    Setup::new()
        .prints_then("/from", "Location: /to\r\n\r\n", suite::Then::Return, lines)
        .cgi("/to", "probe", "WasmArg count")
        .prints("/next", OK)
        .prints("/smuggled", "Content-Type: text/plain\r\n\r\nsmuggled")
}

/// A body that is a request, if it is taken for one.
const REQUEST: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n";

#[test]
fn cgi_24_a_body_left_unread_by_a_redirect_is_not_the_next_request() {
    for lines in ["", "WasmBodyWithoutLength Stream"] {
        let httpd = redirecting(lines).start();
        let large = [REQUEST, &[b'x'; 1 << 20][..]].concat();
        for method in ["POST", "PUT", "GET", "HEAD"] {
            for request in [
                Req::post("/from", REQUEST),
                Req::post("/from", &large),
                Req::post_chunked("/from", &[REQUEST, REQUEST]),
            ] {
                let mut conn = httpd.connect();
                let request = request.method(method).bytes();
                let mut sender = conn.sender();
                let both = [request, Req::get("/next").bytes()].concat();
                std::thread::scope(|scope| {
                    scope.spawn(move || std::io::Write::write_all(&mut sender, &both));
                    // The redirected request is one without a body.
                    let redirected = conn.response(method).expect(200);
                    assert!(method == "HEAD" || redirected.text().starts_with("bytes=0 "));
                    assert_eq!(conn.response("GET").expect(200).text(), "body", "{method}");
                });
            }
        }
    }
}

#[test]
fn cgi_32_a_client_that_waits_for_100_continue_is_redirected_without_it() {
    let httpd = redirecting("").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /from HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    );
    let response = conn.response("POST").expect(200);
    assert!(response.interim.is_empty(), "nobody reads the body");
    assert!(response.text().starts_with("bytes=0 "));
    // Whether the body comes now is for the client to say, so no request may follow.
    assert!(conn.is_closed());
}

#[test]
fn cgi_33_an_absolute_location_is_302() {
    let httpd = Setup::new()
        .prints("/plain", "Location: http://example.org/\r\nContent-Type: text/plain\r\n\r\nguest's own")
        .prints("/kept", "Status: 302 Found\r\nLocation: http://example.org/\r\nContent-Type: text/plain\r\n\r\nguest's own")
        .prints("/301", "Status: 301 Moved\r\nLocation: http://example.org/\r\n\r\nguest's own")
        .start();
    let plain = httpd.get("/plain").expect(302);
    assert_eq!(plain.header("Location"), Some("http://example.org/"));
    assert!(!plain.text().contains("guest's own"));
    let kept = httpd.get("/kept").expect(302);
    assert_eq!(
        (kept.text().as_str(), kept.header("Location")),
        ("guest's own", Some("http://example.org/"))
    );
    assert_eq!(httpd.get("/301").expect(301).text(), "guest's own");
}

#[test]
fn cgi_34_repeated_fields() {
    let head = "Content-Type: text/plain\r\nSet-Cookie: a=1\r\nX-List: one\r\nSet-Cookie: b=2\r\nX-List: two\r\n\
                ETag: \"first\"\r\nETag: \"second\"\r\n\r\nbody";
    let httpd = Setup::new().prints("/x", head).start();
    let response = httpd.get("/x").expect(200);
    assert_eq!(response.head.all("Set-Cookie"), ["a=1", "b=2"]);
    assert_eq!(response.header("X-List"), Some("one, two"));
    assert_eq!(response.header("ETag"), Some("\"second\""));
}

#[test]
fn cgi_35_conditional_get() {
    let dated = "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nETag: \"v1\"\r\n";
    let httpd = Setup::new()
        .prints("/x", format!("{dated}{OK}"))
        .prints("/explicit", format!("Status: 200 OK\r\n{dated}{OK}"))
        .start();
    let ask =
        |target: &str, name: &str, value: &str| httpd.send(&Req::get(target).field(name, value));
    let since = "Mon, 01 Jan 2024 00:00:00 GMT";
    let not_modified = ask("/x", "If-Modified-Since", since).expect(304);
    assert_eq!(
        (not_modified.body, not_modified.head.get("ETag")),
        (Vec::new(), Some("\"v1\""))
    );
    ask("/x", "If-None-Match", "\"v1\"").expect(304);
    ask("/x", "If-None-Match", "\"v2\"").expect(200);
    ask("/x", "If-Unmodified-Since", "Mon, 01 Jan 2020 00:00:00 GMT").expect(412);
    ask("/x", "If-Match", "\"v2\"").expect(412);
    assert_eq!(
        ask("/x", "If-Modified-Since", "Mon, 01 Jan 2020 00:00:00 GMT")
            .expect(200)
            .text(),
        "body"
    );
    assert_eq!(
        ask("/explicit", "If-Modified-Since", since)
            .expect(200)
            .text(),
        "body"
    );
    let posted = Req::post("/x", b"").field("If-None-Match", "\"v1\"");
    assert_ne!(httpd.send(&posted).status(), 304);
}

#[test]
fn cgi_35_a_304_can_be_kept_alive() {
    let httpd = Setup::new()
        .prints("/x", format!("ETag: \"v1\"\r\n{OK}"))
        .start();
    let mut conn = httpd.connect();
    let conditional = Req::get("/x").field("If-None-Match", "\"v1\"");
    assert_eq!(conn.exchange(&conditional).status(), 304);
    assert_eq!(conn.exchange(&Req::get("/x")).expect(200).text(), "body");
}

#[test]
fn cgi_35_a_future_date_is_clamped_and_a_bad_one_ignored() {
    let httpd = Setup::new()
        .prints(
            "/future",
            format!("Last-Modified: Fri, 01 Jan 2100 00:00:00 GMT\r\n{OK}"),
        )
        .prints("/bad", format!("Last-Modified: yesterday\r\n{OK}"))
        .tolerate("The Last-Modified header value")
        .tolerate("AH10247")
        .start();
    let future = httpd.get("/future").expect(200);
    assert!(
        !future
            .header("Last-Modified")
            .unwrap_or_default()
            .contains("2100")
    );
    assert_eq!(httpd.get("/bad").expect(200).header("Last-Modified"), None);
}

#[test]
fn cgi_36_content_length_of_the_guest_is_dropped_unless_trusted() {
    let lying = format!("Content-Length: 2\r\n{OK}");
    let honest = format!("Content-Length: 4\r\n{OK}");
    let httpd = Setup::new()
        .module("env")
        .prints("/lying", lying)
        .prints_then(
            "/trusted",
            honest,
            suite::Then::Return,
            "SetEnv ap_trust_cgilike_cl 1",
        )
        .start();
    let lying: Response = httpd.get("/lying").expect(200);
    assert_eq!(lying.text(), "body");
    assert_ne!(lying.header("Content-Length"), Some("2"));
    let trusted = httpd.get("/trusted").expect(200);
    assert_eq!(
        (trusted.text().as_str(), trusted.header("Content-Length")),
        ("body", Some("4"))
    );
}

#[test]
fn cgi_36_transfer_encoding_of_the_guest_is_502() {
    let httpd = Setup::new()
        .prints("/x", format!("Transfer-Encoding: chunked\r\n{OK}"))
        .start();
    httpd.get("/x").expect(502);
    // httpd itself says AH10501 only since a later version.
    httpd.expect_log("WASM0110");
    httpd.tolerate("AH10501");
}
