//! What of a request reaches the server and of a response the guest: fields, bodies and trailers.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;

use bytes::Bytes;
use common::{LONG, Server, client, empty, full, get, ok, post, send, stream, text};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use outbound::{Error, Timeouts};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A server that hands each request's head and collected body to the test, and answers 204.
async fn inspect() -> (
    Server,
    mpsc::Receiver<(http::request::Parts, Bytes, Option<HeaderMap>)>,
) {
    let (sender, receiver) = mpsc::channel(8);
    let server = Server::http(move |request: Request<Incoming>| {
        let sender = sender.clone();
        async move {
            let (parts, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let trailers = body.trailers().cloned();
                sender
                    .send((parts, body.to_bytes(), trailers))
                    .await
                    .unwrap();
            }
            let mut response = ok(empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
    })
    .await;
    (server, receiver)
}

/// A server that answers each connection's first request with these bytes and then closes.
async fn answers(bytes: impl Into<Vec<u8>>) -> Server {
    let bytes: Arc<[u8]> = bytes.into().into();
    Server::raw(move |tcp| {
        let bytes = bytes.clone();
        async move {
            let mut tcp = BufReader::new(tcp);
            read_head(&mut tcp).await;
            tcp.write_all(&bytes).await.unwrap();
        }
    })
    .await
}

async fn read_head(tcp: &mut BufReader<TcpStream>) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn method_path_and_fields_arrive_as_they_were_given() {
    let (server, mut requests) = inspect().await;
    let mut request = post(&server.uri("/a//b/%7e?x=1&x=2&%"), full("body"));
    *request.method_mut() = Method::from_bytes(b"REPORT").unwrap();
    for value in ["one", "two"] {
        request
            .headers_mut()
            .append("x-many", HeaderValue::from_static(value));
    }
    let response = send(&client(), &server.session(), request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let (head, body, _) = requests.recv().await.unwrap();
    assert_eq!(
        (head.method.as_str(), body.as_ref()),
        ("REPORT", &b"body"[..])
    );
    assert_eq!(head.uri, "/a//b/%7e?x=1&x=2&%");
    let many: Vec<_> = head.headers.get_all("x-many").iter().collect();
    assert_eq!(many, ["one", "two"]);
    assert_eq!(head.headers["content-length"], "4");
    assert_eq!(head.headers["host"], format!("127.0.0.1:{}", server.port));
}

#[tokio::test]
async fn fields_of_the_connection_are_not_the_guests() {
    let (server, mut requests) = inspect().await;
    let mut request = post(&server.uri("/"), full("body"));
    for (name, value) in [
        ("host", "internal.example.com"),
        ("connection", "upgrade, x-kept"),
        ("upgrade", "websocket"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "timeout=1000"),
        ("proxy-authorization", "Basic eA=="),
        ("proxy-connection", "keep-alive"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("te", "gzip, trailers"),
        ("authorization", "Bearer x"),
        ("x-kept", "yes"),
    ] {
        request
            .headers_mut()
            .append(name, HeaderValue::from_static(value));
    }
    *request.version_mut() = Version::HTTP_10;
    send(&client(), &server.session(), request).await.unwrap();
    let (head, body, _) = requests.recv().await.unwrap();
    assert_eq!(
        (head.version, body.as_ref()),
        (Version::HTTP_11, &b"body"[..])
    );
    let mut names: Vec<&str> = head.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["authorization", "content-length", "host", "te", "x-kept"]
    );
    assert_eq!(head.headers["host"], format!("127.0.0.1:{}", server.port));
    assert_eq!(head.headers["te"], "trailers");
}

#[tokio::test]
async fn a_body_streams_while_its_server_reads() {
    let (arrived, mut arrivals) = mpsc::channel(1);
    let server = Server::http(move |request: Request<Incoming>| {
        let arrived = arrived.clone();
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                let piece = frame.unwrap().into_data().unwrap_or_default();
                arrived.send(piece).await.unwrap();
            }
            ok(full("all"))
        }
    })
    .await;
    let (mut guest, body) = stream();
    let client = client();
    let request = post(&server.uri("/"), body);
    let response = client.send(&server.session(), request, Timeouts::default());
    for piece in ["one", "two"] {
        guest.send_data(Bytes::from(piece)).await.unwrap();
        assert_eq!(arrivals.recv().await.unwrap(), piece);
    }
    drop(guest);
    assert_eq!(text(response.await.unwrap()).await.unwrap(), "all");
}

#[tokio::test]
async fn announced_trailers_of_a_request_arrive() {
    let (server, mut requests) = inspect().await;
    let (mut guest, body) = stream();
    let mut request = post(&server.uri("/"), body);
    request
        .headers_mut()
        .insert("trailer", HeaderValue::from_static("x-sum, host"));
    let client = client();
    let sent = client.send(&server.session(), request, Timeouts::default());
    guest.send_data(Bytes::from("data")).await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    trailers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
    trailers.insert("host", HeaderValue::from_static("internal"));
    guest.send_trailers(trailers.clone()).await.unwrap();
    drop(guest);
    let (_, body, arrived) = requests.recv().await.unwrap();
    assert_eq!(body, "data");
    trailers.remove("transfer-encoding");
    trailers.remove("host");
    assert_eq!(arrived, Some(trailers));
    assert_eq!(sent.await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn trailers_of_a_response_arrive() {
    let server = answers(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
         4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n",
    )
    .await;
    let client = client();
    let response = send(&client, &server.session(), get(&server.uri("/")))
        .await
        .unwrap();
    assert_eq!(response.headers().get("transfer-encoding"), None);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-sum"], "42");
    assert_eq!(body.to_bytes(), "body");
}

#[tokio::test]
async fn interim_responses_are_passed_over() {
    let server = answers(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 5\r\nkeep-alive: 1\r\n\r\nfinal",
    )
    .await;
    let client = client();
    let response = send(&client, &server.session(), get(&server.uri("/")))
        .await
        .unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert_eq!(response.headers().len(), 1);
    assert_eq!(text(response).await.unwrap(), "final");
}

#[tokio::test]
async fn responses_that_are_not_as_agreed_are_errors() {
    type Judge = fn(&Error) -> bool;
    let cases: [(String, Judge); 7] = [
        ("SSH-2.0-OpenSSH\r\n".to_owned(), |e| {
            matches!(e, Error::Protocol(_))
        }),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
                .to_owned(),
            |e| matches!(e, Error::Protocol(_)),
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101)),
            |e| *e == Error::ResponseHeaderSize,
        ),
        (
            format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(70_000)),
            |e| *e == Error::ResponseHeaderSize,
        ),
        (String::new(), |e| *e == Error::ConnectionTerminated),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort".to_owned(),
            |e| *e == Error::ConnectionTerminated,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            |e| *e != Error::ConnectionRefused,
        ),
    ];
    for (response, is_right) in cases {
        let server = answers(response.clone()).await;
        let result = common::fetch(&client(), &server.session(), &server.uri("/")).await;
        let is_right = result.as_ref().is_err_and(is_right);
        assert!(is_right, "{response:.60}: {result:?}");
    }
}

