//! wasi:http, what a guest says: its two streams and wasi:logging, line by line in the log of its virtual host.

use suite::{Httpd, Probe, Req, both, wait};

both!(
    both_streams_go_to_the_log_line_by_line,
    logging_has_the_guests_level,
    messages_below_the_log_level_are_not_shown,
    the_log_is_that_of_the_virtual_host,
    a_guest_cannot_forge_lines,
    too_much_is_dropped_and_said,
    lines_come_while_the_guest_runs,
);

/// The line with these words, with what must be in it.
#[track_caller]
fn line(httpd: &Httpd, words: &str, parts: &[&str]) {
    let line = httpd.expect_log(words);
    for part in parts {
        assert!(line.contains(part), "{part}: {line}");
    }
}

fn both_streams_go_to_the_log_line_by_line(probe: Probe) {
    let httpd = probe.setup("").tolerate(" at ").start();
    httpd.get("/p/log?text=hello&n=3").expect(200);
    let file = format!("{}.wasm: ", probe.guest);
    for n in 1..=3 {
        for stream in ["out", "err"] {
            let words = format!("{file}hello {stream} {n}");
            line(
                &httpd,
                &words,
                &["WASM0120", "[wasm:error]", "[client 127.0.0.1:"],
            );
        }
    }
    line(&httpd, "hello without an end", &["WASM0120"]);
    assert_eq!(httpd.logged("WASM0120").len(), 7, "{}", httpd.error_log());
}

fn logging_has_the_guests_level(probe: Probe) {
    let httpd = probe
        .setup("")
        .log_level("warn wasm:trace1")
        .tolerate("WASM0120")
        .start();
    httpd.get("/p/log?text=hello").expect(200);
    for (level, code, shown) in [
        ("trace", "WASM0140", "[wasm:trace1]"),
        ("debug", "WASM0141", "[wasm:debug]"),
        ("info", "WASM0142", "[wasm:info]"),
        ("warn", "WASM0143", "[wasm:warn]"),
        ("error", "WASM0144", "[wasm:error]"),
        ("critical", "WASM0145", "[wasm:crit]"),
    ] {
        let words = format!("probe: hello at {level}");
        line(
            &httpd,
            &words,
            &[code, shown, probe.guest, "[client 127.0.0.1:"],
        );
    }
}

fn messages_below_the_log_level_are_not_shown(probe: Probe) {
    let httpd = probe
        .setup("")
        .log_level("warn")
        .tolerate("WASM0120")
        .announce("WASM0143")
        .announce("WASM0144")
        .announce("WASM0145")
        .start();
    httpd.get("/p/log").expect(200);
    httpd.expect_log("message at critical");
    for code in ["WASM0140", "WASM0141", "WASM0142"] {
        assert_eq!(httpd.logged(code), [""; 0]);
    }
}

fn the_log_is_that_of_the_virtual_host(probe: Probe) {
    let httpd = probe
        .setup("")
        .vhost("a.example", "")
        .tolerate("WASM0120")
        .tolerate(" at ")
        .start();
    httpd
        .send(&Req::get("/p/log?text=hello").field("Host", "a.example"))
        .expect(200);
    httpd.expect_log_of("a.example", "hello out 1");
    httpd.expect_log_of("a.example", "hello at critical");
    assert_eq!(httpd.logged("hello"), [""; 0]);
}

fn a_guest_cannot_forge_lines(probe: Probe) {
    let httpd = probe.setup("").tolerate("WASM01").start();
    let text = "x%0A[Mon+Jan+01+00:00:00.0+2024]+[core:emerg]+forged%0D%1B[31m";
    httpd.get(&format!("/p/log?text={text}")).expect(200);
    httpd.expect_log("forged");
    for line in httpd.logged("forged") {
        assert!(line.contains("[wasm:") && line.contains("WASM01"), "{line}");
        assert!(!line.contains('\u{1b}') && !line.contains('\r'), "{line}");
    }
}

fn too_much_is_dropped_and_said(probe: Probe) {
    let httpd = probe
        .setup("")
        .tolerate("WASM0120")
        .tolerate(" at ")
        .start();
    httpd.get("/p/log?n=1000").expect(200);
    line(&httpd, "WASM0121", &["[wasm:warn]"]);
    assert_eq!(httpd.logged("WASM0121").len(), 1);
    assert_eq!(httpd.logged("WASM0120").len(), 256);
    // The next request has its own measure.
    httpd.get("/p/log?text=next").expect(200);
    httpd.expect_log("next err 1");
}

fn lines_come_while_the_guest_runs(probe: Probe) {
    let httpd = probe.setup("WasmTimeout 60").start();
    let mut conn = httpd.connect();
    conn.send("POST /p/early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nha");
    assert_eq!(conn.response("POST").expect(200).text(), "early\n");
    assert_eq!(httpd.logged("early: "), [""; 0]);
    conn.send("lf");
    wait::until("the line", || !httpd.logged("early: ").is_empty());
    httpd.expect_log("bytes=4 ");
}
