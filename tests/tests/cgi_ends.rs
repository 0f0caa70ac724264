//! CGI statements 37, 38, 39 and 41: heads that are not whole, and how a guest may end.
//!
//! Each says what the client gets and which lines the error log holds. Other faults of a guest: `faults.rs`.

use suite::{Httpd, Setup, Then};

const OK: &str = "Content-Type: text/plain\r\n\r\nbody";

/// The response to `target` is a 500 of httpd's own, and its children live on.
fn expect_500(httpd: &Httpd, target: &str) {
    let before = httpd.child_pids();
    let response = httpd.get(target).expect(500);
    assert!(
        response.text().contains("Internal Server Error"),
        "{}",
        response.text()
    );
    httpd.assert_same_children(&before);
}

#[test]
fn cgi_37_no_output_is_500() {
    let httpd = Setup::new().prints("/x", "").tolerate("WASM0110").start();
    expect_500(&httpd, "/x");
    httpd.expect_log("End of script output before headers: x");
}

#[test]
fn cgi_37_output_that_ends_in_the_head_is_500() {
    let httpd = Setup::new()
        .prints("/line", "Content-Type: text/plain\r\n")
        .prints("/word", "Content-Ty")
        .tolerate("WASM0110")
        .start();
    expect_500(&httpd, "/line");
    expect_500(&httpd, "/word");
    httpd.expect_log("Premature end of script headers: line");
    httpd.expect_log("End of script output before headers: word");
}

#[test]
fn cgi_37_a_line_without_a_colon_is_500() {
    let httpd = Setup::new()
        .prints("/x", "Hello, wasm world!\n\nmore")
        .tolerate("WASM0110")
        .start();
    expect_500(&httpd, "/x");
    httpd.expect_log("Bad header: Hello, wasm world!");
}

#[test]
fn cgi_37_a_trap_or_exit_before_the_head_is_500_with_our_own_line() {
    let httpd = Setup::new()
        .prints_then("/trap", "", Then::Trap, "")
        .prints_then(
            "/trap-in-head",
            "Content-Type: text/plain\r\n",
            Then::Trap,
            "",
        )
        .prints_then("/exit", "", Then::Exit(3), "")
        .tolerate("script headers")
        .tolerate("End of script output")
        .start();
    expect_500(&httpd, "/trap");
    expect_500(&httpd, "/trap-in-head");
    expect_500(&httpd, "/exit");
    httpd.expect_log("WASM0101");
    assert_eq!(httpd.logged("WASM0101").len(), 2);
    let exit = httpd.expect_log("WASM0103");
    assert!(exit.contains("status 3"), "{exit}");
}

#[test]
fn cgi_37_a_trap_after_the_head_cuts_the_response() {
    let httpd = Setup::new()
        // More than httpd holds back, so that the head is on its way before the trap.
        .prints_then("/x", format!("{OK}{}", "x".repeat(1 << 20)), Then::Trap, "")
        .announce("WASM0102")
        .start();
    let before = httpd.child_pids();
    let mut conn = httpd.connect();
    let response = conn.exchange(&suite::Req::get("/x"));
    assert_eq!(response.status(), 200);
    assert!(
        !response.complete,
        "the client must see that it is not whole"
    );
    assert!(conn.is_closed());
    httpd.assert_same_children(&before);
}

#[test]
fn cgi_38_a_header_line_over_8190_bytes_is_500() {
    let line = |n: usize| format!("X-Long: {}\r\n{OK}", "a".repeat(n - "X-Long: ".len()));
    let httpd = Setup::new()
        .prints("/fits", line(8000))
        .prints("/long", line(8192))
        .prints("/longer", line(100_000))
        .tolerate("Bad header")
        .tolerate("Premature end of script headers")
        .tolerate("WASM0110")
        .tolerate("WASM0113")
        .start();
    let fits = httpd.get("/fits").expect(200);
    assert_eq!(
        fits.header("X-Long").map(str::len),
        Some(8000 - "X-Long: ".len())
    );
    expect_500(&httpd, "/long");
    expect_500(&httpd, "/longer");
}

#[test]
fn cgi_38_folded_lines_are_not_joined() {
    let httpd = Setup::new()
        .prints(
            "/x",
            "Content-Type: text/plain\r\nX-One: 1\r\n folded on\r\n\r\nbody",
        )
        .tolerate("WASM0110")
        .start();
    expect_500(&httpd, "/x");
    httpd.expect_log("Bad header");
}

#[test]
fn cgi_39_exit_0_is_success_and_another_status_keeps_a_whole_response() {
    let statuses = [1, 3, 64, 125, 126, 127, 128, 134, 255];
    let mut setup = Setup::new().prints_then("/0", OK, Then::Exit(0), "");
    for status in statuses {
        setup = setup.prints_then(&format!("/{status}"), OK, Then::Exit(status), "");
    }
    let httpd = setup.start();
    assert_eq!(httpd.get("/0").expect(200).text(), "body");
    assert_eq!(httpd.logged("WASM01").len(), 0);
    for status in statuses {
        assert_eq!(httpd.get(&format!("/{status}")).expect(200).text(), "body");
        let line = httpd.expect_log(&format!("exited with status {status} after"));
        assert!(
            line.contains("[wasm:warn]") && line.contains("WASM0104"),
            "{line}"
        );
    }
    assert_eq!(httpd.logged("WASM0104").len(), statuses.len());
}

#[test]
fn cgi_41_a_1xx_status_does_not_hang() {
    let httpd = Setup::new()
        .prints(
            "/x",
            format!("Status: 103 Early Hints\r\nLink: </a>\r\n\r\n{OK}"),
        )
        .prints("/100", format!("Status: 100 Continue\r\n\r\n{OK}"))
        .prints("/next", OK)
        .tolerate("WASM0110")
        .start();
    for target in ["/x", "/100"] {
        let mut conn = httpd.connect();
        conn.send(suite::Req::get(target).field("Connection", "close").bytes());
        // Not supported: any well-formed end will do, but an end there must be.
        let end = conn.try_response("GET").unwrap();
        assert!(
            end.is_none_or(|response| response.status() >= 500),
            "{target}"
        );
    }
    assert_eq!(httpd.get("/next").expect(200).text(), "body");
}
