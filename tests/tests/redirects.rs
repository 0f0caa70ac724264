//! Whose body a request has after an internal redirect: statements 12 and 24 of CGI, and the same for components that speak HTTP.
//!
//! Redirects that a guest asks for: `cgi_head.rs`. How requests come to a script: `cgi_scripts_ways.rs`.

use suite::{Probe, Req, Setup, after, both, check_lines, check_variables};

both!(
    a_component_gets_the_body_of_a_rewritten_get,
    a_component_as_an_error_document_is_told_of_no_body,
);

/// As many bytes as the bodies here have.
const BODY: &[u8] = &[b'x'; 200];

/// Rules in a `.htaccess` file, which httpd follows by an internal redirect.
fn rewriting(setup: Setup, rule: &str) -> Setup {
    setup
        .module("rewrite")
        .file("htdocs/.htaccess", format!("RewriteEngine On\n{rule}\n"))
        .conf("<Directory ${ROOT}/htdocs>\nAllowOverride FileInfo\nOptions FollowSymLinks\n</Directory>")
}

/// The bodies of requests with a length and without one.
fn requests(method: &str, target: &str) -> [Req; 2] {
    [
        Req::post(target, BODY).method(method),
        Req::post_chunked(target, &[BODY]).method(method),
    ]
}

#[test]
fn cgi_22_a_rewritten_request_keeps_its_body_whatever_the_method() {
    let setup = Setup::new().cgi("/probe", "probe", "");
    let httpd = rewriting(setup, "RewriteRule ^b$ /probe?do=count").start();
    for method in ["GET", "POST", "DELETE"] {
        for request in requests(method, "/b") {
            let text = httpd.send(&request).expect(200).text();
            assert!(text.starts_with("bytes=200 "), "{method}: {text}");
        }
    }
}

#[test]
fn cgi_12_an_error_document_is_told_of_no_body() {
    for lines in ["", "WasmBodyWithoutLength Stream"] {
        let httpd = Setup::new()
            .conf("ErrorDocument 404 /env")
            .cgi("/env", "probe", &format!("WasmArg env\n{lines}"))
            .cgi("/count", "probe", "WasmArg count")
            .start();
        for request in requests("POST", "/nonexistent") {
            let told = httpd.send(&request).expect(404).variables();
            let expected = [
                ("REQUEST_METHOD", Some("GET")),
                ("CONTENT_LENGTH", None),
                ("HTTP_TRANSFER_ENCODING", None),
            ];
            check_variables(&told, &expected);
        }
        // A GET is redirected with all that belongs to it.
        let request = Req::post("/nonexistent", BODY).method("GET");
        let told = httpd.send(&request).expect(404).variables();
        check_variables(&told, &[("CONTENT_LENGTH", Some("200"))]);
    }
}

#[test]
fn cgi_24_an_error_document_leaves_the_body_and_the_connection_in_order() {
    let httpd = Setup::new()
        .conf("ErrorDocument 404 /count")
        .cgi("/count", "probe", "WasmArg count")
        .start();
    let mut conn = httpd.connect();
    for request in requests("POST", "/nonexistent") {
        let text = conn.exchange(&request).expect(404).text();
        assert!(text.starts_with("bytes=0 "), "{text}");
    }
    let text = conn
        .exchange(&Req::post("/count", b"abc"))
        .expect(200)
        .text();
    assert!(text.starts_with("bytes=3 "), "{text}");
}

fn a_component_gets_the_body_of_a_rewritten_get(probe: Probe) {
    let httpd = rewriting(probe.setup(""), "RewriteRule ^b$ /p/report").start();
    for request in requests("GET", "/b") {
        let text = httpd.send(&request).expect(200).text();
        assert_eq!(counted(&text), "200", "{text}");
    }
}

fn a_component_as_an_error_document_is_told_of_no_body(probe: Probe) {
    let httpd = probe.setup("").conf("ErrorDocument 404 /p/report").start();
    for request in requests("POST", "/nonexistent") {
        let text = httpd.send(&request).expect(404).text();
        check_lines(&text, &["method=GET"]);
        assert_eq!(counted(&text), "0", "{text}");
        let lengths = after(&text, "field=content-length: ");
        assert!(lengths.is_empty(), "{text}");
    }
    // A body of no length is none, and is told as it was said.
    let empty = httpd.post("/p/report", b"").expect(200).text();
    check_lines(&empty, &["field=content-length: 0"]);
}

/// How many bytes a report says it has read.
fn counted(report: &str) -> &str {
    let counted = after(report, "bytes=").first().copied().unwrap_or_default();
    counted.split(' ').next().unwrap_or_default()
}
