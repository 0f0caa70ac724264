//! Every program of `guests/` runs behind httpd. A program in `guests/GUESTS` without a test here, in
//! `guests_cgi.rs` or in `guests_http.rs` fails a test.

use std::fs;
use suite::{Req, Setup, paths};

suite::guests! {
    "hello" => hello,
    "hello-c" => hello_c,
    "hello-component" => hello_component,
    "hello-p3" => hello_p3,
    "env" => env,
    "form" => form,
    "counter" => counter,
    "lister" => lister,
    "trap" => trap,
    "loop" => loops,
    "probe" => probe,
    "probe-component" => probe_component,
    "probe-c" => probe_c,
    "entry-c" => entry_c,
    "echo-p3" => echo_p3,
    "both-p3" => both_p3,
}

#[test]
fn every_guest_has_a_test() {
    let table = fs::read_to_string(paths::workspace().join("guests/GUESTS")).unwrap();
    let lines = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut listed: Vec<&str> = lines
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let folder = paths::workspace().join("tests/tests");
    let sources = ["guests.rs", "guests_cgi.rs", "guests_http.rs"]
        .map(|name| fs::read_to_string(folder.join(name)).unwrap())
        .concat();
    // The lines `"name" => test,` of the lists.
    let mut tested: Vec<&str> = sources
        .lines()
        .filter_map(|line| line.strip_prefix("    \"")?.split_once("\" => "))
        .map(|(name, _)| name)
        .collect();
    listed.sort_unstable();
    tested.sort_unstable();
    assert_eq!(
        listed, tested,
        "guests/GUESTS and the lists here must name the same programs"
    );
}

/// The tests proper; each gets the name of its guest.
mod tests {
    use super::{Req, Setup};

    pub(crate) fn hello(name: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        assert_eq!(httpd.get("/g").expect(200).text(), "Hello, wasm world!\n");
    }

    /// Of two versions of the same thing the newer one is run.
    pub(crate) fn both_p3(name: &str) {
        let httpd = Setup::new().guest("/g", name, "").start();
        assert_eq!(httpd.get("/g").expect(200).text(), "called as 0.3");
        let line = httpd.logged("WASM0007").concat();
        assert!(line.contains("WASI 0.3 command component"), "{line}");
    }

