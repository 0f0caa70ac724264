//! Expressions of httpd in `WasmArg` and `WasmEnv`: parsed with the configuration, evaluated for each request, and with host
//! paths as the guest knows them.
//!
//! The guest answers with its arguments (`WasmArg args`) or its environment (`WasmArg env`).

use suite::{Httpd, Req, Setup, after, check_variables};

/// What the guest at `target` got as its arguments, behind its name and the word `args`.
#[track_caller]
fn args(httpd: &Httpd, target: &str) -> Vec<String> {
    args_of(httpd, &Req::get(target))
}

#[track_caller]
fn args_of(httpd: &Httpd, request: &Req) -> Vec<String> {
    let text = httpd.send(request).expect(200).text();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines[..2], ["probe.wasm", "args"], "{text}");
    lines[2..].to_vec()
}

fn setup(lines: &str) -> Setup {
    Setup::new().cgi("/x", "probe", &format!("WasmArg args\n{lines}"))
}

#[test]
fn each_request_has_its_own_values() {
    let httpd = setup(
        "WasmArg %{REQUEST_METHOD}\nWasmArg \"a %{HTTP:X-One} b %{QUERY_STRING}\"\nWasmArg %{tolower:ABC}\nWasmArg last",
    )
    .cgi(
        "/env",
        "probe",
        "WasmArg env\nWasmEnv FROM %{REMOTE_ADDR}/%{HTTP:X-One}\nWasmEnv PLAIN 100%",
    )
    .start();
    for word in ["first", "second -x ; $(id)", ""] {
        let request = Req::get("/x?q=%20").field("X-One", word);
        let expected = [
            "GET".to_owned(),
            format!("a {word} b q=%20"),
            "abc".to_owned(),
            "last".to_owned(),
        ];
        assert_eq!(args_of(&httpd, &request), expected);
        let request = Req::get("/env").field("X-One", word);
        let from = format!("127.0.0.1/{word}");
        check_variables(
            &httpd.send(&request).expect(200).variables(),
            &[("FROM", Some(&from)), ("PLAIN", Some("100%"))],
        );
    }
}

#[test]
fn what_is_no_expression_stays_as_it_is_and_one_can_be_taken_literally() {
    let httpd = setup(
        "WasmArg 100%\nWasmArg %s-%%\nWasmArg a\\nb\nWasmArg $1\nWasmArg \\%{REMOTE_ADDR}\nWasmArg \"\\%{x} \\$1 %{REQUEST_METHOD}\"",
    )
    .start();
    assert_eq!(
        args(&httpd, "/x"),
        [
            "100%",
            "%s-%%",
            "a\\nb",
            "$1",
            "%{REMOTE_ADDR}",
            "%{x} $1 GET"
        ]
    );
}

