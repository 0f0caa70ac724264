//! wasi:http, requests that a guest makes itself: to nowhere unless the operator allows it, and then exactly as it says.
//!
//! Raw sockets: `http_sockets.rs`. Limits and failures of such requests: `http_outbound_limits.rs`.

use suite::upstream::reply;
use suite::{Httpd, Probe, Setup, Upstream, after, both, check_lines};

both!(
    nothing_is_allowed_by_default,
    the_log_says_which_directive_would_allow_it,
    what_is_allowed_is_reached,
    a_request_arrives_as_it_was_made,
    another_location_of_the_same_server,
    a_grant_is_for_one_port_and_one_scheme,
    wildcards_do_not_cover_loopback,
    names_are_compared_without_case,
    a_redirect_is_the_guests_to_follow,
    a_redirect_to_what_is_not_granted_is_denied,
    sections_replace_the_grants_around_them,
    what_cannot_be_granted_is_refused,
    connections_are_kept_for_later_requests,
    another_grant_has_connections_of_its_own,
    a_body_is_passed_on_both_ways,
);

/// The answer of a `fetch` of a URL.
#[track_caller]
fn fetch(httpd: &Httpd, url: &str) -> String {
    httpd.get(&format!("/p/fetch?url={url}")).expect(200).text()
}

/// The fetch of a URL is denied, and the log says so.
#[track_caller]
fn denied(httpd: &Httpd, target: &str) {
    let old = httpd.logged("WASM0125").len();
    assert_eq!(
        fetch(httpd, target),
        "error=HttpRequestDenied\n",
        "{target}"
    );
    httpd.expect_log("WASM0125");
    assert_eq!(httpd.logged("WASM0125").len(), old + 1);
}

fn nothing_is_allowed_by_default(probe: Probe) {
    let upstream = Upstream::saying("reached");
    for lines in ["", "WasmAllowOutbound none"] {
        let httpd = probe.setup(lines).start();
        for url in [
            upstream.url("/"),
            format!("http://localhost:{}/", upstream.port()),
            format!("http://[::1]:{}/", upstream.port()),
            "http://example.com/".to_owned(),
            "https://example.com/".to_owned(),
            "http://169.254.169.254/latest/".to_owned(),
        ] {
            denied(&httpd, &url);
        }
    }
    assert_eq!(upstream.connections(), 0);
}

fn the_log_says_which_directive_would_allow_it(probe: Probe) {
    let httpd = probe.setup("").start();
    for (url, directive) in [
        (
            "http://127.0.0.1:8123/x?y",
            "WasmAllowOutbound http://127.0.0.1:8123",
        ),
        (
            "https://api.example.com/v1/",
            "WasmAllowOutbound https://api.example.com",
        ),
        ("http://[::1]:81/", "WasmAllowOutbound http://[::1]:81"),
    ] {
        denied(&httpd, url);
        let line = httpd.logged("WASM0125").pop().unwrap_or_default();
        assert!(
            line.contains(directive) && line.contains("[wasm:warn]"),
            "{directive}: {line}"
        );
        assert!(line.contains(probe.guest), "{line}");
    }
}

fn what_is_allowed_is_reached(probe: Probe) {
    let upstream = Upstream::start(|_| {
        let fields = [
            ("Set-Cookie", "a=1"),
            ("X-Mixed", "Value"),
            ("Set-Cookie", "b=2"),
        ];
        Some(reply(299, &fields, b"reached"))
    });
    let port = upstream.port();
    for pattern in [
        format!("http://127.0.0.1:{port}"),
        format!("127.0.0.1:{port}"),
        "127.0.0.0/8:*".to_owned(),
        "http://127.0.0.1:*".to_owned(),
    ] {
        let httpd = probe.setup(&format!("WasmAllowOutbound {pattern}")).start();
        let text = fetch(&httpd, &upstream.url("/a?b"));
        check_lines(&text, &["status=299", "field=x-mixed: Value", "reached"]);
        assert_eq!(after(&text, "field=set-cookie: "), ["a=1", "b=2"], "{text}");
    }
}

