//! A module is read, compiled and kept once, in the parent, before any request; children share its pages.

use suite::{Httpd, Setup, paths, process, wait};

/// How many modules httpd says that it has loaded since it started.
fn loaded(httpd: &Httpd) -> usize {
    httpd.logged("WASM0007").len()
}

#[test]
fn a_module_is_compiled_once_for_many_sections() {
    let section =
        "<Location /vhost>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/hello.wasm\n</Location>";
    let mut setup = Setup::new()
        .vhost("a.example", section)
        .vhost("b.example", section);
    for n in 0..20 {
        setup = setup.guest(&format!("/hello{n}"), "hello", &format!("WasmArg {n}"));
    }
    let httpd = setup.cgi("/probe", "probe", "").start();
    assert_eq!(loaded(&httpd), 2, "{}", httpd.error_log());
    for name in ["hello.wasm", "probe.wasm"] {
        let lines: Vec<String> = httpd
            .logged("WASM0007")
            .into_iter()
            .filter(|line| line.contains(name))
            .collect();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains("preview 1"), "{lines:#?}");
    }
    assert!(
        httpd.expect_log("WASM0003").contains("2"),
        "{}",
        httpd.error_log()
    );
}

#[test]
fn no_request_compiles() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "")
        .cgi("/p2", "probe-component", "")
        .start();
    let before = loaded(&httpd);
    for _ in 0..3 {
        httpd.get("/probe?do=count").expect(200);
        httpd.get("/p2?do=count").expect(200);
    }
    assert_eq!(loaded(&httpd), before);
    // Compiling the probe takes a second of processor time or so; twenty requests take a few milliseconds.
    let used = httpd.cpu_time();
    for _ in 0..20 {
        httpd.get("/probe?do=count").expect(200);
    }
    let used = httpd.cpu_time() - used;
    assert!(used.as_millis() < 500, "20 requests took {used:?}");
}

#[test]
fn a_changed_file_takes_effect_with_a_restart() {
    let setup = Setup::new().prints("/x", "Content-Type: text/plain\r\n\r\nold");
    let file = setup.path("made/x.wasm");
    let httpd = setup.start();
    assert_eq!(httpd.get("/x").expect(200).text(), "old");
    let new =
        suite::wat_guest::printing(b"Content-Type: text/plain\r\n\r\nnew", suite::Then::Return);
    std::fs::write(file, new).unwrap();
    assert_eq!(httpd.get("/x").expect(200).text(), "old");
    httpd.graceful();
    wait::until("the new program", || {
        httpd.get("/x").expect(200).text() == "new"
    });
}

#[test]
fn children_share_the_code_pages() {
    // Several children under every MPM: each thread serves one request, and each child has few threads.
    let httpd = Setup::new()
        .cgi("/probe", "probe", "")
        .cgi("/p2", "probe-component", "")
        .start();
    for _ in 0..8 {
        httpd.get("/probe?do=env").expect(200);
        httpd.get("/p2?do=env").expect(200);
    }
    let children = httpd.child_pids();
    assert!(!children.is_empty());
    let mut shared = 0;
    for child in &children {
        for mapping in process::smaps(*child) {
            if !mapping.perms.contains('x') || mapping.path.starts_with("[v") {
                continue;
            }
            // Pages of a file that was written just now count as dirty, whoever maps them.
            if mapping.path.contains(".cwasm") {
                assert_eq!(mapping.anonymous, 0, "child {child}: {mapping:?}");
                shared += mapping.rss;
            } else {
                assert_eq!(mapping.private_dirty, 0, "child {child}: {mapping:?}");
            }
        }
    }
    // The compiled code is in a file that parent and children map.
    assert!(
        shared > 100,
        "only {shared} KiB of compiled code are shared by {} children under {}",
        children.len(),
        paths::mpm()
    );
}
