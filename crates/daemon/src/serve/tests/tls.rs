//! Who gets in over TLS, and with which versions and certificates.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::AlertDescription;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use tokio_rustls::TlsConnector;

use super::*;
use crate::tls::TlsProfile;
use crate::tls::tests::Authority;

/// One TLS handshake and one request.
async fn over_tls(address: SocketAddr, config: Arc<rustls::ClientConfig>, name: &str) -> io::Result<Vec<u8>> {
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = TlsConnector::from(config).connect(name, socket).await?;
    stream.write_all(GET).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// What a server says to a client that sends no request.
async fn refusal(address: SocketAddr, config: Arc<rustls::ClientConfig>) -> Option<rustls::Error> {
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let refused = async {
        let mut stream = TlsConnector::from(config).connect(name, socket).await?;
        stream.read_u8().await
    };
    let cause = refused.await.unwrap_err().into_inner()?;
    cause.downcast().ok().map(|error| *error)
}

#[tokio::test]
async fn each_profile_speaks_its_versions() {
    let authority = Authority::new();
    let cases = [
        (TlsProfile::Old, true),
        (TlsProfile::Intermediate, true),
        (TlsProfile::Custom, true),
        (TlsProfile::Modern, false),
    ];
    for (profile, speaks_12) in cases {
        let tls = TlsServerConfig {
            profile,
            ..authority.server()
        };
        let stack = start(Some(&tls), quick(), router()).await;
        let new = over_tls(stack.address, authority.client(&[&TLS13]), "localhost")
            .await
            .unwrap();
        assert_eq!(status(&new), "200", "{profile:?}");
        let old = over_tls(stack.address, authority.client(&[&TLS12]), "localhost").await;
        assert_eq!(old.is_ok(), speaks_12, "{profile:?}");
    }
}

#[tokio::test]
async fn a_client_takes_the_very_certificate_that_it_was_given_though_it_is_an_authoritys() {
    let authority = Authority::new();
    let plain = authority.plain();
    let stack = start(Some(&plain), quick(), router()).await;
    let connect = async |ca: std::path::PathBuf, name: &str| {
        let config = crate::tls::TlsClientConfig {
            ca,
            certificate: None,
            private_key: None,
            server_name: Some(name.to_owned()),
        };
        let tls = config.load().unwrap();
        let socket = TcpStream::connect(stack.address).await?;
        let name = tls.server_name("unused").unwrap();
        TlsConnector::from(tls.current())
            .connect(name, socket)
            .await
            .map(drop)
    };
    connect(plain.certificate.clone(), "localhost").await.unwrap();
    assert!(connect(plain.certificate.clone(), "elsewhere").await.is_err());
    assert!(
        connect(authority.ca(), "localhost").await.is_err(),
        "given another"
    );
}

#[tokio::test]
async fn plain_http_and_silence_end_at_a_tls_port() {
    let authority = Authority::new();
    let stack = start(Some(&authority.server()), quick(), router()).await;
    for bytes in [GET, b""] {
        assert_ne!(status(&exchange(stack.address, bytes).await), "200");
    }
}

#[tokio::test]
async fn a_client_without_or_with_a_foreign_certificate_is_refused_where_one_is_required() {
    let authority = Authority::new();
    let strangers = Authority::new();
    let tls = TlsServerConfig {
        client_ca: Some(authority.ca()),
        ..authority.server()
    };
    let stack = start(Some(&tls), quick(), router()).await;
    crate::init();

    let ca = reqwest::Certificate::from_pem(&std::fs::read(authority.ca()).unwrap()).unwrap();
    let identity = |from: &Authority| {
        let (certificate, key) = from.issue("client", "client");
        let pem = [std::fs::read(certificate).unwrap(), std::fs::read(key).unwrap()].concat();
        reqwest::Identity::from_pem(&pem).unwrap()
    };
    let client = || reqwest::Client::builder().tls_certs_only([ca.clone()]);
    let url = format!("https://localhost:{}/", stack.address.port());
    let known = client().identity(identity(&authority)).build().unwrap();
    assert_eq!(
        known.get(&url).send().await.unwrap().text().await.unwrap(),
        "hello"
    );
    for refused in [client(), client().identity(identity(&strangers))] {
        assert!(refused.build().unwrap().get(&url).send().await.is_err());
    }
}

#[tokio::test]
async fn a_client_certificate_counts_within_its_dates_and_if_it_is_for_clients() {
    type Change = fn(&mut CertificateParams);
    let authority = Authority::new();
    let tls = TlsServerConfig {
        client_ca: Some(authority.ca()),
        ..authority.server()
    };
    let stack = start(Some(&tls), quick(), router()).await;
    crate::init();
    let client = |change: Change| {
        let (certificate, key) = authority.issue_with("client", "client", change);
        let config = crate::tls::TlsClientConfig {
            certificate: Some(certificate),
            private_key: Some(key),
            ca: authority.ca(),
            server_name: None,
        };
        config.load().unwrap().current()
    };
    let in_force = client(|params| params.not_after = date_time_ymd(4000, 1, 1));
    let answer = over_tls(stack.address, in_force, "localhost").await.unwrap();
    assert_eq!(status(&answer), "200");
    let cases: [(Change, AlertDescription); 3] = [
        (
            |params| params.not_after = date_time_ymd(2020, 1, 1),
            AlertDescription::CertificateExpired,
        ),
        (
            |params| params.not_before = date_time_ymd(3000, 1, 1),
            AlertDescription::CertificateExpired,
        ),
        (
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            AlertDescription::UnsupportedCertificate,
        ),
    ];
    for (number, (change, alert)) in cases.into_iter().enumerate() {
        let refused = refusal(stack.address, client(change)).await;
        assert_eq!(refused, Some(rustls::Error::AlertReceived(alert)), "{number}");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let authority = Authority::new();
    let stack = start(Some(&authority.server()), quick(), router()).await;
    let client = || authority.client(&[&TLS13]);
    over_tls(stack.address, client(), "localhost").await.unwrap();
    assert!(
        over_tls(stack.address, client(), "renewed.example")
            .await
            .is_err()
    );

    authority.issue("server", "renewed.example");
    let renewed = async {
        while over_tls(stack.address, client(), "renewed.example")
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, renewed).await.expect("the new certificate is used");
    assert!(over_tls(stack.address, client(), "localhost").await.is_err());
}
