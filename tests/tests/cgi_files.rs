//! Files that are themselves the program, as a `.cgi` is for mod_cgid: which of them run (CGI statements 1 to 4) and what they are
//! told (8 to 10). When they are loaded: `cgi_files_loading.rs`. The scripts of an interpreter: `cgi_scripts.rs`.

use std::fs;

use suite::on_disk::{guest, program_saying, programs};
use suite::{Req, Setup, check_variables, paths};

#[test]
fn cgi_01_a_file_is_the_program_by_suffix_and_by_section() {
    let httpd = programs()
        .conf("<Directory ${ROOT}/htdocs/bin>\nSetHandler wasm-handler\n</Directory>")
        .conf("<Files one>\nSetHandler wasm-handler\n</Files>")
        .file("htdocs/bin/app", guest("probe"))
        .file("htdocs/one", guest("probe"))
        .file("htdocs/a.txt", "a file")
        .start();
    for target in ["/probe.wasm", "/bin/app", "/one"] {
        let vars = httpd.get(target).expect(200).variables();
        check_variables(&vars, &[("SCRIPT_NAME", Some(target)), ("PATH_INFO", None)]);
    }
    let args = httpd.get("/bin/app?do=args").expect(200).text();
    assert_eq!(args, "app\nenv\n");
    assert_eq!(httpd.get("/a.txt").expect(200).text(), "a file");
}

#[test]
fn cgi_01_a_program_that_is_no_cgi_program_says_so() {
    let httpd = programs()
        .file("htdocs/plain/hello.wasm", guest("hello"))
        .conf("<Directory ${ROOT}/htdocs/plain>\nWasmEnableCGI Off\n</Directory>")
        .start();
    let text = httpd.get("/plain/hello.wasm").expect(200).text();
    assert_eq!(text, "Hello, wasm world!\n");
}

#[test]
fn cgi_02_no_file_is_404_and_a_directory_403() {
    let httpd = programs()
        .file("htdocs/dir/x", "")
        .conf("<Directory ${ROOT}/htdocs/dir>\nSetHandler wasm-handler\n</Directory>")
        .conf("<Location /unnamed>\nSetHandler wasm-handler\n</Location>")
        .announce("WASM0155")
        .start();
    httpd.get("/missing.wasm").expect(404);
    httpd.get("/missing.wasm/more").expect(404);
    httpd.get("/unnamed").expect(404);
    // Without mod_mime's help the suffix of a missing file means nothing: the last two are ours for certain.
    assert!(!httpd.logged("WASM0154").is_empty());
    httpd.get("/dir/").expect(403);
    assert_eq!(httpd.logged("WASM0155").len(), 1);
}

#[test]
fn cgi_02_what_is_no_file_is_403() {
    let setup = programs().announce("WASM0155");
    let fifo = setup.path("htdocs/fifo.wasm");
    suite::host::run_ok("mkfifo", [&fifo]);
    setup.start().get("/fifo.wasm").expect(403);
}

#[test]
fn cgi_03_options_execcgi_or_scriptalias_is_the_grant() {
    let httpd = programs()
        .module("alias")
        .file("htdocs/no/probe.wasm", guest("probe"))
        .file("cgi-bin/probe.wasm", guest("probe"))
        .file("other/probe.wasm", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs/no>\nOptions -ExecCGI\n</Directory>")
        .conf("ScriptAlias /cgi-bin ${ROOT}/cgi-bin\nAlias /other ${ROOT}/other")
        .conf("<Directory ~ \"/(cgi-bin|other)\">\nSetHandler wasm-handler\nWasmArg env\n</Directory>")
        .announce("WASM0153")
        .start();
    httpd.get("/no/probe.wasm").expect(403);
    httpd.get("/other/probe.wasm").expect(403);
    // As mod_cgid: who may not run anything is not told what there is.
    httpd.get("/other/missing").expect(403);
    assert_eq!(httpd.logged("WASM0153").len(), 3);
    assert!(
        httpd.logged("WASM0150").is_empty(),
        "nothing that may not run is compiled"
    );
    let vars = httpd.get("/cgi-bin/probe.wasm/a/b").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/cgi-bin/probe.wasm")),
            ("PATH_INFO", Some("/a/b")),
        ],
    );
    httpd.get("/cgi-bin/missing.wasm").expect(404);
}