    fn hello_behind(name: &str, what: &str) {
        let httpd = Setup::new().cgi("/g", name, "").start();
        let response = httpd.get("/g").expect(200);
        assert_eq!(
            response.header("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
        let text = response.text();
        assert!(
            text.starts_with(&format!("Hello from {what} behind Apache")),
            "{text}"
        );
    }

    pub(crate) fn hello_c(name: &str) {
        hello_behind(name, "C");
    }

    pub(crate) fn hello_component(name: &str) {
        hello_behind(name, "a WASI 0.2 component");
    }

    pub(crate) fn hello_p3(name: &str) {
        hello_behind(name, "a WASI 0.3 component");
    }

    pub(crate) fn env(name: &str) {
        let httpd = Setup::new()
            .cgi("/g", name, "WasmEnv GREETING \"<hello>\"\nWasmArg one")
            .start();
        let page = httpd.get("/g?a=1").expect(200).text();
        for part in [
            "<td>GREETING</td><td>&lt;hello&gt;</td>",
            "<td>QUERY_STRING</td><td>a=1</td>",
            "<code>env.wasm one</code>",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    pub(crate) fn form(name: &str) {
        let httpd = Setup::new().cgi("/g", name, "").start();
        assert!(
            httpd
                .get("/g")
                .expect(200)
                .text()
                .contains("<form method=\"post\"")
        );
        let urlencoded = |body: &[u8]| {
            Req::post("/g", body).field("Content-Type", "application/x-www-form-urlencoded")
        };
        let page = httpd
            .send(&urlencoded(b"name=A%26B&message=%3Cb%3E+c"))
            .expect(200)
            .text();
        assert!(
            page.contains("<td>A&amp;B</td>") && page.contains("<td>&lt;b&gt; c</td>"),
            "{page}"
        );
        httpd.send(&urlencoded(&[b'x'; 100_000])).expect(413);
        httpd.post("/g", b"x").expect(415);
        httpd.send(&Req::new("DELETE", "/g")).expect(405);
    }

    pub(crate) fn counter(name: &str) {
        let httpd = Setup::new().cgi("/g", name, "").start();
        let mut conn = httpd.connect();
        conn.send(Req::get("/g").bytes());
        let seen = conn.read_raw(|all| String::from_utf8_lossy(all).contains("line 2 of 20"));
        let seen = String::from_utf8_lossy(&seen);
        assert!(
            !seen.contains("line 20 of 20"),
            "it must arrive while the guest counts"
        );
        drop(conn);
        httpd.expect_log("WASM0108");
    }

    pub(crate) fn lister(name: &str) {
        let httpd = Setup::new()
            .file("files/a&b.txt", "content of a file\n")
            .file("files/sub/c.txt", "c\n")
            .file("secret.txt", "secret\n")
            .cgi("/g", name, "WasmMapDir /files ${ROOT}/files")
            .start();
        let page = httpd.get("/g").expect(200).text();
        assert!(
            page.contains("a&amp;b.txt") && page.contains("?dir=sub"),
            "{page}"
        );
        let file = httpd.get("/g?file=a%26b.txt").expect(200);
        assert_eq!(file.text(), "content of a file\n");
        assert!(httpd.get("/g?dir=sub").expect(200).text().contains("c.txt"));
        for outside in [
            "/g?file=../secret.txt",
            "/g?file=/etc/passwd",
            "/g?dir=..",
            "/g?file=none",
        ] {
            httpd.get(outside).expect(404);
        }
    }

    pub(crate) fn trap(name: &str) {
        let httpd = Setup::new()
            .cgi("/g", name, "")
            .announce("WASM0101")
            .announce("panicked at")
            .tolerate("WASM0120")
            .start();
        let before = httpd.child_pids();
        httpd.get("/g").expect(500);
        httpd.expect_log("index out of bounds");
        httpd.assert_same_children(&before);
    }

    pub(crate) fn loops(name: &str) {
        let httpd = Setup::new()
            .cgi("/g", name, "WasmTimeout 200ms")
            .announce("WASM0105")
            .start();
        httpd.get("/g").expect(504);
    }

    pub(crate) fn probe(name: &str) {
        a_probe(name, "preview 1");
        let httpd = Setup::new().cgi("/g", name, "").start();
        let polled = httpd.get("/g?do=poll&ms=50").expect(200).text();
        assert!(
            ["timeout\n", "stdin\n"].contains(&polled.as_str()),
            "{polled}"
        );
    }

    pub(crate) fn probe_component(name: &str) {
        a_probe(name, "0.2");
    }

    /// What both builds of the probe can do and no other file tests.
    fn a_probe(name: &str, kind: &str) {
        let httpd = Setup::new()
            .writable("data")
            .cgi("/g", name, "WasmMapDir /data ${ROOT}/data")
            .start();
        let loaded = httpd.logged("WASM0007");
        assert!(loaded.len() == 1 && loaded[0].contains(kind), "{loaded:#?}");
        let ask = |query: &str| httpd.get(&format!("/g?do={query}")).expect(200).text();
        assert_ne!(ask("random"), ask("random"));
        let clock = ask("clock&ms=30");
        let slept = clock
            .rsplit_once("slept_us=")
            .and_then(|(_, n)| n.trim().parse::<u64>().ok());
        assert!(slept.is_some_and(|us| us >= 30_000), "{clock}");
        assert_eq!(ask("files&op=write&path=/data/f&text=one"), "done\n");
        assert_eq!(ask("files&op=append&path=/data/f&text=+two"), "done\n");
        assert_eq!(ask("files&op=read&path=/data/f"), "one two");
        assert_eq!(ask("files&op=mkdir&path=/data/d"), "done\n");
        assert_eq!(ask("files&op=rename&path=/data/f&to=/data/d/g"), "done\n");
        assert_eq!(ask("files&op=stat&path=/data/d/g"), "file 7\n");
        assert_eq!(ask("files&op=list&path=/data"), "d/\n");
        assert_eq!(ask("files&op=remove&path=/data/d/g"), "done\n");
        assert!(!ask("files&op=escape&path=/data").contains("OPENED"));
        assert!(ask("files&op=read&path=/elsewhere").starts_with("error:"));
    }

    pub(crate) fn probe_c(name: &str) {
        let httpd = Setup::new().cgi("/g", name, "").start();
        assert_eq!(
            httpd.post("/g?echo", b"a body").expect(200).text(),
            "a body"
        );
        assert_eq!(httpd.get("/g?exit=0").expect(200).text(), "answered\n");
        assert_eq!(httpd.get("/g?exit=130").expect(200).text(), "answered\n");
        httpd.expect_log("WASM0104");
        httpd.get("/g?nonsense").expect(500);
        httpd.expect_log("unknown query: nonsense");
        httpd.expect_log("WASM0103");
        httpd.tolerate("End of script output");
    }

    pub(crate) fn entry_c(name: &str) {
        let httpd = Setup::new()
            .guest("/g", name, "WasmEntryPoint respond")
            .start();
        assert_eq!(httpd.get("/g").expect(200).text(), "this is respond\n");
    }

    pub(crate) fn echo_p3(name: &str) {
        let httpd = Setup::new()
            .cgi("/g", name, "WasmTimeout 500ms")
            .tolerate("End of script output")
            .start();
        let before = httpd.child_pids();
        let body = vec![b'x'; 200_000];
        assert!(httpd.post("/g", &body).expect(200).body == body);
        httpd.get("/g?panic").expect(500);
        httpd.expect_log("WASM0101");
        httpd.get("/g?spin").expect(504);
        httpd.expect_log("WASM0105");
        assert_eq!(httpd.get("/g?exit=9").expect(200).body, b"");
        httpd.expect_log("exited with status 9");
        httpd.get("/g?fail").expect(500);
        httpd.expect_log("WASM0103");
        httpd.assert_same_children(&before);
    }
}

#[test]
fn a_guest_that_closes_its_output_writes_no_file_into_the_response() {
    let httpd = Setup::new()
        .writable("data")
        .cgi("/g", "probe", "WasmMapDir /data ${ROOT}/data")
        .start();
    assert_eq!(
        httpd
            .get("/g?do=close&path=/data/f&text=into+the+file")
            .expect(200)
            .text(),
        "before\n"
    );
    httpd.expect_log("the file is descriptor");
    assert_eq!(
        fs::read_to_string(httpd.path("data/f")).unwrap(),
        "into the file"
    );
}

#[test]
fn guests_keep_nothing_from_one_request_to_the_next() {
    let httpd = Setup::new().cgi("/g", "probe", "").start();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..10 {
        assert!(
            seen.insert(httpd.get("/g?do=random").expect(200).text()),
            "the same random numbers twice"
        );
        assert_eq!(
            httpd.get("/g?do=alloc&mib=20").expect(200).text(),
            "asked for 20 MiB, got 20 MiB\n"
        );
    }
    assert_eq!(httpd.get("/g?do=cwd").expect(200).text(), "/\n");
}