#[test]
fn a_wrong_expression_is_found_when_the_configuration_is_read() {
    for (line, words) in [
        ("WasmArg %{NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("WasmArg %{REMOTE_ADDR", "the expression"),
        ("WasmEnv A %{nofunction:x}", "nofunction"),
        ("WasmEnv A x%{DOCUMENT_ROOT}", "is a path of the host"),
    ] {
        let section = format!("<Location /x>\n{line}\n</Location>");
        Setup::new()
            .conf(&section)
            .check()
            .fails_with(&["line 2 of", "conf/test.conf", words]);
    }
}

#[test]
fn in_htaccess_a_wrong_expression_and_one_that_reads_files_are_refused() {
    let conf = "<Directory ${ROOT}/htdocs>\nAllowOverride FileInfo\nOptions +ExecCGI\nSetHandler wasm-handler\nWasmDir ${ROOT}/htdocs\n\
                WasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\nWasmArg env\n</Directory>";
    let httpd = Setup::new()
        .conf(conf)
        .env("GIVEN", "x")
        .file("conf/secret", "secret")
        .file(
            "htdocs/good/.htaccess",
            "WasmEnv SHOWN \"%{REQUEST_METHOD} %{HTTP:X-One} %{osenv:GIVEN}\"",
        )
        .file("htdocs/good/a", "")
        .file("htdocs/wrong/.htaccess", "WasmEnv SHOWN %{NO_SUCH}")
        .file("htdocs/wrong/a", "")
        .file(
            "htdocs/reads/.htaccess",
            "WasmEnv SHOWN %{file:${ROOT}/conf/secret}",
        )
        .file("htdocs/reads/a", "")
        .announce("wrong/.htaccess: WasmEnv: the expression \"%{NO_SUCH}\" is wrong")
        .announce("reads/.htaccess: WasmEnv: the expression \"%{file:")
        .start();
    for word in ["one", "two"] {
        let request = Req::get("/good/a").field("X-One", word);
        let vars = httpd.send(&request).expect(200).variables();
        check_variables(&vars, &[("SHOWN", Some(&format!("GET {word} x")))]);
    }
    for target in ["/wrong/a", "/reads/a"] {
        let text = httpd.get(target).expect(500).text();
        assert!(
            !text.contains("NO_SUCH") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn the_servers_environment_is_reached_by_name_only() {
    let httpd =
        setup("WasmArg <%{osenv:GIVEN}>\nWasmArg <%{env:GIVEN}>\nWasmArg <%{reqenv:GIVEN}>")
            .env("GIVEN", "of the server")
            .start();
    assert_eq!(
        args(&httpd, "/x"),
        ["<of the server>", "<of the server>", "<>"]
    );
}

#[test]
fn a_host_path_is_given_as_the_guest_knows_it() {
    let setup = setup(
        "WasmArg %{REQUEST_FILENAME}\nWasmArg %{script_filename}\nWasmArg %{DOCUMENT_ROOT}/page?\n\
         WasmEnv ROOT %{CONTEXT_DOCUMENT_ROOT}\nWasmMapDir /site ${ROOT}/htdocs\nWasmMapDir /inner ${ROOT}/htdocs/x/sub",
    )
    .file("htdocs/x/sub/page", "")
    .file("htdocs/x/page", "")
    .conf("<Location /x/env>\nWasmArg env\n</Location>");
    let httpd = setup.start();
    assert_eq!(
        args(&httpd, "/x/sub/page"),
        ["/inner/page", "/inner/page", "/site/page?"]
    );
    assert_eq!(
        args(&httpd, "/x/page"),
        ["/site/x/page", "/site/x/page", "/site/page?"]
    );
    let got = httpd.get("/x/env").expect(200).variables();
    check_variables(&got, &[("ROOT", Some("/site"))]);
}

#[test]
fn a_host_path_that_no_mount_covers_is_not_shown() {
    let httpd = setup("WasmArg %{DOCUMENT_ROOT}/page\nWasmMapDir /c ${ROOT}/other")
        .file("other/x", "")
        .cgi("/env", "probe", "WasmEnv ROOT %{DOCUMENT_ROOT}")
        .announce("WASM0180: %{DOCUMENT_ROOT}/page is ")
        .announce("htdocs/page, which no WasmDir or WasmMapDir covers (module probe.wasm)")
        .announce("WASM0180: %{DOCUMENT_ROOT} is ")
        .start();
    for target in ["/x", "/env"] {
        let text = httpd.get(target).expect(500).text();
        assert!(!text.contains("htdocs"), "{text}");
    }
}

#[test]
fn an_expression_that_cannot_be_evaluated_is_an_error_of_its_request() {
    let httpd = setup("WasmArg %{file:/nonexistent/file}")
        .cgi(
            "/well",
            "probe",
            "WasmArg args\nWasmArg %{file:${ROOT}/conf/word}",
        )
        .file("conf/word", "a word")
        .announce("WASM0181")
        .announce("Evaluation of expression from")
        .start();
    httpd.get("/x").expect(500);
    assert_eq!(args(&httpd, "/well"), ["a word"]);
}

#[test]
fn an_http_component_gets_them_too_and_a_bare_program() {
    let httpd = Setup::new()
        .guest(
            "/bare",
            "probe",
            "WasmArg args\nWasmArg --plain\nWasmArg %{REQUEST_URI}",
        )
        .guest("/http", "probe-http", "WasmEnv WHO \"%{HTTP:X-Who}\"")
        .start();
    assert_eq!(
        httpd.get("/bare/y").expect(200).text(),
        "probe.wasm\nargs\n--plain\n/bare/y\n"
    );
    for who in ["a", "b"] {
        let request = Req::get("/http/env").field("X-Who", who);
        let text = httpd.send(&request).expect(200).text();
        assert!(text.contains(&format!("WHO={who}")), "{text}");
    }
}

#[test]
fn an_instance_is_never_shared_by_requests_with_other_values() {
    let httpd = Setup::new()
        .guest(
            "/http",
            "probe-http",
            "WasmReuse On\nWasmEnv WHO %{HTTP:X-Who}",
        )
        .threads(1)
        .start();
    let ask = |who: &str| {
        let request = Req::get("/http/count").field("X-Who", who);
        let text = httpd.send(&request).expect(200).text();
        (
            after(&text, "count=").concat(),
            after(&text, "instance=").concat(),
        )
    };
    let (first, anna) = ask("anna");
    let (other, bert) = ask("bert");
    assert_eq!((first.as_str(), other.as_str()), ("1", "1"));
    assert_ne!(anna, bert);
    assert_eq!(ask("anna"), ("2".to_owned(), anna));
    assert_eq!(ask("bert"), ("2".to_owned(), bert));
}

#[test]
fn inner_sections_inherit_expressions_and_add_their_own() {
    let httpd = setup("WasmEnv OUTER %{REQUEST_METHOD}\nWasmEnv BOTH outer-%{REQUEST_METHOD}")
        .conf("<Location /x/in>\nWasmArg env\nWasmEnv BOTH inner-%{REMOTE_ADDR}\n</Location>")
        .conf("<Location /x/in/plain>\nWasmEnv BOTH plain\n</Location>")
        .start();
    let got = httpd.get("/x/in").expect(200).variables();
    check_variables(
        &got,
        &[("OUTER", Some("GET")), ("BOTH", Some("inner-127.0.0.1"))],
    );
    let got = httpd.get("/x/in/plain").expect(200).variables();
    check_variables(&got, &[("OUTER", Some("GET")), ("BOTH", Some("plain"))]);
}

#[test]
fn expressions_work_after_a_graceful_restart() {
    let httpd = setup("WasmArg %{REQUEST_METHOD}").start();
    assert_eq!(args(&httpd, "/x"), ["GET"]);
    httpd.graceful();
    assert_eq!(args(&httpd, "/x"), ["GET"]);
}

#[test]
fn sub_requests_and_error_documents_have_values_of_their_own() {
    let httpd = setup("WasmArg %{REQUEST_URI}\nWasmArg %{IS_SUBREQ}\nWasmArg %{REQUEST_FILENAME}\nWasmDir ${ROOT}/htdocs")
        .module("include")
        .module("mime")
        .conf("AddOutputFilter INCLUDES .shtml\n<Directory ${ROOT}/htdocs>\nOptions +Includes\n</Directory>")
        .conf("ErrorDocument 404 /x/missing")
        .file("htdocs/x/part", "")
        .file("htdocs/x/missing", "")
        .file("htdocs/page.shtml", "<!--#include virtual=\"/x/part\" -->")
        .start();
    let root = httpd.path("htdocs/x");
    let expected = |path: &str, sub: bool| {
        format!(
            "probe.wasm\nargs\n/x/{path}\n{sub}\n{}\n",
            root.join(path).display()
        )
    };
    let included = httpd.get("/page.shtml").expect(200).text();
    assert_eq!(included, expected("part", true));
    let missing = httpd.get("/nowhere").expect(404).text();
    assert_eq!(missing, expected("missing", false));
}
