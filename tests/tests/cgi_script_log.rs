//! CGI statement 52: failed runs are described in the file of `WasmScriptLog`.

use std::fs;
use suite::{Httpd, Req, Setup, Then, check_lines, wait};

const LOG: &str = "WasmScriptLog logs/script.log";

/// The folder of the logs belongs to root when the tests run as root, and the children do not.
fn setup(lines: &str) -> Setup {
    Setup::new()
        .conf(lines)
        .cgi("/probe", "probe", "WasmTimeout 500ms")
        .tolerate("WASM0120")
}

/// What is in a log when there are so many entries.
fn entries(httpd: &Httpd, file: &str, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(httpd.path(file)).unwrap_or_default();
    // The client has its answer before the entry is written.
    wait::until("the entries of the script log", || {
        let headlines = read()
            .lines()
            .filter(|line| line.starts_with("%% "))
            .count();
        assert!(headlines <= 2 * count, "too many entries:\n{}", read());
        headlines == 2 * count
    });
    let log = read();
    let parts = log.split("%% [").skip(1);
    parts.map(|entry| format!("%% [{entry}")).collect()
}

#[test]
fn cgi_52_a_trap_is_described() {
    let httpd = setup(LOG).announce("WASM0101").start();
    let request = Req::post("/probe?do=panic&secret=no", b"never read")
        .field("Authorization", "Basic c2VjcmV0")
        .field("Cookie", "a=b");
    httpd.send(&request).expect(500);
    let [entry] = &entries(&httpd, "logs/script.log", 1)[..] else {
        return;
    };
    let first = entry.lines().next().unwrap();
    assert!(
        first.ends_with("] POST /probe?do=panic&secret=no HTTP/1.1"),
        "{entry}"
    );
    check_lines(
        entry,
        &[
            "%% 500 probe.wasm",
            "%error",
            "%request",
            "Host: localhost",
            "Authorization: (withheld)",
            "Cookie: a=b",
            "Content-Length: 10",
            "%stderr",
        ],
    );
    assert!(entry.contains("WASM0101: guest trapped"), "{entry}");
    assert!(entry.contains("panicked at"), "stderr is missing: {entry}");
    for absent in ["c2VjcmV0", "never read", "%stdout", "%response"] {
        assert!(!entry.contains(absent), "{absent}: {entry}");
    }
}

#[test]
fn cgi_52_a_bad_head_is_described_with_body_and_output() {
    let httpd = setup(&format!("{LOG} body=20"))
        .announce("WASM0110")
        .tolerate("malformed header")
        .start();
    let body = b"no header\n%% [x] GET /forged HTTP/1.1\n\x1b[2J";
    httpd.send(&Req::post("/probe?do=raw", body)).expect(500);
    let [entry] = &entries(&httpd, "logs/script.log", 1)[..] else {
        return;
    };
    // Twenty bytes of each, and none of them can be taken for an entry.
    let (_, request) = entry.split_once("%request\n").unwrap();
    assert!(
        request.ends_with("\n\nno header\n %% [x] GET\n%stdout\nno header\n %% [x] GET\n"),
        "{entry}"
    );
}

#[test]
fn cgi_52_every_kind_of_failure_of_the_guest_is_described() {
    let begun = format!("Content-Type: text/plain\r\n\r\n{}", "x".repeat(100_000));
    let httpd = setup(LOG)
        .prints("/502", "Transfer-Encoding: chunked\r\n\r\n")
        .prints("/empty", "")
        .prints_then("/late", &begun, Then::Trap, "")
        .announce("WASM0110")
        .tolerate("End of script output before headers")
        .start();
    httpd.get("/502").expect(502);
    httpd.get("/empty").expect(500);
    httpd.get("/probe?do=exit&code=3").expect(500);
    httpd.expect_log("WASM0103");
    httpd.get("/probe?do=spin").expect(504);
    httpd.expect_log("WASM0105");
    let late = httpd.get("/late");
    assert!(late.status() == 200 && !late.complete);
    httpd.expect_log("WASM0102");
    let entries = entries(&httpd, "logs/script.log", 5);
    let expected = [
        ("%% 502 502.wasm", "WASM0110: "),
        ("%% 500 empty.wasm", "WASM0110: "),
        ("%% 500 probe.wasm", "WASM0103: "),
        ("%% 504 probe.wasm", "WASM0105: "),
        ("%% 200 late.wasm", "WASM0102: "),
    ];
    for (entry, (line, error)) in entries.iter().zip(expected) {
        check_lines(entry, &[line, "%error", "%request"]);
        assert!(entry.contains(error), "{error}: {entry}");
    }
    let late = entries.last().unwrap();
    let (_, response) = late.split_once("%response\n").unwrap();
    let expected = format!("Content-Type: text/plain\n%stdout\n{}\n", "x".repeat(1024));
    assert!(response == expected, "{late}");
}

