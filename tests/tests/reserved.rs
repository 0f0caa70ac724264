//! Directories that no program is given, because the server depends on them: refused by `httpd -t`, by a start and by a
//! restart, and once more when a request opens them.

use std::fs;
use std::os::unix::fs::symlink;

use suite::{Setup, paths};

/// A server whose probe is given a directory by this line.
fn giving(line: &str) -> Setup {
    Setup::new().cgi("/p", "probe", line)
}

/// The refusal names the directive with its line, the directory, what it meets and what that holds.
#[track_caller]
fn refused(setup: Setup, line: &str, words: &[&str]) {
    let (directive, _) = line.split_once(' ').unwrap_or_default();
    let mut all = vec!["WASM0207", "line 5 of ", "conf/test.conf", directive];
    all.extend(words);
    setup.check().fails_with(&all);
}

#[test]
fn the_directories_of_the_server_are_refused() {
    let dist = paths::dist();
    let dist = dist.to_str().expect("text");
    let modules = paths::modules();
    let modules = modules.to_str().expect("text");
    for (line, words) in [
        ("WasmDir /", &["it contains"][..]),
        ("WasmMapDir /all ${ROOT}", &["it contains"]),
        (
            "WasmMapDir /d ${ROOT}/conf",
            &["it is", "holds the server's configuration"],
        ),
        (
            "WasmMapDir /d conf/sub",
            &["it lies in", "/conf\"", "configuration"],
        ),
        ("WasmMapDir /d ${ROOT}/logs", &["it is", "/logs\"", "a log"]),
        ("WasmMapDir /d ${ROOT}/logs/old", &["it lies in", "/logs\""]),
        (
            "WasmMapDir /d ${ROOT}/run",
            &["it is", "/run\"", "runtime directory"],
        ),
        ("WasmMapDir /d ${ROOT}/run/sub", &["it lies in", "/run\""]),
        (&format!("WasmDir {dist}"), &["it is", "holds modules"]),
        (&format!("WasmDir {modules}"), &["holds modules"]),
        ("WasmDir /proc", &["the kernel"]),
        ("WasmMapDir /d /proc/self", &["the kernel"]),
        ("WasmMapDir /d /proc/self/root", &["it contains"]),
        ("WasmMapDir /d /sys/kernel", &["the kernel"]),
        ("WasmDir /dev", &["the kernel"]),
        (
            "WasmMapDir /d ${ROOT}/link",
            &["link", "it lies in", "/run\""],
        ),
        (
            "WasmMapDir /d ${ROOT}/htdocs/../conf",
            &["it is", "configuration"],
        ),
    ] {
        let setup = giving(line)
            .file("conf/sub/x", "")
            .file("logs/old/x", "")
            .file("run/sub/x", "");
        symlink(setup.path("run/sub"), setup.path("link")).unwrap();
        refused(setup, line, words);
    }
}

#[test]
fn directories_beside_those_are_given() {
    let setup = giving(
        "WasmMapDir /a ${ROOT}/htdocs\nWasmMapDir /b ${ROOT}/data\nWasmMapDir /c ${ROOT}/running",
    )
    .file("htdocs/a", "page")
    .file("data/x", "")
    .file("running/x", "");
    setup.clone().check().passes();
    let httpd = setup.start();
    assert_eq!(
        httpd
            .get("/p?do=files&op=read&path=/a/a")
            .expect(200)
            .text(),
        "page"
    );
}

#[test]
fn what_other_directives_name_is_refused_too() {
    for (lines, line, words) in [
        (
            "WasmCacheDir ${ROOT}/cache",
            "WasmDir ${ROOT}/cache",
            "the cache of compiled programs",
        ),
        (
            "WasmCacheDir ${ROOT}/c/cache",
            "WasmDir ${ROOT}/c",
            "it contains",
        ),
        (
            "WasmCacheDir ${ROOT}/cache",
            "WasmDir ${ROOT}/cache/v",
            "it lies in",
        ),
        (
            "CustomLog ${ROOT}/mine/a.log audit",
            "WasmDir ${ROOT}/mine",
            "a log",
        ),
        (
            "Mutex file:${ROOT}/mine default",
            "WasmDir ${ROOT}/mine/sub",
            "locks",
        ),
        (
            "WasmScriptLog ${ROOT}/mine/script.log",
            "WasmDir ${ROOT}/mine",
            "a log",
        ),
        (
            "<VirtualHost *:80>\nErrorLog mine/x.log\n</VirtualHost>",
            "WasmDir ${ROOT}/mine",
            "a log",
        ),
        (
            "Include conf.modules.d/*.conf",
            "WasmDir ${ROOT}/conf.modules.d",
            "configuration",
        ),
        (
            "Include mine/more.conf",
            "WasmDir ${ROOT}/mine",
            "configuration",
        ),
    ] {
        let setup = giving(line)
            .conf(lines)
            .file("mine/more.conf", "ServerTokens Full")
            .file("conf.modules.d/a.conf", "Define MORE")
            .file("mine/sub/x", "")
            .file("c/x", "")
            .file("cache/v/x", "");
        refused(setup, line, &[words]);
    }
    // With its documents in it, a directory of ServerRoot is not all the server's.
    giving("WasmDir ${ROOT}/site/htdocs")
        .conf("DocumentRoot ${ROOT}/site/htdocs\nCustomLog ${ROOT}/site/a.log audit")
        .file("site/htdocs/x", "")
        .check()
        .passes();
}

#[test]
fn a_start_is_refused_as_a_check_is() {
    let said = giving("WasmDir ${ROOT}/conf").must_fail_to_start();
    assert!(
        said.contains("WASM0207") && said.contains("it is"),
        "{said}"
    );
}

#[test]
fn a_link_that_leads_elsewhere_since_is_refused_by_the_request() {
    let setup = giving("WasmMapDir /d ${ROOT}/link").file("data/a", "good");
    symlink(setup.path("data"), setup.path("link")).unwrap();
    let httpd = setup.start();
    let read = |name: &str| httpd.get(&format!("/p?do=files&op=read&path=/d/{name}"));
    assert_eq!(read("a").expect(200).text(), "good");
    for (to, words) in [
        (httpd.path("conf"), "holds the server's configuration"),
        (httpd.path(""), "it contains"),
        (httpd.path("run/mod_wasm"), "the cache of compiled programs"),
        ("/proc/self".into(), "file system of the kernel"),
    ] {
        let new = httpd.path("new");
        symlink(&to, &new).unwrap();
        fs::rename(&new, httpd.path("link")).unwrap();
        let page = read("test.conf").expect(500).text();
        assert!(!page.contains("WasmMapDir"), "{page}");
        let line = httpd.expect_log(words);
        assert!(
            line.contains("WASM0115") && line.contains("/link"),
            "{line}"
        );
    }
}
