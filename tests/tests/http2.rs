//! The same guests over HTTP/2: bodies without a length, streaming, and the end of a response that cannot be whole.
//!
//! curl speaks HTTP/2 here. prefork has none: mod_http2 refuses to work there, so the tests say that they are skipped.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use suite::{Httpd, Setup, Then, host, paths};

/// A server that speaks HTTP/2 in clear text; `None` under prefork.
fn setup() -> Option<Setup> {
    if !paths::threaded() {
        host::announce_skip("mod_http2 does not work under prefork");
        return None;
    }
    let setup = Setup::new().module("http2").conf("Protocols h2c http/1.1");
    Some(setup.threads(8).timeout(60).cgi("/probe", "probe", ""))
}

fn curl(httpd: &Httpd, target: &str, args: &[&str]) -> std::process::Output {
    let url = httpd.url(target);
    host::run(
        "curl",
        [
            &["-sS", "--http2-prior-knowledge", "--max-time", "60", &url],
            args,
        ]
        .concat(),
    )
}

fn text(out: &std::process::Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn cgi_07_the_protocol_is_http_2() {
    let Some(setup) = setup() else { return };
    let httpd = setup.cgi("/env", "probe", "WasmArg env").start();
    let out = text(&curl(&httpd, "/env?q=1", &["-H", "X-Some: thing"]));
    for line in [
        "SERVER_PROTOCOL=HTTP/2.0",
        "QUERY_STRING=q=1",
        "HTTP_X_SOME=thing",
        "REQUEST_METHOD=GET",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
}

#[test]
fn cgi_12_a_body_without_a_length_is_told_its_length() {
    let Some(setup) = setup() else { return };
    let httpd = setup
        .cgi("/c", "probe-c", "")
        .cgi("/env", "probe", "WasmArg env")
        .start();
    for size in [0, 1, 65_537, 300_000_u32] {
        let body: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        // This one reads as many bytes as it is told, and no more.
        assert!(post(&httpd, "/c", &body) == body, "{size} bytes");
        let vars = String::from_utf8_lossy(&post(&httpd, "/env", &body)).into_owned();
        let length = format!("CONTENT_LENGTH={size}");
        // Whether an empty body is one at all depends on how soon its end has come.
        let none = size == 0 && !vars.contains("CONTENT_LENGTH=");
        let told = vars.lines().any(|line| line == length);
        assert!(told || none, "{length}\n{vars}");
    }
    let vars = text(&curl(&httpd, "/env", &[]));
    assert!(
        !vars.contains("CONTENT_LENGTH="),
        "a GET has no body: {vars}"
    );
}

#[test]
fn cgi_23_a_body_without_a_length() {
    let Some(setup) = setup() else { return };
    let httpd = setup
        .conf("WasmBodyWithoutLength Stream")
        .cgi("/c", "probe-c", "")
        .cgi("/env", "probe", "WasmArg env")
        .start();
    let body: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    for target in ["/probe?do=echo", "/c"] {
        assert!(post(&httpd, target, &body) == body, "{target}");
    }
    assert!(post(&httpd, "/probe?do=echo", b"").is_empty());
    let vars = String::from_utf8_lossy(&post(&httpd, "/env", b"x")).into_owned();
    assert!(!vars.contains("CONTENT_LENGTH="), "{vars}");
}

/// Uploads from a pipe, so that curl knows no length and sends none.
fn post(httpd: &Httpd, target: &str, body: &[u8]) -> Vec<u8> {
    let url = httpd.url(target);
    let args = [
        "-sS",
        "--http2-prior-knowledge",
        "--max-time",
        "60",
        "-X",
        "POST",
        "-T",
        "-",
        &url,
    ];
    let spawned = Command::new("curl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        assert!(spawned.is_ok(), "curl is needed");
        return Vec::new();
    };
    let stdin = child.stdin.take();
    let body = body.to_vec();
    let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&body)));
    let out = child.wait_with_output().map(|out| out.stdout);
    assert!(writer.join().is_ok());
    out.unwrap_or_default()
}

