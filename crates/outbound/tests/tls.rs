//! Whom an `https` request trusts, and what is spoken inside.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;

use bytes::Bytes;
use common::{
    LONG, SHORT, Server, client, empty, fetch, full, get, ok, post, send, session, stream, text,
};
use http::{HeaderMap, HeaderValue, Request, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use outbound::{Body, Error, Outbound, Timeouts};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::future::pending;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// A CA of one test.
struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Ca {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A client that trusts this CA.
    fn client(&self) -> Outbound {
        client().with_roots(vec![self.0.der().to_vec()])
    }

    /// The server's side for this name or address, which offers these protocols.
    fn server(&self, name: &str, protocols: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server that says which HTTP it speaks and which authority it was asked for.
async fn versioned(tls: TlsAcceptor) -> Server {
    Server::https(tls, |request: Request<Incoming>| async move {
        let host = request
            .headers()
            .get("host")
            .map(|host| host.to_str().unwrap().to_owned());
        let authority = request.uri().authority().map(ToString::to_string);
        let body = format!("{:?} {}", request.version(), authority.or(host).unwrap());
        ok(full(body.leak()))
    })
    .await
}

fn localhost(server: &Server) -> String {
    format!("https://localhost:{}", server.port)
}

#[tokio::test]
async fn both_versions_are_spoken_as_the_handshake_says() {
    let ca = Ca::new();
    let client = ca.client();
    for (protocols, expected) in [
        (&["h2", "http/1.1"][..], "HTTP/2.0"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ] {
        let server = versioned(ca.server("localhost", protocols)).await;
        let uri = localhost(&server);
        for _ in 0..3 {
            let body = fetch(&client, &session(&[&uri]), &uri).await.unwrap();
            assert_eq!(body, format!("{expected} localhost:{}", server.port));
        }
        assert_eq!(server.accepted(), 1, "{expected}");
    }
}

/// Reads frames of HTTP/2 until a stream ends, and answers it with 204. Gives the lengths of the DATA frames.
async fn data_frames(tcp: TcpStream, tls: TlsAcceptor) -> Vec<usize> {
    let mut tls = tls.accept(tcp).await.unwrap();
    tls.read_exact(&mut [0; 24]).await.unwrap();
    // SETTINGS, without any.
    tls.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut lengths = Vec::new();
    loop {
        let mut head = [0; 9];
        tls.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        tls.read_exact(&mut vec![0; length]).await.unwrap();
        let (data, end) = (head[3] == 0, head[4] & 1 == 1);
        if data {
            lengths.push(length);
        }
        if data && end {
            // HEADERS that end the stream: `:status: 204` in the static table.
            let mut answer = vec![0, 0, 1, 1, 5];
            answer.extend_from_slice(&head[5..]);
            answer.push(0x89);
            tls.write_all(&answer).await.unwrap();
            return lengths;
        }
    }
}

/// The HTTP library would keep each empty piece until the server reads, and no window holds those back.
#[tokio::test]
async fn empty_pieces_of_a_body_do_not_go_out() {
    let ca = Ca::new();
    let tls = ca.server("localhost", &["h2"]);
    let (seen, mut lengths) = mpsc::channel(1);
    let server = Server::raw(move |tcp| {
        let (tls, seen) = (tls.clone(), seen.clone());
        async move {
            seen.send(data_frames(tcp, tls).await).await.unwrap();
        }
    })
    .await;
    let (client, uri) = (ca.client(), localhost(&server));
    let (mut sender, body) = stream();
    let session = session(&[&uri]);
    let sent = client.send(&session, post(&uri, body), Timeouts::default());
    for piece in ["", "", "a", "", "bc", ""] {
        sender.send_data(Bytes::from(piece)).await.unwrap();
    }
    drop(sender);
    // What the answer is does not matter, and the server is gone after it.
    let _ = timeout(LONG, sent).await.unwrap();
    // The last one is the end.
    assert_eq!(lengths.recv().await.unwrap(), [1, 2, 0]);
}

#[tokio::test]
async fn requests_share_a_connection_of_http2() {
    let ca = Ca::new();
    let server = versioned(ca.server("localhost", &["h2"])).await;
    let (client, uri) = (ca.client(), localhost(&server));
    let session = session(&[&uri]);
    fetch(&client, &session, &uri).await.unwrap();
    let all: Vec<_> = (0..16)
        .map(|_| client.send(&session, get(&uri), Timeouts::default()))
        .collect();
    for sent in all {
        let response = sent.await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        text(response).await.unwrap();
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn the_authority_of_http2_is_not_the_guests() {
    let ca = Ca::new();
    let server = versioned(ca.server("localhost", &["h2"])).await;
    let (client, uri) = (ca.client(), localhost(&server));
    let mut request = get(&uri);
    for (name, value) in [
        ("host", "internal.example.com"),
        ("te", "gzip"),
        ("connection", "x"),
    ] {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let response = send(&client, &session(&[&uri]), request).await.unwrap();
    assert_eq!(
        text(response).await.unwrap(),
        format!("HTTP/2.0 localhost:{}", server.port)
    );
}

#[tokio::test]
async fn an_address_has_a_certificate_too() {
    let ca = Ca::new();
    let server = versioned(ca.server("127.0.0.1", &["http/1.1"])).await;
    let uri = format!("https://127.0.0.1:{}", server.port);
    let body = fetch(&ca.client(), &session(&[&uri]), &uri).await.unwrap();
    assert_eq!(body, format!("HTTP/1.1 127.0.0.1:{}", server.port));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let ca = Ca::new();
    let server = versioned(ca.server("www.example.com", &["h2"])).await;
    let uri = localhost(&server);
    let result = fetch(&ca.client(), &session(&[&uri]), &uri).await;
    assert!(
        matches!(&result, Err(Error::TlsCertificate(why)) if why.contains("localhost")),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_certificate_of_an_unknown_ca_is_refused() {
    let server = versioned(Ca::new().server("localhost", &["h2"])).await;
    let uri = localhost(&server);
    let result = fetch(&Ca::new().client(), &session(&[&uri]), &uri).await;
    assert!(
        matches!(result, Err(Error::TlsCertificate(_))),
        "{result:?}"
    );
    // The system knows it no better, or nobody at all.
    match fetch(&client(), &session(&[&uri]), &uri).await {
        Err(Error::TlsCertificate(_)) => {}
        Err(Error::Internal(why)) => assert!(why.contains("ca-certificates"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_that_trusts_nobody_says_so() {
    let server = versioned(Ca::new().server("localhost", &["h2"])).await;
    let uri = localhost(&server);
    let client = client().with_roots(Vec::new());
    let result = fetch(&client, &session(&[&uri]), &uri).await;
    assert!(
        matches!(&result, Err(Error::Internal(why)) if why.contains("CA certificate")),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_a_bad_certificate() {
    let server = Server::http(|_| async { ok(empty()) }).await;
    let uri = localhost(&server);
    let result = fetch(&Ca::new().client(), &session(&[&uri]), &uri).await;
    assert!(matches!(result, Err(Error::TlsProtocol(_))), "{result:?}");
    // Nothing in common: the server says so in an alert.
    let ca = Ca::new();
    let server = versioned(ca.server("localhost", &["other"])).await;
    let uri = localhost(&server);
    let result = fetch(&ca.client(), &session(&[&uri]), &uri).await;
    assert!(matches!(result, Err(Error::TlsAlert(120, _))), "{result:?}");
}

#[tokio::test]
async fn bodies_and_trailers_pass_over_http2() {
    let ca = Ca::new();
    let server = Server::https(
        ca.server("localhost", &["h2"]),
        |request: Request<Incoming>| async {
            let echo = request
                .into_body()
                .map_err(|e| Error::RequestBody(e.to_string()));
            ok(Body::new(echo))
        },
    )
    .await;
    let (client, uri) = (ca.client(), localhost(&server));
    let (mut guest, body) = stream();
    let response = send(&client, &session(&[&uri]), post(&uri, body))
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
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    guest.send_trailers(trailers.clone()).await.unwrap();
    drop(guest);
    assert_eq!(
        echo.frame()
            .await
            .unwrap()
            .unwrap()
            .into_trailers()
            .unwrap(),
        trailers
    );
    assert!(echo.frame().await.is_none());
}

#[tokio::test]
async fn one_that_is_dropped_leaves_the_others_on_its_connection() {
    let ca = Ca::new();
    let server = Server::https(
        ca.server("localhost", &["h2"]),
        |request: Request<Incoming>| async {
            let echo = request
                .into_body()
                .map_err(|e| Error::RequestBody(e.to_string()));
            ok(Body::new(echo))
        },
    )
    .await;
    let (client, uri) = (ca.client(), localhost(&server));
    let session = session(&[&uri]);
    let (mut kept, body) = stream();
    let mut echo = send(&client, &session, post(&uri, body))
        .await
        .unwrap()
        .into_body();
    let (mut lost, body) = stream();
    let dropped = send(&client, &session, post(&uri, body)).await.unwrap();
    drop(dropped);
    // The guest's side of the dropped one ends as well.
    while lost.send_data(Bytes::from("x")).await.is_ok() {}
    kept.send_data(Bytes::from("still here")).await.unwrap();
    assert_eq!(
        echo.frame().await.unwrap().unwrap().into_data().unwrap(),
        "still here"
    );
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn an_upload_that_is_not_read_ends_over_http2() {
    let ca = Ca::new();
    let server = Server::https(
        ca.server("localhost", &["h2"]),
        |request: Request<Incoming>| async {
            let (sender, body) = stream();
            tokio::spawn(async move {
                let _kept = (request, sender);
                pending::<()>().await;
            });
            ok(body)
        },
    )
    .await;
    let (client, uri) = (ca.client(), localhost(&server));
    let (mut guest, body) = stream();
    let response = send(&client, &session(&[&uri]), post(&uri, body))
        .await
        .unwrap();
    // The server's window is used up: what the guest has given waits in the connection.
    let piece = Bytes::from_static(&[b'x'; 64 * 1024]);
    while timeout(SHORT * 3, guest.send_data(piece.clone()))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {}
    drop(response);
    let gone = async { while guest.send_data(piece.clone()).await.is_ok() {} };
    assert!(timeout(LONG, gone).await.is_ok());
    server.until_open(|open| *open == 0).await;
}
