//! Whom to trust, and TLS with one server. The certificate is verified for the host that was asked for. Must not know
//! grants, nor what is spoken inside of TLS.

use crate::Error;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What ALPN calls HTTP/2.
pub const H2: &[u8] = b"h2";

/// Servers whose sessions one grant's connections can resume.
const RESUMABLE: usize = 64;

/// The CA certificates to trust, read when they are first needed and then kept.
pub struct Roots {
    given: Option<Vec<Vec<u8>>>,
    store: OnceCell<Arc<RootCertStore>>,
}

impl Roots {
    /// Those given (DER), or the system's.
    pub fn new(given: Option<Vec<Vec<u8>>>) -> Roots {
        Roots {
            given,
            store: OnceCell::new(),
        }
    }

    /// # Errors
    /// [`Error::Internal`] if there are none. Nothing is kept then: a later call finds what was installed meanwhile.
    async fn store(&self) -> Result<Arc<RootCertStore>, Error> {
        let store = self.store.get_or_try_init(|| async {
            match &self.given {
                Some(given) => from_certificates(given.iter().cloned().map(CertificateDer::from)),
                None => tokio::task::spawn_blocking(from_system)
                    .await
                    .unwrap_or_else(|e| Err(Error::Internal(e.to_string()))),
            }
        });
        store.await.cloned()
    }
}

/// Makes TLS connections for one grant. Sessions are resumed within it only.
pub struct Tls {
    roots: Arc<Roots>,
    connector: OnceCell<TlsConnector>,
}

impl Tls {
    /// Nothing is read or made before the first connection.
    pub fn new(roots: Arc<Roots>) -> Tls {
        Tls {
            roots,
            connector: OnceCell::new(),
        }
    }

    /// Agrees on TLS, and on HTTP/2 or HTTP/1.1 within it, with the server for `host`, a name or an address.
    ///
    /// # Errors
    /// [`Error::TlsCertificate`], [`Error::TlsProtocol`], [`Error::TlsAlert`], [`Error::Internal`], or what became of
    /// the connection.
    pub async fn connect(&self, host: &str, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::TlsCertificate(format!("no certificate can be for {host}")))?;
        let connector = self.connector.get_or_try_init(|| self.connector());
        let tls = connector.await?.connect(name, tcp).await;
        tls.map_err(|e| Error::from_io(&e))
    }

    async fn connector(&self) -> Result<TlsConnector, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Internal(e.to_string()))?
            .with_root_certificates(self.roots.store().await?)
            .with_no_client_auth();
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(RESUMABLE);
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn from_system() -> Result<Arc<RootCertStore>, Error> {
    let found = rustls_native_certs::load_native_certs();
    from_certificates(found.certs.into_iter()).map_err(|_| {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let reasons = match reasons.is_empty() {
            true => String::new(),
            false => format!(" ({})", reasons.join("; ")),
        };
        Error::Internal(format!(
            "https needs CA certificates, and none were found on this system{reasons}; \
             they are in the package ca-certificates"
        ))
    })
}

/// Unusable certificates are passed over: systems have some.
fn from_certificates(
    certificates: impl Iterator<Item = CertificateDer<'static>>,
) -> Result<Arc<RootCertStore>, Error> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    if store.is_empty() {
        return Err(Error::Internal(
            "no usable CA certificate is given".to_owned(),
        ));
    }
    Ok(Arc::new(store))
}
