//! wasi:http, what the operator knows of the client and hands on by httpd's own means: user, address, TLS. A client can forge none
//! of it.
//!
//! These are the recipes of docs/wasi-http.md, as they stand there.

use suite::{Httpd, Probe, Req, Setup, after, both, check_lines, host};

both!(
    the_user_that_httpd_has_authenticated,
    a_client_cannot_forge_what_is_set,
    a_trailer_is_no_header_field,
    what_is_only_unset_is_gone,
    the_password_can_be_kept_from_the_guest,
    data_of_the_tls_connection,
);

/// The recipe: who the client is, for a guest behind Basic authentication.
const IDENTITY: &str = "RequestHeader set X-Remote-User \"expr=%{REMOTE_USER}\"\n\
     RequestHeader set X-Remote-Addr \"expr=%{REMOTE_ADDR}\"\n";

const BASIC: &str =
    "AuthType Basic\nAuthName test\nAuthUserFile ${ROOT}/conf/users\nRequire valid-user\n";

/// `user` with the password `secret`.
const USERS: &str = "user:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";

/// `user:secret`.
const CREDENTIALS: &str = "Basic dXNlcjpzZWNyZXQ=";

fn authenticating(probe: Probe, lines: &str) -> Setup {
    let modules = [
        "headers",
        "authn_core",
        "authn_file",
        "auth_basic",
        "authz_user",
    ];
    let setup = probe.setup(&format!("{BASIC}{IDENTITY}{lines}"));
    modules
        .into_iter()
        .fold(setup, Setup::module)
        .file("conf/users", USERS)
}

fn report(httpd: &Httpd, fields: &[(&str, &str)]) -> String {
    let request = fields
        .iter()
        .fold(Req::get("/p/report"), |request, (name, value)| {
            request.field(name, value)
        });
    httpd.send(&request).expect(200).text()
}

fn the_user_that_httpd_has_authenticated(probe: Probe) {
    let httpd = authenticating(probe, "").start();
    httpd.get("/p/report").expect(401);
    let text = report(&httpd, &[("Authorization", CREDENTIALS)]);
    check_lines(
        &text,
        &[
            "field=x-remote-user: user",
            "field=x-remote-addr: 127.0.0.1",
        ],
    );
}

fn a_client_cannot_forge_what_is_set(probe: Probe) {
    let httpd = authenticating(probe, "").start();
    let text = report(
        &httpd,
        &[
            ("X-Remote-User", "root"),
            ("x-remote-user", "admin"),
            ("Authorization", CREDENTIALS),
            ("X-REMOTE-ADDR", "192.0.2.1"),
            // Nor take it out again.
            ("Connection", "keep-alive, X-Remote-User"),
        ],
    );
    assert_eq!(after(&text, "field=x-remote-user: "), ["user"], "{text}");
    assert_eq!(
        after(&text, "field=x-remote-addr: "),
        ["127.0.0.1"],
        "{text}"
    );
    // Where nobody is authenticated the field says so, whatever the client says.
    let open = probe.setup(IDENTITY).module("headers").start();
    let text = report(&open, &[("X-Remote-User", "root")]);
    assert_eq!(after(&text, "field=x-remote-user: "), [""], "{text}");
    assert!(!text.contains("root"), "{text}");
}

fn a_trailer_is_no_header_field(probe: Probe) {
    let httpd = probe.setup(IDENTITY).module("headers").start();
    let mut conn = httpd.connect();
    conn.send(
        "POST /p/report HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\nX-Remote-User: root\r\nContent-Length: 7\r\nHost: evil.example\r\n\r\n",
    );
    let text = conn.response("POST").expect(200).text();
    assert_eq!(after(&text, "field=x-remote-user: "), [""], "{text}");
    assert_eq!(after(&text, "trailer="), ["x-remote-user: root"], "{text}");
}

fn what_is_only_unset_is_gone(probe: Probe) {
    let httpd = probe
        .setup("RequestHeader unset X-Remote-User")
        .module("headers")
        .start();
    let text = report(&httpd, &[("X-Remote-User", "root"), ("X-Other", "1")]);
    assert!(!text.contains("x-remote-user"), "{text}");
    check_lines(&text, &["field=x-other: 1"]);
}

fn the_password_can_be_kept_from_the_guest(probe: Probe) {
    let httpd = authenticating(probe, "RequestHeader unset Authorization").start();
    let text = report(&httpd, &[("Authorization", CREDENTIALS)]);
    assert!(!text.contains("authorization"), "{text}");
    check_lines(&text, &["field=x-remote-user: user"]);
}

fn data_of_the_tls_connection(probe: Probe) {
    let httpd = probe
        .setup(
            "RequestHeader set X-TLS-Protocol \"expr=%{SSL_PROTOCOL}\"\n\
             RequestHeader set X-TLS-Cipher \"expr=%{SSL_CIPHER}\"\n\
             RequestHeader set X-TLS-Client \"expr=%{SSL_CLIENT_VERIFY}\"",
        )
        .module("headers")
        .tls()
        .start();
    let url = format!("https://localhost:{}/p/report", httpd.port());
    let text = host::run_ok(
        "curl",
        [
            "-sSk",
            "--http1.1",
            "--max-time",
            "60",
            "-H",
            "X-TLS-Client: SUCCESS",
            &url,
        ],
    );
    check_lines(&text, &["scheme=https", "field=x-tls-client: NONE"]);
    let protocol = after(&text, "field=x-tls-protocol: ").concat();
    assert!(protocol.starts_with("TLSv1."), "{text}");
    let cipher = after(&text, "field=x-tls-cipher: ").concat();
    assert!(!cipher.is_empty() && cipher != "NULL", "{text}");
}
