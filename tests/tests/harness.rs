//! The harness itself, with a plain httpd: if these fail, no other failure means anything.
//!
//! No guest and no directive of ours is used here.

use suite::{Req, Setup};

fn plain() -> Setup {
    Setup::new().product(None)
}

#[test]
fn serves_a_file_and_restarts() {
    let httpd = plain().file("htdocs/a.txt", "hello\n").start();
    assert_eq!(httpd.get("/a.txt").expect(200).text(), "hello\n");
    assert_eq!(httpd.send(&Req::head("/a.txt")).expect(200).body, b"");
    let before = httpd.child_pids();
    assert!(!before.is_empty() && httpd.rss() > 0);
    httpd.graceful();
    assert_eq!(httpd.get("/a.txt").expect(200).text(), "hello\n");
    httpd.stop();
}

#[test]
fn one_process_serves_too() {
    let httpd = plain()
        .file("htdocs/a.txt", "hello\n")
        .one_process()
        .start();
    assert_eq!(httpd.get("/a.txt").expect(200).text(), "hello\n");
}

#[test]
fn a_bad_line_is_named() {
    plain()
        .conf("# one\nNoSuchDirective 1")
        .check()
        .fails_with(&["line 2 of", "test.conf", "NoSuchDirective"]);
    let said = plain().conf("NoSuchDirective 1").must_fail_to_start();
    assert!(said.contains("NoSuchDirective"), "{said}");
}

#[test]
#[should_panic(expected = "not announced")]
fn an_unannounced_error_fails_the_test() {
    let httpd = plain()
        .conf("<Location /no>\nRequire all denied\n</Location>")
        .start();
    httpd.get("/no").expect(403);
    httpd.stop();
}

#[test]
#[should_panic(expected = "announced, but not logged")]
fn an_announcement_must_come_true() {
    plain().announce("WASM9999").start().stop();
}
