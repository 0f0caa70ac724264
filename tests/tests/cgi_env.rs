//! CGI statements 15 to 20: what httpd and its other modules know about the request.
//!
//! The guest at `/env` answers with its whole environment. 7 to 14: `cgi_vars.rs`.

use suite::{Req, Setup, check_variables, host};

/// `user` and the password `password`, and the field that proves to know them.
const USERS: &str = "user:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n";
const AUTHORIZATION: &str = "Basic dXNlcjpwYXNzd29yZA==";

fn setup() -> Setup {
    Setup::new().cgi("/env", "probe", "WasmArg env")
}

#[test]
fn cgi_15_authorization_is_withheld_unless_granted() {
    let httpd = setup()
        .cgi("/granted", "probe", "WasmArg env\nCGIPassAuth On")
        .start();
    let ask = |target: &str| {
        let request = Req::get(target)
            .field("Authorization", AUTHORIZATION)
            .field("Proxy-Authorization", AUTHORIZATION);
        httpd.send(&request).expect(200).variables()
    };
    check_variables(
        &ask("/env"),
        &[
            ("HTTP_AUTHORIZATION", None),
            ("HTTP_PROXY_AUTHORIZATION", None),
        ],
    );
    check_variables(
        &ask("/granted"),
        &[("HTTP_AUTHORIZATION", Some(AUTHORIZATION))],
    );
}

#[test]
fn cgi_16_remote_user() {
    let auth = "<LocationMatch \"^/(env|from)\">\nAuthType Basic\nAuthName here\nAuthBasicProvider file\n\
                AuthUserFile ${ROOT}/conf/users\nRequire valid-user\n</LocationMatch>";
    let mut setup = setup();
    for module in ["auth_basic", "authn_core", "authn_file", "authz_user"] {
        setup = setup.module(module);
    }
    let httpd = setup
        .file("conf/users", USERS)
        .conf(auth)
        .prints("/from", "Location: /env\r\n\r\n")
        .start();
    httpd.get("/env").expect(401);
    let got = httpd
        .send(&Req::get("/env").field("Authorization", AUTHORIZATION))
        .expect(200)
        .variables();
    check_variables(
        &got,
        &[("REMOTE_USER", Some("user")), ("AUTH_TYPE", Some("Basic"))],
    );
    let got = httpd
        .send(&Req::get("/from").field("Authorization", AUTHORIZATION))
        .expect(200)
        .variables();
    check_variables(&got, &[("REDIRECT_REMOTE_USER", Some("user"))]);
}

#[test]
fn cgi_17_addresses_and_names() {
    let httpd = setup()
        .module("remoteip")
        .conf("RemoteIPHeader X-Forwarded-For\nRemoteIPTrustedProxy 127.0.0.1\nUseCanonicalName Off\nUseCanonicalPhysicalPort On")
        .vhost("canonical.example", "UseCanonicalName On\n<Location /env>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On\nWasmArg env\n</Location>")
        .start();
    let port = httpd.port().to_string();
    let got = httpd
        .send(&Req::get("/env").field("Host", &format!("canonical.example:{port}")))
        .expect(200)
        .variables();
    check_variables(
        &got,
        &[
            ("REMOTE_ADDR", Some("127.0.0.1")),
            ("SERVER_ADDR", Some("127.0.0.1")),
            ("SERVER_PORT", Some(&port)),
            ("SERVER_NAME", Some("canonical.example")),
            ("REQUEST_SCHEME", Some("http")),
            ("HTTPS", None),
        ],
    );
    assert!(
        got.get("REMOTE_PORT")
            .is_some_and(|p| p.parse::<u16>().is_ok()),
        "{got:#?}"
    );
    let forwarded = Req::get("/env").field("X-Forwarded-For", "203.0.113.9");
    let got = httpd.send(&forwarded).expect(200).variables();
    check_variables(&got, &[("REMOTE_ADDR", Some("203.0.113.9"))]);
}

