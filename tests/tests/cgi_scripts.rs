//! Scripts of an interpreter, as mod_php and mod_cgid run them: which of them run (CGI statements 2 to 4), and what the interpreter
//! is told (8 to 10). The interpreter is `template`, which answers with what stands in its script. How requests come to a
//! script: `cgi_scripts_ways.rs`. Programs that are files themselves: `cgi_files.rs`.

use suite::on_disk::{script_saying, script_showing, scripts};
use suite::{Req, Setup, check_variables};

#[test]
fn cgi_08_to_10_an_interpreter_is_told_its_script_by_paths_of_its_own() {
    let script = script_showing(&[
        "SCRIPT_NAME",
        "SCRIPT_FILENAME",
        "PATH_INFO",
        "PATH_TRANSLATED",
        "DOCUMENT_ROOT",
        "CONTEXT_DOCUMENT_ROOT",
        "PWD",
        "REDIRECT_STATUS",
        "QUERY_STRING",
        "GATEWAY_INTERFACE",
    ]);
    let httpd = scripts().file("htdocs/sub/a.tpl", script).start();
    let vars = httpd.get("/sub/a.tpl/x/y?q").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/sub/a.tpl")),
            ("SCRIPT_FILENAME", Some("/site/sub/a.tpl")),
            ("PATH_INFO", Some("/x/y")),
            ("PATH_TRANSLATED", Some("/site/x/y")),
            ("DOCUMENT_ROOT", Some("/site")),
            ("CONTEXT_DOCUMENT_ROOT", Some("/site")),
            ("PWD", Some("/site/sub")),
            ("REDIRECT_STATUS", Some("200")),
            ("QUERY_STRING", Some("q")),
            ("GATEWAY_INTERFACE", Some("CGI/1.1")),
        ],
    );
    let vars = httpd.get("/sub/a.tpl").expect(200).variables();
    check_variables(
        &vars,
        &[("PATH_INFO", Some("")), ("PATH_TRANSLATED", Some(""))],
    );
}

#[test]
fn cgi_10_the_longest_mount_decides_and_argv_0_is_the_module() {
    let httpd = scripts()
        .file("htdocs/in/a.tpl", "")
        .conf(
            "<Directory ${ROOT}/htdocs/in>\nWasmMapDir /inner ${ROOT}/htdocs/in\nWasmArg args\n<Files a.tpl>\n\
             WasmModule ${GUESTS}/probe.wasm\n</Files>\n</Directory>",
        )
        .start();
    let args = httpd.get("/in/a.tpl").expect(200).text();
    assert_eq!(args, "probe.wasm\nargs\n");
    let vars = httpd.get("/in/a.tpl?do=env").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_FILENAME", Some("/inner/a.tpl")),
            ("PWD", Some("/inner")),
            ("DOCUMENT_ROOT", Some("/site")),
        ],
    );
}

#[test]
fn cgi_10_a_script_that_no_mount_covers_is_500_and_the_log_says_what_is_missing() {
    let httpd = scripts()
        .module("alias")
        .file("elsewhere/a.tpl", script_saying("not run"))
        .conf("Alias /elsewhere ${ROOT}/elsewhere")
        .conf(
            "<Directory ${ROOT}/elsewhere>\nOptions +ExecCGI\nSetHandler wasm-handler\n\
             WasmModule ${GUESTS}/template.wasm\n</Directory>",
        )
        .announce("WASM0157")
        .start();
    let page = httpd.get("/elsewhere/a.tpl").expect(500).text();
    let directory = httpd.path("elsewhere").to_string_lossy().into_owned();
    assert!(!page.contains(&directory), "a path of the host: {page}");
    let line = httpd.expect_log("WASM0157");
    assert!(
        line.contains(&format!("WasmMapDir <guest path> {directory}")),
        "{line}"
    );
}

#[test]
fn cgi_10_a_path_that_is_another_file_to_the_interpreter_is_not_shown() {
    for (hides, lines) in [
        ("another directory", "WasmMapDir /data ${ROOT}/other"),
        ("the temporary directory", "WasmTempDir /data"),
    ] {
        let httpd = Setup::new()
            .module("mime")
            .file("htdocs/data/a.tpl", script_saying("what httpd has judged"))
            .file("htdocs/b.tpl", script_saying("beside it"))
            .file("other/a.tpl", script_saying("what nobody has judged"))
            .conf(&format!(
                "<Directory ${{ROOT}}/htdocs>\nOptions +ExecCGI\nAddHandler wasm-handler .tpl\n\
                 WasmModule ${{GUESTS}}/template.wasm\nWasmMapDir / ${{ROOT}}/htdocs\n{lines}\n</Directory>"
            ))
            .start();
        let page = httpd.get("/data/a.tpl").expect(500).text();
        assert!(!page.contains("judged"), "{hides}: {page}");
        httpd.expect_log("WASM0157");
        let page = httpd.get("/b.tpl").expect(200).text();
        assert!(page.contains("beside it"), "{hides}: {page}");
    }
}