#[tokio::test]
async fn a_head_may_be_as_large_as_promised() {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{}content-length: 2\r\n\r\nok",
        "a: b\r\n".repeat(99)
    );
    let server = answers(head).await;
    let client = client();
    let response = send(&client, &server.session(), get(&server.uri("/")))
        .await
        .unwrap();
    assert_eq!(response.headers().get_all("a").iter().count(), 99);
    assert_eq!(text(response).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_length_that_is_known_to_lie_is_refused() {
    let (server, _requests) = inspect().await;
    for announced in ["0", "3", "5"] {
        let mut request = post(&server.uri("/"), full("four"));
        request
            .headers_mut()
            .insert("content-length", announced.parse().unwrap());
        let result = send(&client(), &server.session(), request)
            .await
            .map(|_| ());
        assert_eq!(
            result,
            Err(Error::RequestBodySize(announced.parse().unwrap()))
        );
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_length_that_turns_out_to_lie_fails_the_request() {
    let (server, _requests) = inspect().await;
    let client = client();
    for announced in ["3", "5"] {
        let (mut guest, body) = stream();
        let mut request = post(&server.uri("/"), body);
        request
            .headers_mut()
            .insert("content-length", announced.parse().unwrap());
        let sent = client.send(&server.session(), request, Timeouts::default());
        guest.send_data(Bytes::from("four")).await.unwrap();
        drop(guest);
        let result = sent.await.map(|_| ());
        assert_eq!(
            result,
            Err(Error::RequestBodySize(announced.parse().unwrap()))
        );
    }
}

#[tokio::test]
async fn lengths_that_can_be_read_in_two_ways_are_refused() {
    let (server, _requests) = inspect().await;
    for values in [&["4", "4"][..], &["4, 4"], &["+4"], &["x"], &[""]] {
        let mut request = post(&server.uri("/"), full("four"));
        for value in values {
            request
                .headers_mut()
                .append("content-length", value.parse().unwrap());
        }
        let result = send(&client(), &server.session(), request).await;
        assert!(matches!(result, Err(Error::Protocol(_))), "{values:?}");
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_fault_of_the_guests_body_aborts_the_request() {
    let (told, mut tell) = mpsc::channel(1);
    let server = Server::raw(move |mut tcp| {
        let told = told.clone();
        async move {
            let mut request = Vec::new();
            tcp.read_to_end(&mut request).await.unwrap();
            told.send(String::from_utf8(request).unwrap())
                .await
                .unwrap();
        }
    })
    .await;
    let (mut guest, body) = stream();
    let client = client();
    let sent = client.send(
        &server.session(),
        post(&server.uri("/"), body),
        Timeouts::default(),
    );
    guest.send_data(Bytes::from("first")).await.unwrap();
    let fault = Error::RequestBody("the guest trapped".to_owned());
    guest.abort(fault.clone());
    assert_eq!(sent.await.map(|_| ()), Err(fault));
    // The server cannot take it for a whole body: the last chunk is missing.
    let request = timeout(LONG, tell.recv()).await.unwrap().unwrap();
    assert!(!request.ends_with("\r\n0\r\n\r\n"), "{request}");
}

#[tokio::test]
async fn a_response_may_come_before_the_request_is_whole() {
    let server = Server::http(|request: Request<Incoming>| async {
        // An echo: each piece goes back as it comes.
        ok(request
            .into_body()
            .map_err(|e| Error::RequestBody(e.to_string()))
            .boxed_unsync())
    })
    .await;
    let (mut guest, body) = stream();
    let client = client();
    let response = send(&client, &server.session(), post(&server.uri("/"), body))
        .await
        .unwrap();
    let mut echo = response.into_body();
    for piece in ["ping", "pong"] {
        guest.send_data(Bytes::from(piece)).await.unwrap();
        assert_eq!(
            echo.frame().await.unwrap().unwrap().into_data().unwrap(),
            piece
        );
    }
    drop(guest);
    assert!(echo.frame().await.is_none());
}

#[tokio::test]
async fn responses_without_a_body_are_over_at_once() {
    let (server, _requests) = inspect().await;
    for method in [Method::GET, Method::HEAD] {
        let mut request = get(&server.uri("/"));
        *request.method_mut() = method;
        let response = send(&client(), &server.session(), request).await.unwrap();
        assert!(response.body().is_end_stream());
    }
}
