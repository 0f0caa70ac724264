//! Every http component of `guests/` runs behind httpd. The test that none is missing: `guests.rs`.

use std::time::Duration;
use suite::flow::{MIB, read_pattern, upload};
use suite::{Req, Setup, after, check_lines};

suite::guests! {
    "hello-http" => hello_http,
    "hello-service" => hello_service,
    "hello-js" => hello_js,
    "hello-py" => hello_py,
    "router" => router,
    "stream-p3" => stream_p3,
    "events" => events,
    "fetch" => fetch,
    "probe-http" => probe_http,
    "probe-service" => probe_service,
    "both-http" => both_http,
}

/// The tests proper; each gets the name of its guest.
mod tests {
    use super::{Duration, MIB, Req, Setup, after, check_lines, read_pattern, upload};

    fn hello(name: &str) {
        let httpd = Setup::new()
            .guest("/g", name, "")
            .guest("/reused", name, "WasmReuse On")
            .start();
        for target in ["/g", "/g/any/path?query", "/reused", "/reused", "/reused"] {
            let response = httpd.get(target).expect(200);
            assert_eq!(response.text(), "Hello, world!\n");
            assert_eq!(response.header("Content-Type"), Some("text/plain"));
            assert_eq!(response.header("Content-Length"), Some("14"));
        }
    }

    pub(crate) fn hello_http(name: &str) {
        hello(name);
    }

    pub(crate) fn hello_service(name: &str) {
        hello(name);
    }

    /// Of two versions of the same thing the newer one is run.
    pub(crate) fn both_http(name: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        httpd.get("/g").expect(203);
        let line = httpd.logged("WASM0007").concat();
        assert!(line.contains("WASI 0.3 http component"), "{line}");
    }

    pub(crate) fn hello_js(name: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        let text = httpd.get("/g/a?name=you").expect(200).text();
        assert_eq!(text, "Hello, you, from JavaScript.\nGET /g/a\n");
        let text = httpd.post("/g", b"a body").expect(200).text();
        check_lines(&text, &["POST /g", "The body has 6 characters."]);
        // Its collector of garbage drops the handles of what it has read late.
        upload(&httpd, "/g/echo", 64 * MIB, |conn| {
            read_pattern(conn, 64 * MIB);
        });
    }

    pub(crate) fn hello_py(name: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        let text = httpd.get("/g/a?name=you").expect(200).text();
        assert_eq!(text, "Hello, you, from Python.\nYou asked for /g/a.\n");
    }

    pub(crate) fn router(name: &str) {
        let httpd = Setup::new().guest("/router", name, "").start();
        assert!(httpd.get("/router").expect(200).text().contains("<html"));
        let all = httpd.get("/router/fruit").expect(200);
        assert_eq!(all.header("Content-Type"), Some("application/json"));
        let one = httpd.get("/router/fruit/banana").expect(200).text();
        assert_eq!(one, "{\"name\":\"banana\",\"colour\":\"yellow\"}");
        httpd.get("/router/fruit/brick").expect(404);
        httpd.get("/router/none").expect(404);
        httpd.get("/router/echo").expect(405);
        let echo = Req::post("/router/echo", b"a body").field("Content-Type", "text/x-any");
        let echo = httpd.send(&echo).expect(200);
        assert_eq!(
            (echo.text().as_str(), echo.header("Content-Type")),
            ("a body", Some("text/x-any"))
        );
        let visit = Req::get("/router/cookies").field("Cookie", "a=b; visits=4");
        let visit = httpd.send(&visit).expect(200);
        assert_eq!(visit.text(), "Visit number 5.\n");
        assert_eq!(visit.head.all("Set-Cookie").len(), 2);
    }

    pub(crate) fn stream_p3(name: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        let response = httpd
            .send(&Req::get("/g").field("TE", "trailers"))
            .expect(200);
        assert!(response.text().ends_with("line 10 of 10\n"));
        assert!(response.pieces.len() > 3, "{:?}", response.pieces);
        let length = response.body.len().to_string();
        assert_eq!(response.trailers, [("x-bytes".to_owned(), length)]);
        let body = vec![b'x'; 200_000];
        assert!(httpd.post("/g", &body).expect(200).body == body);
        let refused = httpd.send(&Req::new("DELETE", "/g")).expect(405);
        assert_eq!(refused.header("Allow"), Some("GET, HEAD, POST, PUT"));
    }

    pub(crate) fn events(name: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        let page = httpd.get("/g").expect(200);
        assert_eq!(
            page.header("Content-Type"),
            Some("text/html; charset=utf-8")
        );
        assert!(page.text().contains("EventSource"));
        let mut conn = httpd.connect();
        conn.send(Req::get("/g?ticks").field("Last-Event-ID", "41").bytes());
        let asked = std::time::Instant::now();
        let seen = conn.read_raw(|all| String::from_utf8_lossy(all).contains("id: 43\n"));
        let seen = String::from_utf8_lossy(&seen).into_owned();
        // The second event comes half a second after the first, not with all the others.
        assert!(asked.elapsed() >= Duration::from_millis(400), "{seen}");
        assert!(seen.contains("text/event-stream"), "{seen}");
        assert!(
            seen.contains("id: 42\ndata: ") && !seen.contains("id: 45\n"),
            "{seen}"
        );
        drop(conn);
        httpd.expect_log("WASM0108");
    }

    pub(crate) fn fetch(name: &str) {
        let target = "WasmConfig target \"http://127.0.0.1:${PORT}/a.txt\"";
        let granted = format!("{target}\nWasmAllowOutbound http://127.0.0.1:${{PORT}}");
        let httpd = Setup::new()
            .file("htdocs/a.txt", "a file\n")
            .guest("/g", name, &granted)
            .guest("/denied", name, target)
            .guest("/bare", name, "")
            .start();
        let text = httpd.get("/g").expect(200).text();
        check_lines(&text, &["200 OK", "a file"]);
        let text = httpd.get("/denied").expect(502).text();
        assert!(text.contains("HttpRequestDenied"), "{text}");
        let line = httpd.expect_log("WASM0125");
        assert!(
            line.contains("WasmAllowOutbound http://127.0.0.1:"),
            "{line}"
        );
        httpd.get("/bare").expect(500);
    }

    /// Each of the files `http_*.rs` says more.
    fn probe(name: &str, wasi: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        let loaded = httpd.logged("WASM0007").concat();
        assert!(loaded.contains(wasi), "{loaded}");
        let text = httpd.get("/g/count").expect(200).text();
        assert_eq!(after(&text, "count="), ["1"]);
    }

    pub(crate) fn probe_http(name: &str) {
        probe(name, "WASI 0.2 http component");
    }

    pub(crate) fn probe_service(name: &str) {
        probe(name, "WASI 0.3 http component");
    }
}
