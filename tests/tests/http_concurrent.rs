//! Several requests at once in one instance, as WASI 0.3 allows and `WasmReuse concurrent=` asks for.

use suite::{Conn, Httpd, Req, Setup, after, host, paths, probe, wait};

/// How many requests the instance has begun that serves the counter, and which it is.
#[track_caller]
fn count(httpd: &Httpd, target: &str) -> (u32, String) {
    let text = httpd.get(target).expect(200).text();
    let number = after(&text, "count=").concat().parse().unwrap_or(0);
    assert!(number > 0, "{text}");
    (number, after(&text, "instance=").concat())
}

/// Begins a request on a connection of its own.
fn begin(httpd: &Httpd, target: &str) -> Conn {
    let mut conn = httpd.connect();
    conn.send(Req::get(target).bytes());
    conn
}

/// The probe for 0.3 with requests sharing an instance; `None` under prefork, where a child has one request at a time.
fn concurrent(n: u32, lines: &str) -> Option<Setup> {
    if !paths::threaded() {
        host::announce_skip("a child of prefork serves one request at a time");
        return None;
    }
    let lines = format!("WasmReuse concurrent={n}\n{lines}");
    Some(probe::P3.setup(&lines).threads(8))
}

#[test]
fn requests_of_0_3_meet_in_one_instance() {
    let Some(setup) = concurrent(4, "WasmTimeout 20") else {
        return;
    };
    let httpd = setup.start();
    // Requests that come at once, with no instance there yet, may each begin one: so the first comes alone.
    let mut waiting = vec![begin(&httpd, "/p/meet?n=4")];
    wait::until("the first to be inside", || count(&httpd, "/p/count").0 > 1);
    waiting.extend((0..3).map(|_| begin(&httpd, "/p/meet?n=4")));
    for conn in &mut waiting {
        assert_eq!(conn.response("GET").expect(200).text(), "inside=4\n");
    }
    // No more than allowed: the third has another instance.
    let httpd = concurrent(2, "WasmTimeout 20").map(Setup::start);
    let httpd = httpd.unwrap();
    let mut waiting: Vec<Conn> = (0..3)
        .map(|_| begin(&httpd, "/p/meet?n=3&ms=500"))
        .collect();
    for conn in &mut waiting {
        let text = conn.response("GET").expect(200).text();
        assert!(
            ["inside=1\n", "inside=2\n"].contains(&text.as_str()),
            "{text}"
        );
    }
}

#[test]
fn requests_of_0_3_in_one_instance_stream_side_by_side() {
    let Some(setup) = concurrent(8, "WasmTimeout 20") else {
        return;
    };
    let httpd = setup.start();
    let mut echoes: Vec<(Conn, suite::response::Head)> = (0..4)
        .map(|_| {
            let mut conn = httpd.connect();
            conn.send(
                "POST /p/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\nfirst.....",
            );
            let head = conn.head();
            (conn, head)
        })
        .collect();
    let (_, instance) = count(&httpd, "/p/count");
    assert_eq!(count(&httpd, "/p/count").1, instance);
    assert_eq!(count(&httpd, "/p/count").0, 7);
    for (conn, head) in echoes.iter_mut().rev() {
        conn.send("second....");
        let mut body = Vec::new();
        assert!(conn.read_body("POST", head, &mut |piece| body.extend_from_slice(piece)));
        assert_eq!(body, b"first.....second....");
    }
}

#[test]
fn a_trap_of_0_3_fails_all_requests_in_the_instance() {
    let Some(setup) = concurrent(4, "WasmTimeout 20") else {
        return;
    };
    let httpd = setup.announce("WASM0101").tolerate("WASM0102").start();
    let before = httpd.child_pids();
    let mut other = begin(&httpd, "/p/sleep?ms=600000");
    // Both are in one instance once the counter of that instance says so.
    wait::until("the other request", || count(&httpd, "/p/count").0 >= 2);
    httpd.get("/p/trap").expect(500);
    other.response("GET").expect(500);
    assert_eq!(count(&httpd, "/p/count").0, 1);
    httpd.assert_same_children(&before);
}

#[test]
fn a_deadline_of_0_3_is_that_of_one_request() {
    let Some(setup) = concurrent(4, "WasmTimeout 1") else {
        return;
    };
    let httpd = setup.timeout(300).announce("WASM0105").start();
    let mut late = begin(&httpd, "/p/sleep");
    httpd.get("/p/sleep?ms=10").expect(200);
    late.response("GET").expect(504);
    httpd.get("/p/unread").expect(200);
}
