//! Which components are served as HTTP, found from what they export; and which are refused before the server starts.

use std::fs;
use suite::wat_component::answering;
use suite::{Probe, Setup, both, paths, probe};

both!(
    the_kind_is_found_from_the_exports,
    a_command_stays_a_command,
    an_entry_point_is_refused
);

/// A component of a version of WASI 0.2 with these exports, at `/x`.
fn made(version: &str, imports: &str, exports: &str) -> Setup {
    Setup::new().wasm("/x", &answering(version, 222, imports, exports), "")
}

fn handler(version: &str) -> String {
    format!("(export \"wasi:http/incoming-handler@{version}\" (instance $handler))")
}

fn the_kind_is_found_from_the_exports(probe: Probe) {
    // No directive says what it is, not even the name of the file.
    let content = fs::read(paths::guest(probe.guest)).unwrap_or_default();
    let httpd = Setup::new().wasm("/p", &content, "").start();
    let line = httpd.logged("WASM0007").concat();
    assert!(
        line.contains(&format!("WASI 0.{} http component", probe.wasi)),
        "{line}"
    );
    httpd.get("/p/unread").expect(200);
}

fn a_command_stays_a_command(probe: Probe) {
    let command = if probe.is_p3() {
        "hello-p3"
    } else {
        "hello-component"
    };
    let httpd = probe.setup("").cgi("/c", command, "").start();
    assert!(httpd.get("/c").expect(200).text().contains("Hello"));
    httpd.get("/p/unread").expect(200);
}

fn an_entry_point_is_refused(probe: Probe) {
    let setup = probe.setup("WasmEntryPoint handle");
    setup
        .check()
        .fails_with(&["WASM0006", "entry point", "handle"]);
}

#[test]
fn every_minor_version_of_0_2_is_served() {
    for version in [
        "0.2.0", "0.2.1", "0.2.2", "0.2.3", "0.2.6", "0.2.9", "0.2.12", "0.2.40",
    ] {
        let setup = made(version, "", &handler(version));
        setup.clone().check().passes();
        let httpd = setup.start();
        let response = httpd.get("/x").expect(222);
        assert_eq!(response.header("Content-Length"), Some("0"), "{version}");
    }
}

#[test]
fn every_minor_version_of_0_3_is_served() {
    let content = fs::read(paths::guest(probe::P3.guest)).unwrap();
    let built = b"@0.3.2";
    assert!(
        content.windows(6).any(|w| w == built),
        "built for another version: adapt this test"
    );
    for minor in [b'0', b'1', b'2', b'3', b'9'] {
        let mut content = content.clone();
        while let Some(at) = content.windows(6).position(|w| w == built && minor != b'2') {
            content[at + 5] = minor;
        }
        let httpd = Setup::new().wasm("/p", &content, "").start();
        assert_eq!(httpd.get("/p/unread").expect(200).text(), "not read\n");
        assert_eq!(
            httpd.post("/p/echo", b"a body").expect(200).text(),
            "a body"
        );
    }
}

#[test]
fn a_handler_of_http_wins_over_a_command() {
    let exports = format!(
        "{}\n(export \"wasi:cli/run@0.2.0\" (instance $command))",
        handler("0.2.0")
    );
    let httpd = made("0.2.0", "", &exports).start();
    let line = httpd.logged("WASM0007").concat();
    assert!(line.contains("WASI 0.2 http component"), "{line}");
    httpd.get("/x").expect(222);
}

/// Of both versions the newer one is meant (`guests.rs`, `guests_http.rs`); but what came before the release of 0.3 runs nowhere, so
/// it takes nothing from what runs.
#[test]
fn a_handler_that_nobody_runs_is_meant_only_if_it_is_alone() {
    let candidate = "(export \"wasi:http/handler@0.3.0-rc-2025-09-16\" (instance $command))";
    let both = format!("{}\n{candidate}", handler("0.2.3"));
    made("0.2.3", "", &both).start().get("/x").expect(222);
    let alone = made("0.2.3", "", candidate);
    alone.check().fails_with(&["WASM0006", "x.wasm"]);
}

#[test]
fn an_import_that_nobody_provides_is_named() {
    for (import, name) in [
        (
            "(import \"acme:store/kv@1.2.3\" (instance (export \"get\" (func (result u32)))))",
            "acme:store/kv@1.2.3",
        ),
        (
            "(import \"wasi:clocks/monotonic-clock@0.2.0\" (instance (export \"tick\" (func (result u64)))))",
            "tick",
        ),
        (
            "(import \"wasi:http/types@0.3.0-rc-2025-09-16\" (instance (export \"f\" (func (result u64)))))",
            "wasi:http/types@0.3.0-rc-2025-09-16",
        ),
        (
            "(import \"wasi:http/types@0.4.0\" (instance (export \"f\" (func (result u64)))))",
            "wasi:http/types@0.4.0",
        ),
        // Not stable, and so not provided.
        (
            "(import \"wasi:http/types@0.2.1\" (instance (export \"response-outparam\" (type $o (sub resource))) \
             (export \"[method]response-outparam.send-informational\" (func (param \"self\" (borrow $o))))))",
            "send-informational",
        ),
    ] {
        let setup = made("0.2.0", import, &handler("0.2.0"));
        setup
            .clone()
            .check()
            .fails_with(&["WASM0006", "x.wasm", name]);
        let said = setup.must_fail_to_start();
        assert!(said.contains("WASM0006") && said.contains(name), "{said}");
    }
}

#[test]
fn a_component_that_exports_neither_is_refused() {
    made(
        "0.2.0",
        "",
        "(export \"acme:web/serve@1.0.0\" (instance $handler))",
    )
    .check()
    .fails_with(&["WASM0006", "acme:web/serve@1.0.0", "wasi:http"]);
    made(
        "0.2.0",
        "",
        "(export \"wasi:http/incoming-handler@0.4.0\" (instance $handler))",
    )
    .check()
    .fails_with(&["WASM0006", "wasi:http/incoming-handler@0.4.0"]);
}

#[test]
fn a_handler_of_the_wrong_type_is_refused() {
    made(
        "0.2.0",
        "",
        "(export \"wasi:http/incoming-handler@0.2.0\" (instance $command))",
    )
    .check()
    .fails_with(&["WASM0006", "x.wasm"]);
}
