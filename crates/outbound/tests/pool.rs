//! Which requests share a connection, and which never do.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;

use common::{SHORT, Server, client, fetch, full, get, grant, ok, post, send, text};
use http::Method;
use outbound::{Error, Outbound, Session};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn hello() -> Server {
    Server::http(|_| async { ok(full("hello")) }).await
}

/// One request at a time, each read to its end. A connection is free again when its server's last byte has been
/// read, which the pool learns a little later than the guest.
async fn one_by_one(client: &Outbound, session: &Session, server: &Server, requests: usize) {
    for _ in 0..requests {
        assert_eq!(
            fetch(client, session, &server.uri("/")).await.unwrap(),
            "hello"
        );
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = hello().await;
    let client = client();
    one_by_one(&client, &server.session(), &server, 50).await;
    // An equal grant of another instance is the same grant, and case makes no other host.
    one_by_one(&client, &server.session(), &server, 50).await;
    assert!(server.accepted() <= 2, "{}", server.accepted());
}

#[tokio::test]
async fn different_grants_share_nothing() {
    let server = hello().await;
    let client = client();
    let first = server.session();
    let second = server.session_with(|grant| grant.timeout += Duration::from_secs(1));
    one_by_one(&client, &first, &server, 1).await;
    let accepted = server.accepted();
    one_by_one(&client, &second, &server, 1).await;
    assert_eq!(server.accepted(), accepted + 1);
}

#[tokio::test]
async fn a_grant_that_is_taken_back_has_no_open_door() {
    let server = hello().await;
    let client = client();
    let name = format!("http://localhost:{}", server.port);
    let session = common::session(&[&name]);
    assert_eq!(fetch(&client, &session, &name).await.unwrap(), "hello");
    let less = common::session(&[&format!("http://*:{}", server.port)]);
    assert!(matches!(
        fetch(&client, &less, &name).await,
        Err(Error::Denied(_))
    ));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_request_on_a_connection_that_was_closed_is_sent_again() {
    // Each connection serves one request, says that it will go on, and is closed.
    let server = Server::raw(|mut tcp| async move {
        let mut buf = [0; 1024];
        assert!(tcp.read(&mut buf).await.unwrap() > 0);
        tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
            .await
            .unwrap();
    })
    .await;
    let client = client();
    let session = server.session();
    for _ in 0..20 {
        // It may have been written when the connection is closed; it does no harm to ask twice.
        let body = fetch(&client, &session, &server.uri("/")).await.unwrap();
        assert_eq!(body, "hello");
        server.until_open(|open| *open == 0).await;
    }
    assert!(server.accepted() >= 10, "{}", server.accepted());
}

/// A server that answers the first request of each connection, and closes at the second, of which it sends `part` of a response.
async fn closes_at_the_second(part: &'static str) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = asked.clone();
    let server = Server::raw(move |mut tcp| {
        let count = count.clone();
        async move {
            let mut buf = [0; 1024];
            let answers = ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", part];
            for answer in answers {
                if !tcp.read(&mut buf).await.is_ok_and(|n| n > 0) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                tcp.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    (server, asked)
}

#[tokio::test]
async fn a_request_that_meets_the_end_of_a_connection_is_sent_once_more() {
    for (method, again) in [
        (Method::GET, true),
        (Method::HEAD, true),
        (Method::DELETE, true),
        (Method::POST, false),
        (Method::PATCH, false),
    ] {
        let (server, asked) = closes_at_the_second("").await;
        let (client, session) = (client(), server.session());
        one_by_one(&client, &session, &server, 1).await;
        let mut request = get(&server.uri("/"));
        *request.method_mut() = method.clone();
        let answer = send(&client, &session, request).await;
        assert_eq!(answer.is_ok(), again, "{method}");
        let requests = if again { 3 } else { 2 };
        assert_eq!(asked.load(Ordering::SeqCst), requests, "{method}");
    }
}

#[tokio::test]
async fn a_request_that_may_have_been_acted_on_is_not() {
    // Not with a body, not when something of a response has come, not on a connection that has never served.
    let (server, asked) = closes_at_the_second("").await;
    let (client, session) = (client(), server.session());
    one_by_one(&client, &session, &server, 1).await;
    let mut request = post(&server.uri("/"), full("body"));
    *request.method_mut() = Method::PUT;
    let answer = send(&client, &session, request).await;
    assert_eq!(answer.err(), Some(Error::ConnectionTerminated));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let (server, asked) = closes_at_the_second("HTTP/1.1 200 O").await;
    let session = server.session();
    one_by_one(&client, &session, &server, 1).await;
    let answer = send(&client, &session, get(&server.uri("/"))).await;
    assert_eq!(answer.err(), Some(Error::ConnectionTerminated));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let closing = Server::raw(|mut tcp| async move {
        assert!(tcp.read(&mut [0; 1024]).await.is_ok());
    })
    .await;
    let answer = send(&client, &closing.session(), get(&closing.uri("/"))).await;
    assert_eq!(answer.err(), Some(Error::ConnectionTerminated));
    assert_eq!(closing.accepted(), 1);
}

#[tokio::test]
async fn idle_connections_to_many_hosts_do_not_add_up() {
    let server = hello().await;
    let client = Outbound::new(|| {}).with_resolver(|_| Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
    let any = format!("http://*.example.com:{}", server.port);
    let session = common::session(&[&any, &server.pattern()]);
    for host in 0..200 {
        let uri = format!("http://host{host}.example.com:{}/", server.port);
        assert_eq!(fetch(&client, &session, &uri).await.unwrap(), "hello");
    }
    assert_eq!(server.accepted(), 200);
    server.until_open(|open| *open <= 66).await;
}

#[tokio::test]
async fn grants_that_are_not_used_give_way() {
    let server = hello().await;
    let client = client();
    let grants: Vec<Session> = (0..100)
        .map(|n| server.session_with(|grant| grant.max_body += n))
        .collect();
    for session in &grants {
        one_by_one(&client, session, &server, 1).await;
    }
    server.until_open(|open| *open <= 64).await;
    // The newest still have theirs, the oldest begin anew.
    let accepted = server.accepted();
    one_by_one(&client, grants.last().unwrap(), &server, 1).await;
    assert_eq!(server.accepted(), accepted);
    one_by_one(&client, &grants[0], &server, 1).await;
    assert_eq!(server.accepted(), accepted + 1);
}

#[tokio::test]
async fn an_exchange_that_failed_leaves_no_connection() {
    let server = Server::raw(|mut tcp| async move {
        let mut buf = [0; 1024];
        while tcp.read(&mut buf).await.is_ok_and(|n| n > 0) {
            tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
                .await
                .unwrap();
        }
    })
    .await;
    let client = client();
    let mut short = grant(&[&server.pattern()]);
    short.timeout = SHORT;
    let session = Session::new(Arc::new(short));
    for _ in 0..3 {
        let response = send(&client, &session, get(&server.uri("/")))
            .await
            .unwrap();
        assert_eq!(text(response).await, Err(Error::ResponseTimeout));
        server.until_open(|open| *open == 0).await;
    }
    assert_eq!(server.accepted(), 3);
}
