//! CGI statements 11, 15 and 18 in depth: what other modules of httpd and its core put into the environment reaches the guest,
//! from every kind of section, and across internal redirects.
//!
//! The guest at `/env` answers with its whole environment. One look at each statement: `cgi_vars.rs`, `cgi_env.rs`.

use suite::{Httpd, Req, Setup, check_variables};

const AUTHORIZATION: &str = "Basic dXNlcjpwYXNzd29yZA==";

fn setup(modules: &[&str]) -> Setup {
    let setup = Setup::new().cgi("/env", "probe", "WasmArg env");
    modules
        .iter()
        .fold(setup, |setup, module| setup.module(module))
}

#[track_caller]
fn check(httpd: &Httpd, request: &Req, expected: &[(&str, Option<&str>)]) {
    check_variables(&httpd.send(request).expect(200).variables(), expected);
}

#[test]
fn cgi_18_setenv_of_sections_and_hosts() {
    let section = "<Location /env>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\nWasmArg env\n</Location>";
    let httpd = setup(&["env"])
        .conf("SetEnv WHERE server\nSetEnv SERVER_ONLY yes\nSetEnv EMPTY")
        .conf("<Location /env/in>\nSetEnv WHERE location\nUnsetEnv SERVER_ONLY\n</Location>")
        .vhost("first.example", "")
        .vhost("v.example", &format!("SetEnv WHERE host\n{section}"))
        .start();
    check(
        &httpd,
        &Req::get("/env"),
        &[
            ("WHERE", Some("server")),
            ("SERVER_ONLY", Some("yes")),
            ("EMPTY", Some("")),
        ],
    );
    check(
        &httpd,
        &Req::get("/env/in"),
        &[("WHERE", Some("location")), ("SERVER_ONLY", None)],
    );
    check(
        &httpd,
        &Req::get("/env").field("Host", "v.example"),
        &[("WHERE", Some("host")), ("SERVER_ONLY", Some("yes"))],
    );
}

#[test]
fn cgi_18_passenv_gives_what_it_names_and_nothing_else() {
    let httpd = setup(&["env"])
        .env("GIVEN", "a value = with \"odd\" characters; $x")
        .env("KEPT", "secret")
        .conf("PassEnv GIVEN")
        .start();
    check(
        &httpd,
        &Req::get("/env"),
        &[
            ("GIVEN", Some("a value = with \"odd\" characters; $x")),
            ("KEPT", None),
            ("HOME", None),
            ("PATH", None),
        ],
    );
}

#[test]
fn cgi_18_setenvif_by_each_request() {
    let httpd = setup(&["setenvif"])
        .conf("SetEnvIf Request_URI \"^/env/(\\w+)\" PART=$1\nSetEnvIfNoCase X-Kind ^BOT is_bot !human")
        .conf("SetEnvIf Remote_Addr . human=1\nSetEnvIfExpr \"%{REQUEST_METHOD} == 'POST'\" posted=yes")
        .conf("BrowserMatch ^old old_browser")
        .start();
    check(
        &httpd,
        &Req::get("/env/abc/d").field("User-Agent", "older"),
        &[
            ("PART", Some("abc")),
            ("is_bot", None),
            ("human", Some("1")),
            ("posted", None),
            ("old_browser", Some("1")),
        ],
    );
    check(
        &httpd,
        &Req::post("/env", b"").field("X-Kind", "bot 7"),
        &[
            ("PART", None),
            ("is_bot", Some("1")),
            ("posted", Some("yes")),
            ("old_browser", None),
        ],
    );
}

#[test]
fn cgi_18_rewriterule_variables() {
    let httpd = setup(&["rewrite"])
        .conf("RewriteEngine On")
        .conf("RewriteCond %{QUERY_STRING} (^|&)id=(\\d+)\nRewriteRule ^/env - [E=ID:%2,E=BOTH:$0-%2]")
        .conf("RewriteRule ^/nice/(.*)$ /env/$1?from=nice [PT,QSA,E=NAME:$1]")
        .conf("RewriteRule ^/env/un - [E=SET:1]\nRewriteRule ^/env/un - [E=!SET]")
        .start();
    check(
        &httpd,
        &Req::get("/env?x=1&id=42"),
        &[("ID", Some("42")), ("BOTH", Some("/env-42"))],
    );
    check(&httpd, &Req::get("/env?id=x"), &[("ID", None)]);
    check(
        &httpd,
        &Req::get("/nice/a%20b?q=1"),
        &[
            ("NAME", Some("a b")),
            ("PATH_INFO", Some("/a b")),
            ("QUERY_STRING", Some("from=nice&q=1")),
            ("REQUEST_URI", Some("/nice/a%20b?q=1")),
        ],
    );
    check(&httpd, &Req::get("/env/un"), &[("SET", None)]);
}

