//! Keys and certificates of one stack.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose as Usage};
use rcgen::{IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use crate::stack::write;

/// The files.
pub(crate) struct Pki {
    authority: PathBuf,
    authority_pem: String,
    server: Pair,
    client: Pair,
    token: Pair,
}

/// A certificate and its key, PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pki {
    /// Makes everything, in `dir`.
    pub(crate) fn generate(dir: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self {
            authority: write(dir, "ca.pem", &ca.pem()),
            authority_pem: ca.pem(),
            server: leaf(dir, "server", &ca, Some(Usage::ServerAuth)),
            client: leaf(dir, "client", &ca, Some(Usage::ClientAuth)),
            token: leaf(dir, "token", &ca, None),
        }
    }

    /// PEM of the authority.
    pub(crate) fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// Certificate and key that one service shows the next.
    pub(crate) fn client(&self) -> &Pair {
        &self.client
    }

    /// The key that signs attestation tokens.
    pub(crate) fn token_key(&self) -> &Path {
        &self.token.key
    }

    /// Its certificate.
    pub(crate) fn token_certificate(&self) -> &Path {
        &self.token.certificate
    }

    /// A gRPC server's `tls`, which demands client certificates.
    pub(crate) fn server_settings(&self) -> Value {
        json!({
            "certificate": self.server.certificate,
            "private_key": self.server.key,
            "client_ca": self.authority,
        })
    }

    /// A gRPC client's `tls`.
    pub(crate) fn client_settings(&self) -> Value {
        json!({
            "ca": self.authority,
            "certificate": self.client.certificate,
            "private_key": self.client.key,
        })
    }

    /// The same as a table of TOML.
    pub(crate) fn client_table(&self, name: &str) -> String {
        let Pair { certificate, key } = &self.client;
        format!(
            "[{name}]\nca = {:?}\ncertificate = {certificate:?}\nprivate_key = {key:?}",
            self.authority
        )
    }

    /// The keys of `[http_server]`.
    pub(crate) fn https_keys(&self) -> String {
        format!(
            "certificate = {:?}\nprivate_key = {:?}",
            self.server.certificate, self.server.key
        )
    }
}

fn leaf(dir: &Path, name: &str, ca: &CertifiedIssuer<'_, KeyPair>, usage: Option<Usage>) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = usage.into_iter().collect();
    let certificate = params.signed_by(&key, ca).unwrap();
    Pair {
        certificate: write(dir, &format!("{name}.pem"), &certificate.pem()),
        key: write(dir, &format!("{name}.key"), &key.serialize_pem()),
    }
}
