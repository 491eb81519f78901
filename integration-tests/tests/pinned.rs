//! A KBS whose certificate is what plain `openssl req -x509` makes: self-signed, and marked as an authority's.

use std::time::Duration;

use axum::{Router, routing::get};
use daemon::serve::{Limits, Listener, ServeOptions, Serving, serve};
use daemon::shutdown::Shutdown;
use daemon::tls::TlsServerConfig;
use kbs_client::admin::{AdminClient, AdminCredential};
use kbs_client::error::ClientError;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::stack::write;

fn plain(names: &[&str]) -> CertifiedIssuer<'static, KeyPair> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A KBS that shows this certificate, and its address.
async fn serving(server: &CertifiedIssuer<'_, KeyPair>) -> (Serving, Shutdown, String) {
    let dir = tempfile::tempdir().unwrap();
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
    let serving = serve(options, app, shutdown.clone()).await.unwrap();
    let url = format!("https://{}", serving.addresses()[0]);
    (serving, shutdown, url)
}

async fn list(url: &str, roots: Vec<Vec<u8>>) -> Result<usize, ClientError> {
    let client = AdminClient::new(url, &roots, AdminCredential::Anonymous).unwrap();
    client.list_resources().await.map(|found| found.len())
}

#[tokio::test]
async fn a_client_that_is_given_the_servers_own_certificate_trusts_it_and_no_other() {
    daemon::init();
    let names = ["localhost", "127.0.0.1"];
    let server = plain(&names);
    let (_serving, _shutdown, url) = serving(&server).await;
    assert_eq!(list(&url, vec![server.pem().into_bytes()]).await.unwrap(), 0);
    for roots in [vec![plain(&names).pem().into_bytes()], Vec::new()] {
        let refused = list(&url, roots).await.unwrap_err();
        assert!(matches!(refused, ClientError::Unreachable { .. }), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_without_the_servers_name_is_refused_and_the_hint_says_what_to_do() {
    daemon::init();
    for (names, hint) in [
        (&[][..], "has no subjectAltName"),
        (&["localhost"][..], "is for other names"),
    ] {
        let server = plain(names);
        let (_serving, _shutdown, url) = serving(&server).await;
        let refused = list(&url, vec![server.pem().into_bytes()]).await.unwrap_err();
        let told = refused.hint().unwrap_or_default();
        assert!(told.contains(hint), "{refused}: {told}");
    }
}
