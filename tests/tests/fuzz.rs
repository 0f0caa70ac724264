//! Random CGI heads through a running httpd: it always answers well-formed HTTP or closes, never hangs, and its children live.
//!
//! Runs for `MODWASM_FUZZ_SECONDS` (10). A failure prints the smallest head that shows it.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::time::{Duration, Instant};
use suite::{Httpd, Req, Setup, paths};

/// Field names that httpd or the module treat in their own way, and some that nobody knows.
const NAMES: [&str; 18] = [
    "Content-Type",
    "content-type",
    "Status",
    "Location",
    "Content-Length",
    "Transfer-Encoding",
    "Last-Modified",
    "ETag",
    "Set-Cookie",
    "Connection",
    "Content-Range",
    "Content-Encoding",
    "Trailer",
    "Date",
    "X-Any",
    "With Space",
    "",
    "Odd\u{e9}",
];

const VALUES: [&str; 20] = [
    "text/plain",
    "200 OK",
    "404",
    "304 Not Modified",
    "204",
    "101 Switching Protocols",
    "103",
    "abc",
    "999999999999",
    "/probe?do=count",
    "/nowhere",
    "http://example.org/",
    "//",
    "5",
    "chunked",
    "close",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "\"tag\"",
    "bytes 0-3/10",
    "",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let name = proptest::sample::select(NAMES.to_vec()).prop_map(|name| name.as_bytes().to_vec());
    let known =
        proptest::sample::select(VALUES.to_vec()).prop_map(|value| value.as_bytes().to_vec());
    let value =
        prop_oneof![6 => known, 1 => vec(any::<u8>(), 0..40), 1 => vec(Just(b'a'), 8150..8230)];
    let colon = proptest::sample::select(vec![": ", ":", " :", "", ":\t"]);
    let end = prop_oneof![8 => Just("\r\n"), 4 => Just("\n"), 1 => Just("\r"), 1 => Just(""), 1 => Just("\0\r\n")];
    (name, colon, value, end)
        .prop_map(|(name, colon, value, end)| [name, colon.into(), value, end.into()].concat())
}

fn output() -> impl Strategy<Value = Vec<u8>> {
    let separator = prop_oneof![6 => Just("\r\n"), 3 => Just("\n"), 1 => Just("")];
    let structured = (vec(line(), 0..6), separator, vec(any::<u8>(), 0..200))
        .prop_map(|(lines, separator, body)| [lines.concat(), separator.into(), body].concat());
    prop_oneof![9 => structured, 1 => vec(any::<u8>(), 0..300)]
}

/// One exchange, and if the connection stays open another one, which must not be disturbed by the first.
fn exchange(httpd: &Httpd, output: &[u8]) -> Result<(), TestCaseError> {
    let mut conn = httpd.connect();
    conn.send(Req::post("/probe?do=raw", output).bytes());
    let first = conn.try_response("POST").map_err(TestCaseError::fail)?;
    let Some(first) = first else { return Ok(()) };
    let closes = first
        .head
        .all("Connection")
        .iter()
        .any(|value| value.eq_ignore_ascii_case("close"));
    if closes || !first.complete || first.head.version != "HTTP/1.1" || first.status() == 101 {
        return Ok(());
    }
    let asked = conn.try_send(&Req::get("/probe?do=count").bytes());
    let second = conn.try_response("GET").map_err(TestCaseError::fail)?;
    match second {
        // httpd may close an idle connection at any time, which is not a wrong answer.
        None => Ok(()),
        Some(second) if asked.is_ok() && second.text() == "bytes=0 fnv1a=cbf29ce484222325\n" => {
            Ok(())
        }
        Some(second) => Err(TestCaseError::fail(format!(
            "the next response is disturbed: {second:?}"
        ))),
    }
}

#[test]
fn random_heads_are_answered_or_refused() {
    let httpd = Setup::new()
        .cgi("/probe", "probe", "")
        .tolerate("[wasm:")
        .tolerate("[core:error]")
        .tolerate("[http:error]")
        .tolerate("[http:warn]")
        .tolerate("[core:warn]")
        .tolerate("[cgi:error]")
        .start();
    let before = httpd.child_pids();
    let end =
        Instant::now() + Duration::from_secs(paths::number_from_env("MODWASM_FUZZ_SECONDS", 10));
    let mut cases = 0;
    while Instant::now() < end {
        let config = Config {
            cases: 100,
            failure_persistence: None,
            max_shrink_iters: 2000,
            ..Config::default()
        };
        let result = TestRunner::new(config).run(&output(), |output| exchange(&httpd, &output));
        if let Err(failure) = result {
            panic!("after {cases} cases: {failure}");
        }
        cases += 100;
    }
    httpd.assert_same_children(&before);
    assert_eq!(httpd.logged("WASM0116"), [""; 0], "our own code panicked");
    suite::host::report_figures(&format!("{cases} random heads"));
}
