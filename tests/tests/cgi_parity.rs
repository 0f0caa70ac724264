//! What the people of httpd ask of mod_cgi and mod_cgid in their own tests, and no other file here asks of a guest: ranges beyond the
//! first, redirects that lead nowhere, fields that are no fields, odd paths, and much on standard error.

use std::io::Write as _;
use std::thread;
use suite::{Httpd, Req, Response, Setup, check_variables};

const OK: &str = "Content-Type: text/plain\r\n\r\nbody";

fn ranged(httpd: &Httpd, target: &str, range: &str) -> Response {
    httpd.send(&Req::get(target).field("Range", range))
}

#[test]
fn cgi_46_ranges_of_every_form() {
    let httpd = Setup::new()
        .prints(
            "/x",
            "Content-Type: text/plain\r\nETag: \"v1\"\r\n\r\n0123456789",
        )
        .start();
    for (range, content, bytes) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let part = ranged(&httpd, "/x", range).expect(206);
        assert_eq!(
            (part.text().as_str(), part.header("Content-Range")),
            (content, Some(bytes)),
            "{range}"
        );
    }
    let several = ranged(&httpd, "/x", "bytes=0-1,8-9").expect(206);
    let kind = several.header("Content-Type").unwrap_or_default();
    assert!(
        kind.starts_with("multipart/byteranges; boundary="),
        "{kind}"
    );
    let text = several.text();
    for part in [
        "Content-type: text/plain\r\nContent-range: bytes 0-1/10\r\n\r\n01",
        "Content-type: text/plain\r\nContent-range: bytes 8-9/10\r\n\r\n89",
    ] {
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{text}");
    }
    ranged(&httpd, "/x", "bytes=10-").expect(416);
    assert_eq!(
        ranged(&httpd, "/x", "lines=1-2").expect(200).text(),
        "0123456789"
    );
    let if_range = |tag: &str| {
        httpd.send(
            &Req::get("/x")
                .field("Range", "bytes=0-1")
                .field("If-Range", tag),
        )
    };
    assert_eq!(if_range("\"v1\"").expect(206).text(), "01");
    assert_eq!(if_range("\"v2\"").expect(200).text(), "0123456789");
}

#[test]
fn cgi_46_a_range_of_a_long_response_is_that_range_or_all_of_it() {
    let httpd = Setup::new().cgi("/probe", "probe", "").start();
    let all: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let part = ranged(
        &httpd,
        "/probe?do=gen&n=3000000&nul=1",
        "bytes=1000000-1000099",
    );
    // httpd cuts ranges out of what it holds at once, and a response that streams it does not hold.
    match part.status() {
        200 => assert!(part.body == all),
        status => assert!(status == 206 && part.body == all[1_000_000..=1_000_099]),
    }
    assert!(part.complete);
}

#[test]
fn cgi_32_redirects_that_lead_nowhere() {
    let httpd = Setup::new()
        .prints("/loop", "Location: /loop\r\n\r\n")
        .prints("/ping", "Location: /pong\r\n\r\n")
        .prints("/pong", "Location: /ping\r\n\r\n")
        .prints("/gone", "Location: /no/such/page\r\n\r\n")
        .prints(
            "/empty",
            "Location:\r\nContent-Type: text/plain\r\n\r\nbody",
        )
        .prints("/relative", "Location: beside\r\n\r\n")
        .prints("/x", OK)
        .announce("AH00124")
        .start();
    let before = httpd.child_pids();
    httpd.get("/loop").expect(500);
    httpd.get("/ping").expect(500);
    assert_eq!(httpd.logged("AH00124").len(), 2);
    httpd.get("/gone").expect(404);
    // Neither a path nor a URL: for the client to make sense of, as with mod_cgi.
    let relative = httpd.get("/relative").expect(302);
    assert!(
        relative
            .header("Location")
            .is_some_and(|to| to.ends_with("beside")),
        "{:?}",
        relative.head
    );
    assert!([200, 302].contains(&httpd.get("/empty").status()));
    assert_eq!(httpd.get("/x").expect(200).text(), "body");
    httpd.assert_same_children(&before);
}

