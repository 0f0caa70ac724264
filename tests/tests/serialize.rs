//! `WasmSerialize`: requests of a section that run one at a time, over all threads and children.
#![expect(clippy::unwrap_used, reason = "to panic is to fail the test")]

use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use suite::{Conn, Httpd, Req, Setup, check_lines, host, paths, probe, process, wait};

/// So many requests at the same time.
const CLIENTS: usize = 8;

/// Four children at least, and room for all clients.
fn setup(lines: &str) -> Setup {
    let children = "StartServers 4\nMaxRequestWorkers 16\nMaxSpareThreads 16";
    let setup = Setup::new().threads(if paths::threaded() { 4 } else { 16 });
    let setup = match paths::threaded() {
        true => setup.conf(children),
        false => setup,
    };
    let setup = setup.writable("data");
    let data = format!(
        "WasmMapDir /data \"{}\"\n{lines}",
        setup.path("data").display()
    );
    setup.cgi("/probe", "probe", &data)
}

/// Sends what `request` makes of the numbers of clients and turns, from all clients at once. Gives the bodies.
fn from_all(httpd: &Httpd, request: impl Fn(usize, usize) -> Req + Sync) -> Vec<String> {
    let one = |client| {
        let send = |turn| httpd.send(&request(client, turn)).expect(200).text();
        (0..4).map(send).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(move || one(n))).collect();
        let bodies = clients.into_iter().map(|client| client.join().unwrap());
        bodies.flatten().collect()
    })
}

fn increment(method: &str, ms: u32) -> Req {
    Req::new(
        method,
        &format!("/probe?do=files&op=increment&path=/data/n&ms={ms}"),
    )
}

fn number(httpd: &Httpd) -> usize {
    let text = fs::read_to_string(httpd.path("data/n")).unwrap();
    text.trim().parse().unwrap()
}

/// Which children have answered.
fn children_used(httpd: &Httpd) -> BTreeSet<String> {
    let log = fs::read_to_string(httpd.path("logs/access.log")).unwrap();
    let pids = log.lines().filter_map(|line| line.split(' ').nth(2));
    pids.map(str::to_owned).collect()
}

#[test]
fn nothing_is_lost_over_several_children() {
    let httpd = setup("WasmSerialize On").start();
    from_all(&httpd, |_, _| increment("GET", 5));
    assert_eq!(number(&httpd), 4 * CLIENTS);
    let used = children_used(&httpd);
    assert!(used.len() > 1, "only {used:?} has answered");
}

#[test]
fn without_it_updates_are_lost() {
    let httpd = setup("WasmSerialize Off").start();
    from_all(&httpd, |_, _| increment("GET", 50));
    assert!(number(&httpd) < 4 * CLIENTS, "the other tests show nothing");
}

#[test]
fn with_writes_readers_run_side_by_side_and_writers_alone() {
    let httpd = setup("WasmSerialize Writes").start();
    let name = |client: usize, turn: usize| match client % 2 {
        0 => format!("GET-{client}-{turn}"),
        _ => format!("POST-{client}-{turn}"),
    };
    let bodies = from_all(&httpd, |client, turn| {
        let name = name(client, turn);
        let (method, _) = name.split_once('-').unwrap();
        Req::new(
            method,
            &format!("/probe?do=files&op=crowd&path=/data&ms=60&text={name}"),
        )
    });
    for body in &bodies {
        let alone = body.lines().count() == 1;
        assert!(
            alone || !body.contains("POST"),
            "a writer is not alone:\n{body}"
        );
    }
    let most = bodies.iter().map(|body| body.lines().count()).max();
    assert!(most > Some(1), "no readers have run side by side");
    // Writers lose nothing to each other.
    from_all(&httpd, |_, _| increment("POST", 5));
    assert_eq!(number(&httpd), 4 * CLIENTS);
}

/// A request that holds the turn until its body is over.
fn hold(httpd: &Httpd) -> Conn {
    let mut conn = httpd.connect();
    conn.send(
        "POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nheld\r\n",
    );
    assert_eq!(conn.head().status, 200);
    conn
}

/// Bodies are streamed, so that a client can make its request last.
const HELD: &str = "WasmSerialize On\nWasmBodyWithoutLength Stream";

