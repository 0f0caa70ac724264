//! `WasmCompileLimit`: a program that is made to hurt whoever reads or compiles it costs a process of its own, its own requests
//! and nothing else.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};
use suite::on_disk::{program_saying, programs};
use suite::{Httpd, Setup, bombs, host, process, wait};

/// Takes minutes, however fast the machine.
fn slow() -> Vec<u8> {
    bombs::nested_loops(300, 3000)
}

/// The processes that compile for the children of the server.
fn helpers(httpd: &Httpd) -> Vec<u32> {
    let children = httpd.child_pids().into_iter();
    children.flat_map(process::children).collect()
}

fn wait_for_helper(httpd: &Httpd) -> u32 {
    let mut found = 0;
    wait::until("a program to be compiled", || {
        found = helpers(httpd).first().copied().unwrap_or(0);
        found != 0
    });
    found
}

/// A server of two customers with a directory each, and a page.
fn hosting(limit: &str) -> Setup {
    programs()
        .conf(limit)
        .file("htdocs/a/page.txt", "static")
        .file("htdocs/b/new.wasm", program_saying("new"))
}

#[test]
fn what_is_nested_too_deeply_is_refused_and_kills_nobody() {
    let files = [
        ("types", bombs::nested_types(1000)),
        ("deeper", bombs::nested_types(100_000)),
        ("components", bombs::nested_components(20_000)),
        ("globals", bombs::many(6, 300_000)),
    ];
    // One child: each finds out by itself.
    let mut setup = hosting("WasmCompileLimit time=2s memory=256M")
        .threads(1)
        .announce("WASM0151");
    for (name, content) in &files {
        setup = setup.file(&format!("htdocs/a/{name}.wasm"), content);
    }
    // The parent reads it in the same way.
    for (name, _) in &files {
        let section = |how: &str| {
            format!(
                "<Location /named>\nSetHandler wasm-handler\nWasmModule ${{ROOT}}/htdocs/a/{name}.wasm{how}\n</Location>"
            )
        };
        let named = setup.clone().conf(&section(""));
        named.check().fails_with(&["WASM0006", name]);
        setup.clone().conf(&section(" optional")).check().passes();
    }
    let httpd = setup.start();
    let before = httpd.child_pids();
    for (name, _) in &files {
        for _ in 0..2 {
            httpd.get(&format!("/a/{name}.wasm")).expect(500);
        }
    }
    assert_eq!(httpd.logged("WASM0151").len(), files.len());
    httpd.get("/b/new.wasm").expect(200);
    httpd.assert_same_children(&before);
}

#[test]
fn what_takes_too_much_memory_is_refused_with_the_limit() {
    let httpd = hosting("WasmCompileLimit memory=64M")
        .file("htdocs/a/bomb.wasm", bombs::many_values(2000))
        .announce("WASM0151")
        .start();
    let before = httpd.child_pids();
    httpd.get("/a/bomb.wasm").expect(500);
    let line = httpd.expect_log("WASM0151");
    for words in ["a/bomb.wasm", "64 MiB of memory", "WasmCompileLimit"] {
        assert!(line.contains(words), "{line}");
    }
    httpd.assert_same_children(&before);
}

#[test]
fn while_a_program_takes_its_time_nobody_else_waits_for_it() {
    let httpd = hosting("WasmCompileLimit time=3600s wait=4s")
        .file("htdocs/a/bomb.wasm", slow())
        .threads(16)
        .announce("WASM0159")
        .start();
    // As many as there are threads, each of them gone at once.
    for _ in 0..16 {
        httpd
            .connect()
            .send("GET /a/bomb.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    wait_for_helper(&httpd);
    let begun = Instant::now();
    assert_eq!(httpd.get("/a/page.txt").expect(200).text(), "static");
    assert_eq!(httpd.get("/b/new.wasm").expect(200).text(), "new");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let answer = httpd.get("/a/bomb.wasm").expect(503);
                assert!(answer.header("retry-after").is_some());
            });
        }
    });
    // A few may wait as long as is said, the others a moment.
    let waited = |time: &str| httpd.logged(&format!("was not ready within {time}")).len();
    assert!(waited("2s") >= 3, "{}", httpd.error_log());
    assert!(httpd.expect_log("WASM0159").contains("a/bomb.wasm"));
    assert_eq!(
        helpers(&httpd).len(),
        1,
        "one program of an owner at a time"
    );
}