#[test]
fn cgi_37_fields_that_are_none_do_not_reach_the_client() {
    let bad: [&[u8]; 6] = [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbody",
        b": no name\r\nContent-Type: text/plain\r\n\r\nbody",
        b"Two Words: x\r\nContent-Type: text/plain\r\n\r\nbody",
        b"X-Control: a\x01b\r\nContent-Type: text/plain\r\n\r\nbody",
        b"X-Nul: a\0b\r\nContent-Type: text/plain\r\n\r\nbody",
        b"\x89PNG\r\n\x1a\n\0\0",
    ];
    let bare = b"X-Bare: a\rX-Smuggled: b\r\nContent-Type: text/plain\r\n\r\nbody";
    let mut setup = Setup::new()
        .prints("/x", OK)
        .prints("/bare", bare)
        .tolerate("malformed header")
        .tolerate("WASM0110");
    for (n, output) in bad.iter().enumerate() {
        setup = setup.prints(&format!("/{n}"), output);
    }
    let httpd = setup.start();
    for n in 0..bad.len() {
        let page = httpd.get(&format!("/{n}")).expect(500).text();
        assert!(!page.ends_with("body"), "{n}: {page}");
    }
    // Some are refused by us, some by httpd's own filter, which says which field it was.
    assert_eq!(httpd.logged("WASM0110").len(), bad.len());
    for words in ["AH02428", "'Two Words'", "'X-Control'"] {
        httpd.expect_log(words);
    }
    // A CR by itself ends no line, so it begins no field either.
    let bare = httpd.get("/bare");
    assert_eq!(bare.header("X-Smuggled"), None, "{:?}", bare.head);
    assert_eq!(httpd.get("/x").expect(200).text(), "body");
}

#[test]
fn cgi_34_a_hundred_fields_arrive() {
    let mut head = String::new();
    for n in 0..100 {
        head.push_str(&format!("X-Field-{n}: {}\r\n", "v".repeat(n)));
    }
    let httpd = Setup::new().prints("/x", format!("{head}{OK}")).start();
    let response = httpd.get("/x").expect(200);
    for n in 0..100 {
        let value = response.header(&format!("X-Field-{n}"));
        assert_eq!(value.map(str::len), Some(n));
    }
    assert_eq!(response.text(), "body");
}

#[test]
fn cgi_08_odd_paths() {
    let httpd = Setup::new()
        .conf("AllowEncodedSlashes On")
        .cgi("/env", "probe", "WasmArg env")
        .start();
    for (target, path_info) in [
        ("/env/", Some("/")),
        ("/env//a///b", Some("/a/b")),
        ("/env/a/./b/../c", Some("/a/c")),
        ("/env/a%2Fb", Some("/a/b")),
        ("/env/%C3%A4%20%25", Some("/ä %")),
        ("/env/a;b=c", Some("/a;b=c")),
        ("/env?/a/b", None),
    ] {
        let variables = httpd.get(target).expect(200).variables();
        check_variables(
            &variables,
            &[("SCRIPT_NAME", Some("/env")), ("PATH_INFO", path_info)],
        );
    }
}

#[test]
fn cgi_51_much_on_standard_error_holds_nobody_up() {
    let talks = "for (let n = 0; n < 5000; n++) log('x'.repeat(100));\n";
    let script = format!(
        "{talks}print('Content-Type: text/plain\\r\\n\\r\\n');\n{talks}print(read());\n{talks}print('the end\\n');\n{talks}"
    );
    let httpd = Setup::new()
        .file("s/talks.js", script)
        .file("s/only.js", "log('nothing to answer');\n")
        .cgi(
            "/talks",
            "script-js",
            "WasmMapDir /s ${ROOT}/s\nWasmArg /s/talks.js",
        )
        .cgi(
            "/only",
            "script-js",
            "WasmMapDir /s ${ROOT}/s\nWasmArg /s/only.js",
        )
        .tolerate("WASM0120")
        .tolerate("WASM0110")
        .announce("WASM0121")
        .start();
    // Both directions at once, each more than any buffer on the way holds.
    let body = "y".repeat(2 << 20);
    let mut conn = httpd.connect();
    let mut sender = conn.sender();
    let bytes = Req::post("/talks", body.as_bytes()).bytes();
    thread::scope(|scope| {
        scope.spawn(move || sender.write_all(&bytes).unwrap());
        let response = conn.response("POST").expect(200);
        assert!(response.text() == format!("{body}the end\n"));
    });
    httpd.get("/only").expect(500);
    httpd.expect_log("nothing to answer");
    httpd.expect_log("End of script output before headers");
}
