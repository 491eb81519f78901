//! The key that signs tokens, and what vouches for it.

use jose::jwt::IssuedToken;
use jose::{Jwk, SignatureAlgorithm, SigningKey};
use serde::Serialize;

use crate::config::SignerConfig;
use crate::error::{EvaluateError, StartError};

/// A P-256 key with its header and its JWK Set, both the same for every token.
pub(crate) struct TokenSigner {
    key: SigningKey,
    header: Vec<u8>,
    jwks: String,
}

/// Bytes that most payloads fit into.
const USUAL_PAYLOAD: usize = 8192;

/// RFC 7515, section 4.1. There is no `kid`: consumers look at the key itself.
#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: SignatureAlgorithm,
    jwk: &'a Jwk,
}

#[derive(Serialize)]
struct JwkSet<'a> {
    keys: [&'a Jwk; 1],
}

impl TokenSigner {
    /// The key and certificates that `config` names; without it, a key that lives as long as the process.
    pub(crate) fn new(config: Option<&SignerConfig>) -> Result<Self, StartError> {
        let Some(config) = config else {
            tracing::warn!(
                "no `signer` is configured: tokens are signed with a key made just now, which nothing vouches for"
            );
            let key = SigningKey::generate_p256().map_err(|error| StartError::Config(error.to_string()))?;
            let jwk = key.public_jwk();
            return Self::with(key, &jwk);
        };
        let key = SigningKey::from_pem(&read(&config.key_path)?)
            .map_err(|error| StartError::file(&config.key_path, error))?;
        if key.algorithm() != SignatureAlgorithm::ES256 {
            let reason = "Only P-256 attestation token signing keys are supported";
            return Err(StartError::file(&config.key_path, reason));
        }
        let mut jwk = key.public_jwk();
        if let Some(url) = &config.cert_url {
            jwk = jwk.with_x5u(url);
        }
        if let Some(path) = &config.cert_path {
            jwk = jwk.with_certificates(&read(path)?).map_err(|error| match error {
                jose::KeyError::Inconsistent => StartError::file(
                    path,
                    format!(
                        "its first certificate is not for the key in `{}`",
                        config.key_path.display()
                    ),
                ),
                error => StartError::file(path, error),
            })?;
        }
        Self::with(key, &jwk)
    }

    fn with(key: SigningKey, jwk: &Jwk) -> Result<Self, StartError> {
        let malformed = |error: serde_json::Error| StartError::Config(error.to_string());
        let header = Header {
            typ: "JWT",
            alg: key.algorithm(),
            jwk,
        };
        let header = serde_json::to_vec(&header).map_err(malformed)?;
        let jwks = serde_json::to_string(&JwkSet { keys: [jwk] }).map_err(malformed)?;
        Ok(Self { key, header, jwks })
    }

    /// The compact JWS over `payload`, its members in the order in which it serialises.
    pub(crate) fn sign(&self, payload: &impl Serialize) -> Result<IssuedToken, EvaluateError> {
        let mut json = Vec::with_capacity(USUAL_PAYLOAD);
        serde_json::to_writer(&mut json, payload).map_err(|error| EvaluateError::Token(error.to_string()))?;
        let json = String::from_utf8(json).map_err(|error| EvaluateError::Token(error.to_string()))?;
        self.key
            .issue(&self.header, json)
            .map_err(|error| EvaluateError::Token(error.to_string()))
    }

    pub(crate) fn jwks(&self) -> &str {
        &self.jwks
    }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, StartError> {
    std::fs::read(path).map_err(|error| StartError::file(path, error))
}