#[test]
fn cgi_44_output_streams() {
    let Some(setup) = setup() else { return };
    let httpd = setup.start();
    let url = httpd.url("/probe?do=drip&n=3&ms=400");
    let mut child = Command::new("curl")
        .args(["-sSN", "--http2-prior-knowledge", "--max-time", "60", &url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut out, mut piece, mut first) = (Vec::new(), [0; 1024], None);
    let mut stdout = child.stdout.take().unwrap();
    loop {
        let n = stdout.read(&mut piece).unwrap();
        if n == 0 {
            break;
        }
        first.get_or_insert_with(Instant::now);
        out.extend_from_slice(&piece[..n]);
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(String::from_utf8_lossy(&out), "line 1\nline 2\nline 3\n");
    assert!(first.unwrap().elapsed() > Duration::from_millis(400));
}

#[test]
fn cgi_37_a_trap_after_the_head_resets_the_stream() {
    let Some(setup) = setup() else { return };
    let output = format!("Content-Type: text/plain\r\n\r\n{}", "x".repeat(1 << 20));
    let httpd = setup
        .prints_then("/x", output, Then::Trap, "")
        .announce("WASM0102")
        .start();
    let before = httpd.child_pids();
    let out = curl(&httpd, "/x", &[]);
    // 92: the stream was not closed cleanly, 18: less than was promised, 56: the connection broke.
    assert!(
        matches!(out.status.code(), Some(92 | 18 | 56)),
        "{:?}",
        out.status
    );
    httpd.assert_same_children(&before);
    assert_eq!(
        text(&curl(&httpd, "/probe?do=count", &[])),
        "bytes=0 fnv1a=cbf29ce484222325\n"
    );
}

#[test]
fn statuses_heads_and_errors() {
    let Some(setup) = setup() else { return };
    let httpd = setup
        .prints(
            "/404",
            "Status: 404 Not here\r\nContent-Type: text/plain\r\n\r\nfrom the guest",
        )
        .prints(
            "/304",
            "ETag: \"v1\"\r\nContent-Type: text/plain\r\n\r\nbody",
        )
        .announce("WASM0101")
        .start();
    let status = |target: &str, args: &[&str]| {
        let all = [
            &["-o", "/dev/null", "-w", "%{http_code} %{size_download}"],
            args,
        ]
        .concat();
        text(&curl(&httpd, target, &all))
    };
    assert_eq!(status("/404", &[]), "404 14");
    assert_eq!(status("/304", &["-H", "If-None-Match: \"v1\""]), "304 0");
    assert_eq!(status("/304", &["-I"]), "200 0");
    assert!(status("/probe?do=unreachable", &[]).starts_with("500 "));
}

#[test]
fn cgi_49_a_client_that_goes_ends_the_guest() {
    let Some(setup) = setup() else { return };
    let httpd = setup.timeout(600).start();
    let before = httpd.child_pids();
    let url = httpd.url("/probe?do=endless");
    let args = [
        "-sS",
        "--http2-prior-knowledge",
        "--max-time",
        "1",
        "-o",
        "/dev/null",
        &url,
    ];
    let gone = host::run("curl", args);
    assert_eq!(gone.status.code(), Some(28), "curl must have given up");
    httpd.expect_log("WASM0108");
    httpd.assert_same_children(&before);
}

#[test]
fn many_streams_at_once() {
    let Some(setup) = setup() else { return };
    let httpd = setup.start();
    let url = httpd.url("/probe?do=gen&n=100000");
    let out = host::run_ok("nghttp", ["-nsv", "-m20", &url]);
    let table = out
        .rsplit_once("request path")
        .map_or("", |(_, table)| table);
    assert_eq!(table.matches(" 200  97K ").count(), 20, "{table}");
}
