//! A KBS whose certificate is what plain `openssl req -x509` makes: self-signed, and marked as an authority's.

use std::time::Duration;

use axum::{Router, routing::get};
use daemon::serve::{Limits, Listener, ServeOptions, serve};
use daemon::shutdown::Shutdown;
use daemon::tls::TlsServerConfig;
use kbs_client::admin::{AdminClient, AdminCredential};
use kbs_client::error::ClientError;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::stack::write;

fn plain() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn a_client_that_is_given_the_servers_own_certificate_trusts_it_and_no_other() {
    daemon::init();
    let dir = tempfile::tempdir().unwrap();
    let server = plain();
    let certificate = write(dir.path(), "server.pem", &server.pem());
    let key = write(dir.path(), "server.key", &server.key().serialize_pem());
    let options = ServeOptions {
        name: "pinned",
        listeners: vec![Listener::Address(([127, 0, 0, 1], 0).into())],
        tls: Some(TlsServerConfig::new(certificate, key).load().unwrap()),
        limits: Limits::default(),
    };
    let shutdown = Shutdown::manual(Duration::from_millis(200));
    let app = Router::new().route("/kbs/v0/resource", get(async || "[]"));
    let serving = serve(options, app, shutdown).await.unwrap();
    let url = format!("https://{}", serving.addresses()[0]);

    let list = async |roots: Vec<Vec<u8>>| {
        let client = AdminClient::new(&url, &roots, AdminCredential::Anonymous).unwrap();
        client.list_resources().await.map(|found| found.len())
    };
    assert_eq!(list(vec![server.pem().into_bytes()]).await.unwrap(), 0);
    for roots in [vec![plain().pem().into_bytes()], Vec::new()] {
        let refused = list(roots).await.unwrap_err();
        assert!(matches!(refused, ClientError::Unreachable { .. }), "{refused}");
    }
}
