//! wasi:http, limits: memory, instances, and how many slow clients one server can have.

use std::collections::VecDeque;
use std::time::Instant;
use suite::{Conn, Httpd, Probe, Req, both, host, paths, process, wait};

both!(
    the_memory_limit,
    more_requests_than_instances,
    a_thousand_slow_clients,
);

fn the_memory_limit(probe: Probe) {
    let httpd = probe.setup("WasmMemoryLimit 16M").start();
    let before = httpd.child_pids();
    let text = httpd.get("/p/eat?mb=100").expect(200).text();
    assert!(text.starts_with("asked for 100 MiB, got 1"), "{text}");
    httpd.get("/p/eat?mb=100&insist=1").expect(500);
    let line = httpd.expect_log("WASM0107");
    assert!(line.contains("16M") && line.contains(probe.guest), "{line}");
    let response = httpd.get("/p/eat?mb=100&insist=1&when=begun&wait=100");
    assert!(!response.complete);
    httpd.get("/p/eat?mb=1").expect(200);
    httpd.assert_same_children(&before);
}

fn more_requests_than_instances(probe: Probe) {
    if !paths::threaded() {
        host::announce_skip("a child of prefork serves one request at a time");
        return;
    }
    let httpd = probe
        .setup("WasmTimeout 600ms")
        .conf("WasmMaxInstances 1")
        .timeout(300)
        .start();
    let mut busy = httpd.connect();
    busy.send("POST /p/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nha");
    busy.head();
    let response = httpd.get("/p/unread").expect(503);
    assert!(response.header("Retry-After").is_some());
    httpd.expect_log("WASM0111");
    busy.send("lf");
    drop(busy);
    wait::until("the instance to be free", || {
        httpd.get("/p/unread").status() == 200
    });
}

/// A client in the middle of its request: it has sent a half and got that back.
struct Slow {
    conn: Conn,
    head: suite::response::Head,
}

impl Slow {
    fn begin(httpd: &Httpd, n: usize) -> Slow {
        let mut conn = httpd.connect();
        conn.send(format!(
            "POST /p/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n{n:08}"
        ));
        let head = conn.head();
        Slow { conn, head }
    }

    /// Sends the rest; gives whether the whole body came back.
    fn finish(mut self, n: usize) -> bool {
        self.conn.send(format!("{n:08}"));
        let mut body = Vec::new();
        let mut take = |piece: &[u8]| body.extend_from_slice(piece);
        let whole = self.conn.read_body("POST", &self.head, &mut take);
        whole && body == format!("{n:08}{n:08}").as_bytes()
    }
}

/// Each has a guest that runs and waits for it, all at the same time.
fn a_thousand_slow_clients(probe: Probe) {
    if paths::mpm() != "event" {
        host::announce_skip("one measurement is enough: under event");
        return;
    }
    let clients = usize::try_from(paths::number_from_env("MODWASM_CLIENTS", 1000)).unwrap_or(1000);
    let files = process::file_limit();
    // Two for each connection: this process has the other end. And each guest may have a few of its own.
    assert!(files > 2 * clients as u64 + 500, "ulimit -n is {files}");
    let threads = u32::try_from(clients).unwrap_or(1000) + 24;
    let httpd = probe
        .setup("WasmTimeout 60\nWasmMemoryLimit 16M")
        .timeout(300)
        .threads(threads)
        .conf("ThreadStackSize 262144")
        .start();
    httpd.get("/p/unread").expect(200);
    let (before, start) = (httpd.rss(), Instant::now());
    let mut all: VecDeque<Slow> = (0..clients).map(|n| Slow::begin(&httpd, n)).collect();
    let (begun, rss) = (start.elapsed(), httpd.rss());
    // One more is served at once, with all of them waiting.
    let asked = Instant::now();
    assert_eq!(httpd.get("/p/unread").expect(200).text(), "not read\n");
    let one_more = asked.elapsed();
    let mut whole = 0;
    for n in 0..clients {
        whole += usize::from(all.pop_front().is_some_and(|slow| slow.finish(n)));
    }
    host::report_figures(&format!(
        "{clients} slow clients, {whole} whole responses: begun in {:.1} s, ended in {:.1} s, one more in {} ms; \
         RSS of the child {} KiB before, {} KiB with all of them; {} threads",
        begun.as_secs_f64(),
        start.elapsed().as_secs_f64(),
        one_more.as_millis(),
        before / 1024,
        rss / 1024,
        httpd
            .child_pids()
            .into_iter()
            .map(process::threads)
            .max()
            .unwrap_or(0),
    ));
    assert_eq!(whole, clients);
    assert_eq!(httpd.logged("WASM01"), [""; 0]);
    httpd.send(&Req::get("/p/unread")).expect(200);
}
