//! CGI statements 1, 4 and 5: which requests reach a guest that a `<Location>` names. Of one that is on disk: `cgi_files.rs`
//! and `cgi_scripts.rs`.

use suite::{Req, Setup};

#[test]
fn cgi_01_only_our_handler_is_ours() {
    let httpd = Setup::new()
        .module("mime")
        .file("htdocs/plain/a.txt", "a file")
        .file("htdocs/by-suffix.wsm", "not run, but chosen by its suffix")
        // The settings are there and another handler is chosen: the file is served as if we were not there.
        .conf("<Location /plain>\nWasmModule ${GUESTS}/hello.wasm\n</Location>")
        .conf("<Location /set>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/hello.wasm\n</Location>")
        .conf("AddHandler wasm-handler .wsm\n<Files *.wsm>\nOptions +ExecCGI\nWasmModule ${GUESTS}/hello.wasm\nWasmEnableCGI Off\n</Files>")
        .conf("<Location /unknown>\nSetHandler no-such-handler\nWasmModule ${GUESTS}/hello.wasm\n</Location>")
        .tolerate("AH00")
        .start();
    assert_eq!(httpd.get("/plain/a.txt").expect(200).text(), "a file");
    assert_eq!(httpd.get("/set").expect(200).text(), "Hello, wasm world!\n");
    assert_eq!(
        httpd.get("/by-suffix.wsm").expect(200).text(),
        "Hello, wasm world!\n"
    );
    httpd.get("/unknown").expect(404);
}

#[test]
fn cgi_04_accept_path_info() {
    let httpd = Setup::new()
        .cgi("/default", "probe", "WasmArg env")
        .cgi("/on", "probe", "WasmArg env\nAcceptPathInfo On")
        .cgi("/off", "probe", "WasmArg env\nAcceptPathInfo Off")
        .start();
    for target in ["/default", "/on"] {
        let vars = httpd
            .get(&format!("{target}/extra"))
            .expect(200)
            .variables();
        assert_eq!(
            vars.get("PATH_INFO").map(String::as_str),
            Some("/extra"),
            "{target}"
        );
    }
    httpd.get("/off").expect(200);
    httpd.get("/off/extra").expect(404);
    assert_eq!(httpd.logged("WASM0156").len(), 1);
}

#[test]
fn cgi_05_every_method_reaches_the_guest() {
    let httpd = Setup::new().cgi("/env", "probe", "WasmArg env").start();
    for method in [
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "PATCH",
        "PROPFIND",
        "BREW",
        "LONG-UNKNOWN_METHOD",
    ] {
        let vars = httpd
            .send(&Req::new(method, "/env"))
            .expect(200)
            .variables();
        assert_eq!(vars.get("REQUEST_METHOD").map(String::as_str), Some(method));
    }
    let head = httpd.send(&Req::head("/env")).expect(200);
    assert_eq!(head.body, b"");
}
