//! When files that are themselves the program are loaded: at first use, once in a child, outside of other requests' way, and anew
//! when they have changed.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Barrier;
use std::time::Duration;

use suite::flow::MIB;
use suite::on_disk::{guest, program_saying, programs};
use suite::{Httpd, host, process, wait, wat_guest};

/// Puts a program in place as a careful operator does: nobody sees half of it.
fn put(httpd: &Httpd, name: &str, content: &[u8]) {
    let (new, file) = (httpd.path("htdocs/new"), httpd.path(name));
    let done = fs::write(&new, content).and_then(|()| fs::rename(new, file));
    assert!(done.is_ok(), "{name}: {done:?}");
}

/// How often each child has loaded a file, the largest number of all.
fn loaded_in_a_child(httpd: &Httpd, name: &str) -> usize {
    let lines: Vec<String> = httpd
        .logged("WASM0150")
        .into_iter()
        .filter(|line| line.contains(name))
        .collect();
    let pid = |line: &String| -> Option<String> {
        let (_, behind) = line.split_once("[pid ")?;
        Some(behind.chars().take_while(char::is_ascii_digit).collect())
    };
    let pids: BTreeSet<Option<String>> = lines.iter().map(pid).collect();
    let count = |wanted: &Option<String>| lines.iter().filter(|line| pid(line) == *wanted).count();
    pids.iter().map(count).max().unwrap_or(0)
}

#[test]
fn a_service_that_a_child_loads_while_others_run_is_stopped_in_time() {
    let httpd = programs()
        .conf("WasmTimeout 300ms")
        .file("htdocs/p3.wasm", guest("probe-service"))
        .announce("WASM0105")
        .start();
    // The engine for WASI 0.3 is made in the child, when its clock is running already.
    httpd.get("/probe.wasm").expect(200);
    httpd.get("/p3.wasm/unread").expect(200);
    httpd.get("/p3.wasm/spin").expect(504);
    httpd.get("/p3.wasm/unread").expect(200);
}

#[test]
fn first_requests_for_one_file_compile_it_once() {
    let httpd = programs().threads(8).start();
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                httpd.get("/probe.wasm").expect(200);
            });
        }
    });
    assert_eq!(loaded_in_a_child(&httpd, "probe.wasm"), 1);
    for _ in 0..4 {
        httpd.get("/probe.wasm").expect(200);
    }
    assert_eq!(loaded_in_a_child(&httpd, "probe.wasm"), 1);
}

#[test]
fn while_a_large_file_is_compiled_others_are_served_and_its_guest_is_not_timed() {
    // Compiling it takes many seconds of processor time, answering far less than one.
    let httpd = programs()
        .file("htdocs/large.wasm", guest("hello-js"))
        .conf("WasmTimeout 2s\nWasmCompileLimit wait=600s")
        .start();
    httpd.get("/probe.wasm").expect(200);
    std::thread::scope(|scope| {
        let large = scope.spawn(|| httpd.get("/large.wasm"));
        wait::until("compiling", || compiles(&httpd));
        httpd.get("/probe.wasm").expect(200);
        assert!(
            loaded_in_a_child(&httpd, "large.wasm") == 0,
            "the other request was held up"
        );
        large.join().expect("a response").expect(200);
    });
    assert_eq!(loaded_in_a_child(&httpd, "large.wasm"), 1);
}

/// Does a child have a process that compiles?
fn compiles(httpd: &Httpd) -> bool {
    let mut children = httpd.child_pids().into_iter();
    children.any(|pid| !process::children(pid).is_empty())
}