fn release(mut conn: Conn) {
    conn.send("0\r\n\r\n");
    let all = conn.read_raw(|all| all.ends_with(b"0\r\n\r\n"));
    assert!(all.ends_with(b"0\r\n\r\n"), "the response is not whole");
}

#[test]
fn a_request_that_waits_too_long_is_503() {
    let httpd = setup("WasmSerialize On\nWasmTimeout 1min")
        .timeout(1)
        .start();
    let mut first = httpd.connect();
    first.send(Req::get("/probe?do=drip&n=2&ms=4000").bytes());
    assert_eq!(first.head().status, 200);
    let second = httpd.get("/probe?do=count").expect(503);
    assert_eq!(second.header("Retry-After"), Some("1"));
    let line = httpd.expect_log("WASM0166");
    assert!(
        line.contains("ran for 1s") && line.contains("test.conf"),
        "{line}"
    );
    let all = first.read_raw(|all| all.ends_with(b"0\r\n\r\n"));
    assert!(String::from_utf8_lossy(&all).contains("line 2"));
    httpd.get("/probe?do=count").expect(200);
}

#[test]
fn a_client_that_goes_while_it_waits_frees_its_place() {
    let httpd = setup(HELD).start();
    let first = hold(&httpd);
    let mut gone = httpd.connect();
    gone.send(increment("GET", 0).bytes());
    gone.reset();
    httpd.expect_log("WASM0108");
    release(first);
    let answer = httpd.send(&increment("GET", 0)).expect(200);
    assert_eq!(
        answer.text(),
        "1\n",
        "the guest of the one that went has not run"
    );
}

#[test]
fn a_killed_child_lets_go_of_its_turn() {
    let killed = ["exit signal Killed", "AH10392", "AH10393"];
    let setup = killed
        .iter()
        .fold(setup(HELD), |setup, words| setup.tolerate(words));
    let httpd = setup.start();
    let held = hold(&httpd);
    let before = httpd.child_pids();
    for pid in &before {
        process::signal(*pid, Signal::KILL);
    }
    wait::until("new children", || {
        httpd.child_pids().difference(&before).next().is_some()
    });
    let answer = httpd.send(&increment("GET", 0)).expect(200);
    assert_eq!(answer.text(), "1\n");
    drop(held);
}

#[test]
fn new_children_wait_for_old_ones_after_a_graceful_restart() {
    let httpd = setup("WasmSerialize On\nWasmTimeout 1min")
        .timeout(1)
        .start();
    let mut old = httpd.connect();
    old.send(Req::get("/probe?do=drip&n=2&ms=5000").bytes());
    assert_eq!(old.head().status, 200);
    let before = httpd.child_pids();
    httpd.graceful();
    wait::until("new children", || {
        httpd.child_pids().difference(&before).next().is_some()
    });
    httpd.get("/probe?do=count").expect(503);
    httpd.expect_log("WASM0166");
    let all = old.read_raw(|all| all.ends_with(b"0\r\n\r\n"));
    assert!(String::from_utf8_lossy(&all).contains("line 2"));
    httpd.get("/probe?do=count").expect(200);
}

#[test]
fn what_is_included_or_redirected_to_does_not_wait_for_its_own_request() {
    // More than is held back, so that the include is served while the guest still runs.
    let page = format!(
        "Content-Type: text/html\r\n\r\n<!--#include virtual=\"/inner\" -->{}",
        "x".repeat(200_000)
    );
    let httpd = Setup::new()
        .module("include")
        .timeout(5)
        .conf("WasmSerialize On")
        .prints("/inner", "Content-Type: text/plain\r\n\r\nincluded ")
        .prints_then(
            "/outer",
            &page,
            suite::Then::Return,
            "Options +Includes\nSetOutputFilter INCLUDES",
        )
        .prints("/redirect", "Location: /inner\r\n\r\n")
        .start();
    for _ in 0..3 {
        let body = httpd.get("/outer").expect(200).text();
        assert!(
            body.starts_with("included xxx") && body.len() == 200_009,
            "{}",
            body.len()
        );
        assert_eq!(httpd.get("/redirect").expect(200).text(), "included ");
    }
}

