//! wasi:sockets for an HTTP component: the list of WasmAllowOutbound governs them too, by address alone. Nothing listens, and names
//! are looked up only where sockets are granted at all.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;
use suite::{Httpd, Probe, both, check_lines};

both!(
    no_socket_without_a_grant,
    a_grant_of_http_is_none_of_sockets,
    a_granted_address_is_reached,
    a_datagram_to_a_granted_address,
    wildcards_do_not_cover_loopback,
    nothing_listens,
    names_are_not_looked_up_without_a_grant,
);

/// A server that sends back what it gets, once, and its port.
fn echo() -> u16 {
    let Ok(listener) = TcpListener::bind("127.0.0.1:0") else {
        return 0;
    };
    let port = listener.local_addr().map_or(0, |address| address.port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut said = [0; 1024];
            if let Ok(n) = stream.read(&mut said) {
                let _ = stream.write_all(said.get(..n).unwrap_or_default());
            }
        }
    });
    port
}

fn ask(httpd: &Httpd, target: &str) -> String {
    httpd.get(target).expect(200).text()
}

/// The guest is refused, and the log names the directive.
#[track_caller]
fn denied(httpd: &Httpd, target: &str, directive: &str) {
    assert_eq!(ask(httpd, target), "error=AccessDenied\n", "{target}");
    httpd.expect_log("WASM0125");
    let line = httpd.logged("WASM0125").pop().unwrap_or_default();
    assert!(line.contains(directive), "{directive}: {line}");
}

fn no_socket_without_a_grant(probe: Probe) {
    let port = echo();
    let httpd = probe.setup("").start();
    assert_eq!(
        ask(&httpd, &format!("/p/tcp?addr=127.0.0.1:{port}")),
        "error=AccessDenied\n"
    );
    assert_eq!(
        ask(&httpd, &format!("/p/udp?addr=127.0.0.1:{port}")),
        "error=AccessDenied\n"
    );
}

fn a_grant_of_http_is_none_of_sockets(probe: Probe) {
    let port = echo();
    let httpd = probe
        .setup(&format!(
            "WasmAllowOutbound 127.0.0.1:{port} udp://127.0.0.1:{port}"
        ))
        .start();
    assert_eq!(
        ask(&httpd, &format!("/p/tcp?addr=127.0.0.1:{port}")),
        "error=AccessDenied\n"
    );
}

fn a_granted_address_is_reached(probe: Probe) {
    let (one, two) = (echo(), echo());
    for pattern in [
        format!("tcp://127.0.0.1:{one}"),
        format!("tcp://localhost:{one}"),
        format!("tcp://127.0.0.0/8:{one}"),
    ] {
        let httpd = probe.setup(&format!("WasmAllowOutbound {pattern}")).start();
        let text = ask(&httpd, &format!("/p/tcp?addr=127.0.0.1:{one}&send=hello"));
        check_lines(&text, &["connected", "hello"]);
        denied(&httpd, &format!("/p/tcp?addr=127.0.0.1:{two}"), "tcp://");
    }
}

fn a_datagram_to_a_granted_address(probe: Probe) {
    let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else {
        return;
    };
    assert!(
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .is_ok()
    );
    let port = socket.local_addr().map_or(0, |address| address.port());
    let httpd = probe
        .setup(&format!("WasmAllowOutbound udp://127.0.0.1:{port}"))
        .start();
    let text = ask(&httpd, &format!("/p/udp?addr=127.0.0.1:{port}&send=hello"));
    assert_eq!(text, "sent 1\n");
    let mut got = [0; 16];
    assert_eq!(socket.recv(&mut got).ok(), Some(5));
    assert_eq!(got.get(..5), Some(&b"hello"[..]));
}

fn wildcards_do_not_cover_loopback(probe: Probe) {
    let port = echo();
    let httpd = probe.setup("WasmAllowOutbound tcp://*:* udp://*:*").start();
    denied(
        &httpd,
        &format!("/p/tcp?addr=127.0.0.1:{port}"),
        "tcp://127.0.0.1",
    );
    denied(
        &httpd,
        &format!("/p/udp?addr=127.0.0.1:{port}"),
        "udp://127.0.0.1",
    );
}

fn nothing_listens(probe: Probe) {
    let httpd = probe
        .setup("WasmAllowOutbound tcp://127.0.0.0/8:* udp://127.0.0.0/8:*")
        .tolerate("WASM0125")
        .start();
    for at in ["127.0.0.1:0", "0.0.0.0:0", "127.0.0.1:8080"] {
        let text = ask(&httpd, &format!("/p/listen?addr={at}"));
        assert_eq!(text, "error=AccessDenied\n", "{at}");
    }
}

fn names_are_not_looked_up_without_a_grant(probe: Probe) {
    for lines in ["", "WasmAllowOutbound http://localhost:81"] {
        let httpd = probe.setup(lines).tolerate("WASM0125").start();
        let text = ask(&httpd, "/p/resolve?name=localhost");
        assert_eq!(text, "error=PermanentResolverFailure\n", "{lines}");
    }
    let httpd = probe.setup("WasmAllowOutbound tcp://localhost:81").start();
    let text = ask(&httpd, "/p/resolve?name=localhost");
    assert!(
        text.contains("address=127.0.0.1\n") || text.contains("address=::1\n"),
        "{text}"
    );
}
