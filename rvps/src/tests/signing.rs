//! Signs messages as their senders do.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use coset::{CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana};
use jose::SigningKey;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use serde_json::{Value, json};

use crate::{config::TrustAnchorConfig, signature::dsse::pre_authentication_encoding};

pub(crate) const SAMPLE: &str = "application/vnd.trustee.sample+json";

/// A register message around signed bytes.
pub(crate) fn message(kind: &str, signed: Option<&str>, payload: impl AsRef<[u8]>) -> String {
    json!({"version": "0.1.0", "type": kind, "payload": STANDARD.encode(payload), "signed": signed})
        .to_string()
}

/// A compact JWS with these members in its header besides `alg`.
pub(crate) fn jws(key: &SigningKey, header: Value, content: &[u8]) -> String {
    let mut header = header;
    header["alg"] = json!(key.algorithm());
    key.sign_compact_raw(header.to_string().as_bytes(), content)
        .unwrap()
}

/// A message of type `sample` in a JWS, issued at `issued_at` if that is given.
pub(crate) fn signed_sample(key: &SigningKey, values: &Value, issued_at: Option<i64>) -> String {
    let mut header = json!({"cty": SAMPLE});
    if let Some(issued_at) = issued_at {
        header["iat"] = issued_at.into();
    }
    message(
        "sample",
        Some("jws"),
        jws(key, header, values.to_string().as_bytes()),
    )
}

/// A DSSE envelope with ECDSA signatures as they are from most signers.
pub(crate) fn dsse(key: &SigningKey, content_type: &str, content: &[u8]) -> Value {
    let signature = key
        .sign(&pre_authentication_encoding(content_type, content))
        .unwrap();
    json!({
        "payload": STANDARD.encode(content),
        "payloadType": content_type,
        "signatures": [{"keyid": "", "sig": STANDARD.encode(signature)}],
    })
}

/// A tagged COSE_Sign1 by a P-256 key.
pub(crate) fn cose(key: &SigningKey, header: HeaderBuilder, content: &[u8], chain: Vec<Vec<u8>>) -> Vec<u8> {
    let chain = chain.into_iter().map(ciborium::Value::Bytes).collect();
    let unprotected = HeaderBuilder::new()
        .value(33, ciborium::Value::Array(chain))
        .build();
    CoseSign1Builder::new()
        .protected(header.algorithm(iana::Algorithm::ES256).build())
        .unprotected(unprotected)
        .payload(content.to_vec())
        .create_signature(&[], |bytes| key.sign(bytes).unwrap())
        .build()
        .to_tagged_vec()
        .unwrap()
}

pub(crate) fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The anchor of a key.
pub(crate) fn key_anchor(dir: &Path, name: &str, key: &SigningKey) -> TrustAnchorConfig {
    TrustAnchorConfig {
        name: name.to_owned(),
        key: Some(write(dir, &format!("{name}.pub"), &key.public_key_pem().unwrap())),
        ..TrustAnchorConfig::default()
    }
}

/// An authority for signers of software.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.not_before = date_time_ymd(2026, 1, 1);
        parameters.not_after = date_time_ymd(2030, 1, 1);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn anchor(&self, dir: &Path, name: &str) -> TrustAnchorConfig {
        TrustAnchorConfig {
            name: name.to_owned(),
            certificates: Some(write(dir, &format!("{name}.pem"), &self.0.pem())),
            ..TrustAnchorConfig::default()
        }
    }

    /// A signing key with its certificate in DER, good in 2026.
    pub(crate) fn signer(&self) -> (SigningKey, Vec<u8>) {
        let (key, certificate) = self.issue();
        let signer = SigningKey::from_pem(key.serialize_pem().as_bytes()).unwrap();
        (signer, certificate.der().to_vec())
    }

    /// Paths of the files of a signing key and its certificate.
    pub(crate) fn signer_files(&self, dir: &tempfile::TempDir) -> (String, String) {
        let (key, certificate) = self.issue();
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        (
            text(write(dir.path(), "signer.key", &key.serialize_pem())),
            text(write(dir.path(), "signer.pem", &certificate.pem())),
        )
    }

    fn issue(&self) -> (KeyPair, rcgen::Certificate) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.not_before = date_time_ymd(2026, 1, 1);
        parameters.not_after = date_time_ymd(2027, 1, 1);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        (key, certificate)
    }
}
