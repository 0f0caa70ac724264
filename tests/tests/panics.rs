//! A panic in our own code costs one request: in the handler, in a callback while a guest runs, before the response has begun
//! and after it, and while sections are merged.
//!
//! The product never panics on demand, so a mod_wasm with the feature `test-panic` is built here and tested.

use std::os::unix::fs::symlink;
use suite::{Httpd, Req, Setup, host, paths};

/// A server whose mod_wasm panics where `X-Test-Panic` says.
#[expect(clippy::unwrap_used, reason = "to panic is to fail the test")]
fn panicking() -> Httpd {
    let target = paths::workspace().join("target/test-panic");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let manifest = paths::workspace().join("Cargo.toml");
    host::run_ok(
        &cargo,
        [
            "build",
            "--release",
            "--locked",
            "--package=mod-wasm",
            "--features=test-panic",
            &format!("--manifest-path={}", manifest.display()),
            &format!("--target-dir={}", target.display()),
        ],
    );
    let setup = Setup::new();
    let module = std::fs::read(target.join("release/libmod_wasm.so")).unwrap();
    let setup = setup.file("product/mod_wasm.so", module);
    let folder = setup.path("product");
    let runtime = "libwasm_runtime.so";
    symlink(paths::dist().join(runtime), folder.join(runtime)).unwrap();
    setup
        .product(Some(&folder))
        .cgi("/probe", "probe", "")
        .file("htdocs/merge/app.php", "<?php $password = 'secret';")
        .conf("<Location /merge>\nSetHandler wasm-handler\nWasmEnv TEST_PANIC merge\n</Location>")
        .announce("WASM0116")
        .start()
}

#[test]
fn a_panic_of_our_own_costs_one_request() {
    let httpd = panicking();
    let before = httpd.child_pids();
    for place in ["handler", "write"] {
        let req = Req::get("/probe?do=env").field("X-Test-Panic", place);
        httpd.send(&req).expect(500);
        let line = httpd.expect_log("WASM0116");
        let said = format!("asked for in {place}");
        assert!(
            httpd.logged("WASM0116").iter().any(|l| l.contains(&said)),
            "{line}"
        );
    }
    // The response has begun: the client must be able to tell that it is not whole.
    let mut conn = httpd.connect();
    let req = Req::get("/probe?do=drip&n=3&ms=50").field("X-Test-Panic", "flush");
    conn.send(req.bytes());
    let head = conn.head();
    assert!(
        !conn.read_body("GET", &head, &mut |_| {}),
        "a whole response"
    );
    httpd.get("/probe?do=count").expect(200);
    // A section that could not be merged leaves the request without a configuration. Its file must not be served instead.
    let page = httpd.get("/merge/app.php").expect(500).text();
    assert!(!page.contains("password"), "{page}");
    httpd.expect_log("asked for in merge");
    httpd.expect_log("WASM0127");
    httpd.assert_same_children(&before);
}
