//! How a request says whether it has a body, and how long that is.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;

use bytes::Bytes;
use common::{Server, client, empty, full, post, send, stream};
use http::{HeaderValue, Method, Request};
use outbound::{Body, Error};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that keeps what it is sent until an empty line and, if there are chunks, the last one; then it answers 204.
async fn listening() -> (Server, Arc<Mutex<String>>) {
    let said = Arc::<Mutex<String>>::default();
    let kept = said.clone();
    let server = Server::raw(move |mut tcp| {
        let kept = kept.clone();
        async move {
            let (mut all, mut piece) = (String::new(), [0; 4096]);
            let whole = |all: &str| match all.split_once("\r\n\r\n") {
                None => false,
                Some((head, body)) => {
                    match (head.contains("chunked"), head.contains("content-length: 5")) {
                        (true, _) => body.ends_with("0\r\n\r\n"),
                        (_, true) => body.len() == 5,
                        _ => true,
                    }
                }
            };
            while !whole(&all) {
                match tcp.read(&mut piece).await {
                    Ok(n) if n > 0 => all.push_str(&String::from_utf8_lossy(&piece[..n])),
                    _ => return,
                }
            }
            *kept.lock().unwrap() = all;
            tcp.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
        }
    })
    .await;
    (server, said)
}

/// What the server is sent, when the guest does this with its end of the body once the request is under way.
async fn sent(method: &Method, length: Option<u64>, write: impl AsyncFnOnce(Writer)) -> String {
    let (server, said) = listening().await;
    let (writer, body) = stream();
    let mut request = post(&server.uri("/"), body);
    *request.method_mut() = method.clone();
    if let Some(length) = length {
        request
            .headers_mut()
            .insert("content-length", HeaderValue::from(length));
    }
    let (client, session) = (client(), server.session());
    let (response, ()) = tokio::join!(send(&client, &session, request), write(writer));
    assert!(response.is_ok(), "{method}: {response:?}");
    said.lock().unwrap().clone()
}

type Writer = http_body_util::channel::Sender<Bytes, Error>;

async fn finish(writer: Writer) {
    drop(writer);
}

async fn words(mut writer: Writer) {
    writer.send_data(Bytes::new()).await.unwrap();
    writer.send_data(Bytes::from("words")).await.unwrap();
}

fn framing(said: &str) -> Vec<&str> {
    let (head, _) = said.split_once("\r\n\r\n").unwrap();
    head.lines()
        .filter(|line| line.starts_with("content-length") || line.starts_with("transfer-encoding"))
        .collect()
}

#[tokio::test]
async fn no_body_is_not_framed() {
    for method in [Method::GET, Method::DELETE, Method::HEAD, Method::OPTIONS] {
        assert!(
            framing(&sent(&method, None, finish).await).is_empty(),
            "{method}"
        );
    }
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        let said = sent(&method, None, finish).await;
        assert_eq!(framing(&said), ["content-length: 0"], "{method}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_chunked_whatever_the_method() {
    for method in [Method::GET, Method::DELETE, Method::POST, Method::PUT] {
        let said = sent(&method, None, words).await;
        assert_eq!(framing(&said), ["transfer-encoding: chunked"], "{method}");
        assert!(said.ends_with("\r\n\r\n5\r\nwords\r\n0\r\n\r\n"), "{said}");
    }
}

#[tokio::test]
async fn a_length_that_is_said_is_sent() {
    for method in [Method::GET, Method::DELETE, Method::POST] {
        let said = sent(&method, Some(5), words).await;
        assert_eq!(framing(&said), ["content-length: 5"], "{method}");
        assert!(said.ends_with("\r\n\r\nwords"), "{said}");
    }
}

#[tokio::test]
async fn bodies_of_a_known_size_say_it() {
    for (body, expected) in [
        (full("words"), "content-length: 5"),
        (empty(), "content-length: 0"),
    ] {
        let (server, said) = listening().await;
        let request: Request<Body> = post(&server.uri("/"), body);
        assert!(send(&client(), &server.session(), request).await.is_ok());
        assert_eq!(framing(&said.lock().unwrap()), [expected]);
    }
}

#[tokio::test]
async fn a_guest_that_waits_for_the_response_first_gets_it() {
    let (server, said) = listening().await;
    let (writer, body) = stream();
    let mut request = post(&server.uri("/"), body);
    *request.method_mut() = Method::GET;
    assert!(send(&client(), &server.session(), request).await.is_ok());
    assert!(framing(&said.lock().unwrap()).is_empty());
    // What it writes now is lost, and it is told so.
    let mut writer = writer;
    assert!(writer.send_data(Bytes::from("words")).await.is_err());
}

#[tokio::test]
async fn a_body_that_is_given_up_at_once_sends_nothing() {
    let (server, said) = listening().await;
    let (writer, body) = stream();
    let request = post(&server.uri("/"), body);
    let (client, session) = (client(), server.session());
    let given_up = Error::RequestBody("given up".to_owned());
    writer.abort(given_up.clone());
    let answer = send(&client, &session, request).await;
    assert_eq!(answer.err(), Some(given_up));
    assert_eq!(server.accepted(), 0);
    assert_eq!(*said.lock().unwrap(), "");
}
