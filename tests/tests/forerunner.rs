//! The faults of the forerunner, each as a test that passes here. Names say what is right, not what was wrong.
//!
//! One look each; the whole of every subject is tested in its own file.

use suite::{Req, Setup, Then, wat_guest};

const OK: &str = "Content-Type: text/plain\r\n\r\nbody";

fn probe() -> Setup {
    Setup::new().cgi("/probe", "probe", "")
}

#[test]
fn trap_does_not_kill_the_child() {
    let httpd = probe()
        .announce("WASM0101")
        .announce("panicked at")
        .tolerate("WASM0120")
        .announce("a panic as ordered")
        .start();
    let before = httpd.child_pids();
    httpd.get("/probe?do=panic").expect(500);
    httpd.get("/probe?do=unreachable").expect(500);
    httpd.assert_same_children(&before);
    httpd.get("/probe?do=count").expect(200);
}

#[test]
fn exit_zero_is_success() {
    let httpd = probe().prints_then("/x", OK, Then::Exit(0), "").start();
    assert_eq!(httpd.get("/x").expect(200).text(), "body");
    assert_eq!(
        httpd
            .get("/probe?do=exit&code=0&after=body")
            .expect(200)
            .text(),
        "begun\n"
    );
}

#[test]
fn chunked_body_arrives() {
    let request = Req::post_chunked("/probe?do=echo", &[b"one ", b"two"]);
    assert_eq!(probe().start().send(&request).expect(200).text(), "one two");
}

#[test]
fn head_runs_the_guest() {
    let httpd = probe()
        .prints("/x", format!("X-From: guest\r\n{OK}"))
        .announce("message 1")
        .start();
    assert_eq!(
        httpd.send(&Req::head("/x")).expect(200).header("X-From"),
        Some("guest")
    );
    httpd.send(&Req::head("/probe?do=stderr")).expect(200);
}

#[test]
fn runtime_library_is_found_beside_the_module() {
    // The harness removes LD_LIBRARY_PATH; a wrong one does no harm either.
    let httpd = Setup::new()
        .env("LD_LIBRARY_PATH", "/nonexistent")
        .guest("/x", "hello", "")
        .start();
    assert_eq!(httpd.get("/x").expect(200).text(), "Hello, wasm world!\n");
}

#[test]
fn the_articles_configuration_runs_unchanged() {
    let httpd = Setup::new()
        .conf("<Location /hello-wasm>\n  SetHandler wasm-handler\n  WasmModule ${GUESTS}/hello.wasm\n</Location>")
        .start();
    assert_eq!(
        httpd.get("/hello-wasm").expect(200).text(),
        "Hello, wasm world!\n"
    );
}

#[test]
fn bodies_are_not_held_in_memory() {
    let httpd = probe().start();
    httpd.post("/probe?do=echo", &[b'x'; 1000]).expect(200);
    let before = httpd.rss();
    let body = vec![b'x'; 64 << 20];
    let mut conn = httpd.connect();
    let mut sender = conn.sender();
    let request = Req::post("/probe?do=echo", &body).bytes();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut sender, &request));
    let response = conn.response("POST").expect(200);
    writer.join().unwrap().unwrap();
    assert!(response.body == body);
    assert!(
        httpd.rss() < before + (24 << 20),
        "{before} before, {} after",
        httpd.rss()
    );
}

#[test]
fn a_body_is_never_padded() {
    let httpd = probe().tolerate("WASM0112").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /probe?do=count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nshort",
    );
    conn.finish_sending();
    let end = conn.try_response("POST").unwrap();
    assert!(end.is_none_or(|response| response.status() == 400));
}

#[test]
fn vhosts_do_not_share() {
    let section = |n: u32| {
        format!(
            "<Location /x>\nSetHandler wasm-handler\nWasmModule ${{GUESTS}}/probe.wasm\nWasmEnableCGI On\nWasmArg env\nWasmEnv N {n}\n</Location>"
        )
    };
    let httpd = Setup::new()
        .vhost("a.example", &section(1))
        .vhost("b.example", &section(2))
        .start();
    for (host, n) in [("a.example", "1"), ("b.example", "2")] {
        assert_eq!(
            httpd
                .send(&Req::get("/x").field("Host", host))
                .expect(200)
                .variables()["N"],
            n
        );
    }
}