#[test]
fn what_has_been_compiled_waits_for_no_compilation() {
    let mut setup = hosting("WasmCompileLimit time=3600s wait=1s")
        .threads(16)
        .tolerate("WASM0159");
    for owner in 0..6 {
        setup = setup.file(&format!("htdocs/c{owner}/bomb.wasm"), slow());
    }
    let httpd = setup.start();
    assert_eq!(httpd.get("/b/new.wasm").expect(200).text(), "new");
    // A new child has to load it anew.
    httpd.graceful();
    for owner in 0..6 {
        httpd.connect().send(format!(
            "GET /c{owner}/bomb.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
    }
    wait_for_helper(&httpd);
    assert_eq!(httpd.get("/b/new.wasm").expect(200).text(), "new");
}

#[test]
fn an_owner_can_let_only_some_programs_wait() {
    if !suite::paths::threaded() {
        host::announce_skip("a child that has one thread has one program waiting");
        return;
    }
    let mut setup = hosting("WasmCompileLimit time=3600s wait=1s")
        .file("htdocs/a/bomb.wasm", slow())
        .threads(24)
        .announce("WASM0169")
        .announce("WASM0159");
    for n in 0..20 {
        let name = format!("htdocs/a/p{n}.wasm");
        setup = setup.file(&name, program_saying(&format!("waiting {n}")));
    }
    let httpd = setup.start();
    httpd
        .connect()
        .send("GET /a/bomb.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wait_for_helper(&httpd);
    thread::scope(|scope| {
        for n in 0..20 {
            let httpd = &httpd;
            scope.spawn(move || {
                let answer = httpd.get(&format!("/a/p{n}.wasm")).expect(503);
                assert!(answer.header("retry-after").is_some());
            });
        }
    });
    assert!(httpd.expect_log("WASM0169").contains("/a/p"));
    assert_eq!(httpd.get("/b/new.wasm").expect(200).text(), "new");
}

#[test]
fn what_takes_too_long_is_remembered() {
    let httpd = hosting("WasmCompileLimit time=1s wait=600s")
        .threads(1)
        .file("htdocs/a/bomb.wasm", slow())
        .announce("WASM0151")
        .log_level("warn wasm:debug")
        .start();
    httpd.get("/a/bomb.wasm").expect(500);
    let line = httpd.expect_log("WASM0151");
    for words in ["a/bomb.wasm", "1 s of processor time", "WasmCompileLimit"] {
        assert!(line.contains(words), "{line}");
    }
    httpd.get("/a/bomb.wasm").expect(500);
    assert_eq!(httpd.logged("WASM0151").len(), 1);
    assert_eq!(httpd.logged("WASM0152").len(), 1);
    // Another state of the file is another program.
    let file = httpd.path("htdocs/a/bomb.wasm");
    fs::write(file, program_saying("defused")).expect("it can be written");
    assert_eq!(httpd.get("/a/bomb.wasm").expect(200).text(), "defused");
}

#[test]
fn the_helper_has_no_privileges_and_ends_with_its_child() {
    let httpd = hosting("WasmCompileLimit time=3600s")
        .file("htdocs/a/bomb.wasm", slow())
        .tolerate("AH00052")
        .start();
    httpd
        .connect()
        .send("GET /a/bomb.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let helper = wait_for_helper(&httpd);
    let status = || fs::read_to_string(format!("/proc/{helper}/status")).unwrap_or_default();
    wait::until("the helper to be confined", || {
        status().contains("\nSeccomp:\t2\n")
    });
    let status = status();
    assert!(status.contains("\nNoNewPrivs:\t1\n"), "{status}");
    assert!(status.contains("\nCapEff:\t0000000000000000\n"), "{status}");
    if host::is_root() {
        assert!(!status.contains("\nUid:\t0"), "{status}");
    }
    let limits = fs::read_to_string(format!("/proc/{helper}/limits")).unwrap_or_default();
    for (name, value) in [
        ("Max cpu time", "3600"),
        ("Max data size", "2147483648"),
        ("Max core file size", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name));
        assert!(line.is_some_and(|line| line.contains(value)), "{limits}");
    }
    // The program, its code and the report, and no descriptor of the server.
    let open = fs::read_dir(format!("/proc/{helper}/fd"));
    for link in open.into_iter().flatten().flatten() {
        let target = fs::read_link(link.path()).unwrap_or_default();
        let target = target.to_string_lossy().into_owned();
        let own = target.is_empty() || target.starts_with("/memfd:") || target.starts_with("pipe:");
        assert!(own, "the helper has {target} open");
    }
    let child = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    let child = child.and_then(|pid| pid.trim().parse().ok());
    let child = child.expect("the helper has a parent");
    process::signal(child, rustix::process::Signal::KILL);
    wait::until("the helper's end", || !process::alive(helper));
    wait::until("another child", || httpd.get("/a/page.txt").status() == 200);
}

#[test]
fn a_restart_does_not_wait_for_what_is_optional() {
    let httpd = hosting("WasmCompileLimit time=3600s wait=1s")
        .file("htdocs/a/named.wasm", program_saying("old"))
        .conf("<Location /named>\nSetHandler wasm-handler\nWasmModule ${ROOT}/htdocs/a/named.wasm optional\nWasmEnableCGI On\n</Location>")
        .threads(8)
        .tolerate("WASM0159")
        .start();
    assert_eq!(httpd.get("/named").expect(200).text(), "old");
    let file = httpd.path("htdocs/a/named.wasm");
    fs::write(&file, slow()).expect("it can be written");
    httpd.graceful();
    httpd.get("/named").expect(503);
    httpd.get("/b/new.wasm").expect(200);
    // A restart ends the compilation too.
    fs::write(&file, program_saying("mended")).expect("it can be written");
    httpd.graceful();
    wait::until("the mended program", || {
        let answer = httpd.get("/named");
        answer.status() == 200 && answer.text() == "mended"
    });
}

#[test]
fn a_helper_that_is_missing_is_named_and_nothing_is_held_against_the_program() {
    let setup = hosting("");
    let product = setup.path("product");
    fs::create_dir(&product).expect("a new folder");
    for part in ["mod_wasm.so", "libwasm_runtime.so"] {
        fs::copy(suite::paths::dist().join(part), product.join(part))
            .expect("the product is built");
    }
    let httpd = setup.product(Some(&product)).announce("WASM0151").start();
    let answer = httpd.get("/b/new.wasm").expect(503);
    assert!(answer.header("retry-after").is_some());
    let line = httpd.expect_log("WASM0151");
    assert!(
        line.contains("wasm_runtime_helper") && line.contains("No such file"),
        "{line}"
    );
    let helper = "wasm_runtime_helper";
    fs::copy(suite::paths::dist().join(helper), product.join(helper))
        .expect("the product is built");
    assert_eq!(httpd.get("/b/new.wasm").expect(200).text(), "new");
}

#[test]
fn one_owner_with_many_programs_does_not_drive_out_those_of_others() {
    let mut setup = hosting("").threads(1);
    for n in 0..70 {
        let name = format!("htdocs/a/p{n}.wasm");
        setup = setup.file(&name, program_saying(&format!("program {n}")));
    }
    let httpd = setup.start();
    httpd.get("/b/new.wasm").expect(200);
    for n in 0..70 {
        httpd.get(&format!("/a/p{n}.wasm")).expect(200);
    }
    httpd.get("/b/new.wasm").expect(200);
    let loaded = httpd.logged("WASM0150");
    let count = |name: &str| loaded.iter().filter(|line| line.contains(name)).count();
    assert_eq!(count("b/new.wasm"), 1);
    assert_eq!(count("a/p69.wasm"), 1);
}

#[test]
fn directories_that_a_program_can_make_are_no_owners_of_their_own() {
    if !host::is_root() {
        host::announce_skip("whose a file is can be changed by root only");
        return;
    }
    let mut setup = hosting("").threads(1);
    let mut made = vec![setup.path("htdocs/a")];
    for n in 0..70 {
        let name = format!("htdocs/a/{n}/program.wasm");
        setup = setup.file(&name, program_saying(&format!("program {n}")));
        made.push(setup.path(&format!("htdocs/a/{n}")));
        made.push(setup.path(&name));
    }
    let users = fs::read_to_string("/etc/passwd").expect("it is there");
    let server = users.lines().find_map(|user| {
        let mut fields = user.split(':');
        fields.next().filter(|name| *name == "nobody")?;
        fields.nth(1)?.parse().ok()
    });
    for path in made {
        std::os::unix::fs::chown(path, Some(server.expect("nobody is there")), None)
            .expect("root may do it");
    }
    let httpd = setup.start();
    httpd.get("/b/new.wasm").expect(200);
    for n in 0..70 {
        httpd.get(&format!("/a/{n}/program.wasm")).expect(200);
    }
    httpd.get("/b/new.wasm").expect(200);
    let loaded = httpd.logged("WASM0150");
    let neighbour = loaded.iter().filter(|line| line.contains("b/new.wasm"));
    assert_eq!(neighbour.count(), 1);
}
