//! A guest that waits for its body and for something else at once: what comes first wakes it, and its own time goes on.
//!
//! The guest tells the client that its own time was over before the client goes on, so nothing here depends on how long that was.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use suite::h2::H2;
use suite::{Conn, Httpd, Setup};

fn setup() -> Setup {
    Setup::new()
        .conf("WasmBodyWithoutLength Stream")
        .cgi("/p1", "probe", "WasmTimeout 5")
        .cgi("/p2", "probe-component", "WasmTimeout 5")
        .cgi("/p3", "echo-p3", "WasmTimeout 5")
}

const TARGETS: [&str; 3] = [
    "/p1?do=patient&ms=20",
    "/p2?do=patient&ms=20",
    "/p3?patient=20",
];

fn post(target: &str, length: usize) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

/// Reads on until all of these words have come, in this order.
#[track_caller]
fn expect(conn: &mut Conn, words: &[&str]) {
    let found = |text: &str| {
        let mut rest = text;
        words.iter().all(|word| match rest.split_once(word) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    };
    let got = conn.read_raw(|all| found(&String::from_utf8_lossy(all)));
    let text = String::from_utf8_lossy(&got);
    assert!(found(&text), "{words:?} in {text:?}");
}

/// The guest notices that its client is slow, as often as it likes, and gets all of the body.
#[track_caller]
fn notices(httpd: &Httpd, target: &str) {
    let mut conn = httpd.connect();
    conn.send(post(target, 6));
    expect(&mut conn, &["waited", "waited"]);
    conn.send("abc");
    expect(&mut conn, &["got 3", "waited"]);
    conn.send("def");
    expect(&mut conn, &["got 3", "end"]);
}

#[test]
fn a_slow_client_is_noticed() {
    let httpd = setup().start();
    for target in TARGETS {
        notices(&httpd, target);
    }
}

#[test]
fn the_end_of_the_body_ends_the_wait() {
    let httpd = setup().start();
    for target in [
        "/p1?do=patient&ms=60000",
        "/p2?do=patient&ms=60000",
        "/p3?patient=60000",
    ] {
        let said = httpd.post(target, b"abcdef").expect(200).text();
        assert_eq!(said, "got 6\nend\n", "{target}");
        assert_eq!(httpd.get(target).expect(200).text(), "end\n", "{target}");
    }
}

#[test]
fn a_client_that_says_nothing_is_held_to_the_servers_patience() {
    let httpd = setup()
        .timeout(1)
        .announce("WASM0112")
        .tolerate("WASM0108")
        .start();
    for target in TARGETS {
        let mut conn = httpd.connect();
        conn.send(post(target, 6));
        // The guest would go on for ever; so the response is cut off.
        let all = conn.read_raw(|_| false);
        let text = String::from_utf8_lossy(&all);
        assert!(text.contains("waited") && !text.contains("end"), "{text}");
    }
}

#[test]
fn a_slow_stream_of_http_2_is_noticed() {
    let Some(setup) = setup().h2c() else { return };
    let httpd = setup.start();
    let h2 = H2::connect(httpd.port());
    for target in TARGETS {
        let mut stream = h2.open("POST", target, &[("content-length", "6")], false);
        assert_eq!(stream.head().0, 200, "{target}");
        stream.read_until(b"waited\nwaited\n");
        stream.send(b"abc", false);
        stream.read_until(b"got 3\nwaited\n");
        stream.send(b"def", true);
        stream.read_until(b"got 3\nend\n");
    }
}

#[test]
fn a_slow_client_is_noticed_through_tls() {
    let setup = setup().tls();
    let certificate = setup.certificate();
    let httpd = setup.start();
    for target in TARGETS {
        let mut curl = Command::new("curl")
            .args([
                "-sSN",
                "--http1.1",
                "-X",
                "POST",
                "-T",
                ".",
                "-H",
                "Expect:",
            ])
            .arg("--cacert")
            .arg(&certificate)
            .arg(format!("https://127.0.0.1:{}{target}", httpd.port()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl is there");
        let mut body = curl.stdin.take().unwrap();
        let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
        let mut until = |wanted: &str| {
            let found = lines
                .by_ref()
                .find(|line| line.as_ref().is_ok_and(|l| l == wanted));
            assert!(found.is_some(), "{target}: no line {wanted:?}");
        };
        until("waited");
        body.write_all(b"abc").unwrap();
        until("got 3");
        until("waited");
        body.write_all(b"def").unwrap();
        until("got 3");
        drop(body);
        until("end");
        assert!(curl.wait().unwrap().success());
    }
}
