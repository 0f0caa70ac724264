//! TLS and HTTP/2 for the server of a test, with a certificate made for it.

use crate::{Setup, host, paths};
use std::path::PathBuf;

impl Setup {
    /// Serves TLS on the server's port, with a certificate for `localhost` and 127.0.0.1 that is its own root.
    pub fn tls(self) -> Setup {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
        let certificate = made.cert.pem();
        let key = made.signing_key.serialize_pem();
        // mod_ssl complains that it may be newer than the library that it finds, and that nothing caches sessions.
        self.module("ssl")
            .tolerate("AH01882")
            .tolerate("AH01873")
            .file("conf/tls.crt", certificate)
            .file("conf/tls.key", key)
            .conf(
                "SSLEngine on\nSSLSessionCache none\n\
                 SSLCertificateFile conf/tls.crt\nSSLCertificateKeyFile conf/tls.key",
            )
    }

    /// The certificate that [`Setup::tls`] has made, for clients that check it.
    pub fn certificate(&self) -> PathBuf {
        self.path("conf/tls.crt")
    }

    /// Speaks HTTP/2 in clear text as well. `None` under prefork, where mod_http2 does not work; says so.
    pub fn h2c(self) -> Option<Setup> {
        self.http2("Protocols h2c http/1.1")
    }

    /// As [`Setup::h2c`], over TLS.
    pub fn h2(self) -> Option<Setup> {
        self.http2("Protocols h2 http/1.1")
    }

    fn http2(self, protocols: &str) -> Option<Setup> {
        if !paths::threaded() {
            host::announce_skip("mod_http2 does not work under prefork");
            return None;
        }
        Some(self.module("http2").conf(protocols))
    }
}