#[test]
fn sections_with_lines_of_their_own_do_not_wait_for_each_other() {
    let httpd = setup(HELD)
        .cgi("/other", "probe", "WasmSerialize On")
        .start();
    let first = hold(&httpd);
    httpd.get("/other?do=count").expect(200);
    release(first);
}

#[test]
fn a_slow_body_does_not_hold_up_others() {
    let httpd = setup("WasmSerialize On").start();
    let mut slow = httpd.connect();
    slow.send("POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf ");
    for _ in 0..3 {
        httpd.get("/probe?do=count").expect(200);
    }
    slow.send("whole");
    assert_eq!(slow.response("POST").expect(200).text(), "half whole");
}

/// A request at `target` whose body the server has asked for, and does not get.
fn waited_for(httpd: &Httpd, method: &str, target: &str) -> Conn {
    let mut conn = httpd.connect();
    conn.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    ));
    assert_eq!(conn.head().status, 100);
    conn
}

#[test]
fn a_slow_body_does_not_hold_up_others_whatever_the_method() {
    let httpd = setup("WasmSerialize On").start();
    for method in ["HEAD", "GET", "DELETE"] {
        let mut slow = waited_for(&httpd, method, "/probe?do=count");
        httpd.get("/probe?do=count").expect(200);
        slow.send("body");
        slow.response(method).expect(200);
    }
}

#[test]
fn a_slow_body_for_an_http_component_does_not_hold_up_others() {
    for probe in [probe::P2, probe::P3] {
        let httpd = probe.setup("WasmSerialize On").start();
        for method in ["POST", "HEAD"] {
            let mut slow = waited_for(&httpd, method, "/p/report");
            httpd.get("/p/report").expect(200);
            slow.send("body");
            let response = slow.response(method).expect(200);
            if method == "POST" {
                let text = response.text();
                check_lines(&text, &["bytes=4 fnv1a=cd4de79bc6c93295"]);
            }
        }
        let chunked = Req::post_chunked("/p/report", &[b"a ", b"bo", b"dy"]);
        let text = httpd.send(&chunked).expect(200).text();
        check_lines(&text, &["bytes=6 fnv1a=021a337c955cd3a0"]);
    }
}

#[test]
fn a_body_is_streamed_to_an_http_component_where_that_is_said() {
    let lines = "WasmSerialize On\nWasmBodyWithoutLength Stream";
    for probe in [probe::P2, probe::P3] {
        let httpd = probe.setup(lines).start();
        let mut conn = httpd.connect();
        conn.send("POST /p/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf ");
        let head = conn.head();
        assert_eq!(head.status, 200);
        conn.send("whole");
        let mut body = Vec::new();
        assert!(conn.read_body("POST", &head, &mut |piece| body.extend_from_slice(piece)));
        assert_eq!(body, b"half whole");
    }
}

#[test]
fn plain_programs_and_http_components_wait_too() {
    let lines = "WasmSerialize On\nWasmTimeout 1min";
    let args = "WasmArg drip\nWasmArg n=2\nWasmArg ms=3000\nWasmArg --plain";
    let httpd = setup("")
        .timeout(1)
        .conf(lines)
        .guest("/plain", "probe", args)
        .guest("/http", "hello-http", "")
        .start();
    let mut first = httpd.connect();
    first.send(Req::get("/plain").bytes());
    assert_eq!(first.head().status, 200);
    httpd.get("/http").expect(503);
    httpd.expect_log("WASM0166");
    first.read_raw(|all| all.ends_with(b"0\r\n\r\n"));
    httpd.get("/http").expect(200);
}

#[test]
fn a_child_without_proc_says_so() {
    if !host::is_root() {
        host::announce_skip("only root may use ChrootDir");
        return;
    }
    let root = PathBuf::from("/proc/self/fd");
    assert!(root.is_dir(), "the test needs a system with /proc");
    let setup = Setup::new().cgi("/probe", "probe", "WasmSerialize On");
    let folder = setup.path("").display().to_string();
    let httpd = setup.conf(&format!("ChrootDir \"{folder}\"")).start();
    httpd.get("/probe?do=count").expect(500);
    let line = httpd.expect_log("WASM0165");
    assert!(line.contains("No such file or directory"), "{line}");
}