#[test]
fn cgi_52_nothing_is_written_of_what_goes_well_or_is_the_clients_fault() {
    let httpd = setup(LOG)
        .cgi("/small", "probe", "LimitRequestBody 10")
        .prints("/404", "Status: 404 Not here\r\n\r\nfrom the guest")
        .guest("/plain", "trap", "")
        .cgi("/quiet", "trap", "WasmScriptLog none")
        .announce("WASM0101")
        .start();
    httpd.get("/probe?do=count").expect(200);
    httpd.get("/404").expect(404);
    let chunked = Req::post_chunked("/small?do=count", &[b"more than ten bytes"]);
    httpd.send(&chunked).expect(413);
    // Neither is a CGI program with a script log.
    httpd.get("/plain").expect(500);
    httpd.get("/quiet").expect(500);
    httpd.get("/probe?do=unreachable").expect(500);
    let entries = entries(&httpd, "logs/script.log", 1);
    assert!(entries[0].contains("do=unreachable"), "{entries:?}");
}

#[test]
fn cgi_52_the_file_does_not_grow_beyond_its_size() {
    let httpd = setup(&format!("{LOG} max=1K")).announce("WASM0101").start();
    for _ in 0..8 {
        httpd.get("/probe?do=unreachable").expect(500);
    }
    wait::until("all are logged", || httpd.logged("WASM0101").len() == 8);
    let size = fs::metadata(httpd.path("logs/script.log")).unwrap().len();
    assert!((200..=1024).contains(&size), "{size} bytes");
}

#[test]
fn cgi_52_virtual_hosts_have_logs_of_their_own() {
    let section = "SetHandler wasm-handler\nWasmModule ${GUESTS}/trap.wasm\nWasmEnableCGI On";
    let vhost = |log: &str| format!("{log}\n<Location /x>\n{section}\n</Location>");
    let httpd = Setup::new()
        .vhost("one.test", &vhost("WasmScriptLog logs/one.script"))
        .vhost("two.test", &vhost("WasmScriptLog logs/two.script"))
        .vhost("none.test", &vhost(""))
        .announce("WASM0101")
        .tolerate("WASM0120")
        .start();
    for host in ["one.test", "two.test", "two.test", "none.test"] {
        let request = Req::get("/x").field("Host", host);
        httpd.send(&request).expect(500);
    }
    assert!(entries(&httpd, "logs/one.script", 1)[0].contains("Host: one.test\n"));
    for entry in entries(&httpd, "logs/two.script", 2) {
        assert!(entry.contains("Host: two.test\n"), "{entry}");
    }
}

#[test]
fn cgi_52_a_restart_opens_the_file_anew() {
    let httpd = setup(LOG).announce("WASM0101").start();
    httpd.get("/probe?do=unreachable").expect(500);
    entries(&httpd, "logs/script.log", 1);
    fs::rename(httpd.path("logs/script.log"), httpd.path("logs/old.log")).unwrap();
    httpd.graceful();
    wait::until("a new child writes to the new file", || {
        httpd.get("/probe?do=unreachable").expect(500);
        httpd
            .path("logs/script.log")
            .metadata()
            .is_ok_and(|file| file.len() > 0)
    });
}

#[test]
fn cgi_52_a_file_that_cannot_be_had_is_found_before_the_server_starts() {
    setup("WasmScriptLog missing/script.log")
        .check()
        .fails_with(&[
            "WasmScriptLog: ",
            "missing\" is not a directory",
            "line 1 of",
            "test.conf",
        ]);
    let setup = setup(LOG);
    let file = setup.path("logs/script.log");
    std::os::unix::fs::symlink("/nonexistent/script.log", &file).unwrap();
    let said = setup.must_fail_to_start();
    for words in ["WASM0163: ", "No such file or directory", "(line 1 of "] {
        assert!(said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn cgi_52_a_full_file_system_does_not_change_the_response() {
    let httpd = setup("WasmScriptLog /dev/full")
        .announce("WASM0101")
        .start();
    httpd.get("/probe?do=unreachable").expect(500);
    let line = httpd.expect_log("WASM0164");
    assert!(line.contains("No space left on device"), "{line}");
}
