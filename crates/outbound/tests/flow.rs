//! Bodies that stream: who waits for whom, and what is left of an exchange that nobody wants any more.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;

use bytes::Bytes;
use common::{
    LONG, SHORT, Server, client, endless, fetch, full, get, ok, post, send, silent, stream,
    streaming, text,
};
use http::Request;
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use outbound::{Error, Timeouts};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio::time::timeout;

#[tokio::test]
async fn a_server_waits_for_a_guest_that_does_not_read() {
    let written = Arc::new(AtomicUsize::new(0));
    let (stuck, mut is_stuck) = watch::channel(false);
    let server = endless(written.clone(), stuck).await;
    let client = client();
    let mut body = send(&client, &server.session(), get(&server.uri("/")))
        .await
        .unwrap()
        .into_body();
    timeout(LONG, is_stuck.wait_for(|stuck| *stuck))
        .await
        .unwrap()
        .unwrap();
    // The kernel's buffers hold a few megabytes; nothing else does.
    let before = written.load(Ordering::SeqCst);
    assert!(before < 32 << 20, "{before}");
    let mut read = 0;
    while read < before + (1 << 20) {
        read += body
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap()
            .len();
    }
    drop(body);
    server.until_open(|open| *open == 0).await;
}

#[tokio::test]
async fn a_guest_waits_for_a_server_that_does_not_read() {
    let server = Server::raw(|tcp| async move {
        tcp.readable().await.unwrap();
        pending::<()>().await;
    })
    .await;
    let (mut guest, body) = stream();
    let client = client();
    let sent = client.send(
        &server.session(),
        post(&server.uri("/"), body),
        Timeouts::default(),
    );
    let piece = Bytes::from_static(&[b'x'; 64 * 1024]);
    let mut taken = 0;
    while timeout(SHORT * 3, guest.send_data(piece.clone()))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {
        taken += piece.len();
        assert!(taken < 64 << 20);
    }
    // The connection is stuck in writing, and yet it ends when nobody wants it.
    drop(sent);
    assert!(timeout(LONG, gone(&mut guest)).await.is_ok());
}

/// Bytes that tell when they are dropped.
struct Told(Vec<u8>, std::sync::mpsc::Sender<()>);

impl AsRef<[u8]> for Told {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // The test may have failed and gone.
        let _ = self.1.send(());
    }
}

#[tokio::test]
async fn a_whole_body_that_is_not_read_ends_too() {
    let server = Server::raw(|tcp| async move {
        tcp.readable().await.unwrap();
        pending::<()>().await;
    })
    .await;
    let session = server.session_with(|grant| grant.timeout = SHORT * 2);
    let client = client();
    let (told, dropped) = std::sync::mpsc::channel();
    // One piece, more than the kernel takes: the guest has given all, and it waits in the connection.
    let large = Bytes::from_owner(Told(vec![b'x'; 64 << 20], told));
    let body = Full::new(large)
        .map_err(|never| match never {})
        .boxed_unsync();
    let result = send(&client, &session, post(&server.uri("/"), body)).await;
    assert!(matches!(result, Err(Error::ResponseTimeout)));
    let ended = tokio::task::spawn_blocking(move || dropped.recv_timeout(LONG));
    assert_eq!(ended.await.unwrap(), Ok(()));
}

/// Waits until a body's other end is dropped.
async fn gone(guest: &mut http_body_util::channel::Sender<Bytes, Error>) {
    while guest.send_data(Bytes::from("x")).await.is_ok() {}
}

#[tokio::test]
async fn an_upload_counts_after_its_response() {
    let server = Server::http(|request: Request<Incoming>| async {
        tokio::spawn(request.into_body().collect());
        ok(full("early"))
    })
    .await;
    let session = server.session_with(|grant| grant.max_concurrent = 1);
    let client = client();
    let (mut guest, body) = stream();
    let response = send(&client, &session, post(&server.uri("/"), body))
        .await
        .unwrap();
    assert_eq!(text(response).await.unwrap(), "early");
    let next = send(&client, &session, get(&server.uri("/"))).await;
    assert!(matches!(next, Err(Error::LimitReached)));
    guest.send_data(Bytes::from("rest")).await.unwrap();
    drop(guest);
    let deadline = tokio::time::Instant::now() + LONG;
    while fetch(&client, &session, &server.uri("/")).await == Err(Error::LimitReached) {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_upload_ends_with_the_time_of_its_grant() {
    let server = Server::http(|request: Request<Incoming>| async {
        tokio::spawn(request.into_body().collect());
        ok(full("early"))
    })
    .await;
    let session = server.session_with(|grant| grant.timeout = SHORT * 2);
    let client = client();
    let (mut guest, body) = stream();
    let response = send(&client, &session, post(&server.uri("/"), body))
        .await
        .unwrap();
    assert_eq!(text(response).await.unwrap(), "early");
    assert!(timeout(LONG, gone(&mut guest)).await.is_ok());
    server.until_open(|open| *open == 0).await;
}

#[tokio::test]
async fn what_is_dropped_is_cancelled() {
    let client = client();
    let server = silent().await;
    let waiting = client.send(
        &server.session(),
        get(&server.uri("/")),
        Timeouts::default(),
    );
    server.until_open(|open| *open == 1).await;
    drop(waiting);
    server.until_open(|open| *open == 0).await;

    let (server, pieces) = streaming().await;
    let response = send(&client, &server.session(), get(&server.uri("/")))
        .await
        .unwrap();
    pieces.send("one").await.unwrap();
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());
    assert!(!body.is_end_stream());
    drop(body);
    server.until_open(|open| *open == 0).await;
}