#[test]
fn a_replaced_file_serves_new_requests_and_old_ones_end_on_the_old_one() {
    let httpd = programs().start();
    httpd.get("/probe.wasm").expect(200);
    // The server asks for the body when the program reads it: then the old one runs.
    let mut old = httpd.connect();
    old.send(
        "POST /probe.wasm?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(old.head().status, 100);
    let mut running = httpd.connect();
    running.send("GET /probe.wasm?do=drip&n=2&ms=300 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    running.head();
    put(&httpd, "htdocs/probe.wasm", &program_saying("the new one"));
    let new = httpd.get("/probe.wasm").expect(200).text();
    assert_eq!(new, "the new one");
    old.send("whole");
    assert_eq!(old.response("POST").expect(200).text(), "whole");
    let rest = running.read_raw(|bytes| bytes.ends_with(b"0\r\n\r\n"));
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("line 2"), "{rest}");
}

#[test]
fn a_file_that_changes_in_place_is_noticed() {
    let httpd = programs()
        .file("htdocs/x.wasm", program_saying("old"))
        .start();
    for text in ["old", "new", "more"] {
        fs::write(httpd.path("htdocs/x.wasm"), program_saying(text)).unwrap();
        assert_eq!(httpd.get("/x.wasm").expect(200).text(), text);
    }
}

#[test]
fn a_broken_file_is_500_with_one_line_and_works_once_replaced() {
    let httpd = programs()
        .file("htdocs/x.wasm", b"\0asm\x01\0\0\0 and then nonsense")
        .file("htdocs/text.wasm", "no WebAssembly at all")
        .log_level("warn wasm:debug")
        .announce("WASM0151")
        .threads(1)
        .start();
    for _ in 0..5 {
        let page = httpd.get("/x.wasm").expect(500).text();
        assert!(!page.contains("htdocs"), "a path of the host: {page}");
        httpd.get("/text.wasm").expect(500);
    }
    for file in ["htdocs/x.wasm", "htdocs/text.wasm"] {
        let lines = httpd.logged("WASM0151");
        let lines = lines.iter().filter(|line| line.contains(file));
        assert_eq!(lines.count(), 1, "{file}");
        let again = httpd.logged("WASM0152");
        let again = again.iter().filter(|line| line.contains(file));
        assert_eq!(again.count(), 4, "{file}");
    }
    put(&httpd, "htdocs/x.wasm", &program_saying("repaired"));
    assert_eq!(httpd.get("/x.wasm").expect(200).text(), "repaired");
    fs::remove_file(httpd.path("htdocs/x.wasm")).unwrap();
    httpd.get("/x.wasm").expect(404);
}

#[test]
fn a_file_that_is_larger_than_the_limit_is_not_read() {
    let setup = programs()
        .conf("WasmCompileLimit size=1M")
        .announce("WASM0151");
    let file = fs::File::create(setup.path("htdocs/huge.wasm")).unwrap();
    file.set_len((1 << 20) + 1).unwrap();
    let httpd = setup.start();
    httpd.get("/huge.wasm").expect(500);
    let line = httpd.expect_log("WASM0151");
    assert!(
        line.contains("larger than") && line.contains("WasmCompileLimit"),
        "{line}"
    );
}

#[test]
fn a_child_keeps_64_programs_and_loads_a_forgotten_one_again() {
    let mut setup = programs().threads(1);
    for n in 0..65 {
        let name = format!("htdocs/p{n}.wasm");
        setup = setup.file(&name, program_saying(&format!("program {n}")));
    }
    let httpd = setup.start();
    let ask = |n: usize| {
        let text = httpd.get(&format!("/p{n}.wasm")).expect(200).text();
        assert_eq!(text, format!("program {n}"));
    };
    (0..64).for_each(ask);
    // The first is now the one that was asked for last.
    ask(0);
    ask(64);
    ask(0);
    assert_eq!(loaded_in_a_child(&httpd, "/p0.wasm"), 1);
    ask(1);
    assert_eq!(loaded_in_a_child(&httpd, "/p1.wasm"), 2);
}

/// A program of some hundred bytes that makes the server keep 4 MB for each of its tables.
fn heavy(tables: usize) -> Vec<u8> {
    let table =
        "(table 1000000 funcref) (elem (table @) (i32.const 999999) func $write)".to_owned();
    let tables: Vec<String> = (0..tables)
        .map(|n| table.replace('@', &n.to_string()))
        .collect();
    wat_guest::module(&format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\1f\00\00\00")
            (data (i32.const 16) "Content-Type: text/plain\n\nheavy")
            {}
            (func (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
        tables.concat()
    ))
}

#[test]
fn heavy_programs_make_room_for_each_other_and_no_neighbour_does() {
    const HEAVY: usize = 32;
    let file = |n: usize| format!("htdocs/tenant/heavy{n}.wasm");
    let mut setup = programs().one_process().threads(2);
    for n in 0..HEAVY {
        setup = setup.file(&file(n), heavy(3));
    }
    let httpd = setup.start();
    let ask = |n: usize| httpd.get(&file(n)["htdocs".len()..]).expect(200).text();
    httpd.get("/probe.wasm").expect(200);
    // What the first of a kind costs comes once.
    assert_eq!(ask(0), "heavy");
    let before = httpd.anonymous();
    (1..HEAVY).for_each(|n| assert_eq!(ask(n), "heavy"));
    let with = httpd.anonymous();
    assert!(
        with < before + 160 * MIB,
        "{before} before, {with} with many"
    );
    httpd.get("/probe.wasm").expect(200);
    assert_eq!(loaded_in_a_child(&httpd, "/probe.wasm"), 1);
    // The last of them are still there, the first are not.
    ask(HEAVY - 2);
    assert_eq!(loaded_in_a_child(&httpd, &file(HEAVY - 2)), 1);
    ask(1);
    assert_eq!(loaded_in_a_child(&httpd, &file(1)), 2);
    for n in 0..HEAVY {
        put(&httpd, &file(n), &program_saying("light"));
        assert_eq!(ask(n), "light");
    }
    let after = httpd.anonymous();
    host::report_figures(&format!(
        "anonymous memory {} MiB before, {} with heavy programs, {} after",
        before / MIB,
        with / MIB,
        after / MIB
    ));
    assert!(after < before + 20 * MIB, "{before} before, {after} after");
}

#[test]
fn a_program_that_would_take_more_of_the_server_than_it_may_is_refused() {
    let httpd = programs()
        .one_process()
        .file("htdocs/heavy.wasm", heavy(5))
        .announce("WASM0151")
        .start();
    httpd.get("/probe.wasm").expect(200);
    let before = httpd.anonymous();
    httpd.get("/heavy.wasm").expect(500);
    let line = httpd.expect_log("WASM0151");
    assert!(
        line.contains("would take 20 MiB of the server's memory, more than the 16"),
        "{line}"
    );
    assert!(httpd.anonymous() < before + 10 * MIB);
}

#[test]
fn cgi_55_a_graceful_restart_while_a_file_runs() {
    let httpd = programs().start();
    let mut running = httpd.connect();
    running.send("GET /probe.wasm?do=drip&n=2&ms=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    running.head();
    let before = httpd.child_pids();
    httpd.graceful();
    httpd.get("/probe.wasm").expect(200);
    let rest = running.read_raw(|bytes| bytes.ends_with(b"0\r\n\r\n"));
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("line 2"), "{rest}");
    wait::until_within(Duration::from_secs(30), "the old children's end", || {
        before.iter().all(|pid| !process::alive(*pid))
    });
    httpd.get("/probe.wasm").expect(200);
}
