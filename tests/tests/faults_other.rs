//! A real crash of another module stays what it was without us: httpd's own notice and a dead child.

use rustix::process::Signal;
use std::fs;
use suite::{Httpd, Setup, host, paths, process, wait};

/// The child that serves next crashes, httpd says so and starts another.
fn crashes(httpd: &Httpd, crash: impl FnOnce(&Httpd)) {
    let before = httpd.child_pids();
    assert_eq!(
        httpd.get("/hello").expect(200).text(),
        "Hello, wasm world!\n"
    );
    crash(httpd);
    let line = httpd.expect_log("AH00052");
    assert!(line.contains("exit signal Segmentation fault"), "{line}");
    // prefork has other children left and replaces this one when it is needed.
    wait::until("a new child", || {
        !paths::threaded() || { httpd.child_pids().difference(&before).count() > 0 }
    });
    assert_eq!(
        httpd.get("/hello").expect(200).text(),
        "Hello, wasm world!\n"
    );
}

#[test]
fn a_signal_from_outside_is_still_a_crash() {
    let httpd = Setup::new().guest("/hello", "hello", "").start();
    crashes(&httpd, |httpd| {
        let child = httpd.child_pids().into_iter().next().unwrap();
        assert!(process::signal(child, Signal::SEGV));
        wait::until("the child to die", || !process::alive(child));
    });
}

#[test]
fn a_crash_of_another_module_is_still_a_crash() {
    let setup = Setup::new()
        .guest("/hello", "hello", "")
        .file("module/mod_crash.c", CRASH);
    let source = setup.path("module/mod_crash.c");
    host::run_ok("apxs", ["-c", &source.to_string_lossy()]);
    let built = setup.path("module/.libs/mod_crash.so");
    assert!(fs::exists(&built).unwrap());
    let lines = format!(
        "LoadModule crash_module {}\n<Location /crash>\nSetHandler crash\n</Location>",
        built.display()
    );
    let httpd = setup.conf(&lines).start();
    crashes(&httpd, |httpd| {
        let mut conn = httpd.connect();
        conn.send("GET /crash HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(
            conn.try_response("GET").unwrap().is_none(),
            "no response from a dead child"
        );
    });
}

/// Writes to address 8, as a module with a bug does.
const CRASH: &str = r#"
#include "httpd.h"
#include "http_config.h"

static int crash(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, "crash") != 0)
        return DECLINED;
    *(volatile int *)8 = 1;
    return OK;
}

static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(crash, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(crash) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks
};
"#;
