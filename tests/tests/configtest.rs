//! CGI statement 56: `httpd -t` and the start itself refuse a module that cannot work, with file, line and reason.
//!
//! Bad values of directives: `directives.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use suite::{Setup, paths, skip_when_root, wait, wat_guest};

/// The refusal names the file, the line of the directive, the module and all of these words; a start fails as well.
#[track_caller]
fn refused(setup: Setup, module: &str, line: u32, words: &[&str]) {
    let origin = format!("line {line} of ");
    let mut all = vec!["WASM0006", "conf/test.conf", &origin, module];
    all.extend(words);
    setup.clone().check().fails_with(&all);
    let said = setup.must_fail_to_start();
    assert!(said.contains("WASM0006") && said.contains(module), "{said}");
}

/// A section whose `WasmModule` stands on line 3, and further lines from line 4 on.
fn section(module: &str, lines: &str) -> Setup {
    Setup::new().conf(&format!(
        "<Location /x>\nSetHandler wasm-handler\nWasmModule {module}\n{lines}\n</Location>"
    ))
}

/// The same with a module made from a text.
fn made(text: &str, lines: &str) -> Setup {
    section("${ROOT}/made.wasm", lines).file("made.wasm", wat_guest::module(text))
}

#[test]
fn cgi_56_a_missing_module() {
    refused(
        section("/nonexistent/gone.wasm", ""),
        "/nonexistent/gone.wasm",
        3,
        &["No such file"],
    );
}

#[test]
fn cgi_56_an_unreadable_module() {
    if skip_when_root("an unreadable module") {
        return;
    }
    let hello = fs::read(paths::guest("hello")).unwrap();
    let setup = section("${ROOT}/secret.wasm", "").file("secret.wasm", hello);
    fs::set_permissions(setup.path("secret.wasm"), fs::Permissions::from_mode(0o000)).unwrap();
    refused(setup, "secret.wasm", 3, &["Permission denied"]);
}

#[test]
fn cgi_56_a_directory() {
    refused(section("${ROOT}/conf", ""), "/conf", 3, &[]);
}

#[test]
fn cgi_56_a_named_pipe() {
    // To read it would be to wait for somebody who writes.
    let setup = section("${ROOT}/pipe", "");
    let made = Command::new("mkfifo").arg(setup.path("pipe")).status();
    assert!(made.unwrap().success());
    refused(setup, "/pipe", 3, &["not a regular file"]);
}

#[test]
fn cgi_56_a_truncated_module() {
    let hello = fs::read(paths::guest("hello")).unwrap();
    for length in [6, 9, hello.len() / 2, hello.len() - 1] {
        let setup = section("${ROOT}/cut.wasm", "").file("cut.wasm", &hello[..length]);
        refused(setup, "cut.wasm", 3, &["not"]);
    }
}

#[test]
fn cgi_56_not_wasm() {
    for content in ["#!/bin/sh\necho hello\n", "(module)"] {
        let setup = section("${ROOT}/script.wasm", "").file("script.wasm", content);
        refused(setup, "script.wasm", 3, &["WebAssembly"]);
    }
    let empty = section("${ROOT}/empty.wasm", "").file("empty.wasm", "");
    refused(empty, "empty.wasm", 3, &["empty"]);
}

#[test]
fn cgi_56_a_module_that_does_not_validate() {
    let mut module = wat_guest::module("(module (func (export \"_start\") (drop (i32.const 7))))");
    let at = module.windows(2).position(|w| w == [0x41, 7]).unwrap();
    // i32.const becomes f32.const, which needs four bytes: the code makes no sense any more.
    module[at] = 0x43;
    let setup = section("${ROOT}/bad.wasm", "").file("bad.wasm", module);
    refused(setup, "bad.wasm", 3, &["not valid WebAssembly"]);
}

#[test]
fn cgi_56_an_import_that_nobody_provides() {
    let setup = made(
        "(module (import \"env\" \"no_such_function\" (func)) (memory (export \"memory\") 1) (func (export \"_start\")))",
        "",
    );
    refused(setup, "made.wasm", 3, &["env", "no_such_function"]);
    let wrong_type = made(
        "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i64))) (memory (export \"memory\") 1) (func (export \"_start\")))",
        "",
    );
    refused(wrong_type, "made.wasm", 3, &["fd_write"]);
}

#[test]
fn cgi_56_no_entry_point() {
    refused(
        made("(module (func (export \"run\")))", ""),
        "made.wasm",
        3,
        &["_start"],
    );
    let named = made(
        "(module (func (export \"_start\")))",
        "WasmEntryPoint respond",
    );
    refused(named, "made.wasm", 4, &["respond"]);
    let typed = section("${GUESTS}/entry-c.wasm", "WasmEntryPoint add");
    refused(typed, "entry-c.wasm", 4, &["add"]);
}

#[test]
fn cgi_56_a_program_for_preview_0() {
    let text = "(module (import \"wasi_unstable\" \"proc_exit\" (func (param i32))) (memory (export \"memory\") 1) (func (export \"_start\")))";
    let words = ["preview 0", "wasi_unstable", "wasm32-wasip1"];
    refused(made(text, ""), "made.wasm", 3, &words);
}

#[test]
fn cgi_56_a_reactor() {
    let text = "(module (memory (export \"memory\") 1) (func (export \"_initialize\")) (func (export \"respond\")))";
    let words = ["reactor", "_start", "respond", "entry point"];
    refused(made(text, ""), "made.wasm", 3, &words);
    made(text, "WasmEntryPoint respond").check().passes();
}

