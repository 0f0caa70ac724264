//! The ways on which requests come to a script of an interpreter: the index of a directory, a front controller, error documents,
//! redirects (CGI statements 19 and 32), and pages that include it (54).

use suite::on_disk::{script_saying, script_showing, scripts};
use suite::{Req, check_variables};

#[test]
fn a_directory_index_and_a_front_controller_are_scripts() {
    let rules = "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^(.*)$ index.tpl/$1 [L,QSA]";
    let per_server = "RewriteEngine On\nRewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} !-f\n\
                      RewriteRule ^/own/(.*)$ /own/index.tpl/$1 [PT,L]";
    let script = script_showing(&[
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "REDIRECT_URL",
        "REQUEST_URI",
        "REDIRECT_STATUS",
    ]);
    let httpd = scripts()
        .module("dir")
        .module("rewrite")
        .conf("DirectoryIndex index.tpl")
        .conf(per_server)
        .conf(&format!(
            "<Directory ${{ROOT}}/htdocs/app>\n{rules}\n</Directory>"
        ))
        .file("htdocs/index.tpl", &script)
        .file("htdocs/app/index.tpl", &script)
        .file("htdocs/app/a.txt", "a file")
        .file("htdocs/own/index.tpl", &script)
        .file("htdocs/fallback/index.tpl", &script)
        .conf("<Directory ${ROOT}/htdocs/fallback>\nFallbackResource /fallback/index.tpl\n</Directory>")
        .start();
    let vars = httpd.get("/?q=1").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/index.tpl")),
            ("QUERY_STRING", Some("q=1")),
            ("REQUEST_URI", Some("/?q=1")),
            ("REDIRECT_STATUS", Some("200")),
        ],
    );
    assert_eq!(httpd.get("/app/a.txt").expect(200).text(), "a file");
    let vars = httpd.get("/app/users/7?q=1").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/app/index.tpl")),
            ("PATH_INFO", Some("/users/7")),
            ("QUERY_STRING", Some("q=1")),
            ("REDIRECT_URL", Some("/app/users/7")),
            ("REQUEST_URI", Some("/app/users/7?q=1")),
            ("REDIRECT_STATUS", Some("200")),
        ],
    );
    let vars = httpd.get("/fallback/users?q=1").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/fallback/index.tpl")),
            ("QUERY_STRING", Some("q=1")),
            ("REQUEST_URI", Some("/fallback/users?q=1")),
        ],
    );
    let vars = httpd.get("/own/users/7").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/own/index.tpl")),
            ("PATH_INFO", Some("/users/7")),
            ("REQUEST_URI", Some("/own/users/7")),
        ],
    );
}

#[test]
fn cgi_19_a_script_handles_errors() {
    let script = script_showing(&[
        "REDIRECT_STATUS",
        "REDIRECT_URL",
        "REDIRECT_QUERY_STRING",
        "REDIRECT_REQUEST_METHOD",
        "REQUEST_METHOD",
        "SCRIPT_FILENAME",
    ]);
    let httpd = scripts()
        .module("alias")
        .conf("ErrorDocument 404 /error.tpl\nErrorDocument 410 /error.tpl\nRedirect 410 /gone")
        .file("htdocs/error.tpl", script)
        .start();
    for (target, status) in [
        ("/missing?a=1", 404),
        ("/missing.tpl?a=1", 404),
        ("/gone?a=1", 410),
    ] {
        let vars = httpd
            .send(&Req::post(target, b"x"))
            .expect(status)
            .variables();
        check_variables(
            &vars,
            &[
                ("REDIRECT_STATUS", Some(&status.to_string())),
                ("REDIRECT_URL", target.split('?').next()),
                ("REDIRECT_QUERY_STRING", Some("a=1")),
                ("REDIRECT_REQUEST_METHOD", Some("POST")),
                ("REQUEST_METHOD", Some("GET")),
                ("SCRIPT_FILENAME", Some("/site/error.tpl")),
            ],
        );
    }
}

#[test]
fn cgi_32_a_script_redirects_to_a_script() {
    let httpd = scripts()
        .file("htdocs/from.tpl", "Location: /to.tpl/path?q=2\n\n")
        .file(
            "htdocs/to.tpl",
            script_showing(&[
                "REDIRECT_URL",
                "PATH_INFO",
                "QUERY_STRING",
                "REQUEST_METHOD",
            ]),
        )
        .start();
    let vars = httpd.post("/from.tpl?q=1", b"body").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("REDIRECT_URL", Some("/from.tpl")),
            ("PATH_INFO", Some("/path")),
            ("QUERY_STRING", Some("q=2")),
            ("REQUEST_METHOD", Some("GET")),
        ],
    );
}

#[test]
fn cgi_54_a_page_includes_scripts() {
    let page = "before\n<!--#include virtual=\"part.tpl/info?q=2\" -->after\n<!--#include virtual=\"missing.tpl\" -->\n";
    let httpd = scripts()
        .module("include")
        .conf("<Files page.shtml>\nOptions +Includes\nSetOutputFilter INCLUDES\n</Files>")
        .file("htdocs/page.shtml", page)
        .file(
            "htdocs/part.tpl",
            script_saying("{SCRIPT_NAME} {PATH_INFO} {QUERY_STRING} {DOCUMENT_URI}"),
        )
        .announce("unable to include")
        .start();
    let text = httpd.get("/page.shtml?q=1").expect(200).text();
    // An included script is called by the whole path that the page names, as by mod_cgid (`ap_add_cgi_vars`).
    assert!(
        text.starts_with("before\n/part.tpl/info /info q=2 /page.shtml\nafter\n"),
        "{text}"
    );
    assert!(!text.contains("Content-Type"), "{text}");
}
