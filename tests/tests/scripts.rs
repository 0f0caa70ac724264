//! Scripts that are found by their extension and run by an interpreter, as mod_php would run them: with a front controller, an
//! index, error documents and includes before them. The interpreter is `script-js`; what it can do by itself: `guests_cgi.rs`.

use suite::{Req, Response, Setup, paths};

/// A script that prints its environment, and then its body.
const SHOW: &str = "print('Content-Type: text/plain\\r\\n\\r\\n');\n\
    for (const name in env) print(`${name}=${env[name]}\\n`);\n\
    print(`BODY=${read()}\\n`);\n";

/// What serves the scripts of `htdocs`; further lines for its section.
fn scripts(lines: &str) -> Setup {
    let section = format!(
        "<Directory ${{ROOT}}/htdocs>\nOptions +ExecCGI\n{lines}\n<FilesMatch \"\\.js$\">\nSetHandler wasm-handler\n\
         WasmModule ${{GUESTS}}/script-js.wasm\nWasmMapDir /site ${{ROOT}}/htdocs\n</FilesMatch>\n</Directory>"
    );
    Setup::new().conf(&section)
}

/// Fails unless the script's variables have these values; an empty one stands for a variable that is not set.
#[track_caller]
fn check(response: Response, expected: &[(&str, &str)]) {
    let variables = response.expect(200).variables();
    for (name, value) in expected {
        let set = variables.get(*name).map_or("", String::as_str);
        assert_eq!(set, *value, "{name} of {variables:#?}");
    }
}

#[test]
fn a_script_is_run_by_its_extension() {
    let httpd = scripts("")
        .file("htdocs/show.js", SHOW)
        .file("htdocs/a/b/show.js", SHOW)
        .file("htdocs/page.txt", "a page")
        .start();
    check(
        httpd.get("/show.js?a=1"),
        &[
            ("SCRIPT_NAME", "/show.js"),
            ("SCRIPT_FILENAME", "/site/show.js"),
            ("QUERY_STRING", "a=1"),
            ("DOCUMENT_ROOT", "/site"),
            ("PATH_INFO", ""),
            ("REQUEST_METHOD", "GET"),
            ("BODY", ""),
        ],
    );
    check(
        httpd.get("/a/b/show.js/more%20path"),
        &[
            ("SCRIPT_NAME", "/a/b/show.js"),
            ("SCRIPT_FILENAME", "/site/a/b/show.js"),
            ("PATH_INFO", "/more path"),
            ("PATH_TRANSLATED", "/site/more path"),
        ],
    );
    assert_eq!(httpd.get("/page.txt").expect(200).text(), "a page");
    let chunked = Req::post_chunked("/show.js", &[b"in ", b"pieces"]);
    check(
        httpd.send(&chunked),
        &[("CONTENT_LENGTH", "9"), ("BODY", "in pieces")],
    );
}

#[test]
fn what_is_edited_is_run() {
    let say = |word: &str| format!("print('Content-Type: text/plain\\r\\n\\r\\n{word}');\n");
    let setup = scripts("").file("htdocs/edited.js", say("before"));
    let file = setup.path("htdocs/edited.js");
    let httpd = setup.start();
    assert_eq!(httpd.get("/edited.js").expect(200).text(), "before");
    std::fs::write(&file, say("after")).unwrap();
    assert_eq!(httpd.get("/edited.js").expect(200).text(), "after");
    std::fs::remove_file(&file).unwrap();
    httpd.tolerate("WASM015");
    httpd.get("/edited.js").expect(404);
}

#[test]
fn a_front_controller_answers_for_what_is_not_a_file() {
    let rules = "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ /index.js [L,E=FROM:controller]";
    let httpd = scripts(rules)
        .module("rewrite")
        .file("htdocs/index.js", SHOW)
        .file("htdocs/style.css", "p {}")
        .file("htdocs/other.js", SHOW)
        .start();
    check(
        httpd.get("/articles/7?page=2"),
        &[
            ("REQUEST_URI", "/articles/7?page=2"),
            ("SCRIPT_NAME", "/index.js"),
            ("SCRIPT_FILENAME", "/site/index.js"),
            ("QUERY_STRING", "page=2"),
            ("REDIRECT_URL", "/articles/7"),
            ("REDIRECT_STATUS", "200"),
            ("REDIRECT_FROM", "controller"),
            ("PATH_INFO", ""),
        ],
    );
    check(
        httpd.post("/articles", b"title=x"),
        &[
            ("REQUEST_METHOD", "POST"),
            ("SCRIPT_NAME", "/index.js"),
            ("CONTENT_LENGTH", "7"),
            ("BODY", "title=x"),
        ],
    );
    assert_eq!(httpd.get("/style.css").expect(200).text(), "p {}");
    check(httpd.get("/other.js"), &[("SCRIPT_NAME", "/other.js")]);
}

