//! wasi:http, responses: status, header fields, lengths, and httpd's filters at work on them, for 0.2 and 0.3.
//!
//! Trailers: `http_trailers.rs`. Responses that cannot be whole: `http_ends.rs`.

use suite::{Httpd, Probe, Req, both, check_lines};

both!(
    any_status_is_sent,
    statuses_that_have_no_body,
    a_status_that_is_none_is_refused,
    repeated_fields_stay_apart,
    a_field_that_is_set_replaces_others,
    forbidden_fields_are_refused,
    malformed_fields_are_refused,
    the_answer_to_head_has_no_body,
    a_right_content_length_is_kept,
    a_short_response_gets_a_content_length,
    a_long_response_is_chunked,
    http_1_0_ends_with_the_connection,
    byte_ranges,
    a_response_may_be_a_range_itself,
    conditions_are_seen_to,
    mod_headers_changes_the_head,
    mod_deflate_packs_the_body,
    mod_substitute_changes_the_body,
    an_error_of_the_guests_own_is_its_own_page,
);

fn any_status_is_sent(probe: Probe) {
    let httpd = probe.setup("").start();
    for status in [
        200, 201, 203, 299, 301, 399, 400, 404, 418, 451, 500, 503, 599,
    ] {
        let response = httpd.get(&format!("/p/status?code={status}"));
        assert_eq!(response.status(), status);
        assert_eq!(response.expect(status).text(), format!("status {status}\n"));
    }
}

fn statuses_that_have_no_body(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    for status in [204, 304] {
        for body in [0, 1] {
            let target = format!("/p/status?code={status}&body={body}");
            let response = conn.exchange(&Req::get(&target)).expect(status);
            assert!(response.body.is_empty());
            assert_eq!(response.header("Transfer-Encoding"), None);
        }
        // The next response begins where it should.
        assert_eq!(
            conn.exchange(&Req::get("/p/unread")).expect(200).text(),
            "not read\n"
        );
    }
}

fn a_status_that_is_none_is_refused(probe: Probe) {
    let httpd = probe
        .setup("")
        .tolerate("WASM0120")
        .tolerate("WASM0122")
        .tolerate("WASM0123")
        .start();
    let before = httpd.child_pids();
    for status in ["0", "99", "100", "103", "199", "1000", "65535"] {
        httpd.get(&format!("/p/status?code={status}")).expect(500);
    }
    httpd.assert_same_children(&before);
}

fn repeated_fields_stay_apart(probe: Probe) {
    let httpd = probe.setup("").start();
    let response = httpd
        .get("/p/fields?h=Set-Cookie:+a=1;+Path=/&h=X-Mixed:+1&h=set-cookie:+b=2,3&h=x-MIXED:+2&h=X-Empty:")
        .expect(200);
    assert_eq!(response.head.all("Set-Cookie"), ["a=1; Path=/", "b=2,3"]);
    assert_eq!(response.head.all("X-Mixed"), ["1", "2"]);
    assert_eq!(response.head.all("X-Empty"), [""]);
    assert_eq!(response.text().matches("=ok\n").count(), 5);
}

fn a_field_that_is_set_replaces_others(probe: Probe) {
    let httpd = probe.setup("").start();
    let response = httpd
        .get("/p/fields?set=1&h=X-A:+1&h=X-B:+1&h=x-a:+2")
        .expect(200);
    assert_eq!(response.header("X-A"), Some("2"));
    assert_eq!(response.header("X-B"), Some("1"));
}

fn forbidden_fields_are_refused(probe: Probe) {
    let httpd = probe.setup("").start();
    let names = [
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Transfer-Encoding",
        "Upgrade",
        "Host",
        "HTTP2-Settings",
    ];
    for set in ["", "&set=1"] {
        let query: String = names
            .iter()
            .map(|name| format!("&h={name}:+x-forged"))
            .collect();
        let response = httpd
            .get(&format!("/p/fields?h=X-Kept:+1{query}{set}"))
            .expect(200);
        for name in names {
            check_lines(&response.text(), &[&format!("{name}=Forbidden")]);
            let sent = response.head.all(name).concat();
            assert!(!sent.contains("x-forged"), "{name}: {sent}");
        }
        assert_eq!(response.header("X-Kept"), Some("1"));
    }
}