#[test]
fn cgi_10_an_interpreter_that_wants_no_paths_is_not_told_them() {
    let httpd = scripts()
        .file("htdocs/a.tpl", "")
        .conf(
            "<Directory ${ROOT}/htdocs>\n<Files a.tpl>\nWasmModule ${GUESTS}/probe.wasm\nWasmArg env\n\
             WasmMapCGIFileNames Off\n</Files>\n</Directory>",
        )
        .start();
    let vars = httpd.get("/a.tpl").expect(200).variables();
    let none = ["SCRIPT_FILENAME", "DOCUMENT_ROOT", "PWD"].map(|name| (name, None));
    check_variables(&vars, &none);
    check_variables(&vars, &[("SCRIPT_NAME", Some("/a.tpl"))]);
}

#[test]
fn cgi_02_a_missing_script_is_404_and_a_directory_403_before_a_guest_runs() {
    let httpd = scripts()
        .file("htdocs/all/x", "")
        .conf("<Directory ${ROOT}/htdocs/all>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/template.wasm\n</Directory>")
        .log_level("warn wasm:debug")
        .announce("WASM0155")
        .start();
    httpd.get("/missing.tpl").expect(404);
    httpd.get("/all/missing.tpl/more").expect(404);
    httpd.get("/all/").expect(403);
    assert_eq!(httpd.logged("WASM0154").len(), 2);
    assert_eq!(httpd.logged("WASM0155").len(), 1);
    assert!(httpd.logged("WASM0130").is_empty(), "a guest has run");
}

#[test]
fn cgi_03_options_execcgi_is_needed_for_scripts() {
    let httpd = scripts()
        .file("htdocs/no/a.tpl", script_saying("not run"))
        .conf("<Directory ${ROOT}/htdocs/no>\nOptions -ExecCGI\n</Directory>")
        .log_level("warn wasm:debug")
        .announce("WASM0153")
        .start();
    httpd.get("/no/a.tpl").expect(403);
    assert_eq!(httpd.logged("WASM0153").len(), 1);
    assert!(httpd.logged("WASM0130").is_empty(), "a guest has run");
}

#[test]
fn cgi_04_accept_path_info_of_a_script() {
    let httpd = scripts()
        .file("htdocs/off/a.tpl", script_saying("off"))
        .file("htdocs/a.tpl", script_saying("{PATH_INFO}"))
        .conf("<Directory ${ROOT}/htdocs/off>\nAcceptPathInfo Off\n</Directory>")
        .start();
    assert_eq!(httpd.get("/a.tpl/b").expect(200).text(), "/b\n");
    assert_eq!(httpd.get("/off/a.tpl").expect(200).text(), "off\n");
    httpd.get("/off/a.tpl/b").expect(404);
}

#[test]
fn cgi_39_a_script_that_exits_with_255_delivers_what_it_wrote() {
    let httpd = scripts()
        .file(
            "htdocs/fatal.tpl",
            format!(
                "Status: 500\n{}% exit 255\nnot sent",
                script_saying("Fatal error: …")
            ),
        )
        .file(
            "htdocs/late.tpl",
            format!("{}% exit 255\n", script_saying("a page")),
        )
        .announce("WASM0104")
        .start();
    assert_eq!(
        httpd.get("/fatal.tpl").expect(500).text(),
        "Fatal error: …\n"
    );
    assert_eq!(httpd.get("/late.tpl").expect(200).text(), "a page\n");
    assert!(httpd.logged("WASM0104")[0].contains("255"));
}

#[test]
fn a_script_reads_the_body_and_includes_its_neighbours() {
    let script = "Content-Type: text/plain\n\n% body\n% include part.txt\n";
    let httpd = scripts()
        .file("htdocs/sub/a.tpl", script)
        .file("htdocs/sub/part.txt", " and a part\n")
        .start();
    let text = httpd.post("/sub/a.tpl", b"the body").expect(200).text();
    assert_eq!(text, "the body and a part\n");
}

