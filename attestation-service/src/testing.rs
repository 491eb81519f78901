//! What several tests need: servers on free ports, and people to vouch for them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon::serve::{Limits, Listener, ServeOptions, serve};
use daemon::shutdown::Shutdown;
use daemon::tls::{TlsClientConfig, TlsServerConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// A time at which all test certificates are good.
pub(crate) const NOW: i64 = 1_795_309_052;

/// A server on the loopback interface, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shutdown: Shutdown,
}

impl Server {
    pub(crate) async fn start(router: axum::Router, tls: Option<TlsServerConfig>) -> Self {
        daemon::init();
        let shutdown = Shutdown::manual(Duration::ZERO);
        let options = ServeOptions {
            name: "test",
            listeners: vec![Listener::Address("127.0.0.1:0".parse().unwrap())],
            tls: tls.map(|tls| tls.load().unwrap()),
            limits: Limits::default(),
        };
        let serving = serve(options, router, shutdown.clone()).await.unwrap();
        let address = serving.addresses()[0];
        tokio::spawn(serving.finished());
        Self { address, shutdown }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

/// A certificate authority with a directory for what it issues.
pub(crate) struct Authority {
    directory: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { directory, issuer }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = (
            self.path(&format!("{name}.pem")),
            self.path(&format!("{name}.key")),
        );
        std::fs::write(&files.0, certificate.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }

    pub(crate) fn server(&self) -> TlsServerConfig {
        let (certificate, key) = self.issue("server");
        TlsServerConfig::new(certificate, key)
    }

    /// A client that trusts this authority and shows nothing.
    pub(crate) fn client(&self) -> TlsClientConfig {
        TlsClientConfig {
            ca: self.path("ca.pem"),
            certificate: None,
            private_key: None,
            server_name: None,
        }
    }

    /// What a client shows that this authority vouches for.
    pub(crate) fn vouch_for(&self, client: TlsClientConfig) -> TlsClientConfig {
        let (certificate, key) = self.issue("client");
        TlsClientConfig {
            certificate: Some(certificate),
            private_key: Some(key),
            ..client
        }
    }
}

/// Evidence of real hardware, if it is there.
pub(crate) fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/fixtures")
        .join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    bytes
}
