//! wasi:http, trailers of a response, over chunked HTTP/1.1 and HTTP/2.

use suite::{H2, Probe, Req, both};

both!(
    trailers_over_chunked,
    trailers_pass_filters,
    trailers_need_a_chunked_body,
    a_body_that_is_not_chunked_is_left_alone,
    trailers_over_http_2,
    a_trailer_that_is_forbidden_is_refused,
);

fn trailers_over_chunked(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    let target = "/p/trailers?h=Trailer:+X-Sum&t=X-Sum:+7&t=X-More:+a+b&t=X-More:+c";
    let request = Req::get(target).field("TE", "trailers");
    let response = conn.exchange(&request).expect(200);
    assert_eq!(response.text(), "with trailers\n");
    assert_eq!(response.header("Transfer-Encoding"), Some("chunked"));
    let trailers: Vec<(String, &str)> = response
        .trailers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .collect();
    assert_eq!(
        trailers,
        [
            ("x-sum".to_owned(), "7"),
            ("x-more".to_owned(), "a b"),
            ("x-more".to_owned(), "c")
        ]
    );
    // They are no header fields, and the connection is sound.
    assert_eq!(response.header("X-Sum"), None);
    assert_eq!(
        conn.exchange(&Req::get("/p/unread")).expect(200).text(),
        "not read\n"
    );
}

fn trailers_pass_filters(probe: Probe) {
    let httpd = probe
        .setup("SetOutputFilter DEFLATE")
        .module("filter")
        .module("deflate")
        .start();
    let request = Req::get("/p/trailers?t=X-Sum:+7")
        .field("TE", "trailers")
        .field("Accept-Encoding", "gzip");
    let response = httpd.send(&request).expect(200);
    assert_eq!(response.header("Content-Encoding"), Some("gzip"));
    assert_eq!(response.trailers.len(), 1, "{:?}", response.trailers);
}

fn trailers_need_a_chunked_body(probe: Probe) {
    let httpd = probe.setup("").start();
    let mut conn = httpd.connect();
    let target = "/p/trailers?h=Content-Length:+14&t=X-Sum:+7";
    let response = conn.exchange(&Req::get(target)).expect(200);
    assert_eq!(response.text(), "with trailers\n");
    assert_eq!(
        conn.exchange(&Req::get("/p/unread")).expect(200).text(),
        "not read\n"
    );
    conn.send("GET /p/trailers?t=X-Sum:+7 HTTP/1.0\r\n\r\n");
    let response = conn.response("GET").expect(200);
    assert_eq!(
        (response.text().as_str(), response.trailers.len()),
        ("with trailers\n", 0)
    );
    let response = httpd.send(&Req::head("/p/trailers?t=X-Sum:+7")).expect(200);
    assert!(response.trailers.is_empty());
}

fn a_body_that_is_not_chunked_is_left_alone(probe: Probe) {
    // All output reaches httpd's last filters at once, with its end.
    let httpd = probe
        .setup("SetOutputFilter late")
        .module("ext_filter")
        .conf("ExtFilterDefine late mode=output cmd=\"/bin/sh -c 'sleep 1; cat'\"")
        .start();
    // A client that is owed a 100 Continue can not go on, so httpd closes and needs no chunks.
    let mut conn = httpd.connect();
    conn.send(
        "POST /p/trailers?b=0%0D%0A%0D%0A&t=X-Sum:+7 HTTP/1.1\r\nHost: localhost\r\n\
         Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    );
    let response = conn.response("POST").expect(200);
    assert_eq!(response.header("Transfer-Encoding"), None);
    assert_eq!(response.text(), "0\r\n\r\n");
    assert!(conn.is_closed());
}

fn trailers_over_http_2(probe: Probe) {
    let Some(setup) = probe.setup("").h2c() else {
        return;
    };
    let httpd = setup.start();
    let client = H2::connect(httpd.port());
    for _ in 0..3 {
        let mut stream = client.open("GET", "/p/trailers?t=X-Sum:+7&t=X-More:+a", &[], true);
        assert_eq!(stream.head().0, 200);
        assert_eq!(stream.body(), b"with trailers\n");
        let trailers = stream.trailers();
        assert!(
            trailers.contains(&("x-sum".to_owned(), "7".to_owned())),
            "{trailers:?}"
        );
        assert!(
            trailers.contains(&("x-more".to_owned(), "a".to_owned())),
            "{trailers:?}"
        );
    }
}

fn a_trailer_that_is_forbidden_is_refused(probe: Probe) {
    let httpd = probe
        .setup("")
        .tolerate("WASM0120")
        .tolerate("WASM0122")
        .tolerate("WASM0123")
        .start();
    for field in ["Transfer-Encoding:+chunked", "Host:+x", "Connection:+close"] {
        let response = httpd.get(&format!("/p/trailers?t={field}"));
        assert_eq!(response.status(), 500, "{field}");
    }
}
