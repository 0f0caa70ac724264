//! How much of the error log programs may fill (`WasmLogLimit`): so much a second in each section, whichever children serve
//! it, and a line about the rest.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};
use suite::{Httpd, Req, Setup, Then, host, on_disk, paths, wait};

/// Bytes that these lines take in the log.
fn taken(lines: &[String]) -> usize {
    lines.iter().map(|line| line.len() + 1).sum()
}

/// The numbers before these words in the lines about what was dropped, added up.
fn told(httpd: &Httpd, words: &str) -> u64 {
    let number = |line: String| {
        let before = line.split_once(words)?.0;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    };
    httpd
        .logged("WASM0201")
        .into_iter()
        .filter_map(number)
        .sum()
}

/// Makes so many requests, one after the other, and gives the time that they took.
fn flood(httpd: &Httpd, target: &str, requests: usize, status: u16) -> Duration {
    let start = Instant::now();
    for _ in 0..requests {
        httpd.get(target).expect(status);
    }
    start.elapsed()
}

/// What the log may hold of a section whose limit is 4 KiB, after a flood of this length: four seconds' worth at once, then
/// what each second brings, and a last line that passes it.
fn allowed(flooded: Duration) -> usize {
    4096 * (4 + 1 + usize::try_from(flooded.as_secs()).unwrap_or(usize::MAX)) + 8192
}

#[test]
fn a_flood_of_standard_error_is_bounded_and_told() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "WasmLogLimit 4K")
        .announce("WASM0120")
        .announce("WASM0201")
        .start();
    let target = format!("/probe?do=stderr&n=50&text={}", "x".repeat(100));
    let flooded = flood(&httpd, &target, 100, 200);
    let lines = httpd.logged("WASM0120");
    let bytes = taken(&lines);
    assert!(bytes <= allowed(flooded), "{bytes} bytes in {flooded:?}");
    let notices = httpd.logged("WASM0201");
    assert!(
        notices.len() as u64 <= 2 + flooded.as_secs(),
        "{notices:#?}"
    );
    assert!(notices[0].contains("WasmLogLimit of 4K"), "{notices:#?}");
    let dropped = told(&httpd, " lines, ");
    assert!(
        dropped > 0 && dropped + lines.len() as u64 <= 5000,
        "{dropped}"
    );
    // Each would have taken its text, and what httpd writes before it.
    assert!(told(&httpd, " bytes of log") >= dropped * 100);
}

#[test]
fn what_a_client_says_of_itself_counts() {
    // httpd writes it behind each line.
    let httpd = Setup::new()
        .cgi("/probe", "probe", "WasmLogLimit 4K")
        .announce("WASM0120")
        .announce("WASM0201")
        .start();
    let request = Req::get("/probe?do=stderr&n=100").field("Referer", &"r".repeat(7000));
    let start = Instant::now();
    httpd.send(&request).expect(200);
    let bytes = taken(&httpd.logged("WASM0120"));
    assert!(bytes <= allowed(start.elapsed()), "{bytes}");
}

#[test]
fn failures_of_a_program_and_their_backtraces_count() {
    let httpd = Setup::new()
        .prints_then("/trap", "", Then::Trap, "WasmLogLimit 4K")
        .log_level("warn wasm:debug")
        .announce("WASM0101")
        .tolerate("WASM0131")
        .announce("WASM0201")
        .start();
    let flooded = flood(&httpd, "/trap", 300, 500);
    let bytes = taken(&httpd.logged("WASM0101")) + taken(&httpd.logged("WASM0131"));
    assert!(bytes <= allowed(flooded), "{bytes} bytes in {flooded:?}");
}

#[test]
fn messages_of_wasi_logging_count() {
    let httpd = suite::probe::P2
        .setup("WasmLogLimit 4K")
        .log_level("warn wasm:trace1")
        .tolerate("WASM01")
        .announce("WASM0201")
        .start();
    let flooded = flood(&httpd, "/p/log", 100, 200);
    let lines = [httpd.logged("WASM012"), httpd.logged("WASM014")].concat();
    let bytes = taken(&lines);
    assert!(bytes <= allowed(flooded), "{bytes} bytes in {flooded:?}");
}

#[test]
fn what_nobody_logs_takes_nothing_away() {
    let httpd = suite::probe::P2
        .setup("WasmLogLimit 4K")
        .log_level("warn wasm:crit")
        .announce("WASM0145")
        .start();
    flood(&httpd, "/p/log?n=100", 10, 200);
    assert_eq!(httpd.logged("WASM0145").len(), 10);
}

#[test]
fn the_lines_of_others_are_logged_all_the_same() {
    let program = "SetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\nWasmLogLimit 4K\n";
    let sections =
        format!("<Location /flood>\n{program}</Location>\n<Location /other>\n{program}</Location>");
    // The first of the hosts is that of every name.
    let httpd = Setup::new()
        .vhost("a.example", &sections)
        .vhost("b.example", &sections)
        .announce("WASM0120")
        .start();
    let text = "x".repeat(100);
    for n in 0..20 {
        flood(
            &httpd,
            &format!("/flood?do=stderr&n=50&text={text}"),
            5,
            200,
        );
        let section = format!("/other?do=stderr&bare=1&text=section{n}.");
        httpd.get(&section).expect(200);
        httpd.expect_log_of("a.example", &format!("section{n}."));
        let host = format!("/flood?do=stderr&bare=1&text=host{n}.");
        let host = Req::get(&host).field("Host", "b.example");
        httpd.send(&host).expect(200);
        httpd.expect_log_of("b.example", &format!("host{n}."));
    }
    httpd.expect_log_of("a.example", "WASM0201");
}

