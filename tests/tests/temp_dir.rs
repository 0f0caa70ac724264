//! `WasmTempDir`: each request has its own directory, it is gone afterwards however the request ended, and it is bounded.
//!
//! The server's `TMPDIR` is a folder of the test, so what lies there is ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use suite::{Httpd, Probe, Req, Setup, both, process, wait};

both!(
    a_reused_instance_keeps_its_directory_and_takes_it_along,
    without_reuse_each_request_of_an_http_component_has_its_own,
);

/// A server whose temporary files lie in its folder `tmp`.
fn setup() -> Setup {
    let setup = Setup::new().writable("tmp");
    let tmp = setup.path("tmp");
    setup.env("TMPDIR", &tmp.to_string_lossy())
}

/// The same with the probe at `/p`, as a module and, at `/c`, as a component.
fn probe(lines: &str) -> Setup {
    setup()
        .cgi("/p", "probe", lines)
        .cgi("/c", "probe-component", lines)
}

/// What lies below a directory, itself not included.
fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // It may be removed meanwhile.
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        found.extend(below(&path));
        found.push(path);
    }
    found
}

/// What requests have left: everything but the directory of each child and, in that, empty ones for requests to come.
fn left(httpd: &Httpd) -> Vec<PathBuf> {
    let tmp = httpd.path("tmp");
    let mut found = below(&tmp);
    found.retain(|path| {
        let home = path.parent().filter(|home| home.parent() == Some(&tmp));
        let unused = home.is_some() && fs::read_dir(path).is_ok_and(|mut dir| dir.next().is_none());
        path.parent() != Some(&tmp) && !unused
    });
    found
}

/// Waits until nothing of any request is left.
#[track_caller]
fn expect_nothing_left(httpd: &Httpd) {
    wait::until("what requests have left to go", || left(httpd).is_empty());
}

#[test]
fn requests_at_once_with_one_name_do_not_meet() {
    let httpd = probe("WasmTempDir /tmp").start();
    thread::scope(|scope| {
        for (at, text) in [("p", "one"), ("p", "two"), ("c", "three"), ("c", "four")] {
            let httpd = &httpd;
            scope.spawn(move || {
                let target = format!("/{at}?do=scratch&way=own&path=/tmp/php1&text={text}&ms=500");
                assert_eq!(httpd.get(&target).expect(200).text(), text);
            });
        }
        wait::until("all four to have theirs", || {
            left(&httpd).iter().filter(|path| path.is_file()).count() == 4
        });
    });
    expect_nothing_left(&httpd);
}

#[test]
fn whoever_tidies_up_stops_nobody() {
    let httpd = probe("WasmTempDir /tmp").start();
    for _ in 0..20 {
        httpd.get("/p?do=scratch&way=own&path=/tmp/x").expect(200);
        for home in fs::read_dir(httpd.path("tmp")).unwrap() {
            fs::remove_dir_all(home.unwrap().path()).unwrap();
        }
    }
}

#[test]
fn only_the_servers_account_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let httpd = probe("WasmTempDir /tmp").start();
    httpd.get("/p?do=scratch&way=own&path=/tmp/x").expect(200);
    let homes = fs::read_dir(httpd.path("tmp")).unwrap();
    let modes: Vec<u32> = homes
        .map(|home| home.unwrap().metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    assert_eq!(modes, [0o700]);
}

#[test]
fn nothing_is_left_whatever_the_end() {
    let httpd = probe("WasmTempDir /tmp\nWasmTimeout 300ms")
        .announce("WASM0101")
        .announce("WASM0102")
        .announce("WASM0105")
        .announce("WASM0106")
        .start();
    let fill = "do=scratch&way=fill&path=/tmp/file&mib=1";
    for at in ["/p", "/c"] {
        httpd.get(&format!("{at}?{fill}")).expect(200);
        expect_nothing_left(&httpd);
        for (fault, status) in [
            ("unreachable", 500),
            ("spin", 504),
            ("sleep&ms=600000", 504),
        ] {
            let target = format!("{at}?{fill}&then={fault}");
            httpd.get(&target).expect(status);
            expect_nothing_left(&httpd);
        }
        for fault in ["unreachable", "sleep&ms=600000"] {
            let begun = httpd.get(&format!("{at}?{fill}&after=body&wait=50&then={fault}"));
            assert_eq!((begun.status(), begun.complete), (200, false), "{fault}");
            expect_nothing_left(&httpd);
        }
    }
}

#[test]
fn what_one_request_leaves_the_next_does_not_find() {
    let httpd = probe("WasmTempDir /tmp").threads(1).start();
    for at in ["/p", "/c", "/p"] {
        for way in ["own", "lost&mib=1", "deep&n=3", "many&n=3"] {
            let target = format!("{at}?do=scratch&path=/tmp/x&way={way}");
            httpd.get(&target).expect(200);
            let found = httpd.get(&format!("{at}?do=files&op=list&path=/tmp"));
            assert_eq!(found.expect(200).text(), "", "{way}");
        }
    }
}