fn a_request_arrives_as_it_was_made(probe: Probe) {
    let upstream = Upstream::saying("reached");
    let httpd = probe.setup("WasmAllowOutbound 127.0.0.1:*").start();
    let url = upstream.url("/a%2520b?c=%2Fd");
    let more = "&h=X-One:+1&h=X-Two:+a&h=X-One:+2&method=PUT&body=3";
    check_lines(&fetch(&httpd, &format!("{url}{more}")), &["status=200"]);
    let asked = upstream.asked();
    let head = asked
        .first()
        .map(|head| head.to_ascii_lowercase())
        .unwrap_or_default();
    // The query of the test is decoded once.
    assert!(head.starts_with("put /a%20b?c=/d http/1.1\r\n"), "{head}");
    let host = format!("host: 127.0.0.1:{}", upstream.port());
    check_lines(&head, &["x-one: 1", "x-one: 2", "x-two: a", &host]);
    for method in ["GET", "HEAD", "DELETE", "BREW"] {
        fetch(&httpd, &format!("{}&method={method}", upstream.url("/")));
        let last = upstream.asked().pop().unwrap_or_default();
        assert!(
            last.starts_with(&format!("{method} / HTTP/1.1\r\n")),
            "{last}"
        );
    }
    let text = fetch(&httpd, &format!("{}&h=Host:+x", upstream.url("/")));
    assert!(text.contains("Forbidden"), "{text}");
}

/// A server with a second probe at `/q` and the first allowed to reach it by the name `localhost`.
fn with_neighbour(probe: Probe, lines: &str) -> Setup {
    let lines = format!("WasmAllowOutbound http://localhost:${{PORT}}\n{lines}");
    probe.setup(&lines).guest("/q", probe.guest, "")
}

fn another_location_of_the_same_server(probe: Probe) {
    let httpd = with_neighbour(probe, "")
        .file("htdocs/a.txt", "a file")
        .start();
    let url = |target: &str| format!("http://localhost:{}{target}", httpd.port());
    let text = fetch(&httpd, &url("/a.txt"));
    check_lines(&text, &["status=200", "a file"]);
    let text = fetch(
        &httpd,
        &format!("{}&method=POST&body=100000", url("/q/sink")),
    );
    assert!(text.contains("bytes=100000 "), "{text}");
    let text = fetch(&httpd, &url("/q/trailers?t=X-Sum:7"));
    check_lines(&text, &["status=200", "trailer=x-sum: 7", "with trailers"]);
    // The neighbour has no grant of its own.
    let nested = format!("{}?url={}", url("/q/fetch"), url("/a.txt"));
    assert!(fetch(&httpd, &nested).ends_with("error=HttpRequestDenied\n"));
    httpd.expect_log("WASM0125");
}

fn a_grant_is_for_one_port_and_one_scheme(probe: Probe) {
    let (one, two) = (Upstream::saying("one"), Upstream::saying("two"));
    let httpd = probe
        .setup(&format!(
            "WasmAllowOutbound http://127.0.0.1:{} https://127.0.0.1:{}",
            one.port(),
            two.port()
        ))
        .start();
    check_lines(&fetch(&httpd, &one.url("/")), &["one"]);
    denied(&httpd, &two.url("/"));
    denied(&httpd, &format!("https://127.0.0.1:{}/", one.port()));
    denied(&httpd, &format!("http://localhost:{}/", one.port()));
    assert_eq!(two.connections(), 0);
}

fn wildcards_do_not_cover_loopback(probe: Probe) {
    let upstream = Upstream::saying("reached");
    let httpd = probe
        .setup("WasmAllowOutbound *:* http://*:* *.localhost:* [2000::]/3:*")
        .start();
    for host in [
        "127.0.0.1",
        "127.9.9.9",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        denied(&httpd, &format!("http://{host}:{}/", upstream.port()));
    }
    assert_eq!(upstream.connections(), 0);
}

fn names_are_compared_without_case(probe: Probe) {
    let upstream = Upstream::saying("reached");
    let httpd = probe
        .setup(&format!(
            "WasmAllowOutbound HTTP://LocalHost:{}",
            upstream.port()
        ))
        .start();
    for host in ["localhost", "LOCALHOST", "localhost."] {
        let text = fetch(&httpd, &format!("http://{host}:{}/", upstream.port()));
        check_lines(&text, &["status=200", "reached"]);
    }
}

/// A server that redirects to a URL, and says something at any other path than `/`.
fn redirecting(to: String) -> Upstream {
    Upstream::start(move |head| {
        if head.starts_with("GET / ") {
            return Some(reply(302, &[("Location", &to)], b"elsewhere"));
        }
        Some(reply(200, &[], b"arrived"))
    })
}

fn a_redirect_is_the_guests_to_follow(probe: Probe) {
    let upstream = redirecting("/next".to_owned());
    let httpd = probe.setup("WasmAllowOutbound 127.0.0.1:*").start();
    let text = fetch(&httpd, &upstream.url("/"));
    check_lines(&text, &["status=302", "field=location: /next", "elsewhere"]);
    assert_eq!(upstream.asked().len(), 1, "the host must not follow");
    let text = fetch(&httpd, &format!("{}&follow=3", upstream.url("/")));
    check_lines(&text, &["status=302", "status=200", "arrived"]);
}

