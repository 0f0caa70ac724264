//! The limits of a grant and the guest's own timeouts.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;

use common::{
    SHORT, Server, client, endless, fetch, full, get, grant, ok, send, silent, streaming, text,
};
use http_body_util::BodyExt;
use outbound::{Error, Outbound, Session, Timeouts};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::sync::watch;

#[tokio::test]
async fn the_whole_time_holds_before_the_head() {
    let server = silent().await;
    let session = server.session_with(|grant| grant.timeout = SHORT);
    let result = fetch(&client(), &session, &server.uri("/")).await;
    assert_eq!(result, Err(Error::ResponseTimeout));
    server.until_open(|open| *open == 0).await;
}

#[tokio::test]
async fn the_whole_time_holds_for_a_body_that_trickles() {
    let (server, pieces) = streaming().await;
    let session = server.session_with(|grant| grant.timeout = SHORT * 2);
    let client = client();
    let response = send(&client, &session, get(&server.uri("/")))
        .await
        .unwrap();
    let mut body = response.into_body();
    let error = loop {
        pieces.send("drop").await.unwrap();
        match body.frame().await.unwrap() {
            Ok(frame) => assert!(frame.is_data()),
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::ResponseTimeout);
    server.until_open(|open| *open == 0).await;
}

#[tokio::test]
async fn the_whole_time_holds_for_a_guest_that_does_not_read() {
    let (server, pieces) = streaming().await;
    let session = server.session_with(|grant| grant.timeout = SHORT * 2);
    let client = client();
    let response = send(&client, &session, get(&server.uri("/")))
        .await
        .unwrap();
    pieces.send("one").await.unwrap();
    server.until_open(|open| *open == 0).await;
    // What had come before is still there to be read.
    let mut body = response.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "one"
    );
    assert_eq!(
        body.frame().await.unwrap().unwrap_err(),
        Error::ResponseTimeout
    );
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_said_to_be_that() {
    // The resolver does not answer before the end of the test.
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let client = Outbound::new(|| {}).with_resolver(move |_| {
        let _ = wait.lock().unwrap().recv();
        Ok(Vec::new())
    });
    let mut slow = grant(&["*.example.com"]);
    slow.timeout = SHORT;
    let result = fetch(
        &client,
        &Session::new(Arc::new(slow)),
        "http://slow.example.com/",
    )
    .await;
    assert_eq!(result, Err(Error::ConnectionTimeout));
    let timeouts = Timeouts {
        connect: Some(SHORT),
        ..Timeouts::default()
    };
    let session = common::session(&["*.example.com"]);
    let result = client
        .send(&session, get("http://slow.example.com/"), timeouts)
        .await;
    assert!(matches!(result, Err(Error::ConnectionTimeout)));
    drop(release);
}

#[tokio::test]
async fn names_that_are_never_answered_hold_up_their_own_grant_alone() {
    let server = Server::http(|_| async { ok(full("hello")) }).await;
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let client = Outbound::new(|| {}).with_resolver(move |host| {
        if host == "slow.example.com" {
            let _ = wait.lock().unwrap().recv();
        }
        Ok(vec!["127.0.0.1".parse().unwrap()])
    });
    let mut patient = grant(&["*.example.com"]);
    patient.max_concurrent = 200;
    let slow = Session::new(Arc::new(patient));
    // More than there are threads.
    let stuck: Vec<_> = (0..200)
        .map(|_| client.send(&slow, get("http://slow.example.com/"), Timeouts::default()))
        .collect();
    let good = format!("http://good.example.com:{}", server.port);
    let session = common::session(&[&good, &server.pattern()]);
    assert_eq!(fetch(&client, &session, &good).await.unwrap(), "hello");
    for sent in stuck {
        assert!(matches!(sent.await, Err(Error::DnsTimeout)));
    }
    drop(release);
}

#[tokio::test]
async fn the_guests_timeouts_hold() {
    let client = client();
    let server = silent().await;
    let first = Timeouts {
        first_byte: Some(SHORT),
        ..Timeouts::default()
    };
    let result = client
        .send(&server.session(), get(&server.uri("/")), first)
        .await;
    assert!(matches!(result, Err(Error::ConnectionReadTimeout)));

    let (server, pieces) = streaming().await;
    let between = Timeouts {
        between_bytes: Some(SHORT),
        ..Timeouts::default()
    };
    let response = client
        .send(&server.session(), get(&server.uri("/")), between)
        .await
        .unwrap();
    pieces.send("one").await.unwrap();
    let mut body = response.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "one"
    );
    assert_eq!(
        body.frame().await.unwrap().unwrap_err(),
        Error::ConnectionReadTimeout
    );
}

#[tokio::test]
async fn a_body_may_be_as_large_as_granted() {
    let server = Server::http(|_| async { ok(full("0123456789")) }).await;
    let client = client();
    for (most, expected) in [
        (10, Ok("0123456789".to_owned())),
        (9, Err(Error::ResponseBodySize(9))),
    ] {
        let session = server.session_with(|grant| grant.max_body = most);
        let response = send(&client, &session, get(&server.uri("/")))
            .await
            .unwrap();
        assert_eq!(text(response).await, expected);
    }
}

#[tokio::test]
async fn endless_bodies_end_at_the_limit() {
    let written = Arc::new(AtomicUsize::new(0));
    let server = endless(written, watch::channel(false).0).await;
    let session = server.session_with(|grant| grant.max_body = 1 << 20);
    let client = client();
    let mut body = send(&client, &session, get(&server.uri("/")))
        .await
        .unwrap()
        .into_body();
    let mut got = 0;
    let error = loop {
        match body.frame().await.unwrap() {
            Ok(frame) => got += frame.into_data().unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::ResponseBodySize(1 << 20));
    assert!(got <= 1 << 20);
    server.until_open(|open| *open == 0).await;
}

#[tokio::test]
async fn so_many_requests_are_under_way_at_once() {
    let (server, pieces) = streaming().await;
    let session = server.session_with(|grant| grant.max_concurrent = 2);
    let client = client();
    let uri = server.uri("/");
    let one = send(&client, &session, get(&uri)).await.unwrap();
    let two = send(&client, &session.clone(), get(&uri)).await.unwrap();
    let limit = |result: Result<_, Error>| matches!(result, Err(Error::LimitReached));
    assert!(limit(send(&client, &session, get(&uri)).await));
    // Another instance under the same grant has its own allowance.
    let other = Session::new(session.grant().clone());
    drop(send(&client, &other, get(&uri)).await.unwrap());
    // A body that is dropped makes room at once, and so does one that is read to its end.
    drop(two);
    let three = client.send(&session, get(&uri), Timeouts::default());
    assert!(limit(send(&client, &session, get(&uri)).await));
    // And a future that is dropped.
    drop(three);
    drop(pieces);
    assert_eq!(text(one).await.unwrap(), "");
    let four = client.send(&session, get(&uri), Timeouts::default());
    let five = client.send(&session, get(&uri), Timeouts::default());
    assert!(limit(send(&client, &session, get(&uri)).await));
    drop((four, five));
}

#[tokio::test]
async fn nobody_listening_is_told() {
    // A port that is taken, but on which nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let uri = format!("http://{}", socket.local_addr().unwrap());
    let result = fetch(&client(), &common::session(&[&uri]), &uri).await;
    assert_eq!(result, Err(Error::ConnectionRefused));
}
