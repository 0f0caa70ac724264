//! Start, stop, graceful restart and `-X`, under every MPM: CGI statement 55.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use suite::{Httpd, Req, Setup, host, process, wait};

/// How much the parent may grow between an early and the last restart, in bytes. httpd's own pools need a little.
const GROWTH: u64 = 6 << 20;

fn setup() -> Setup {
    Setup::new()
        .guest("/hello", "hello", "")
        .cgi("/probe", "probe", "")
}

struct Load {
    stop: AtomicBool,
    served: AtomicU64,
}

/// Asks until it is told to stop; every request must succeed, each on a connection of its own.
fn ask_on(httpd: &Httpd, load: &Load) {
    while !load.stop.load(Ordering::Relaxed) {
        let response = httpd
            .send(&Req::get("/hello").field("Connection", "close"))
            .expect(200);
        assert_eq!(response.text(), "Hello, wasm world!\n");
        load.served.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn fifty_graceful_restarts_under_load() {
    // httpd counts the old children's busy threads too, and says that it has reached its limit.
    let httpd = setup().threads(8).tolerate("AH00484").start();
    let load = Load {
        stop: AtomicBool::new(false),
        served: AtomicU64::new(0),
    };
    let sizes = thread::scope(|scope| {
        let asking: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| ask_on(&httpd, &load)))
            .collect();
        let mut sizes = Vec::new();
        for _ in 0..50 {
            let served = load.served.load(Ordering::Relaxed);
            httpd.graceful();
            // A restart that nobody notices proves nothing.
            wait::until("requests to be served", || {
                load.served.load(Ordering::Relaxed) > served + 4
                    || asking.iter().any(thread::ScopedJoinHandle::is_finished)
            });
            sizes.push((
                process::rss(httpd.pid()),
                process::open_files(httpd.pid()),
                process::threads(httpd.pid()),
            ));
        }
        load.stop.store(true, Ordering::Relaxed);
        sizes
    });
    let (early, last, served) = (sizes[9], sizes[49], load.served.into_inner());
    host::report_figures(&format!(
        "{served} requests served; RSS, files and threads of the parent: {early:?} … {last:?}"
    ));
    assert!(last.0 < early.0 + GROWTH, "the parent grows: {sizes:?}");
    assert_eq!(
        last.1, early.1,
        "the parent leaks file descriptors: {sizes:?}"
    );
    assert_eq!(
        last.2, 1,
        "the parent must have one thread when it forks: {sizes:?}"
    );
    wait::until("the old children to end", || httpd.child_pids().len() <= 8);
    httpd.get("/hello").expect(200);
}

#[test]
fn cgi_55_a_graceful_restart_lets_a_running_request_end() {
    let httpd = setup().start();
    let mut conn = httpd.connect();
    conn.send("POST /probe?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf ");
    let head = conn.head();
    assert_eq!(head.status, 200);
    let old = httpd.child_pids();
    httpd.graceful();
    wait::until("a new child", || {
        httpd.child_pids().difference(&old).count() > 0
    });
    assert_eq!(
        httpd.get("/hello").expect(200).text(),
        "Hello, wasm world!\n"
    );
    conn.send("whole");
    let mut body = Vec::new();
    assert!(conn.read_body("POST", &head, &mut |piece| body.extend_from_slice(piece)));
    assert_eq!(body, b"half whole");
    wait::until("the old children to end", || {
        old.is_disjoint(&httpd.child_pids())
    });
}

#[test]
fn a_restart_takes_the_new_configuration() {
    let mut httpd = Setup::new()
        .cgi("/x", "probe", "WasmArg env\nWasmEnv N 1")
        .start();
    assert_eq!(httpd.get("/x").expect(200).variables()["N"], "1");
    httpd.reconfigure(|setup| {
        setup
            .conf("<Location /x>\nWasmEnv N 2\n</Location>")
            .guest("/new", "hello", "")
    });
    httpd.graceful();
    wait::until("the new configuration", || {
        httpd.get("/x").expect(200).variables()["N"] == "2"
    });
    assert_eq!(httpd.get("/new").expect(200).text(), "Hello, wasm world!\n");
}

#[test]
fn traps_and_timeouts_still_work_after_a_restart() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "WasmTimeout 300ms")
        .announce("WASM0101")
        .announce("WASM0105")
        .start();
    for _ in 0..3 {
        httpd.get("/probe?do=unreachable").expect(500);
        httpd.get("/probe?do=oob").expect(500);
        httpd.get("/probe?do=recurse").expect(500);
        httpd.get("/probe?do=spin").expect(504);
        httpd.graceful();
    }
}

#[test]
fn stop_while_guests_run() {
    let httpd = Setup::new()
        .timeout(600)
        .cgi("/probe", "probe", "WasmTimeout 600")
        .tolerate("WASM01")
        .start();
    let mut asked = Vec::new();
    for sub in ["spin&after=body", "sleep&ms=600000&after=body"] {
        let mut conn = httpd.connect();
        conn.send(Req::get(&format!("/probe?do={sub}")).bytes());
        conn.head();
        asked.push(conn);
    }
    // The audit fails the test if httpd has to ask twice or to kill a child.
    httpd.stop_at_once();
}

#[test]
fn one_process_serves_guests() {
    let httpd = Setup::new()
        .guest("/hello", "hello", "")
        .cgi("/probe", "probe", "WasmTimeout 300ms")
        .one_process()
        .announce("WASM0101")
        .announce("WASM0105")
        .start();
    for _ in 0..2 {
        assert_eq!(
            httpd.get("/hello").expect(200).text(),
            "Hello, wasm world!\n"
        );
        for fault in ["unreachable", "oob", "div0", "recurse"] {
            httpd.get(&format!("/probe?do={fault}")).expect(500);
        }
        httpd.get("/probe?do=spin").expect(504);
        assert_eq!(
            httpd.post("/probe?do=echo", b"a body").expect(200).text(),
            "a body"
        );
    }
}

#[test]
fn a_server_without_any_module_of_ours_starts() {
    let httpd = Setup::new().file("htdocs/a.txt", "a file").start();
    assert_eq!(httpd.get("/a.txt").expect(200).text(), "a file");
    httpd.graceful();
    assert_eq!(httpd.get("/a.txt").expect(200).text(), "a file");
}