#[test]
fn inner_section_inherits() {
    let httpd = Setup::new()
        .cgi("/a", "probe", "WasmArg env\nWasmEnv OUTER 1")
        .conf("<Location /a/b>\nWasmEnv INNER 2\n</Location>")
        .start();
    let vars = httpd.get("/a/b").expect(200).variables();
    assert_eq!((vars["OUTER"].as_str(), vars["INNER"].as_str()), ("1", "2"));
}

#[test]
fn htaccess_cannot_map_directories() {
    for line in ["WasmMapDir / /", "WasmDir /", "WasmModule /x.wasm"] {
        let httpd = Setup::new()
            .file("htdocs/d/.htaccess", line)
            .file("htdocs/d/a.txt", "a file")
            .conf("<Directory ${ROOT}/htdocs>\nAllowOverride All\n</Directory>")
            .announce("not allowed here")
            .start();
        httpd.get("/d/a.txt").expect(500);
    }
}

#[test]
fn conditional_get_304() {
    let httpd = Setup::new()
        .prints("/x", format!("ETag: \"v1\"\r\n{OK}"))
        .start();
    httpd
        .send(&Req::get("/x").field("If-None-Match", "\"v1\""))
        .expect(304);
}

#[test]
fn location_redirects() {
    let httpd = Setup::new()
        .prints("/x", "Location: http://example.org/\r\n\r\n")
        .start();
    assert_eq!(
        httpd.get("/x").expect(302).header("Location"),
        Some("http://example.org/")
    );
}

#[test]
fn nul_first_byte() {
    let httpd = Setup::new()
        .prints(
            "/cgi",
            b"Content-Type: application/octet-stream\r\n\r\n\0rest",
        )
        .wasm("/plain", &wat_guest::printing(b"\0rest", Then::Return), "")
        .start();
    assert_eq!(httpd.get("/cgi").expect(200).body, b"\0rest");
    assert_eq!(httpd.get("/plain").expect(200).body, b"\0rest");
}

#[test]
fn errors_reach_the_vhosts_log() {
    let section = "<Location /probe>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\n</Location>";
    let httpd = Setup::new().vhost("a.example", section).start();
    for (query, words) in [("stderr", "message 1"), ("unreachable", "WASM0101")] {
        let request = Req::get(&format!("/probe?do={query}")).field("Host", "a.example");
        httpd.send(&request);
        httpd.expect_log_of("a.example", words);
        assert!(!httpd.error_log().contains(words));
    }
}

#[test]
fn bad_module_path_fails_configtest() {
    let bad = "<Location /x>\nWasmModule /nonexistent/x.wasm\n</Location>";
    Setup::new()
        .conf(bad)
        .check()
        .fails_with(&["line 2 of", "/nonexistent/x.wasm"]);
    let broken = Setup::new()
        .file("x.wasm", "\0asm\u{1}")
        .conf("<Location /x>\nWasmModule ${ROOT}/x.wasm\n</Location>");
    broken.check().fails_with(&["line 2 of", "x.wasm"]);
}

#[test]
fn there_are_limits() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "WasmTimeout 200ms\nWasmMemoryLimit 8M")
        .announce("WASM0105")
        .announce("WASM0107")
        .start();
    httpd.get("/probe?do=spin").expect(504);
    httpd.get("/probe?do=alloc&mib=100&insist=1").expect(500);
}

#[test]
fn requests_run_side_by_side() {
    let httpd = probe().start();
    let mut slow = httpd.connect();
    slow.send("POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n");
    // The first waits for its body; a lock held for its whole run would block this one.
    httpd.get("/probe?do=count").expect(200);
    slow.send("body");
    assert_eq!(slow.response("POST").expect(200).text(), "body");
}