#[test]
fn a_htaccess_file_neither_has_a_limit_of_its_own_nor_sets_one() {
    let mut setup = on_disk::programs()
        .conf("WasmLogLimit 4K\n<Directory ${ROOT}/htdocs>\nAllowOverride FileInfo\n</Directory>")
        .announce("WASM0120")
        .announce("WASM0201")
        .file("htdocs/raised/probe.wasm", on_disk::guest("probe"))
        .file("htdocs/raised/.htaccess", "WasmLogLimit none\n")
        .tolerate("AH00526")
        .tolerate("not allowed here");
    for n in 0..20 {
        setup = setup
            .file(&format!("htdocs/{n}/probe.wasm"), on_disk::guest("probe"))
            .file(&format!("htdocs/{n}/.htaccess"), format!("WasmEnv A {n}\n"));
    }
    let httpd = setup.start();
    let start = Instant::now();
    let text = "x".repeat(100);
    for n in 0..20 {
        let target = format!("/{n}/probe.wasm?do=stderr&n=50&text={text}");
        flood(&httpd, &target, 3, 200);
    }
    let bytes = taken(&httpd.logged("WASM0120"));
    assert!(bytes <= allowed(start.elapsed()), "{bytes}");
    httpd.get("/raised/probe.wasm").expect(500);
}

#[test]
fn without_a_limit_all_is_logged() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "WasmLogLimit none")
        .announce("WASM0120")
        .start();
    let target = format!("/probe?do=stderr&n=200&text={}", "x".repeat(100));
    flood(&httpd, &target, 20, 200);
    assert_eq!(httpd.logged("WASM0120").len(), 4000);
}

/// A server of so many children, each of which serves one request at a time.
fn children(n: u32) -> Setup {
    let setup = match paths::threaded() {
        true => Setup::new().threads(1).conf(&format!(
            "StartServers {n}\nMaxRequestWorkers {n}\nMaxSpareThreads {n}"
        )),
        false => Setup::new().threads(n),
    };
    setup
        .cgi("/probe", "probe", "WasmLogLimit 4K")
        .announce("WASM0120")
        .announce("WASM0201")
}

/// The children that have answered.
fn children_used(httpd: &Httpd) -> BTreeSet<String> {
    let log = fs::read_to_string(httpd.path("logs/access.log")).unwrap_or_default();
    let pids = log.lines().filter_map(|line| line.split(' ').nth(2));
    pids.map(str::to_owned).collect()
}

#[test]
fn children_have_one_limit_together_and_tell_each_line_once() {
    const CHILDREN: u32 = 8;
    const LINES: u64 = 100;
    let httpd = children(CHILDREN).start();
    let target = format!("/probe?do=stderr&n={LINES}&text={}", "x".repeat(100));
    let start = Instant::now();
    let mut written = 0;
    wait::until("half of the children to serve", || {
        thread::scope(|scope| {
            for _ in 0..CHILDREN {
                scope.spawn(|| flood(&httpd, &target, 4, 200));
            }
        });
        written += 4 * LINES * u64::from(CHILDREN);
        children_used(&httpd).len() >= CHILDREN as usize / 2
    });
    let bytes = taken(&httpd.logged("WASM0120"));
    let flooded = start.elapsed();
    assert!(bytes <= allowed(flooded), "{bytes} bytes in {flooded:?}");
    let notices = httpd.logged("WASM0201").len() as u64;
    assert!(notices <= 2 + flooded.as_secs(), "{notices}");
    // What has not been told yet is told with what comes later.
    wait::until("every line to be logged or told", || {
        let logged = httpd.logged("WASM0120").len() as u64;
        let all = logged + told(&httpd, " lines, ") == written;
        if !all {
            httpd.get("/probe?do=stderr").expect(200);
            written += 1;
        }
        all
    });
}

#[test]
fn a_graceful_restart_gives_no_new_limit() {
    let httpd = children(1).start();
    let target = format!("/probe?do=stderr&n=200&text={}", "x".repeat(100));
    let start = Instant::now();
    httpd.get(&target).expect(200);
    let before = taken(&httpd.logged("WASM0120"));
    httpd.graceful();
    httpd.get(&target).expect(200);
    let bytes = taken(&httpd.logged("WASM0120")) - before;
    // What this time brings, and a line that passes the limit.
    let most = 4096 * start.elapsed().as_millis() / 1000 + 512;
    assert!(bytes as u128 <= most, "{bytes} bytes, {most} at most");
}

#[test]
fn without_memory_for_it_the_server_does_not_start() {
    let setup = Setup::new().cgi("/probe", "probe", "").file(
        "mmap.c",
        "#define _GNU_SOURCE\n\
         #include <errno.h>\n\
         #include <sys/mman.h>\n\
         #include <sys/syscall.h>\n\
         #include <unistd.h>\n\
         void *mmap(void *at, size_t size, int access, int kind, int file, off_t from) {\n\
             if (size == 256 << 10 && kind == (MAP_SHARED | MAP_ANONYMOUS)) {\n\
                 errno = ENOMEM;\n\
                 return MAP_FAILED;\n\
             }\n\
             return (void *)syscall(SYS_mmap, at, size, access, kind, file, from);\n\
         }\n",
    );
    let (source, library) = (setup.path("mmap.c"), setup.path("mmap.so"));
    host::run_ok(
        "cc",
        [
            "-shared".as_ref(),
            "-fPIC".as_ref(),
            "-o".as_ref(),
            library.as_os_str(),
            source.as_os_str(),
        ],
    );
    let said = setup
        .env("LD_PRELOAD", &library.to_string_lossy())
        .must_fail_to_start();
    assert!(
        said.contains("WASM0010") && said.contains("Cannot allocate memory"),
        "{said}"
    );
}
