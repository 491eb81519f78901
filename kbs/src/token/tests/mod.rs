//! An issuer with its own certificates and keys, and what becomes of its tokens.

mod chains;
mod claims;
mod fresh;
mod https;
mod key_sets;

use std::fs;
use std::path::PathBuf;

use jose::jwk::Jwk;
use jose::signer::SigningKey;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// 2027-01-15, when the certificates that rcgen makes are valid.
const NOW: i64 = 1_800_000_000;

fn tee_key() -> Value {
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    serde_json::to_value(key.public_jwk()).unwrap()
}

/// The claims of an EAR, as the attestation service issues them.
fn ear() -> Value {
    json!({
        "iss": "attestation-service", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300,
        "submods": {"cpu0": {
            "ear.status": "affirming",
            "ear.veraison.annotated-evidence": {
                "snp": {"measurement": "00"},
                "runtime_data_claims": {"tee-pubkey": tee_key()},
                "init_data_claims": {"aa.toml": "canary"}
            }
        }}
    })
}

/// A certificate authority.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).unwrap();
        Self {
            params,
            key,
            certificate,
        }
    }

    /// PEM of a certificate for `key`.
    fn issue(&self, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "attestation service");
        change(&mut params);
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(key, &issuer).unwrap().pem()
    }
}

/// Whoever signs tokens: a key with a certificate.
struct Signer {
    key: SigningKey,
    pem: String,
}

impl Signer {
    fn of(authority: &Authority) -> Self {
        Self::with(authority, |_| ())
    }

    fn with(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let pair = KeyPair::generate().unwrap();
        let key = SigningKey::from_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self {
            key,
            pem: authority.issue(&pair, change),
        }
    }

    /// The public key with its chain.
    fn jwk(&self) -> Jwk {
        self.key
            .public_jwk()
            .with_certificates(self.pem.as_bytes())
            .unwrap()
    }

    /// As the attestation service signs: the key with its chain in the header.
    fn token(&self, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": "ES256", "jwk": self.jwk()});
        self.key.sign_compact(&header, claims).unwrap()
    }
}

/// A directory with the operator's files.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A key set of `(kid, key)`.
    fn jwks(&self, name: &str, keys: &[(&str, &SigningKey)]) -> String {
        let keys: Vec<Jwk> = keys
            .iter()
            .map(|(kid, key)| key.public_jwk().with_kid(*kid))
            .collect();
        self.file(name, &json!({ "keys": keys }).to_string())
            .display()
            .to_string()
    }
}

/// A verifier that trusts one authority.
async fn trusting(authority: &Authority) -> TokenVerifier {
    let desk = Desk::new();
    let config = AttestationTokenConfig {
        trusted_certs_paths: vec![desk.file("ca.pem", &authority.certificate.pem())],
        ..Default::default()
    };
    verifier(config).await
}

async fn verifier(config: AttestationTokenConfig) -> TokenVerifier {
    TokenVerifier::new(&config, Vec::new()).await.unwrap()
}

async fn refused(verifier: &TokenVerifier, token: &str) -> TokenError {
    verifier.verify(token, NOW).await.unwrap_err()
}