#[test]
fn cgi_17_https() {
    let setup = setup().module("ssl").module("socache_shmcb");
    let (key, cert) = (setup.path("conf/key.pem"), setup.path("conf/cert.pem"));
    let paths = [
        key.to_string_lossy().into_owned(),
        cert.to_string_lossy().into_owned(),
    ];
    host::run_ok(
        "openssl",
        [
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-keyout",
            &paths[0],
            "-out",
            &paths[1],
        ],
    );
    let httpd = setup
        .conf(
            "SSLEngine on\nSSLCertificateFile conf/cert.pem\nSSLCertificateKeyFile conf/key.pem\n\
             SSLSessionCache none\nSSLOptions +StdEnvVars",
        )
        .tolerate("AH01873")
        .tolerate("AH01882")
        .tolerate("AH01906")
        .tolerate("AH01909")
        .start();
    let url = httpd.url("/env").replace("http://", "https://");
    let body = host::run_ok("curl", ["-sSk", "--http1.1", &url]);
    for line in ["HTTPS=on", "REQUEST_SCHEME=https", "SSL_PROTOCOL=TLSv1"] {
        assert!(body.contains(line), "{line}\n{body}");
    }
}

#[test]
fn cgi_18_variables_of_other_modules() {
    let mut setup = setup();
    for module in ["env", "setenvif", "rewrite", "unique_id"] {
        setup = setup.module(module);
    }
    let httpd = setup
        .env("FROM_OUTSIDE", "passed")
        .conf("SetEnv FROM_SETENV set\nPassEnv FROM_OUTSIDE\nSetEnvIf User-Agent (.*) FROM_SETENVIF=$1")
        .conf("RewriteEngine On\nRewriteRule ^/env - [E=FROM_REWRITE:rewritten]")
        .start();
    let got = httpd
        .send(&Req::get("/env").field("User-Agent", "me"))
        .expect(200)
        .variables();
    check_variables(
        &got,
        &[
            ("FROM_SETENV", Some("set")),
            ("FROM_OUTSIDE", Some("passed")),
            ("FROM_SETENVIF", Some("me")),
            ("FROM_REWRITE", Some("rewritten")),
        ],
    );
    assert!(
        got.get("UNIQUE_ID").is_some_and(|id| !id.is_empty()),
        "{got:#?}"
    );
}

#[test]
fn cgi_19_redirect_variables() {
    let httpd = setup()
        .module("alias")
        .conf("ErrorDocument 404 /env\nErrorDocument 410 /full")
        .cgi("/full", "probe", "WasmArg env\nQualifyRedirectURL On")
        .conf("Redirect 410 /gone")
        .start();
    let got = httpd.get("/missing?a=1").expect(404).variables();
    check_variables(
        &got,
        &[
            ("REDIRECT_STATUS", Some("404")),
            ("REDIRECT_URL", Some("/missing")),
            ("REDIRECT_QUERY_STRING", Some("a=1")),
            ("REQUEST_METHOD", Some("GET")),
        ],
    );
    let got = httpd.get("/gone").expect(410).variables();
    let full = got.get("REDIRECT_URL").cloned().unwrap_or_default();
    assert!(
        full.starts_with("http://localhost") && full.ends_with("/gone"),
        "{got:#?}"
    );
}

#[test]
fn cgi_20_odd_names_are_made_safe_and_the_host_does_not_leak() {
    let httpd = setup()
        .module("env")
        .env("LD_LIBRARY_PATH", "/nonexistent")
        .env("TZ", "UTC")
        .env("SECRET", "of the host")
        .conf("SetEnv 1ST x\nSetEnv odd-name y\nSetEnv odd.dot z")
        .start();
    let got = httpd.get("/env").expect(200).variables();
    check_variables(
        &got,
        &[
            ("_ST", Some("x")),
            ("odd_name", Some("y")),
            ("odd_dot", Some("z")),
            ("1ST", None),
            ("odd-name", None),
            ("PATH", None),
            ("LD_LIBRARY_PATH", None),
            ("TZ", None),
            ("SECRET", None),
        ],
    );
}

#[test]
fn without_cgi_the_guest_gets_only_what_is_configured() {
    let httpd = Setup::new()
        .module("env")
        .conf("SetEnv FROM_SETENV x")
        .guest(
            "/off",
            "probe",
            "WasmArg env\nWasmArg --plain\nWasmEnv ONE 1\nWasmEnv TWO \"\"\nWasmEnableCGI Off",
        )
        .guest(
            "/args",
            "probe",
            "WasmArg args\nWasmArg --plain\nWasmArg \"a b\"",
        )
        .start();
    let request = Req::get("/off?q=1").field("X-Some", "thing");
    assert_eq!(httpd.send(&request).expect(200).text(), "ONE=1\nTWO=\n");
    assert_eq!(
        httpd.get("/args?do=env").expect(200).text(),
        "probe.wasm\nargs\n--plain\na b\n"
    );
}
