//! CGI statements 7 to 14: the variables that describe the request.
//!
//! The guest at `/env` answers with its whole environment. 15 to 20: `cgi_env.rs`.

use std::collections::BTreeMap;
use suite::{Httpd, Req, Setup, check_variables};

fn setup() -> Setup {
    Setup::new().cgi("/env", "probe", "WasmArg env")
}

fn vars(httpd: &Httpd, request: &Req) -> BTreeMap<String, String> {
    httpd.send(request).expect(200).variables()
}

#[test]
fn cgi_07_the_request_line() {
    let httpd = setup().start();
    let got = vars(&httpd, &Req::get("/env"));
    check_variables(
        &got,
        &[
            ("GATEWAY_INTERFACE", Some("CGI/1.1")),
            ("SERVER_PROTOCOL", Some("HTTP/1.1")),
            ("REQUEST_METHOD", Some("GET")),
            ("QUERY_STRING", Some("")),
        ],
    );
    let got = vars(&httpd, &Req::post("/env?a=1&b=%20+c", b"x"));
    check_variables(
        &got,
        &[
            ("REQUEST_METHOD", Some("POST")),
            ("QUERY_STRING", Some("a=1&b=%20+c")),
        ],
    );
    let mut old = httpd.connect();
    old.send("GET /env HTTP/1.0\r\n\r\n");
    check_variables(
        &old.response("GET").expect(200).variables(),
        &[("SERVER_PROTOCOL", Some("HTTP/1.0"))],
    );
}

#[test]
fn cgi_08_script_name_and_path_info() {
    let httpd = setup().start();
    let got = vars(&httpd, &Req::get("/env"));
    check_variables(&got, &[("SCRIPT_NAME", Some("/env")), ("PATH_INFO", None)]);
    let got = vars(&httpd, &Req::get("/env/ex%20tra/more?q"));
    check_variables(
        &got,
        &[
            ("SCRIPT_NAME", Some("/env")),
            ("PATH_INFO", Some("/ex tra/more")),
            ("QUERY_STRING", Some("q")),
        ],
    );
}

#[test]
fn cgi_09_path_translated_is_mapped_or_absent() {
    let httpd = setup()
        .cgi(
            "/mapped",
            "probe",
            "WasmArg env\nWasmMapDir /app ${ROOT}/htdocs\nWasmMapCGIFileNames On",
        )
        .start();
    check_variables(
        &vars(&httpd, &Req::get("/env")),
        &[("PATH_TRANSLATED", None)],
    );
    check_variables(
        &vars(&httpd, &Req::get("/mapped")),
        &[("PATH_TRANSLATED", None)],
    );
    let got = vars(&httpd, &Req::get("/mapped/a/b"));
    check_variables(&got, &[("PATH_TRANSLATED", Some("/app/a/b"))]);
}

#[test]
fn cgi_10_file_names_are_mapped_by_the_longest_prefix() {
    let setup = setup().file("htdocs/sub/x", "");
    let httpd = setup
        .cgi(
            "/sub",
            "probe",
            "WasmArg env\nWasmMapCGIFileNames On\nWasmMapDir /site ${ROOT}/htdocs\nWasmMapDir /inner ${ROOT}/htdocs/sub",
        )
        .start();
    let got = vars(&httpd, &Req::get("/sub/x"));
    check_variables(
        &got,
        &[
            ("SCRIPT_FILENAME", Some("/inner/x")),
            ("DOCUMENT_ROOT", Some("/site")),
        ],
    );
    check_variables(&got, &[("CONTEXT_DOCUMENT_ROOT", Some("/site"))]);
}

#[test]
fn cgi_10_no_host_path_is_shown() {
    let httpd = setup()
        .cgi("/on", "probe", "WasmArg env\nWasmMapCGIFileNames On")
        .cgi(
            "/elsewhere",
            "probe",
            "WasmArg env\nWasmMapCGIFileNames On\nWasmMapDir /c ${ROOT}/other",
        )
        .file("other/x", "")
        .start();
    let root = httpd.path("");
    let root = root.to_string_lossy();
    for target in ["/env/a/b", "/on/a/b", "/elsewhere/a/b"] {
        let got = vars(&httpd, &Req::get(target));
        let leak = got
            .iter()
            .find(|(_, value)| value.contains(root.trim_end_matches('/')));
        assert_eq!(leak, None, "{target} shows a path of the host");
    }
}

#[test]
fn cgi_11_request_uri() {
    let httpd = setup()
        .conf("ErrorDocument 404 /env\nErrorDocument 410 /current")
        .cgi(
            "/current",
            "probe",
            "WasmArg env\nCGIVar REQUEST_URI current-uri",
        )
        .module("alias")
        .conf("Redirect 410 /gone")
        .start();
    let got = vars(&httpd, &Req::get("/env/a%20b?q=1"));
    check_variables(&got, &[("REQUEST_URI", Some("/env/a%20b?q=1"))]);
    let original = httpd.get("/missing?q").expect(404).variables();
    check_variables(&original, &[("REQUEST_URI", Some("/missing?q"))]);
    let current = httpd.get("/gone?q").expect(410).variables();
    check_variables(&current, &[("REQUEST_URI", Some("/current"))]);
}

#[test]
fn cgi_12_content_type_and_length() {
    let httpd = setup().start();
    let got = vars(&httpd, &Req::get("/env"));
    check_variables(&got, &[("CONTENT_TYPE", None), ("CONTENT_LENGTH", None)]);
    let typed = Req::post("/env", b"12345").field("Content-Type", "text/x-odd");
    let got = vars(&httpd, &typed);
    check_variables(
        &got,
        &[
            ("CONTENT_TYPE", Some("text/x-odd")),
            ("CONTENT_LENGTH", Some("5")),
            ("HTTP_CONTENT_TYPE", None),
            ("HTTP_CONTENT_LENGTH", None),
        ],
    );
    let streamed = Setup::new()
        .conf("WasmBodyWithoutLength Stream")
        .cgi("/env", "probe", "WasmArg env")
        .start();
    let got = vars(&streamed, &Req::post_chunked("/env", &[b"123", b"45"]));
    check_variables(&got, &[("CONTENT_LENGTH", None)]);
}

#[test]
fn cgi_13_other_headers() {
    let httpd = setup().start();
    let request = Req::get("/env")
        .field("X-Some-Thing", "a value")
        .field("X-Twice", "1")
        .field("X-Twice", "2")
        .field("X_Under", "dropped")
        .field("X.Dot", "dropped")
        .field("X-Empty", "");
    let got = vars(&httpd, &request);
    check_variables(
        &got,
        &[
            ("HTTP_X_SOME_THING", Some("a value")),
            ("HTTP_X_TWICE", Some("1, 2")),
            ("HTTP_X_UNDER", None),
            ("HTTP_X_DOT", None),
            ("HTTP_X.DOT", None),
            ("HTTP_X_EMPTY", Some("")),
            ("HTTP_HOST", Some("localhost")),
        ],
    );
}

#[test]
fn cgi_14_proxy_header_is_not_http_proxy() {
    let httpd = setup().start();
    let got = vars(
        &httpd,
        &Req::get("/env").field("Proxy", "http://evil.example/"),
    );
    check_variables(&got, &[("HTTP_PROXY", None)]);
}
