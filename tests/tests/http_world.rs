//! wasi:http, what surrounds an HTTP component: arguments, environment, configuration, files. Nothing is there that the operator has
//! not given.

use suite::{Httpd, Probe, Req, after, both};

both!(
    arguments_and_environment_are_those_of_the_section,
    no_cgi_variable_is_there,
    the_configuration_store,
    the_configuration_store_is_merged_by_key,
    htaccess_may_add_to_the_configuration_store,
    files_below_a_granted_directory,
    no_file_without_a_grant,
    a_directory_that_has_gone_is_500,
);

fn ask(httpd: &Httpd, target: &str) -> String {
    httpd.get(target).expect(200).text()
}

fn arguments_and_environment_are_those_of_the_section(probe: Probe) {
    let httpd = probe
        .setup("WasmArg one\nWasmArg \"two words\"\nWasmEnv B 2\nWasmEnv A \"1 =\"\nWasmEnv EMPTY")
        .start();
    let text = ask(&httpd, "/p/env?x");
    let file = format!("{}.wasm", probe.guest);
    assert_eq!(
        after(&text, "argument="),
        [file.as_str(), "one", "two words"],
        "{text}"
    );
    assert_eq!(
        after(&text, "variable="),
        ["A=1 =", "B=2", "EMPTY="],
        "{text}"
    );
}

fn no_cgi_variable_is_there(probe: Probe) {
    // A request is an object here: what CGI puts into variables would be a second, poorer copy.
    let httpd = probe
        .setup("WasmEnableCGI On\nSetEnv FROM_HTTPD 1")
        .module("env")
        .start();
    let request = Req::get("/p/env?x=1").field("Proxy", "http://evil.example");
    let text = httpd.send(&request).expect(200).text();
    assert_eq!(after(&text, "variable="), [""; 0], "{text}");
}

fn the_configuration_store(probe: Probe) {
    let httpd = probe
        .setup("WasmConfig greeting \"hello there\"\nWasmConfig page.size 20\nWasmConfig empty")
        .start();
    assert_eq!(ask(&httpd, "/p/config?key=greeting"), "value=hello there\n");
    assert_eq!(ask(&httpd, "/p/config?key=empty"), "value=\n");
    assert_eq!(ask(&httpd, "/p/config?key=Greeting"), "none\n");
    assert_eq!(ask(&httpd, "/p/config?key="), "none\n");
    assert_eq!(
        ask(&httpd, "/p/config"),
        "empty=\ngreeting=hello there\npage.size=20\n"
    );
    let bare = probe.setup("").start();
    assert_eq!(ask(&bare, "/p/config"), "");
    assert_eq!(ask(&bare, "/p/config?key=greeting"), "none\n");
}

fn the_configuration_store_is_merged_by_key(probe: Probe) {
    let section = format!(
        "<Location /p>\nSetHandler wasm-handler\nWasmModule ${{GUESTS}}/{}.wasm\nWasmConfig b section\n</Location>\n\
         <Location /p/config/inner>\nWasmConfig c inner\n</Location>",
        probe.guest
    );
    let httpd = suite::Setup::new()
        .conf("WasmConfig a server\nWasmConfig b server\nWasmConfig c server")
        .conf(&section)
        .vhost("a.example", "")
        .vhost("b.example", "WasmConfig a vhost\nWasmConfig d vhost")
        .start();
    for (host, target, store) in [
        ("a.example", "/p/config", "a=server\nb=section\nc=server\n"),
        (
            "a.example",
            "/p/config/inner",
            "a=server\nb=section\nc=inner\n",
        ),
        (
            "b.example",
            "/p/config/inner",
            "a=vhost\nb=section\nc=inner\nd=vhost\n",
        ),
    ] {
        let response = httpd.send(&Req::get(target).field("Host", host));
        assert_eq!(response.expect(200).text(), store, "{host}");
    }
}

fn htaccess_may_add_to_the_configuration_store(probe: Probe) {
    let section = format!(
        "<Directory ${{ROOT}}/htdocs/p>\nAllowOverride All\nOptions +ExecCGI\nSetHandler wasm-handler\n\
         WasmModule ${{GUESTS}}/{}.wasm\nWasmConfig a directory\nWasmConfig b directory\n</Directory>",
        probe.guest
    );
    let httpd = suite::Setup::new()
        .conf(&section)
        .file("htdocs/p/config/x", "")
        .file(
            "htdocs/p/.htaccess",
            "WasmConfig b htaccess\nWasmConfig c \"\"\n",
        )
        .start();
    assert_eq!(ask(&httpd, "/p/config/x"), "a=directory\nb=htaccess\nc=\n");
}

fn files_below_a_granted_directory(probe: Probe) {
    let httpd = probe
        .setup("WasmMapDir /data ${ROOT}/data")
        .writable("data")
        .file("data/a.txt", "content of a\n")
        .file("data/b.txt", "")
        .file("secret.txt", "secret\n")
        .start();
    assert_eq!(ask(&httpd, "/p/files?op=list&path=/data"), "a.txt\nb.txt\n");
    assert_eq!(
        ask(&httpd, "/p/files?op=read&path=/data/a.txt"),
        "content of a\n"
    );
    assert_eq!(
        ask(&httpd, "/p/files?op=write&path=/data/c.txt&text=new"),
        "done\n"
    );
    let written = std::fs::read_to_string(httpd.path("data/c.txt"));
    assert_eq!(written.ok().as_deref(), Some("new"));
    for path in [
        "/data/../secret.txt",
        "/data/none",
        "/etc/passwd",
        "/data/../../etc/passwd",
    ] {
        let text = ask(&httpd, &format!("/p/files?op=read&path={path}"));
        assert!(text.starts_with("error: "), "{path}: {text}");
    }
}

fn no_file_without_a_grant(probe: Probe) {
    let httpd = probe.setup("").start();
    for path in ["/", "/etc", "."] {
        let text = ask(&httpd, &format!("/p/files?op=list&path={path}"));
        assert!(text.starts_with("error: "), "{path}: {text}");
    }
}

fn a_directory_that_has_gone_is_500(probe: Probe) {
    let httpd = probe
        .setup("WasmMapDir /d ${ROOT}/gone")
        .writable("gone")
        .start();
    httpd.get("/p/unread").expect(200);
    assert!(std::fs::remove_dir(httpd.path("gone")).is_ok());
    httpd.get("/p/unread").expect(500);
    httpd.expect_log("WASM0115");
}