#[test]
fn cgi_18_variables_across_an_internal_redirect() {
    let httpd = setup(&["rewrite", "env"])
        .file(
            "htdocs/d/.htaccess",
            "RewriteEngine On\nRewriteRule ^go/(.*)$ /env/$1 [E=NAME:$1]\n",
        )
        .conf("<Directory ${ROOT}/htdocs/d>\nAllowOverride FileInfo\nSetEnv FROM d\n</Directory>")
        .start();
    check(
        &httpd,
        &Req::get("/d/go/x"),
        &[
            ("REDIRECT_NAME", Some("x")),
            ("REDIRECT_STATUS", Some("200")),
            ("REDIRECT_URL", Some("/d/go/x")),
            ("PATH_INFO", Some("/x")),
            ("NAME", None),
        ],
    );
}

#[test]
fn cgi_18_wasmenv_wins_and_can_take_a_variable_of_the_request() {
    let httpd = setup(&["env", "setenvif"])
        .conf("SetEnv BOTH setenv\nSetEnvIf X-Who (.*) who=$1")
        .conf("<Location /env/own>\nWasmEnv BOTH wasmenv\nWasmEnv WHO \"<%{reqenv:who}>\"\n</Location>")
        .guest("/plain", "probe", "WasmArg env\nWasmArg --plain\nWasmEnv WHO %{reqenv:who}")
        .start();
    let request = |target: &str| Req::get(target).field("X-Who", "me");
    check(
        &httpd,
        &request("/env"),
        &[("BOTH", Some("setenv")), ("who", Some("me"))],
    );
    check(
        &httpd,
        &request("/env/own"),
        &[("BOTH", Some("wasmenv")), ("WHO", Some("<me>"))],
    );
    // A program without CGI gets nothing of the request but what is given to it by name.
    assert_eq!(
        httpd.send(&request("/plain")).expect(200).text(),
        "WHO=me\n"
    );
}

#[test]
fn cgi_18_unique_id() {
    let httpd = setup(&["unique_id"]).conf("ErrorDocument 404 /env").start();
    let id = |target: &str, status: u16, name: &str| {
        let variables = httpd.get(target).expect(status).variables();
        variables.get(name).cloned().unwrap_or_default()
    };
    let (first, second) = (id("/env", 200, "UNIQUE_ID"), id("/env", 200, "UNIQUE_ID"));
    assert!(first.len() >= 24, "{first}");
    assert_ne!(first, second);
    let redirected = httpd.get("/missing").expect(404).variables();
    assert!(redirected.contains_key("UNIQUE_ID"), "{redirected:#?}");
    assert_eq!(
        redirected.get("UNIQUE_ID"),
        redirected.get("REDIRECT_UNIQUE_ID")
    );
}

#[test]
fn cgi_11_cgivar_in_sections() {
    let httpd = setup(&["rewrite"])
        .conf("RewriteEngine On\nRewriteRule ^/old(.*) /env$1 [PT]\nRewriteRule ^/now(.*) /env/now$1 [PT]")
        .conf("<Location /env/now>\nCGIVar REQUEST_URI current-uri\n</Location>")
        .conf("<Location /env/now/orig>\nCGIVar REQUEST_URI original-uri\n</Location>")
        .start();
    check(
        &httpd,
        &Req::get("/old/a?q=1"),
        &[("REQUEST_URI", Some("/old/a?q=1"))],
    );
    check(
        &httpd,
        &Req::get("/now/a?q=1"),
        &[("REQUEST_URI", Some("/env/now/a"))],
    );
    check(
        &httpd,
        &Req::get("/now/orig?q=1"),
        &[("REQUEST_URI", Some("/now/orig?q=1"))],
    );
}

#[test]
fn cgi_15_cgipassauth_in_sections_and_htaccess() {
    let run =
        "SetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\nWasmArg env";
    let httpd = setup(&[])
        .conf("<Location /env/on>\nCGIPassAuth On\n</Location>")
        .conf("<Location /env/on/off>\nCGIPassAuth Off\n</Location>")
        .conf(&format!(
            "<Directory ${{ROOT}}/htdocs/d>\nAllowOverride AuthConfig\nOptions +ExecCGI\nWasmDir ${{ROOT}}/htdocs\n{run}\n</Directory>"
        ))
        .file("htdocs/d/.htaccess", "CGIPassAuth On\n")
        .file("htdocs/d/a", "")
        .start();
    for (target, expected) in [
        ("/env", None),
        ("/env/on", Some(AUTHORIZATION)),
        ("/env/on/off", None),
        ("/d/a", Some(AUTHORIZATION)),
    ] {
        let request = Req::get(target).field("Authorization", AUTHORIZATION);
        check(&httpd, &request, &[("HTTP_AUTHORIZATION", expected)]);
    }
}

#[test]
fn cgi_15_what_people_write_without_cgipassauth() {
    let httpd = setup(&["setenvif", "rewrite"])
        .conf("SetEnvIf Authorization \"(.+)\" HTTP_AUTHORIZATION=$1")
        .conf("RewriteEngine On\nRewriteRule ^/env/rule - [E=AUTH:%{HTTP:Authorization}]")
        .start();
    check(
        &httpd,
        &Req::get("/env/rule").field("Authorization", AUTHORIZATION),
        &[
            ("HTTP_AUTHORIZATION", Some(AUTHORIZATION)),
            ("AUTH", Some(AUTHORIZATION)),
        ],
    );
    check(
        &httpd,
        &Req::get("/env"),
        &[("HTTP_AUTHORIZATION", None), ("AUTH", None)],
    );
}
