//! CGI statement 21: the words of an indexed query are arguments, where that is granted.
//!
//! The guest answers with its arguments, one a line.

use suite::{Httpd, Req, Setup};

fn setup() -> Setup {
    Setup::new()
        .cgi("/on", "probe", "WasmArg args\nWasmQueryArgs On")
        .cgi("/default", "probe", "WasmArg args")
        .conf("<Location /on/off>\nWasmQueryArgs Off\n</Location>")
}

/// The arguments behind the program's name and its `WasmArg`.
#[track_caller]
fn words(httpd: &Httpd, request: &Req) -> Vec<String> {
    let text = httpd.send(request).expect(200).text();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines[..2], ["probe.wasm", "args"], "{text}");
    lines[2..].to_vec()
}

#[test]
fn cgi_21_words_of_a_query_are_arguments() {
    let httpd = setup().start();
    for (query, expected) in [
        ("one", &["one"][..]),
        ("one+two", &["one", "two"]),
        ("a%20b+%2Bc%3Dd+", &["a b", "+c=d", ""]),
        ("%C3%A9", &["é"]),
    ] {
        let got = words(&httpd, &Req::get(&format!("/on?{query}")));
        assert_eq!(got, expected, "{query}");
    }
    let head = httpd.send(&Req::head("/on?one+two")).expect(200);
    let length = "probe.wasm\nargs\none\ntwo\n".len().to_string();
    assert_eq!(head.header("Content-Length"), Some(length.as_str()));
}

#[test]
fn cgi_21_a_query_with_fields_gives_no_arguments() {
    let httpd = setup().start();
    for target in [
        "/on",
        "/on?",
        "/on?a=b",
        "/on?one+two=",
        "/on?=",
        "/on?a+b&c=d",
    ] {
        assert!(words(&httpd, &Req::get(target)).is_empty(), "{target}");
    }
}

#[test]
fn cgi_21_only_get_and_head_have_words() {
    let httpd = setup().start();
    assert!(words(&httpd, &Req::post("/on?one+two", b"x")).is_empty());
    let put = Req::new("PUT", "/on?one+two");
    assert!(words(&httpd, &put).is_empty());
}

#[test]
fn cgi_21_nothing_goes_through_a_shell() {
    let httpd = setup().start();
    let got = words(&httpd, &Req::get("/on?$(id)+`id`+a;b+%7C%26*%3F+%5C%22'"));
    assert_eq!(got, ["$(id)", "`id`", "a;b", "|&*?", "\\\"'"]);
}

#[test]
fn cgi_21_one_word_that_cannot_be_an_argument_means_none() {
    let httpd = setup().start();
    for query in ["one+%00", "one+%zz", "one+%", "%FF+one"] {
        let got = words(&httpd, &Req::get(&format!("/on?{query}")));
        assert!(got.is_empty(), "{query}: {got:?}");
    }
}

#[test]
fn cgi_21_no_options_for_a_program_that_a_directive_names_unless_granted() {
    let httpd = setup().start();
    // What CVE-2012-1823 was made of.
    for query in ["-s", "-d+allow_url_include%3don", "one"] {
        for path in ["/default", "/on/off"] {
            let target = format!("{path}?{query}");
            assert!(words(&httpd, &Req::get(&target)).is_empty(), "{target}");
        }
    }
}

#[test]
fn cgi_21_without_cgi_the_query_stays_outside() {
    let httpd = Setup::new()
        .guest(
            "/bare",
            "probe",
            "WasmArg args\nWasmArg --plain\nWasmQueryArgs On",
        )
        .start();
    assert_eq!(
        httpd.get("/bare?one").expect(200).text(),
        "probe.wasm\nargs\n--plain\n"
    );
}

#[test]
fn cgi_21_words_come_after_configured_arguments() {
    let httpd = Setup::new()
        .cgi(
            "/x",
            "probe",
            "WasmArg args\nWasmArg %{REQUEST_METHOD}\nWasmQueryArgs On",
        )
        .start();
    assert_eq!(words(&httpd, &Req::get("/x?one")), ["GET", "one"]);
}

#[test]
fn cgi_21_on_by_default_only_where_the_requested_file_is_the_program() {
    let probe = std::fs::read(suite::paths::guest("probe")).unwrap_or_default();
    let httpd = Setup::new()
        .module("mime")
        .file("htdocs/d/own.wasm", probe)
        .file("htdocs/d/script.args", "")
        .conf(
            "<Directory ${ROOT}/htdocs/d>\nOptions +ExecCGI\nAddHandler wasm-handler .wasm .args\nWasmArg args\n\
             WasmMapDir /d ${ROOT}/htdocs/d\n<Files *.args>\nWasmModule ${GUESTS}/probe.wasm\n</Files>\n</Directory>",
        )
        .conf("<Location /d/own.wasm/off>\nWasmQueryArgs Off\n</Location>")
        .start();
    let ask = |target: &str| httpd.get(target).expect(200).text();
    assert_eq!(ask("/d/own.wasm?one+two"), "own.wasm\nargs\none\ntwo\n");
    assert_eq!(ask("/d/own.wasm/off?one+two"), "own.wasm\nargs\n");
    assert_eq!(ask("/d/script.args?-s"), "probe.wasm\nargs\n");
}
