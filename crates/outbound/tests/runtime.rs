//! Where everything runs: on threads of its own, whoever asks and whatever becomes of them.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;

use common::{LONG, Server, client, fetch, full, get, grant, ok, send, streaming, text};
use http_body_util::BodyExt;
use outbound::{Error, Outbound, Session, Timeouts};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Serves "hello" on a runtime of another thread, as a server elsewhere would, for as long as the sender lives.
fn elsewhere() -> (tokio::sync::oneshot::Sender<()>, String) {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (told, uri) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Server::http(|_| async { ok(full("hello")) }).await;
            told.send(server.uri("/")).unwrap();
            let _ = stopped.await;
        });
    });
    (stop, uri.recv().unwrap())
}

fn session(uri: &str) -> Session {
    Session::new(Arc::new(grant(&[uri.trim_end_matches('/')])))
}

#[test]
fn any_executor_will_do() {
    let (_server, uri) = elsewhere();
    let client = client();
    for _ in 0..3 {
        let body = pollster::block_on(fetch(&client, &session(&uri), &uri));
        assert_eq!(body.unwrap(), "hello");
    }
}

#[test]
fn another_runtimes_context_does_not_matter() {
    let (_server, uri) = elsewhere();
    let client = client();
    // Without timers, input or output, and not running.
    let other = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _entered = other.enter();
    let timeouts = Timeouts {
        connect: Some(LONG),
        first_byte: Some(LONG),
        between_bytes: Some(LONG),
    };
    let response = pollster::block_on(client.send(&session(&uri), get(&uri), timeouts)).unwrap();
    assert_eq!(pollster::block_on(text(response)).unwrap(), "hello");
    drop(client);
}

#[test]
fn nothing_is_started_before_the_first_request() {
    static STARTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let (_server, uri) = elsewhere();
    let client = Outbound::new(|| {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        STARTED.lock().unwrap().push(name);
    });
    // What is denied needs no thread.
    let denied = pollster::block_on(fetch(&client, &Session::new(Arc::new(grant(&[]))), &uri));
    assert!(matches!(denied, Err(Error::Denied(_))));
    assert_eq!(STARTED.lock().unwrap().len(), 0);
    // An address needs no resolver.
    pollster::block_on(fetch(&client, &session(&uri), &uri)).unwrap();
    assert_eq!(*STARTED.lock().unwrap(), ["wasm-outbound"]);
    // A name does, for which the hook is called too.
    let named = uri.replace("127.0.0.1", "localhost");
    pollster::block_on(fetch(&client, &session(&named), &named)).unwrap();
    assert_eq!(*STARTED.lock().unwrap(), ["wasm-outbound", "wasm-outbound"]);
}

#[test]
fn it_is_ready_before_it_is_polled() {
    let (_server, uri) = elsewhere();
    let client = client();
    let session = session(&uri);
    let sent = client.send(&session, get(&uri), Timeouts::default());
    // Dropped without ever having been polled: the request counts no longer.
    drop(sent);
    let all: Vec<_> = (0..16)
        .map(|_| client.send(&session, get(&uri), Timeouts::default()))
        .collect();
    for sent in all {
        let response = pollster::block_on(sent).unwrap();
        assert_eq!(pollster::block_on(text(response)).unwrap(), "hello");
    }
}

#[tokio::test]
async fn what_outlives_the_client_ends() {
    let (server, pieces) = streaming().await;
    let client = client();
    let session = server.session();
    let mut body = send(&client, &session, get(&server.uri("/")))
        .await
        .unwrap()
        .into_body();
    pieces.send("one").await.unwrap();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "one"
    );
    let waiting = client.send(&session, get(&server.uri("/")), Timeouts::default());
    let begun = Instant::now();
    drop(client);
    assert_eq!(
        body.frame().await.unwrap().unwrap_err(),
        Error::ConnectionTerminated
    );
    assert!(body.frame().await.is_none());
    // The head may have come before the client went.
    if let Ok(response) = waiting.await {
        assert_eq!(text(response).await, Err(Error::ConnectionTerminated));
    }
    assert!(begun.elapsed() < LONG);
    server.until_open(|open| *open == 0).await;
}

#[test]
fn the_handle_is_that_of_its_own_runtime() {
    let client = client();
    let handle = client.handle().unwrap();
    let (told, name) = std::sync::mpsc::channel();
    handle.spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        told.send(std::thread::current().name().unwrap_or_default().to_owned())
            .unwrap();
    });
    assert_eq!(name.recv_timeout(LONG).unwrap(), "wasm-outbound");
}