#[test]
fn nothing_is_left_when_the_client_goes() {
    let httpd = probe("WasmTempDir /tmp").start();
    let mut conn = httpd.connect();
    let target = "/p?do=scratch&way=fill&path=/tmp/file&mib=1&then=sleep&ms=600000";
    conn.send(Req::get(target).bytes());
    wait::until("the file", || !left(&httpd).is_empty());
    conn.reset();
    httpd.expect_log("WASM0108");
    expect_nothing_left(&httpd);
}

#[test]
fn nothing_is_left_of_directories_nested_too_deep_to_recurse() {
    let httpd = probe("WasmTempDir /tmp files=10000")
        .announce("WASM0175")
        .start();
    httpd
        .get("/p?do=scratch&way=deep&path=/tmp/d&n=60")
        .expect(200);
    // Its own path is longer than the system's longest; the guest is stopped or refused, whichever comes first.
    let response = httpd.get("/p?do=scratch&way=deep&path=/tmp/d&n=1000&then=spin");
    assert_eq!(response.status(), 500);
    let line = httpd.expect_log("WASM0175");
    assert!(line.contains("nested"), "{line}");
    expect_nothing_left(&httpd);
}

#[test]
fn a_server_that_stops_leaves_nothing_at_all() {
    let setup = probe("WasmTempDir /tmp");
    let tmp = setup.path("tmp");
    let kept = setup.clone();
    let httpd = setup.start();
    httpd
        .get("/p?do=scratch&way=fill&path=/tmp/f&mib=1")
        .expect(200);
    assert!(!below(&tmp).is_empty());
    httpd.stop();
    wait::until("the children's directories to go", || {
        below(&tmp).is_empty()
    });
    drop(kept);
}

#[test]
fn what_a_killed_child_leaves_goes_with_the_next_one() {
    let httpd = probe("WasmTempDir /tmp")
        .threads(1)
        .tolerate("AH00051")
        .start();
    // What only looks as if it were ours is not touched.
    fs::create_dir_all(httpd.path("tmp/other")).unwrap();
    fs::write(httpd.path("tmp/other/file"), "stays").unwrap();
    std::os::unix::fs::symlink(httpd.path("tmp/other"), httpd.path("tmp/mod_wasm-link")).unwrap();
    let mut conn = httpd.connect();
    let target = "/p?do=scratch&way=fill&path=/tmp/file&mib=1&then=sleep&ms=600000";
    conn.send(Req::get(target).bytes());
    let file = |path: &PathBuf| path.ends_with("0/file");
    wait::until("the file", || left(&httpd).iter().any(file));
    let left_behind = left(&httpd).into_iter().find(file).unwrap();
    let before = httpd.child_pids();
    for pid in &before {
        process::signal(*pid, rustix::process::Signal::KILL);
    }
    wait::until("other children", || {
        let now = httpd.child_pids();
        !now.is_empty() && now.is_disjoint(&before)
    });
    assert!(left_behind.exists());
    drop(conn);
    httpd.get("/p?do=scratch&way=own&path=/tmp/x").expect(200);
    wait::until("the sweep", || !left_behind.exists());
    assert!(httpd.path("tmp/mod_wasm-link").exists());
    assert_eq!(fs::read(httpd.path("tmp/other/file")).unwrap(), b"stays");
}

/// The request ends with 500 and a line that names the directive, its limits and what was found.
#[track_caller]
fn beyond(httpd: &Httpd, target: &str, words: &[&str]) {
    let before = httpd.logged("WASM0175").len();
    httpd.get(target).expect(500);
    wait::until("a line about it", || {
        httpd.logged("WASM0175").len() == before + 1
    });
    let lines = httpd.logged("WASM0175");
    let line = &lines[before];
    for word in words {
        assert!(line.contains(word), "{word}: {line}");
    }
    expect_nothing_left(httpd);
}

#[test]
fn a_guest_that_writes_too_much_is_stopped() {
    let httpd = probe("WasmTempDir /tmp max=2M files=100")
        .announce("WASM0175")
        .start();
    let before = httpd.child_pids();
    let said = [
        "WasmTempDir max=2M files=100",
        "bytes taken, 2097152 allowed",
    ];
    for at in ["/p", "/c"] {
        let way = |way: &str| format!("{at}?do=scratch&path=/tmp/file&way={way}");
        httpd.get(&way("fill&mib=1")).expect(200);
        beyond(&httpd, &way("fill&mib=2000"), &said);
        // Removed files that are open take room too.
        httpd.get(&way("lost&mib=1")).expect(200);
        beyond(&httpd, &way("lost&mib=2000"), &said);
        beyond(&httpd, &way("many&n=100000"), &["more than 100 files"]);
    }
    httpd.assert_same_children(&before);
}

#[test]
fn a_guest_that_stays_beyond_is_stopped_even_if_it_calls_nobody() {
    let httpd = probe("WasmTempDir /tmp max=2M\nWasmTimeout 60")
        .announce("WASM0175")
        .start();
    for way in ["fill&mib=3", "lost&mib=3"] {
        let target = format!("/p?do=scratch&path=/tmp/file&way={way}&then=spin");
        beyond(&httpd, &target, &["2097152 allowed"]);
    }
}

