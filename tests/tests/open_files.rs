//! `WasmMaxOpenFiles`, and what the server keeps for itself and for others of the files that its process may have open.

use std::thread;
use suite::{Conn, Httpd, Probe, Setup, both, paths};

both!(sockets_count);

const OPEN: &str = "do=open&path=/data/file";

/// A server with programs that have a directory.
fn setup(lines: &str) -> Setup {
    let lines = format!("WasmMapDir /data ${{ROOT}}/data\n{lines}");
    Setup::new()
        .writable("data")
        .file("data/file", "")
        .cgi("/p1", "probe", &lines)
        .cgi("/p2", "probe-component", &lines)
        .cgi("/p3", "echo-p3", &lines)
}

#[test]
fn a_program_has_as_many_open_as_it_may() {
    let httpd = setup("WasmMaxOpenFiles 10").announce("WASM0195").start();
    let rows = [
        // The directory is one of the ten.
        (format!("/p1?{OPEN}&n=9"), "opened 9\n", ""),
        (format!("/p1?{OPEN}&n=1000"), "opened 9\n", "os error 33"),
        (format!("/p2?{OPEN}&n=1000"), "opened 9\n", "os error 48"),
        // Without a descriptor each is open all the same.
        ("/p2?do=streams&n=1000".to_owned(), "opened 9\n", ""),
        (
            "/p3?open=1000".to_owned(),
            "opened 9\n",
            "too many open files",
        ),
    ];
    for (target, opened, why) in rows {
        let said = httpd.get(&target).expect(200).text();
        assert!(
            said.starts_with(opened) && said.contains(why),
            "{target}: {said}"
        );
    }
    assert_eq!(httpd.logged("WASM0195").len(), 4);
}

#[test]
fn what_is_closed_makes_room() {
    let httpd = setup("WasmMaxOpenFiles 4").start();
    // Each opens one file after the other, many more than four.
    for _ in 0..10 {
        for at in ["/p1", "/p2"] {
            let target = format!("{at}?do=files&op=increment&path=/data/number");
            httpd.get(&target).expect(200);
        }
    }
    let target = "/p1?do=files&op=list&path=/data";
    assert_eq!(httpd.get(target).expect(200).text(), "file\nnumber\n");
}

fn sockets_count(probe: Probe) {
    let lines =
        "WasmAllowOutbound tcp://127.0.0.1:9 udp://127.0.0.1:9\nWasmMapDir /data ${ROOT}/data";
    let one = format!("{lines}\nWasmMaxOpenFiles 1");
    let two = format!("{lines}\nWasmMaxOpenFiles 2");
    let httpd = Setup::new()
        .writable("data")
        .guest("/one", probe.guest, &one)
        .guest("/two", probe.guest, &two)
        .announce("WASM0195")
        .start();
    let refused = match probe.is_p3() {
        false => "error=NewSocketLimit\n",
        true => "error=Other(Some(\"too many open files\"))\n",
    };
    for kind in ["tcp", "udp"] {
        let ask = |at| {
            let target = format!("{at}/{kind}?addr=127.0.0.1:9");
            httpd.get(&target).expect(200).text()
        };
        assert_eq!(ask("/one"), refused, "{kind}");
        // One more, and nobody listens.
        assert_ne!(ask("/two"), refused, "{kind}");
    }
}

#[test]
fn more_directories_than_files_is_the_operators_mistake() {
    let lines = "WasmMaxOpenFiles 1\nWasmMapDir /a ${ROOT}/data\nWasmMapDir /b ${ROOT}/data";
    let httpd = setup(lines).announce("WASM0197").start();
    httpd.get(&format!("/p1?{OPEN}")).expect(503);
    httpd.expect_log("than the 1 files that it may have open");
}

/// A request that holds all the files that it can get, and the first line of its answer.
fn holds(httpd: &Httpd) -> (Conn, usize) {
    let mut conn = httpd.connect();
    let target = format!("/p1?{OPEN}&n=500&hold=1");
    conn.send(format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n"
    ));
    let line = |all: &[u8]| {
        let text = String::from_utf8_lossy(all).into_owned();
        let number = text.split_once("opened ")?.1.split_once('\n')?.0.to_owned();
        number.parse().ok()
    };
    let got = conn.read_raw(|all| line(all).is_some());
    let opened = line(&got);
    assert!(opened.is_some(), "{}", String::from_utf8_lossy(&got));
    (conn, opened.unwrap_or_default())
}

#[test]
fn many_programs_with_many_files_leave_some_for_others_and_for_the_server() {
    const LIMIT: u32 = 512;
    let httpd = setup("WasmMaxOpenFiles 500")
        .threads(16)
        .open_files(LIMIT)
        .file("htdocs/page.txt", "a page")
        .announce("WASM0196")
        .tolerate("WASM0197")
        .start();
    let mut held: Vec<(Conn, usize)> = (0..12).map(|_| holds(&httpd)).collect();
    if paths::threaded() {
        // All of them are in one process.
        let all: usize = held.iter().map(|(_, n)| n).sum();
        assert!(
            (20..LIMIT as usize * 3 / 4).contains(&all),
            "{all} files are open"
        );
    }
    // A program that wants little gets it, and pages do not even notice.
    assert_eq!(
        httpd
            .get("/p1?do=files&op=stat&path=/data/file")
            .expect(200)
            .text(),
        "file 0\n"
    );
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(httpd.get("/page.txt").expect(200).text(), "a page"));
        }
    });
    for (conn, _) in &mut held {
        conn.send("x");
    }
    for (mut conn, _) in held {
        let rest = conn.read_raw(|all| all.ends_with(b"0\r\n\r\n"));
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.contains("closed"), "{rest}");
    }
    // All of them are free again.
    let said = httpd.get(&format!("/p1?{OPEN}&n=20")).expect(200).text();
    assert_eq!(said, "opened 20\n");
}
