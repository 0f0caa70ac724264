//! CGI statements 42, 43 and 45 to 47: the body of a response. 44 (streaming): `streaming.rs`.

use suite::{Req, Setup, wait};

const OK: &str = "Content-Type: text/plain\r\n\r\nbody";

#[test]
fn cgi_42_head_runs_the_guest_and_has_the_fields_of_get() {
    let httpd = Setup::new()
        .cgi("/stderr", "probe", "WasmArg stderr")
        .prints("/x", format!("X-From: guest\r\nETag: \"v1\"\r\n{OK}"))
        .announce("WASM0120")
        .start();
    let fields = |request: &Req| {
        let response = httpd.send(request).expect(200);
        let mut fields = response.head.fields;
        // A response without a body has no length to give, and the clock may have moved on.
        fields.retain(|(name, _)| {
            !["Date", "Content-Length", "Transfer-Encoding"].contains(&name.as_str())
        });
        fields
    };
    assert_eq!(fields(&Req::head("/x")), fields(&Req::get("/x")));
    let mut conn = httpd.connect();
    assert_eq!(conn.exchange(&Req::head("/stderr")).expect(200).body, b"");
    assert_eq!(httpd.logged("WASM0120").len(), 1, "the guest must run");
    assert_eq!(conn.exchange(&Req::get("/x")).expect(200).text(), "body");
}

#[test]
fn cgi_42_an_endless_guest_does_not_outlive_a_head_request() {
    let httpd = Setup::new().timeout(300).cgi("/probe", "probe", "").start();
    httpd.send(&Req::head("/probe?do=endless")).expect(200);
    idle(&httpd);
}

/// Waits until no child uses processor time any more.
fn idle(httpd: &suite::Httpd) {
    let window = std::time::Duration::from_millis(300);
    wait::until("the guest's thread to stop", || {
        let before = httpd.cpu_time();
        let used = wait::poll(window, || {
            (httpd.cpu_time() > before + window / 4).then_some(())
        });
        used.is_none()
    });
}

#[test]
fn cgi_43_no_body_with_204_and_304() {
    let httpd = Setup::new()
        .prints("/204", "Status: 204 No Content\r\n\r\nnot to be sent")
        .prints(
            "/304",
            "Status: 304 Not Modified\r\nETag: \"x\"\r\n\r\nnot to be sent",
        )
        .prints("/x", OK)
        .start();
    let mut conn = httpd.connect();
    conn.exchange(&Req::get("/204")).expect(204);
    conn.exchange(&Req::get("/304")).expect(304);
    // A stray body byte would be read as the start of this response.
    assert_eq!(conn.exchange(&Req::get("/x")).expect(200).text(), "body");
}

#[test]
fn cgi_45_bodies_are_binary_safe() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "")
        .guest(
            "/plain",
            "probe",
            "WasmArg gen\nWasmArg n=1000\nWasmArg nul=1\nWasmArg --plain",
        )
        .start();
    let pattern: Vec<u8> = (0..1000).map(|n| (n % 251) as u8).collect();
    assert!(httpd.get("/probe?do=gen&n=1000&nul=1").expect(200).body == pattern);
    assert!(httpd.get("/plain").expect(200).body == pattern);
    let every: Vec<u8> = (0..=255).collect();
    assert!(httpd.post("/probe?do=echo", &every).expect(200).body == every);
}

#[test]
fn cgi_46_byte_ranges() {
    let httpd = Setup::new()
        .prints("/x", "Content-Type: text/plain\r\nETag: \"v1\"\r\n\r\n0123456789")
        .prints(
            "/own",
            "Status: 206 Partial Content\r\nContent-Range: bytes 0-3/10\r\nContent-Type: text/plain\r\n\r\n0123",
        )
        .start();
    let range = |target: &str| {
        httpd
            .send(&Req::get(target).field("Range", "bytes=2-4"))
            .expect(206)
    };
    let by_httpd = range("/x");
    assert_eq!(
        (by_httpd.text().as_str(), by_httpd.header("Content-Range")),
        ("234", Some("bytes 2-4/10"))
    );
    let own = range("/own");
    assert_eq!(
        (own.text().as_str(), own.header("Content-Range")),
        ("0123", Some("bytes 0-3/10"))
    );
}

#[test]
fn cgi_47_output_filters_apply() {
    let mut setup = Setup::new();
    for module in ["filter", "deflate", "include", "substitute", "mime"] {
        setup = setup.module(module);
    }
    let page = "Content-Type: text/html\r\n\r\n<p>old <!--#echo var=\"QUERY_STRING\" --></p>";
    let httpd = setup
        .prints_then(
            "/subst",
            page,
            suite::Then::Return,
            "AddOutputFilterByType SUBSTITUTE text/html\nSubstitute s/old/new/",
        )
        .prints_then(
            "/include",
            page,
            suite::Then::Return,
            "Options +Includes\nSetOutputFilter INCLUDES",
        )
        .prints_then(
            "/deflate",
            // mod_deflate leaves a page of a few bytes alone.
            format!(
                "Content-Type: text/html\r\n\r\n{}",
                "<p>old</p>".repeat(100)
            ),
            suite::Then::Return,
            "SetOutputFilter DEFLATE",
        )
        .prints_then(
            "/by-suffix.shtml",
            page,
            suite::Then::Return,
            "Options +Includes\nAddOutputFilter INCLUDES .shtml",
        )
        .start();
    assert!(httpd.get("/subst").expect(200).text().contains("<p>new "));
    assert!(
        httpd
            .get("/include?q=1")
            .expect(200)
            .text()
            .contains("old q=1</p>")
    );
    let packed = httpd
        .send(&Req::get("/deflate").field("Accept-Encoding", "gzip"))
        .expect(200);
    assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
    assert!(packed.body.starts_with(&[0x1f, 0x8b]));
    assert!(
        httpd
            .get("/by-suffix.shtml?q=2")
            .expect(200)
            .text()
            .contains("old q=2</p>")
    );
}
