//! CGI statements 50, 51, 53 and 54: limits of the server, the guest's words in the log, error pages, sub-requests.

use std::thread;
use suite::{Req, Setup, paths, wait};

#[test]
fn cgi_50_no_free_instance_is_503_with_retry_after() {
    if !paths::threaded() {
        suite::host::announce_skip(
            "a child of prefork runs one guest at a time, so no instance is ever missing",
        );
        return;
    }
    let httpd = Setup::new()
        .conf("WasmMaxInstances 1")
        .cgi("/probe", "probe", "WasmTimeout 60")
        .announce("WASM0111")
        .start();
    let before = httpd.child_pids();
    let mut busy = httpd.connect();
    busy.send(Req::get("/probe?do=sleep&ms=60000&after=body").bytes());
    busy.head();
    let refused = httpd.get("/probe?do=env").expect(503);
    assert!(
        refused
            .header("Retry-After")
            .is_some_and(|s| s.parse::<u32>().is_ok()),
        "{:?}",
        refused.head
    );
    busy.reset();
    wait::until("the instance to be free again", || {
        httpd.get("/probe?do=env").status() == 200
    });
    httpd.assert_same_children(&before);
}

#[test]
fn cgi_50_a_request_waits_for_an_instance() {
    if !paths::threaded() {
        suite::host::announce_skip(
            "a child of prefork runs one guest at a time, so no instance is ever missing",
        );
        return;
    }
    let httpd = Setup::new()
        .conf("WasmMaxInstances 1")
        .cgi("/probe", "probe", "")
        .start();
    let port = &httpd;
    thread::scope(|scope| {
        let asks: Vec<_> = (0..3)
            .map(|_| scope.spawn(move || port.get("/probe?do=sleep&ms=100").expect(200)))
            .collect();
        for ask in asks {
            assert_eq!(ask.join().unwrap().text(), "slept 100 ms\n");
        }
    });
}

#[test]
fn cgi_51_stderr_goes_line_by_line_to_the_vhosts_log() {
    let section = "<Location /probe>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\n</Location>";
    let httpd = Setup::new()
        .vhost("a.example", section)
        .vhost("b.example", section)
        .start();
    let request = Req::get("/probe?do=stderr&n=3&text=for+a").field("Host", "a.example");
    httpd.send(&request).expect(200);
    for n in 1..=3 {
        let line = httpd.expect_log_of("a.example", &format!("for a {n}"));
        assert!(
            line.contains("[wasm:error]")
                && line.contains("[client 127.0.0.1:")
                && line.contains("WASM0120"),
            "{line}"
        );
    }
    assert!(!httpd.log("b.example").contains("for a"));
    assert!(!httpd.error_log().contains("for a"));
}

#[test]
fn cgi_51_stderr_is_escaped_and_bounded() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "")
        .announce("WASM0120")
        .start();
    // CR before LF is stripped; a control character and a byte that is no UTF-8 are escaped; no line end is lost.
    httpd
        .get("/probe?do=stderr&bare=1&text=one%0D%0Atwo%1B[31m%0Athree%FF")
        .expect(200);
    let lines = httpd.logged("WASM0120");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].ends_with("one"), "{lines:#?}");
    assert!(
        !lines[1].contains('\u{1b}') && lines[1].contains("two"),
        "{lines:#?}"
    );
    assert!(lines[2].contains("three"), "{lines:#?}");
    httpd.get("/probe?do=stderr&n=1000&text=many").expect(200);
    httpd.expect_log("WASM0121");
    let (many, dropped) = (httpd.logged(" many ").len(), httpd.logged("WASM0121").len());
    assert_eq!((many, dropped), (256, 1));
    let long = "x".repeat(30_000);
    httpd
        .get(&format!("/probe?do=stderr&text={}", &long[..7000]))
        .expect(200);
    httpd.get("/probe?do=stderr&n=1&text=after").expect(200);
    httpd.expect_log("after 1");
}

#[test]
fn cgi_53_our_statuses_use_error_documents_and_show_no_host_path() {
    let errors = [413, 500, 502, 504]
        .map(|status| format!("ErrorDocument {status} \"page of {status}\"\n"))
        .concat();
    let setup = |errors: &str| {
        Setup::new()
            .conf(errors)
            .cgi("/probe", "probe", "LimitRequestBody 10\nWasmTimeout 200ms")
            .prints("/502", "Transfer-Encoding: chunked\r\n\r\n")
            .tolerate("WASM01")
            .tolerate("AH10501")
            .tolerate("End of script output")
            .tolerate("malformed header")
            .prints("/bad", "no head at all\n\n")
    };
    let requests = [
        (Req::post("/probe?do=count", &[b'x'; 20]), 413),
        (Req::get("/probe?do=unreachable"), 500),
        (Req::get("/bad"), 500),
        (Req::get("/502"), 502),
        (Req::get("/probe?do=spin"), 504),
    ];
    let (with, without) = (setup(&errors).start(), setup("").start());
    for (request, status) in &requests {
        assert_eq!(
            with.send(request).expect(*status).text(),
            format!("page of {status}")
        );
        let page = without.send(request).expect(*status).text();
        assert!(
            !page.contains(".wasm") && !page.contains("/tmp") && !page.contains("htdocs"),
            "{page}"
        );
    }
}

#[test]
fn cgi_53_a_guest_is_the_page_for_a_body_that_is_too_large() {
    let httpd = Setup::new()
        .conf("LimitRequestBody 100\nErrorDocument 413 /page")
        .cgi("/probe", "probe", "")
        .prints("/page", "Content-Type: text/plain\r\n\r\nfrom the guest")
        .guest("/http", "probe-http", "ErrorDocument 413 /http/unread")
        .announce("WASM0117")
        .start();
    for (target, page) in [
        ("/probe?do=count", "from the guest"),
        ("/http/sink", "not read\n"),
    ] {
        let response = httpd.post(target, &[b'x'; 200]).expect(413);
        assert_eq!(response.text(), page);
    }
}

#[test]
fn cgi_54_a_guest_can_be_included() {
    let page =
        "<p>[<!--#include virtual=\"/probe/info?do=env\" -->]</p><!--#include virtual=\"/x\" -->";
    let httpd = Setup::new()
        .module("include")
        .module("mime")
        .conf("Options +Includes\nAddType text/html .shtml\nAddOutputFilter INCLUDES .shtml")
        .file("htdocs/page.shtml", page)
        .cgi("/probe", "probe", "")
        .prints(
            "/x",
            "Content-Type: text/html\r\nX-Inner: 1\r\n\r\n<b>inner</b>",
        )
        .start();
    let response = httpd.get("/page.shtml?outer").expect(200);
    let text = response.text();
    assert!(
        text.starts_with("<p>[") && text.ends_with("<b>inner</b>"),
        "{text}"
    );
    assert!(
        !text.contains("Content-Type:") && response.header("X-Inner").is_none(),
        "{text}"
    );
    let vars = response.variables();
    assert_eq!(vars.get("QUERY_STRING").map(String::as_str), Some("do=env"));
    assert_eq!(vars.get("PATH_INFO").map(String::as_str), Some("/info"));
}