#[test]
fn a_front_controller_of_htaccess() {
    let rules = "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^(.*)$ index.js/$1 [L]\n";
    let httpd = scripts("AllowOverride FileInfo")
        .module("rewrite")
        .file("htdocs/app/.htaccess", rules)
        .file("htdocs/app/index.js", SHOW)
        .start();
    check(
        httpd.get("/app/users/ada"),
        &[
            ("SCRIPT_NAME", "/app/index.js"),
            ("SCRIPT_FILENAME", "/site/app/index.js"),
            ("PATH_INFO", "/users/ada"),
            ("REQUEST_URI", "/app/users/ada"),
        ],
    );
}

#[test]
fn an_index_an_error_document_and_an_include() {
    let httpd = scripts("Options +Includes\nDirectoryIndex index.js\nErrorDocument 404 /missing.js\n<Files *.shtml>\nSetOutputFilter INCLUDES\n</Files>")
        .module("dir")
        .module("include")
        .file("htdocs/sub/index.js", SHOW)
        .file(
            "htdocs/missing.js",
            "print('Status: 404 Not Found\\r\\nContent-Type: text/plain\\r\\n\\r\\n' + env.REDIRECT_STATUS + ' ' + env.REDIRECT_URL);\n",
        )
        .file("htdocs/piece.js", "print('Content-Type: text/html\\r\\n\\r\\n<b>' + env.QUERY_STRING + '</b>');\n")
        .file("htdocs/page.shtml", "before <!--#include virtual=\"/piece.js?q=1\" --> after")
        .start();
    check(
        httpd.get("/sub/?a=1"),
        &[
            ("SCRIPT_NAME", "/sub/index.js"),
            ("SCRIPT_FILENAME", "/site/sub/index.js"),
            ("REQUEST_URI", "/sub/?a=1"),
            ("QUERY_STRING", "a=1"),
        ],
    );
    let missing = httpd.get("/no/such/page").expect(404).text();
    assert_eq!(missing, "404 /no/such/page");
    assert_eq!(
        httpd.get("/page.shtml").expect(200).text(),
        "before <b>q=1</b> after"
    );
}

#[test]
fn no_script_is_run_that_may_not_be() {
    let httpd = scripts("")
        .file("htdocs/show.js", SHOW)
        .file("htdocs/off/show.js", SHOW)
        .file("htdocs/dir.js/readme", "")
        .conf("<Directory ${ROOT}/htdocs/off>\nOptions -ExecCGI\n</Directory>")
        .conf("<Location /strict>\nAcceptPathInfo Off\n</Location>")
        .file("htdocs/strict/show.js", SHOW)
        .tolerate("WASM015")
        .start();
    httpd.get("/none.js").expect(404);
    httpd.get("/off/show.js").expect(403);
    httpd.get("/dir.js").expect(403);
    httpd.get("/strict/show.js").expect(200);
    httpd.get("/strict/show.js/more").expect(404);
}

#[test]
fn programs_in_several_languages_are_dropped_into_a_directory() {
    let mut setup = Setup::new()
        .conf("ScriptAlias /cgi-bin ${ROOT}/cgi\n<Directory ${ROOT}/cgi>\nSetHandler wasm-handler\n</Directory>")
        .module("alias");
    for guest in ["hello-c", "form", "probe"] {
        let program = std::fs::read(paths::guest(guest)).unwrap();
        setup = setup.file(&format!("cgi/{guest}.wasm"), program);
    }
    let httpd = setup.start();
    let hello = httpd.get("/cgi-bin/hello-c.wasm").expect(200).text();
    assert!(hello.starts_with("Hello from C"), "{hello}");
    let form = Req::post("/cgi-bin/form.wasm", b"name=A%26B")
        .field("Content-Type", "application/x-www-form-urlencoded");
    let page = httpd.send(&form).expect(200).text();
    assert!(page.contains("<td>A&amp;B</td>"), "{page}");
    check(
        httpd.get("/cgi-bin/probe.wasm/more?do=env"),
        &[
            ("SCRIPT_NAME", "/cgi-bin/probe.wasm"),
            ("PATH_INFO", "/more"),
            ("QUERY_STRING", "do=env"),
        ],
    );
}

#[test]
fn a_script_may_be_named_by_an_argument() {
    let section = "<Directory ${ROOT}/htdocs>\nOptions +ExecCGI\n<FilesMatch \"\\.js$\">\nSetHandler wasm-handler\n\
         WasmModule ${GUESTS}/script-js.wasm\nWasmMapDir /site ${ROOT}/htdocs\nWasmEnableCGI On\n\
         WasmArg %{REQUEST_FILENAME}\nWasmArg \"--from=%{REMOTE_ADDR}\"\nWasmEnv ASKED_FOR \"%{HTTP_HOST}%{REQUEST_URI}\"\n\
         </FilesMatch>\n</Directory>";
    let script = "print('Content-Type: text/plain\\r\\n\\r\\n');\n\
         print(`ARGS=${args.join(' ')}\\nASKED_FOR=${env.ASKED_FOR}\\\n`);\n";
    let httpd = Setup::new()
        .conf(section)
        .file("htdocs/a/named.js", script)
        .start();
    check(
        httpd.get("/a/named.js/more?x=1"),
        &[
            ("ARGS", "--from=127.0.0.1"),
            ("ASKED_FOR", "localhost/a/named.js/more"),
        ],
    );
}