fn malformed_fields_are_refused(probe: Probe) {
    let httpd = probe.setup("").start();
    let response = httpd
        .get("/p/fields?h=bad+name:+1&h=:+1&h=b%C3%A4d:+1&h=X-Split:+a%0D%0AX-Forged:+1&h=X-Nul:+a%00b&h=X-Fine:+%E4")
        .expect(200);
    assert_eq!(
        response.text().matches("=InvalidSyntax\n").count(),
        5,
        "{}",
        response.text()
    );
    for name in ["X-Split", "X-Forged", "X-Nul"] {
        assert_eq!(response.header(name), None, "{name}");
    }
    // Bytes above ASCII are allowed in values, if not liked.
    assert!(response.header("X-Fine").is_some());
}

fn the_answer_to_head_has_no_body(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    let response = conn
        .exchange(&Req::head("/p/length?say=5&write=5"))
        .expect(200);
    assert_eq!(response.header("Content-Length"), Some("5"));
    for target in ["/p/source?size=10", "/p/source?size=300000", "/p/unread"] {
        let response = conn.exchange(&Req::head(target)).expect(200);
        assert!(response.body.is_empty(), "{target}");
        assert!(response.header("Content-Type").is_some());
    }
    assert_eq!(
        conn.exchange(&Req::get("/p/unread")).expect(200).text(),
        "not read\n"
    );
}

fn a_right_content_length_is_kept(probe: Probe) {
    let httpd = probe.setup("").start();
    for size in [0, 1, 5, 70_000, 300_000] {
        let response = httpd
            .get(&format!("/p/length?say={size}&write={size}"))
            .expect(200);
        assert_eq!(
            response.header("Content-Length"),
            Some(size.to_string().as_str())
        );
        assert_eq!(response.body.len(), size);
    }
}

fn a_short_response_gets_a_content_length(probe: Probe) {
    let httpd = probe.setup("").start();
    let response = httpd.get("/p/unread").expect(200);
    assert_eq!(response.header("Content-Length"), Some("9"));
    assert_eq!(response.header("Transfer-Encoding"), None);
}