#[test]
fn the_innermost_section_that_names_a_module_decides_what_a_file_is_to_it() {
    let args = "WasmArg env\nWasmEnableCGI On";
    let httpd = scripts()
        .file("htdocs/d/a.tpl", "")
        .file("htdocs/d/b.tpl", "")
        .file("htdocs/l/limited.tpl", "")
        // Within a section about files, `<If>` and `<Limit>` are about files as well.
        .conf(&format!(
            "<Directory ${{ROOT}}/htdocs/d>\n{args}\n<If \"true\">\nWasmModule ${{GUESTS}}/probe.wasm\n</If>\n</Directory>"
        ))
        .conf("<Directory ${ROOT}/htdocs/l>\nWasmArg env\n<Files limited.tpl>\n<Limit GET POST>\n\
               WasmModule ${GUESTS}/probe.wasm\n</Limit>\n</Files>\n</Directory>")
        // A `<Location>` comes after them, and is about URLs.
        .conf(&format!("<Location /d/b.tpl>\nSetHandler wasm-handler\nWasmModule ${{GUESTS}}/probe.wasm\n{args}\n</Location>"))
        .start();
    for (target, directory) in [("/d/a.tpl", "/site/d"), ("/l/limited.tpl", "/site/l")] {
        let vars = httpd.get(target).expect(200).variables();
        check_variables(
            &vars,
            &[("REDIRECT_STATUS", Some("200")), ("PWD", Some(directory))],
        );
    }
    let vars = httpd.get("/d/b.tpl").expect(200).variables();
    // `<If>` is merged last of all: here it names the module once more.
    check_variables(&vars, &[("REDIRECT_STATUS", Some("200"))]);
}

#[test]
fn a_location_inside_a_directory_of_scripts_is_about_urls() {
    let httpd = scripts()
        .file("htdocs/d/a.tpl", "")
        .conf("<Location /d/a.tpl>\nOptions -ExecCGI\nWasmModule ${GUESTS}/probe.wasm\nWasmArg env\nWasmEnableCGI On\n</Location>")
        .conf("<LocationMatch ^/virtual>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmArg env\nWasmEnableCGI On\n</LocationMatch>")
        .start();
    for target in ["/d/a.tpl", "/virtual/x"] {
        let vars = httpd.get(target).expect(200).variables();
        check_variables(
            &vars,
            &[("REDIRECT_STATUS", None), ("SCRIPT_FILENAME", None)],
        );
    }
}

#[test]
fn a_module_of_the_whole_server_is_about_urls() {
    let httpd = Setup::new()
        .file("htdocs/a", "")
        .conf("WasmModule ${GUESTS}/probe.wasm\nWasmArg env\nWasmEnableCGI On")
        .conf("<Directory ${ROOT}/htdocs>\nSetHandler wasm-handler\n</Directory>")
        .start();
    let vars = httpd.get("/a/b").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/a")),
            ("PATH_INFO", Some("/b")),
            ("REDIRECT_STATUS", None),
        ],
    );
}

#[test]
fn virtual_hosts_have_scripts_of_their_own() {
    let host = |name: &str| {
        format!(
            "DocumentRoot ${{ROOT}}/www/{name}\n<Directory ${{ROOT}}/www/{name}>\nOptions +ExecCGI\n\
             WasmMapDir /www ${{ROOT}}/www/{name}\nAddHandler wasm-handler .tpl\nWasmModule ${{GUESTS}}/template.wasm\n</Directory>"
        )
    };
    let httpd = Setup::new()
        .module("mime")
        .vhost("a.example", &host("a"))
        .vhost("b.example", &host("b"))
        .file("www/a/x.tpl", script_saying("a {DOCUMENT_ROOT}"))
        .file("www/b/x.tpl", script_saying("b {DOCUMENT_ROOT}"))
        .start();
    for name in ["a", "b"] {
        let request = Req::get("/x.tpl").field("Host", &format!("{name}.example"));
        assert_eq!(
            httpd.send(&request).expect(200).text(),
            format!("{name} /www\n")
        );
    }
}

#[test]
fn an_http_component_that_is_named_for_files_serves_those_that_are_there() {
    let httpd = scripts()
        .file("htdocs/api.tpl", "")
        .conf("<Directory ${ROOT}/htdocs>\n<Files api.tpl>\nWasmModule ${GUESTS}/hello-http.wasm\n</Files>\n</Directory>")
        .start();
    httpd.get("/api.tpl").expect(200);
    httpd.get("/other.tpl").expect(404);
}