#[test]
fn what_takes_no_room_does_not_count() {
    let httpd = probe("WasmTempDir /tmp max=2M").start();
    for at in ["/p", "/c"] {
        // A file with holes, and one with many names; the sleep gives time to look.
        for way in ["holes&mib=1000", "names&mib=1&n=50"] {
            let target = format!("{at}?do=scratch&path=/tmp/f&way={way}&then=sleep&ms=100");
            httpd.get(&target).expect(200);
        }
    }
}

#[test]
fn a_response_that_has_begun_is_cut() {
    let httpd = probe("WasmTempDir /tmp max=1M")
        .announce("WASM0175")
        .start();
    // While the guest waits, what it has written goes out.
    let target = "/p?do=scratch&way=fill&path=/tmp/f&mib=2000&after=body&wait=50";
    let response = httpd.get(target);
    assert_eq!((response.status(), response.complete), (200, false));
    expect_nothing_left(&httpd);
}

#[test]
fn there_is_none_without_the_directive() {
    let httpd = probe("").start();
    for at in ["/p", "/c"] {
        let answer = httpd.get(&format!("{at}?do=files&op=list&path=/tmp"));
        assert!(answer.expect(200).text().starts_with("error: "));
        let environment = httpd.get(&format!("{at}?do=env")).expect(200).text();
        assert!(!environment.contains("TMPDIR"), "{environment}");
    }
    assert!(below(&httpd.path("tmp")).is_empty());
}

#[test]
fn the_program_is_told_where_it_is() {
    let httpd = probe("WasmTempDir /scratch")
        .cgi(
            "/own",
            "probe",
            "WasmTempDir /scratch\nWasmEnv TMPDIR /elsewhere",
        )
        .guest(
            "/plain",
            "probe",
            "WasmTempDir /scratch\nWasmArg env\nWasmArg plain=1",
        )
        .start();
    for (target, line) in [
        ("/p?do=env", "TMPDIR=/scratch\n"),
        ("/c?do=env", "TMPDIR=/scratch\n"),
        ("/own?do=env", "TMPDIR=/elsewhere\n"),
        ("/plain", "TMPDIR=/scratch\n"),
    ] {
        let environment = httpd.get(target).expect(200).text();
        assert!(environment.contains(line), "{target}: {environment}");
        assert_eq!(environment.matches("TMPDIR").count(), 1, "{target}");
    }
}

#[test]
fn it_hides_a_directory_of_the_same_path_and_gives_it_back() {
    let httpd = probe("WasmMapDir /tmp ${ROOT}/shared\nWasmTempDir /tmp")
        .conf("<Location /p/shared>\nWasmTempDir none\n</Location>")
        .file("shared/note", "shared")
        .start();
    let list = |target: &str| {
        let target = format!("{target}?do=files&op=list&path=/tmp");
        httpd.get(&target).expect(200).text()
    };
    assert_eq!(list("/p"), "");
    assert_eq!(list("/c"), "");
    assert_eq!(list("/p/shared"), "note\n");
}

#[test]
fn a_program_that_could_read_the_others_directories_is_refused() {
    let httpd = probe("WasmTempDir /scratch\nWasmMapDir /all ${ROOT}/tmp")
        .announce("WASM0176")
        .start();
    httpd.get("/p?do=env").expect(500);
    let line = httpd.expect_log("WASM0176");
    assert!(line.contains("the program may use"), "{line}");
}

#[test]
fn a_directory_that_can_not_be_made_is_an_error_of_the_operator() {
    let httpd = Setup::new()
        .cgi("/p", "probe", "WasmTempDir /tmp")
        .env("TMPDIR", "/nonexistent")
        .announce("WASM0176")
        .start();
    let body = httpd.get("/p?do=env").expect(500).text();
    assert!(!body.contains("nonexistent"), "{body}");
    let line = httpd.expect_log("WASM0176");
    assert!(
        line.contains("/nonexistent") && line.contains("No such file"),
        "{line}"
    );
}

fn without_reuse_each_request_of_an_http_component_has_its_own(probe: Probe) {
    let httpd = setup()
        .guest("/p", probe.guest, "WasmTempDir /tmp")
        .threads(1)
        .start();
    httpd
        .get("/p/files?op=write&path=/tmp/note&text=kept")
        .expect(200);
    expect_nothing_left(&httpd);
    assert_eq!(
        httpd.get("/p/files?op=list&path=/tmp").expect(200).text(),
        ""
    );
}

fn a_reused_instance_keeps_its_directory_and_takes_it_along(probe: Probe) {
    let httpd = setup()
        .guest("/p", probe.guest, "WasmTempDir /tmp\nWasmReuse idle=2s")
        .threads(1)
        .start();
    httpd
        .get("/p/files?op=write&path=/tmp/note&text=kept")
        .expect(200);
    let read = httpd.get("/p/files?op=read&path=/tmp/note").expect(200);
    assert_eq!(read.text(), "kept");
    wait::until_within(Duration::from_secs(20), "the instance to go", || {
        left(&httpd).is_empty()
    });
}
