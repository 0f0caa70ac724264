//! Where requests may go: the name, the addresses it resolves to, and nothing that leads around both.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use common::{Server, client, empty, fetch, full, get, ok, send, session};
use http::{Request, StatusCode};
use outbound::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn hello() -> Server {
    Server::http(|_| async { ok(full("hello")) }).await
}

fn denial(result: Result<String, Error>) -> String {
    match result {
        Err(Error::Denied(text)) => text,
        other => panic!("not denied: {other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_granted_by_nothing() {
    let uri = "https://api.example.com/x?secret";
    let expected = "https://api.example.com is not granted; WasmAllowOutbound https://api.example.com would allow it";
    assert_eq!(denial(fetch(&client(), &session(&[]), uri).await), expected);
    // The same without sending anything.
    let denied = Error::Denied(expected.to_owned());
    assert_eq!(session(&[]).check(&uri.parse().unwrap()), Err(denied));
    assert_eq!(session(&["https://*"]).check(&uri.parse().unwrap()), Ok(()));
}

#[tokio::test]
async fn another_scheme_host_or_port_is_denied_before_it_is_resolved() {
    let client = client().with_resolver(|host| panic!("{host} was resolved"));
    let session = session(&["https://api.example.com", "tcp://93.184.215.14:80"]);
    for uri in [
        "http://api.example.com/",
        "https://api.example.com:8443/",
        "https://www.example.com/",
        "https://example.com/",
        "http://93.184.215.14/",
        "https://93.184.215.14/",
    ] {
        denial(fetch(&client, &session, uri).await);
    }
}

#[tokio::test]
async fn any_host_does_not_mean_loopback() {
    let server = hello().await;
    let any = format!("http://*:{}", server.port);
    let uri = format!("http://localhost:{}/", server.port);
    let text = denial(fetch(&client(), &session(&[&any]), &uri).await);
    assert!(text.starts_with(&uri[..uri.len() - 1]), "{text}");
    assert!(
        text.contains(&format!(":{} would allow it", server.port)),
        "{text}"
    );
    assert!(
        text.contains("127.0.0.1") || text.contains("[::1]"),
        "{text}"
    );
    denial(fetch(&client(), &session(&[&any]), &server.uri("/")).await);
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn localhost_names_loopback() {
    let server = hello().await;
    let uri = format!("http://localhost:{}", server.port);
    assert_eq!(
        fetch(&client(), &session(&[&uri]), &uri).await.unwrap(),
        "hello"
    );
    let shouted = format!("HTTP://LocalHost.:{}", server.port);
    assert_eq!(
        fetch(&client(), &session(&[&uri]), &shouted).await.unwrap(),
        "hello"
    );
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn an_address_names_itself_however_it_is_embedded() {
    let server = hello().await;
    let session = server.session();
    assert_eq!(
        fetch(&client(), &session, &server.uri("/")).await.unwrap(),
        "hello"
    );
    let mapped = format!("http://[::ffff:127.0.0.1]:{}/", server.port);
    assert_eq!(fetch(&client(), &session, &mapped).await.unwrap(), "hello");
    let other = format!("http://127.0.0.2:{}/", server.port);
    denial(fetch(&client(), &session, &other).await);
}

#[tokio::test]
async fn a_name_in_other_hands_leads_nowhere_private() {
    let server = hello().await;
    let answers = Arc::new(AtomicUsize::new(0));
    let count = answers.clone();
    let client = client().with_resolver(move |host| {
        assert_eq!(host, "rebind.example.com");
        count.fetch_add(1, Ordering::SeqCst);
        Ok(vec![
            LOOPBACK,
            "10.0.0.5".parse().unwrap(),
            "169.254.169.254".parse().unwrap(),
            "::ffff:127.0.0.1".parse().unwrap(),
            "64:ff9b::7f00:1".parse().unwrap(),
        ])
    });
    let named = format!("http://rebind.example.com:{}", server.port);
    let text = denial(fetch(&client, &session(&[&named]), &named).await);
    assert_eq!(
        text,
        format!(
            "{named} is granted, but not its address 127.0.0.1; \
             WasmAllowOutbound http://127.0.0.1:{} would allow it",
            server.port
        )
    );
    assert_eq!(server.accepted(), 0);
    assert_eq!(answers.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn only_the_judged_addresses_are_dialled() {
    // The first answer is the one that counts; a second question would get the server's real address.
    let server = hello().await;
    let answers = Arc::new(AtomicUsize::new(0));
    let count = answers.clone();
    let client = client().with_resolver(move |_| {
        Ok(match count.fetch_add(1, Ordering::SeqCst) {
            0 => vec!["127.0.0.9".parse().unwrap(), "10.0.0.1".parse().unwrap()],
            _ => vec![LOOPBACK],
        })
    });
    let named = format!("http://site.example.com:{}", server.port);
    let address = format!("http://127.0.0.9:{}", server.port);
    let session = session(&[&named, &address]);
    assert_eq!(
        fetch(&client, &session, &named).await,
        Err(Error::ConnectionRefused)
    );
    assert_eq!((server.accepted(), answers.load(Ordering::SeqCst)), (0, 1));
    // The next answer is judged anew, and refused.
    let text = denial(fetch(&client, &session, &named).await);
    assert!(text.contains("not its address 127.0.0.1"), "{text}");
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn of_several_addresses_one_that_answers_is_found() {
    let server = hello().await;
    let client = client().with_resolver(|_| Ok(vec![IpAddr::V6(Ipv6Addr::LOCALHOST), LOOPBACK]));
    let named = format!("http://site.example.com:{}", server.port);
    let session = session(&[&named, &format!("http://localhost:{}", server.port)]);
    assert_eq!(fetch(&client, &session, &named).await.unwrap(), "hello");
}

#[tokio::test]
async fn what_a_resolver_says_is_told() {
    let client = client().with_resolver(|host| match host {
        "empty.example.com" => Ok(Vec::new()),
        _ => Err(io::Error::other("no such name")),
    });
    let session = session(&["*.example.com"]);
    assert_eq!(
        fetch(&client, &session, "http://empty.example.com/").await,
        Err(Error::DestinationNotFound)
    );
    assert_eq!(
        fetch(&client, &session, "http://none.example.com/").await,
        Err(Error::DnsError("no such name".to_owned()))
    );
}

#[tokio::test]
async fn a_redirect_is_handed_back() {
    let server = Server::http(|_| async {
        let mut response = ok(empty());
        *response.status_mut() = StatusCode::FOUND;
        let location = "http://169.254.169.254/latest/meta-data".parse().unwrap();
        response.headers_mut().insert("location", location);
        response
    })
    .await;
    let response = send(&client(), &server.session(), get(&server.uri("/")))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(
        response.headers()["location"],
        "http://169.254.169.254/latest/meta-data"
    );
}

#[tokio::test]
async fn uris_that_can_be_read_in_two_ways_are_refused() {
    let client = client().with_resolver(|host| panic!("{host} was resolved"));
    let session = session(&["*", "http://*:*", "localhost", "127.0.0.0/8"]);
    for uri in [
        "ftp://example.com/",
        "http://user@example.com/",
        "http://good.example.com:80@127.0.0.1/",
        "http://example.com:0/",
        "http://example.com:65616/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "/only/a/path",
    ] {
        let result = fetch(&client, &session, uri).await;
        assert!(
            matches!(result, Err(Error::UriInvalid(_))),
            "{uri}: {result:?}"
        );
    }
}

#[tokio::test]
async fn there_are_no_tunnels() {
    let server = hello().await;
    let request = Request::connect(server.uri("/")).body(empty()).unwrap();
    let result = send(&client(), &server.session(), request).await;
    assert!(matches!(result, Err(Error::MethodInvalid)));
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_asked() {
    // Nothing may read these: the test would otherwise be refused a connection to port 1.
    let server = hello().await;
    let program = std::env::current_exe().unwrap();
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new(program)
            .args(["--exact", "asked_directly", "--ignored"])
            .env("OUTBOUND_TEST_URI", server.uri("/"))
            .env("http_proxy", "http://127.0.0.1:1")
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("ALL_PROXY", "http://127.0.0.1:1")
            .output()
            .map(|output| (output, server.accepted()))
    });
    let (output, accepted) = output.await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(accepted, 1);
}

#[tokio::test]
#[ignore = "run by proxies_of_the_environment_are_not_asked"]
async fn asked_directly() {
    let Ok(uri) = std::env::var("OUTBOUND_TEST_URI") else {
        return;
    };
    assert_eq!(
        fetch(&client(), &session(&["http://127.0.0.1:*"]), &uri)
            .await
            .unwrap(),
        "hello"
    );
}