#[test]
fn cgi_56_a_program_with_threads() {
    let text = "(module (import \"env\" \"memory\" (memory 1 1 shared)) (import \"wasi\" \"thread-spawn\" (func (param i32) (result i32))) (func (export \"_start\")))";
    let words = ["threads", "not available", "wasm32-wasip1"];
    refused(made(text, ""), "made.wasm", 3, &words);
}

#[test]
fn cgi_56_a_program_with_legacy_exceptions() {
    // (tag (type 0)) (func (export "_start") try (throw 0) catch 0 end)
    let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0d\x03\x01\0\0\
        \x07\x0a\x01\x06_start\0\0\x0a\x0b\x01\x09\0\x06\x40\x08\0\x07\0\x0b\x0b";
    let setup = section("${ROOT}/old.wasm", "").file("old.wasm", module);
    refused(
        setup,
        "old.wasm",
        3,
        &["legacy", "-wasm-use-legacy-eh=false"],
    );
}

#[test]
fn cgi_56_a_component_of_another_world() {
    refused(made("(component)", ""), "made.wasm", 3, &["component"]);
}

#[test]
fn cgi_56_an_optional_module_that_cannot_be_used_keeps_nobody_else_down() {
    for (content, why) in [
        (None, "No such file"),
        (Some(&b"#!/bin/sh\n"[..]), "WebAssembly"),
        (Some(b"\0asm\x01\0\0\0\x01"), "not"),
    ] {
        let setup = section("${ROOT}/made.wasm optional", "ErrorDocument 503 \"later\"")
            .guest("/other", "hello", "")
            .announce("WASM0009")
            .announce("WASM0158");
        let setup = match content {
            Some(content) => setup.file("made.wasm", content),
            None => setup,
        };
        let file = setup.path("made.wasm");
        let check = setup.clone().check();
        check.passes();
        for words in ["WASM0009", "line 3 of ", "conf/test.conf", "made.wasm", why] {
            assert!(check.output.contains(words), "{words}: {}", check.output);
        }
        let httpd = setup.start();
        let line = httpd.expect_log("WASM0009");
        assert!(line.contains("line 3 of ") && line.contains(why), "{line}");
        assert_eq!(
            httpd.get("/other").expect(200).text(),
            "Hello, wasm world!\n"
        );
        assert_eq!(httpd.get("/x").expect(503).text(), "later");
        let line = httpd.expect_log("WASM0158");
        let named = file.display().to_string();
        assert!(line.contains(&named) && line.contains(why), "{line}");
        fs::copy(paths::guest("hello"), &file).unwrap();
        httpd.get("/x").expect(503);
        httpd.graceful();
        wait::until("the module to be loaded", || {
            httpd.get("/x").status() == 200
        });
    }
}

#[test]
fn cgi_56_a_file_is_optional_only_where_every_line_says_so() {
    let setup = section("/nonexistent/a.wasm optional", "").guest("/y", "hello", "");
    let strict = setup
        .clone()
        .conf("<Location /z>\nWasmModule /nonexistent/a.wasm\n</Location>");
    refused(strict, "/nonexistent/a.wasm", 12, &["No such file"]);
    // And nothing but the file is.
    let words = "WasmModule: \"maybe\" is not \"optional\"";
    let mistaken = section("${GUESTS}/hello.wasm maybe", "");
    mistaken
        .check()
        .fails_with(&["line 3 of ", "conf/test.conf", words]);
    let nowhere = section(
        "${GUESTS}/hello.wasm optional",
        "WasmMapDir /a /nonexistent",
    );
    nowhere.check().fails_with(&["line 4 of ", "WasmMapDir"]);
    setup.check().passes();
}

#[test]
fn a_line_that_a_later_one_of_its_section_replaces_is_not_missed() {
    let lines = "WasmModule ${GUESTS}/hello.wasm";
    let setup = section("/nonexistent/old.wasm", lines);
    setup.clone().check().passes();
    let httpd = setup.start();
    assert_eq!(httpd.get("/x").expect(200).text(), "Hello, wasm world!\n");
}

#[test]
fn the_second_section_is_checked_too() {
    let setup = Setup::new().guest("/good", "hello", "").vhost(
        "a.example",
        "<Location /bad>\nWasmModule /nonexistent/vhost.wasm\n</Location>",
    );
    setup
        .clone()
        .check()
        .fails_with(&["WASM0006", "/nonexistent/vhost.wasm"]);
    let nested = Setup::new().conf(
        "<Directory ${ROOT}/htdocs>\n<Files x>\n<If \"true\">\nWasmModule /nonexistent/deep.wasm\n</If>\n</Files>\n</Directory>",
    );
    nested
        .check()
        .fails_with(&["WASM0006", "/nonexistent/deep.wasm", "line 4 of "]);
}

#[test]
fn every_guest_passes() {
    let mut setup = Setup::new();
    for entry in fs::read_dir(paths::guests()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".wasm") {
            setup = setup.guest(&format!("/{name}"), name, "");
        }
    }
    setup.check().passes();
}

#[test]
fn a_check_does_not_start_anything() {
    let check = Setup::new().guest("/x", "hello", "").check();
    check.passes();
    // Validation without code generation: nothing is loaded, so nothing says that it was.
    assert!(!check.output.contains("WASM0007"), "{}", check.output);
}