#[test]
fn cgi_03_a_host_allows_it_in_htaccess() {
    let grant = "SetHandler wasm-handler\nOptions +ExecCGI\nWasmEnv FROM htaccess\n";
    let httpd = Setup::new()
        .file("htdocs/customer/.htaccess", grant)
        .file("htdocs/customer/app", guest("probe"))
        .file("htdocs/other/.htaccess", "SetHandler wasm-handler\n")
        .file("htdocs/other/app", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs>\nAllowOverride FileInfo Options=ExecCGI\n</Directory>")
        .announce("WASM0153")
        .start();
    let vars = httpd.get("/customer/app?do=env").expect(200).variables();
    check_variables(&vars, &[("FROM", Some("htaccess"))]);
    httpd.get("/other/app").expect(403);
}

#[test]
fn cgi_04_accept_path_info_of_a_file() {
    let httpd = programs()
        .file("htdocs/off/probe.wasm", guest("probe"))
        .file("htdocs/on/probe.wasm", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs/off>\nAcceptPathInfo Off\n</Directory>")
        .conf("<Directory ${ROOT}/htdocs/on>\nAcceptPathInfo On\n</Directory>")
        .start();
    for target in ["/probe.wasm", "/on/probe.wasm"] {
        let vars = httpd.get(&format!("{target}/extra%20path")).expect(200);
        check_variables(
            &vars.variables(),
            &[
                ("SCRIPT_NAME", Some(target)),
                ("PATH_INFO", Some("/extra path")),
            ],
        );
    }
    httpd.get("/off/probe.wasm").expect(200);
    httpd.get("/off/probe.wasm/extra").expect(404);
    assert_eq!(httpd.logged("WASM0156").len(), 1);
}

#[test]
fn cgi_09_cgi_10_a_program_on_disk_sees_only_paths_that_are_its_own() {
    let httpd = programs()
        .file("htdocs/mapped/probe.wasm", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs/mapped>\nWasmMapDir /site ${ROOT}/htdocs\n</Directory>")
        .start();
    let vars = httpd.get("/mapped/probe.wasm/a/b").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_FILENAME", Some("/site/mapped/probe.wasm")),
            ("PATH_TRANSLATED", Some("/site/a/b")),
            ("DOCUMENT_ROOT", Some("/site")),
            ("CONTEXT_DOCUMENT_ROOT", Some("/site")),
            ("PWD", Some("/site/mapped")),
        ],
    );
    let vars = httpd.get("/probe.wasm/a/b").expect(200).variables();
    let root = httpd.path("").to_string_lossy().into_owned();
    let leak = vars
        .iter()
        .find(|(_, value)| value.contains(root.trim_end_matches('/')));
    assert_eq!(leak, None, "a path of the host is shown");
}

#[test]
fn a_file_is_found_by_alias_userdir_index_and_virtual_host() {
    let alias =
        "Alias /app ${ROOT}/apps\nUserDir ${ROOT}/home/*/public_html\nDirectoryIndex index.wasm";
    let grant = "<Directory ~ \"/(apps|home|www)/\">\nOptions +ExecCGI\nWasmArg env\n</Directory>";
    let host =
        |name: &str| format!("DocumentRoot ${{ROOT}}/www/{name}\nAddHandler wasm-handler .wasm");
    let httpd = programs()
        .module("alias")
        .module("userdir")
        .module("dir")
        .conf(alias)
        .conf(grant)
        .vhost("a.example", &host("a"))
        .vhost("b.example", &host("b"))
        .file("apps/sub/probe.wasm", guest("probe"))
        .file("apps/index.wasm", guest("probe"))
        .file("home/bob/public_html/probe.wasm", guest("probe"))
        .file("www/a/x.wasm", program_saying("program of a"))
        .file("www/b/x.wasm", program_saying("program of b"))
        .start();
    let ask = |host: &str, target: &str| httpd.send(&Req::get(target).field("Host", host));
    for host in ["a.example", "b.example"] {
        let text = ask(host, "/x.wasm").expect(200).text();
        assert_eq!(text, format!("program of {}", &host[..1]));
    }
    for (target, name) in [
        ("/app/sub/probe.wasm", "/app/sub/probe.wasm"),
        ("/app/", "/app/index.wasm"),
        ("/~bob/probe.wasm", "/~bob/probe.wasm"),
    ] {
        let vars = ask("a.example", target).expect(200).variables();
        check_variables(&vars, &[("SCRIPT_NAME", Some(name))]);
    }
}

#[test]
fn a_program_handles_files_by_action() {
    let httpd = programs()
        .module("alias")
        .module("actions")
        .file("cgi-bin/probe.wasm", guest("probe"))
        .file("htdocs/page.tpl", "a page")
        .conf("ScriptAlias /cgi-bin ${ROOT}/cgi-bin")
        .conf("<Directory ${ROOT}/cgi-bin>\nSetHandler wasm-handler\nWasmArg env\nWasmMapDir /site ${ROOT}/htdocs\n</Directory>")
        .conf("Action template /cgi-bin/probe.wasm\nAddHandler template .tpl")
        .start();
    let vars = httpd.get("/page.tpl?q=1").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/cgi-bin/probe.wasm")),
            ("PATH_INFO", Some("/page.tpl")),
            ("PATH_TRANSLATED", Some("/site/page.tpl")),
            ("QUERY_STRING", Some("q=1")),
            ("REDIRECT_STATUS", Some("200")),
            ("REDIRECT_URL", Some("/page.tpl")),
            ("REDIRECT_HANDLER", Some("template")),
        ],
    );
}

#[test]
fn a_component_can_be_a_file_too() {
    let httpd = programs()
        .file("htdocs/p2.wasm", guest("probe-component"))
        .file("htdocs/http.wasm", guest("hello-http"))
        .start();
    let vars = httpd.get("/p2.wasm/x").expect(200).variables();
    check_variables(
        &vars,
        &[("SCRIPT_NAME", Some("/p2.wasm")), ("PATH_INFO", Some("/x"))],
    );
    let named = Setup::new().guest("/named", "hello-http", "").start();
    let expected = named.get("/named").expect(200).text();
    assert_eq!(httpd.get("/http.wasm").expect(200).text(), expected);
    let kinds = httpd.logged("WASM0150").join("\n");
    for kind in ["WASI 0.2 command component", "WASI 0.2 http component"] {
        assert!(kinds.contains(kind), "{kinds}");
    }
}

#[test]
fn the_library_must_be_there_even_if_no_module_is_named() {
    let folder = Setup::new();
    let alone = folder.path("alone");
    fs::create_dir_all(&alone).unwrap();
    fs::copy(paths::dist().join("mod_wasm.so"), alone.join("mod_wasm.so")).unwrap();
    Setup::new()
        .product(Some(&alone))
        .check()
        .fails_with(&["WASM0001"]);
    Setup::new().check().passes();
}
