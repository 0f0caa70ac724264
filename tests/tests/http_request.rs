//! wasi:http, the head of a request as the guest gets it, for 0.2 and 0.3.
//!
//! Its body: `http_request_body.rs`. Who the client is, and how the operator says so: `http_identity.rs`.

use suite::{H2, Httpd, Probe, Req, after, both, check_lines, host, paths};

both!(
    any_method_arrives,
    the_path_with_query_is_exactly_as_received,
    a_path_that_is_resolved_arrives_as_httpd_decided_on_it,
    an_encoded_slash_separates_segments_where_httpd_says_so,
    an_absolute_target_gives_authority_and_path,
    the_authority_is_what_the_client_named,
    a_rewritten_path_is_what_is_asked_for,
    all_header_fields_arrive_repeated_ones_in_order,
    many_and_long_fields_arrive,
    values_that_are_not_ascii_arrive,
    fields_between_two_hops_stay_outside,
    the_fields_of_a_request_cannot_be_changed,
    http_1_0_has_no_host,
    the_same_over_http_2,
    the_same_over_tls,
);

fn report(httpd: &Httpd, request: &Req) -> String {
    httpd.send(request).expect(200).text()
}

fn any_method_arrives(probe: Probe) {
    let httpd = probe.setup("").start();
    for method in [
        "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "BREW", "x-y",
    ] {
        let text = report(&httpd, &Req::new(method, "/p/report"));
        check_lines(
            &text,
            &[
                &format!("method={method}"),
                "scheme=http",
                "bytes=0 fnv1a=cbf29ce484222325",
            ],
        );
    }
    let head = httpd.send(&Req::head("/p/report")).expect(200);
    assert!(head.body.is_empty() && head.header("Content-Type") == Some("text/plain"));
}

fn the_path_with_query_is_exactly_as_received(probe: Probe) {
    let httpd = probe.setup("").start();
    for path in [
        "/p/report",
        "/p/report?",
        "/p/report?a=%20+&b=%2F?c&&=",
        "/p/report/%41%7e/..x/y;v=1/?q=/../",
        "/%70/report",
    ] {
        check_lines(&report(&httpd, &Req::get(path)), &[&format!("path={path}")]);
    }
}

fn a_path_that_is_resolved_arrives_as_httpd_decided_on_it(probe: Probe) {
    let httpd = probe
        .setup("")
        .conf("<Location /p/status>\nRequire all denied\n</Location>")
        .announce("AH01630")
        .start();
    httpd.get("/p/status?code=299").expect(403);
    // Whoever is let in to /p/report must not reach the guest's /p/status by another name for it.
    for (asked, given) in [
        ("/p/report/./a//b?q=//", "/p/report/a/b?q=//"),
        ("/p/status/../report/x", "/p/report/x"),
        ("/p/status/%2e%2E/report", "/p/report"),
        ("/p/status/.%2e//report?", "/p/report?"),
    ] {
        check_lines(
            &report(&httpd, &Req::get(asked)),
            &[&format!("path={given}")],
        );
    }
    for asked in ["/p/report/../status", "/p//status", "/p/%2e/status"] {
        httpd.get(asked).expect(403);
    }
}

fn an_encoded_slash_separates_segments_where_httpd_says_so(probe: Probe) {
    let httpd = probe
        .setup("")
        .conf("AllowEncodedSlashes On\n<Location /p/status>\nRequire all denied\n</Location>")
        .announce("AH01630")
        .start();
    // What is judged is what the guest is asked for.
    for (asked, given) in [
        ("/p/status%2f..%2freport", "/p/report"),
        ("/p/status%2F%2e%2e/report?x", "/p/report?x"),
        ("/p/report%2f.%2fx", "/p/report/x"),
        ("/p/report%2f/x", "/p/report/x"),
        ("/p/report/a%2fb", "/p/report/a%2fb"),
    ] {
        let text = report(&httpd, &Req::get(asked));
        check_lines(&text, &[&format!("path={given}")]);
    }
    httpd.get("/p/report%2f..%2fstatus").expect(403);
    // Where it is a part of its segment, nothing is resolved, and nothing encoded twice.
    let httpd = probe.setup("").conf("AllowEncodedSlashes NoDecode").start();
    for path in [
        "/p/report/http:%2f%2fa%2F..%2fb?x=%2f",
        "/p/report/a%20b%2f",
    ] {
        let text = report(&httpd, &Req::get(path));
        check_lines(&text, &[&format!("path={path}")]);
    }
}

fn an_absolute_target_gives_authority_and_path(probe: Probe) {
    let httpd = probe.setup("").start();
    let request = Req::get("http://www.example:81/p/report?x=1").field("Host", "www.example:81");
    check_lines(
        &report(&httpd, &request),
        &["authority=www.example:81", "path=/p/report?x=1"],
    );
}

fn the_authority_is_what_the_client_named(probe: Probe) {
    let httpd = probe.setup("").start();
    for authority in [
        "localhost",
        "www.example:8080",
        "192.0.2.1",
        "[2001:db8::1]:81",
    ] {
        let text = report(&httpd, &Req::get("/p/report").field("Host", authority));
        check_lines(&text, &[&format!("authority={authority}")]);
        assert!(after(&text, "field=host: ").is_empty(), "{text}");
    }
}

fn a_rewritten_path_is_what_is_asked_for(probe: Probe) {
    let httpd = probe
        .setup("")
        .module("rewrite")
        .conf("RewriteEngine On\nRewriteRule ^/api/(.*)$ /p/$1 [PT]")
        .start();
    let text = report(&httpd, &Req::get("/api/report?x=%41"));
    check_lines(&text, &["path=/p/report?x=%41"]);
}