fn a_long_response_is_chunked(probe: Probe) {
    let httpd = probe.setup("").start();
    let response = httpd.get("/p/source?size=300000").expect(200);
    assert_eq!(response.header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(response.body.len(), 300_000);
}

fn http_1_0_ends_with_the_connection(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    conn.send("GET /p/source?size=300000 HTTP/1.0\r\n\r\n");
    let response = conn.response("GET").expect(200);
    assert_eq!(response.header("Transfer-Encoding"), None);
    assert_eq!(response.body.len(), 300_000);
}

/// A request for a part of a resource.
fn range(httpd: &Httpd, target: &str, bytes: &str) -> suite::Response {
    httpd.send(&Req::get(target).field("Range", &format!("bytes={bytes}")))
}

fn byte_ranges(probe: Probe) {
    let httpd = probe.setup("").start();
    for target in ["/p/source?size=1000", "/p/length?say=1000&write=1000"] {
        let response = range(&httpd, target, "10-14").expect(206);
        assert_eq!(
            response.header("Content-Range"),
            Some("bytes 10-14/1000"),
            "{target}"
        );
        assert_eq!(response.header("Content-Length"), Some("5"));
        assert_eq!(response.body.len(), 5);
    }
    assert_eq!(
        range(&httpd, "/p/source?size=1000", "10-14").body,
        [11, 12, 13, 14, 15]
    );
    range(&httpd, "/p/source?size=1000", "2000-").expect(416);
}

fn a_response_may_be_a_range_itself(probe: Probe) {
    let httpd = probe.setup("").start();
    let target = "/p/fields?status=206&h=Content-Range:+bytes+0-3/10";
    let response = range(&httpd, target, "0-3").expect(206);
    assert_eq!(response.header("Content-Range"), Some("bytes 0-3/10"));
    assert_eq!(response.text(), "Content-Range=ok\n");
}

fn conditions_are_seen_to(probe: Probe) {
    let httpd = probe.setup("").start();
    let ask = |fields: &[(&str, &str)], what: &str| {
        let request = Req::get(&format!("/p/fields?h={what}"));
        let request = fields
            .iter()
            .fold(request, |request, (name, value)| request.field(name, value));
        httpd.send(&request)
    };
    let tag = "ETag:+%22v1%22";
    ask(&[], tag).expect(200);
    ask(&[("If-None-Match", "\"v2\"")], tag).expect(200);
    let response = ask(&[("If-None-Match", "\"v1\"")], tag).expect(304);
    assert_eq!(response.header("ETag"), Some("\"v1\""));
    ask(&[("If-Match", "\"v2\"")], tag).expect(412);
    let date = "Last-Modified:+Mon,+01+Jan+2024+10:00:00+GMT";
    let since = |value| [("If-Modified-Since", value)];
    ask(&since("Mon, 01 Jan 2024 10:00:00 GMT"), date).expect(304);
    ask(&since("Mon, 01 Jan 2024 09:00:00 GMT"), date).expect(200);
    let unmodified = [("If-Unmodified-Since", "Mon, 01 Jan 2024 09:00:00 GMT")];
    ask(&unmodified, date).expect(412);
    // A date that is none says nothing of when the response was modified.
    for date in ["Last-Modified:+yesterday", "Last-Modified:"] {
        ask(&unmodified, date).expect(200);
        ask(&unmodified, &format!("{date}&h={tag}")).expect(200);
        let both = format!("{date}&h={tag}");
        ask(&[("If-None-Match", "\"v1\"")], &both).expect(304);
    }
}

fn mod_headers_changes_the_head(probe: Probe) {
    let httpd = probe
        .setup(
            "Header set X-Added yes\nHeader unset X-Gone\nHeader edit Set-Cookie ^(.*)$ \"$1; HttpOnly\"",
        )
        .module("headers")
        .start();
    let response = httpd
        .get("/p/fields?h=X-Gone:+1&h=Set-Cookie:+a=1&h=Set-Cookie:+b=2")
        .expect(200);
    assert_eq!(response.header("X-Added"), Some("yes"));
    assert_eq!(response.header("X-Gone"), None);
    assert_eq!(
        response.head.all("Set-Cookie"),
        ["a=1; HttpOnly", "b=2; HttpOnly"]
    );
}

fn mod_deflate_packs_the_body(probe: Probe) {
    let httpd = probe
        .setup("SetOutputFilter DEFLATE")
        .module("filter")
        .module("deflate")
        .start();
    for target in ["/p/source?size=300000", "/p/length?say=30000&write=30000"] {
        let response = httpd
            .send(&Req::get(target).field("Accept-Encoding", "gzip"))
            .expect(200);
        assert_eq!(
            response.header("Content-Encoding"),
            Some("gzip"),
            "{target}"
        );
        assert!(response.body.starts_with(&[0x1f, 0x8b]), "{target}");
        assert!(response.body.len() < 20_000, "{target}");
        let plain = httpd.get(target).expect(200);
        assert_eq!(plain.header("Content-Encoding"), None);
    }
}

fn mod_substitute_changes_the_body(probe: Probe) {
    let httpd = probe
        .setup("SetOutputFilter SUBSTITUTE\nSubstitute s/line/LINE/")
        .module("filter")
        .module("substitute")
        .start();
    assert_eq!(
        httpd.get("/p/drip?n=3&ms=1").expect(200).text(),
        "LINE 1\nLINE 2\nLINE 3\n"
    );
    // A length that the filter makes wrong is not sent.
    let response = httpd.get("/p/length?say=5&write=5").expect(200);
    assert_eq!(response.text(), "xxxxx");
}

fn an_error_of_the_guests_own_is_its_own_page(probe: Probe) {
    let httpd = probe
        .setup("ErrorDocument 404 \"of the server\"")
        .tolerate("WASM0123")
        .start();
    let response = httpd.get("/p/status?code=404").expect(404);
    assert_eq!(response.text(), "status 404\n");
    // Where the guest gives no response the server's own page is sent.
    let page = httpd.get("/p/error?code=internal").expect(500).text();
    assert!(page.contains("Internal Server Error"), "{page}");
}
