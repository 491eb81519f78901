//! The RSA keys of the fake service, and its tokens.

use anyhow::anyhow;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA384, RsaEncoding};
use serde_json::{Value, json};

/// How tokens are signed. The service offers both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// RSASSA-PSS with SHA-384, what it does unless it is asked for the other.
    Ps384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// A key of the service.
pub struct Signer {
    id: String,
    key: KeyPair,
    /// The public half, with the members `n` and `e`.
    public: Value,
    /// Base64 of a certificate for the key.
    certificate: String,
}

impl Signer {
    /// A new key under that id.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(id: &str) -> anyhow::Result<Self> {
        let private = TeePrivateKey::generate(TeeKeyKind::Rsa)?;
        let pem = private.to_pem()?;
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let key = KeyPair::from_pkcs8(&STANDARD.decode(body)?).map_err(|error| anyhow!("{error}"))?;
        let pair = rcgen::KeyPair::from_pem(&pem)?;
        let certificate = rcgen::CertificateParams::new(Vec::new())?.self_signed(&pair)?;
        Ok(Self {
            id: id.to_owned(),
            key,
            public: serde_json::to_value(private.public_jwk())?,
            certificate: STANDARD.encode(certificate.der()),
        })
    }

    /// The set with this key alone.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.jwk(Signature::Ps384), self.jwk(Signature::Rs256)]})
    }

    /// A token in the compact form.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn token(&self, signature: Signature, claims: &Value) -> anyhow::Result<String> {
        self.sign(signature, &self.header(signature), claims)
    }

    /// A token that brings its key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn token_with_its_key(&self, signature: Signature, claims: &Value) -> anyhow::Result<String> {
        let mut header = self.header(signature);
        header["jwk"] = self.jwk(signature);
        self.sign(signature, &header, claims)
    }

    /// A token of the algorithm `none`.
    ///
    /// # Errors
    /// Never.
    pub fn unsigned(claims: &Value) -> anyhow::Result<String> {
        Ok(format!(
            "{}.{}.",
            encode(&json!({"alg": "none", "typ": "JWT"})),
            encode(claims)
        ))
    }

    fn header(&self, signature: Signature) -> Value {
        json!({
            "alg": signature.name(),
            "kid": self.id(signature),
            "typ": "JWT",
            // As the service writes it. Nobody may fetch what a token names.
            "jku": "https://portal.trustauthority.intel.com/certs",
        })
    }

    fn sign(&self, signature: Signature, header: &Value, claims: &Value) -> anyhow::Result<String> {
        let message = format!("{}.{}", encode(header), encode(claims));
        let mut bytes = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                signature.encoding(),
                &SystemRandom::new(),
                message.as_bytes(),
                &mut bytes,
            )
            .map_err(|_| anyhow!("the token cannot be signed"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The service has a key of its own for each algorithm; here they are the same, under two ids.
    fn id(&self, signature: Signature) -> String {
        format!("{}-{}", self.id, signature.name())
    }

    fn jwk(&self, signature: Signature) -> Value {
        json!({
            "kty": "RSA",
            "alg": signature.name(),
            "kid": self.id(signature),
            "n": self.public["n"],
            "e": self.public["e"],
            "x5c": [self.certificate],
        })
    }
}

impl Signature {
    fn name(self) -> &'static str {
        match self {
            Self::Ps384 => "PS384",
            Self::Rs256 => "RS256",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Ps384 => &RSA_PSS_SHA384,
            Self::Rs256 => &RSA_PKCS1_SHA256,
        }
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