fn all_header_fields_arrive_repeated_ones_in_order(probe: Probe) {
    let httpd = probe.setup("").start();
    let request = Req::get("/p/report")
        .field("X-One", "1")
        .field("X-Two", "a")
        .field("X-One", "2")
        .field("Accept", "text/html;q=0.5, */*")
        .field("X-Empty", "")
        .field("Authorization", "Bearer token")
        .field("Cookie", "a=1; b=2")
        .field("X-ONE", "3");
    let text = report(&httpd, &request);
    // httpd itself joins repeated fields of a request, as HTTP allows.
    assert_eq!(
        after(&text, "field=x-one: ").join(", "),
        "1, 2, 3",
        "{text}"
    );
    assert_eq!(after(&text, "field=x-empty: "), [""], "{text}");
    check_lines(
        &text,
        &[
            "field=x-two: a",
            "field=accept: text/html;q=0.5, */*",
            "field=authorization: Bearer token",
            "field=cookie: a=1; b=2",
        ],
    );
}

fn many_and_long_fields_arrive(probe: Probe) {
    let httpd = probe.setup("").start();
    let long = "v".repeat(7000);
    let mut request = Req::get("/p/report").field("X-Long", &long);
    for n in 0..90 {
        request = request.field(&format!("X-Field-{n}"), &n.to_string());
    }
    let text = report(&httpd, &request);
    check_lines(
        &text,
        &[
            &format!("field=x-long: {long}"),
            "field=x-field-0: 0",
            "field=x-field-89: 89",
        ],
    );
}

fn values_that_are_not_ascii_arrive(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    conn.send(b"GET /p/report HTTP/1.1\r\nHost: localhost\r\nX-Odd: caf\xe9\xff\tx\r\n\r\n");
    let text = conn.response("GET").expect(200).text();
    check_lines(&text, &["field=x-odd: caf\u{fffd}\u{fffd}\tx"]);
}

fn fields_between_two_hops_stay_outside(probe: Probe) {
    let httpd = probe.setup("").start();
    let request = Req::post_chunked("/p/report", &[b"abc"])
        .field("Connection", "keep-alive, X-Hop")
        .field("Keep-Alive", "timeout=5")
        .field("Proxy-Connection", "keep-alive")
        .field("Proxy-Authorization", "Basic eDp5")
        .field("Upgrade", "websocket")
        .field("HTTP2-Settings", "AAMAAABkAAQAAP__")
        .field("Proxy", "http://evil.example")
        .field("X-Kept", "1");
    let text = report(&httpd, &request);
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "upgrade",
        "http2-settings",
        "transfer-encoding",
        "proxy",
        "host",
    ] {
        assert!(
            after(&text, &format!("field={name}: ")).is_empty(),
            "{name}\n{text}"
        );
    }
    check_lines(
        &text,
        &["field=x-kept: 1", "bytes=3 fnv1a=e71fa2190541574b"],
    );
}

fn the_fields_of_a_request_cannot_be_changed(probe: Probe) {
    let httpd = probe.setup("").start();
    let text = httpd.get("/p/immutable").expect(200).text();
    check_lines(
        &text,
        &[
            "append=Immutable",
            "set=Immutable",
            "delete=Immutable",
            "clone=ok",
        ],
    );
}

fn http_1_0_has_no_host(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    conn.send("GET /p/report HTTP/1.0\r\n\r\n");
    let response = conn.response("GET").expect(200);
    assert!(response.header("Transfer-Encoding").is_none());
    check_lines(&response.text(), &["method=GET", "path=/p/report"]);
}

fn the_same_over_http_2(probe: Probe) {
    let Some(setup) = probe.setup("").h2c() else {
        return;
    };
    let httpd = setup.start();
    let client = H2::connect(httpd.port());
    let fields = [
        ("x-one", "1"),
        ("x-two", "a"),
        ("x-one", "2"),
        ("te", "trailers"),
    ];
    let mut stream = client.open("PUT", "/p/report/%41?q=%20", &fields, false);
    stream.send(b"abc", false);
    stream.send_trailers(&[("x-sum", "7")]);
    let (status, _) = stream.head();
    let body = stream.body();
    let text = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(status, 200);
    check_lines(
        &text,
        &[
            "method=PUT",
            "scheme=http",
            &format!("authority=localhost:{}", httpd.port()),
            "path=/p/report/%41?q=%20",
            "field=x-two: a",
            "bytes=3 fnv1a=e71fa2190541574b",
            "trailer=x-sum: 7",
        ],
    );
    assert_eq!(after(&text, "field=x-one: ").join(", "), "1, 2", "{text}");
}

fn the_same_over_tls(probe: Probe) {
    let setup = probe.setup("").tls();
    let setup = setup.clone().h2().unwrap_or(setup);
    let httpd = setup.start();
    let url = format!("https://localhost:{}/p/report?x", httpd.port());
    let curl =
        |args: &[&str]| host::run_ok("curl", [&["-sSk", "--max-time", "60", &url], args].concat());
    let text = curl(&["--http1.1", "-d", "abc"]);
    check_lines(
        &text,
        &[
            "scheme=https",
            "path=/p/report?x",
            "bytes=3 fnv1a=e71fa2190541574b",
        ],
    );
    if paths::threaded() {
        let text = curl(&["--http2", "-d", "abc"]);
        let authority = format!("authority=localhost:{}", httpd.port());
        check_lines(
            &text,
            &["scheme=https", &authority, "bytes=3 fnv1a=e71fa2190541574b"],
        );
    }
}