fn a_redirect_to_what_is_not_granted_is_denied(probe: Probe) {
    let secret = Upstream::saying("secret");
    let upstream = redirecting(secret.url("/"));
    let httpd = probe
        .setup(&format!("WasmAllowOutbound 127.0.0.1:{}", upstream.port()))
        .start();
    let text = fetch(&httpd, &format!("{}&follow=3", upstream.url("/")));
    check_lines(&text, &["status=302", "error=HttpRequestDenied"]);
    let line = httpd.expect_log("WASM0125");
    assert!(
        line.contains(&format!("http://127.0.0.1:{}", secret.port())),
        "{line}"
    );
    assert_eq!(secret.connections(), 0);
}

fn sections_replace_the_grants_around_them(probe: Probe) {
    let (one, two) = (Upstream::saying("one"), Upstream::saying("two"));
    let grant = |upstream: &Upstream| format!("WasmAllowOutbound 127.0.0.1:{}", upstream.port());
    let httpd = probe
        .setup("")
        .conf(&grant(&one))
        .conf(&format!(
            "<Location /p/fetch/two>\n{}\n</Location>",
            grant(&two)
        ))
        .conf(&format!(
            "<Location /p/fetch/both>\n{}\n{}\n</Location>",
            grant(&one),
            grant(&two)
        ))
        .conf("<Location /p/fetch/none>\nWasmAllowOutbound none\n</Location>")
        .tolerate("WASM0125")
        .start();
    for (target, reached) in [
        ("/p/fetch", [true, false]),
        ("/p/fetch/two", [false, true]),
        ("/p/fetch/both", [true, true]),
        ("/p/fetch/none", [false, false]),
    ] {
        for (upstream, reached) in [&one, &two].into_iter().zip(reached) {
            let text = httpd
                .get(&format!("{target}?url={}", upstream.url("/")))
                .expect(200)
                .text();
            assert_eq!(text.contains("status=200"), reached, "{target}: {text}");
        }
    }
}

fn what_cannot_be_granted_is_refused(probe: Probe) {
    let upstream = Upstream::saying("reached");
    let httpd = probe
        .setup("WasmAllowOutbound *:* 127.0.0.0/8:* localhost:* [::1]:*")
        .tolerate("WASM0125")
        .tolerate("WASM0120")
        .start();
    for host in [
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1%2500",
        "user@127.0.0.1",
    ] {
        let text = fetch(&httpd, &format!("http://{host}:{}/", upstream.port()));
        assert!(text.starts_with("error="), "{host}: {text}");
    }
    for scheme in ["ftp", "file", "unix"] {
        let text = fetch(
            &httpd,
            &format!("{scheme}://127.0.0.1:{}/", upstream.port()),
        );
        assert!(text.starts_with("error="), "{scheme}: {text}");
    }
    assert_eq!(upstream.connections(), 0);
}

fn connections_are_kept_for_later_requests(probe: Probe) {
    let upstream = Upstream::saying("reached");
    let httpd = probe
        .setup("WasmAllowOutbound 127.0.0.1:*")
        .threads(1)
        .start();
    for _ in 0..10 {
        check_lines(&fetch(&httpd, &upstream.url("/")), &["reached"]);
    }
    assert_eq!(upstream.asked().len(), 10);
    assert_eq!(
        upstream.connections(),
        1,
        "each request had a connection of its own"
    );
}

fn another_grant_has_connections_of_its_own(probe: Probe) {
    let upstream = Upstream::saying("reached");
    let other = "<Location /p/fetch/other>\nWasmAllowOutbound 127.0.0.1:* example.com\n</Location>";
    let httpd = probe
        .setup("WasmAllowOutbound 127.0.0.1:*")
        .conf(other)
        .threads(1)
        .start();
    for _ in 0..3 {
        for target in ["/p/fetch", "/p/fetch/other"] {
            let url = format!("{target}?url={}", upstream.url("/"));
            check_lines(&httpd.get(&url).expect(200).text(), &["reached"]);
        }
    }
    assert_eq!(upstream.connections(), 2);
}

fn a_body_is_passed_on_both_ways(probe: Probe) {
    let httpd = with_neighbour(probe, "").start();
    let body: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let target = format!("/p/proxy?url=http://localhost:{}/q/echo", httpd.port());
    assert!(httpd.post(&target, &body).expect(200).body == body);
}
