//! A simulated Remote Attestation Service: a key, and verdicts signed with it.

use super::authority::Key;
use crate::SimulationError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

/// The issuer in the tokens of NVIDIA's service.
const ISSUER: &str = "https://nras.attestation.nvidia.com";
/// For how many seconds its tokens are good.
const LIFETIME: i64 = 3600;

/// The service's signing key.
pub struct Nras {
    key: Key,
    kid: String,
}

/// A verdict on one device, to be changed and signed. The default is a good one.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The device's name in the answer.
    pub name: String,
    /// Claims of the token over all devices, without `submods`.
    pub overall: Map<String, Value>,
    /// Claims of the device's token.
    pub device: Map<String, Value>,
    /// Another digest of the device's token than it has.
    pub digest: Option<String>,
}

impl Nras {
    /// A new key with this id.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(kid: &str) -> Result<Self, SimulationError> {
        Ok(Self {
            key: Key::generate()?,
            kid: kid.to_owned(),
        })
    }

    /// Its JWK Set.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.jwk()]})
    }

    /// Its key as a JWK.
    pub fn jwk(&self) -> Value {
        let point = self.key.public();
        let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(point.get(from..from + 48).unwrap_or_default());
        json!({"kty": "EC", "crv": "P-384", "alg": "ES384", "use": "sig", "kid": self.kid,
            "x": coordinate(1), "y": coordinate(49)})
    }

    /// The header of its tokens.
    pub fn header(&self) -> Value {
        json!({"alg": "ES384", "kid": self.kid})
    }

    /// A token with its usual header.
    pub fn token(&self, claims: &Map<String, Value>) -> String {
        self.sign(&self.header(), &Value::Object(claims.clone()))
    }

    /// Any token at all.
    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()))
        )
    }

    /// The answer with this verdict.
    pub fn answer(&self, verdict: &Verdict) -> Value {
        let device = self.token(&verdict.device);
        let own = || hex::encode(digest(&SHA256, device.as_bytes()));
        let digest = verdict.digest.clone().unwrap_or_else(own);
        let mut overall = verdict.overall.clone();
        let entry = json!({&verdict.name: ["DIGEST", ["SHA-256", digest]]});
        overall.entry("submods").or_insert(entry);
        json!([["JWT", self.token(&overall)], {&verdict.name: device}])
    }
}

impl Verdict {
    /// A good GPU, asked about with `nonce` at `now` (seconds since the Unix epoch). `ueid` tells it from others.
    pub fn gpu(nonce: &[u8; 32], ueid: &str, now: i64) -> Self {
        Self::good("gpu", "GPU-0", "GH100", &["driver", "vbios"], nonce, ueid, now)
    }

    /// A good switch.
    pub fn switch(nonce: &[u8; 32], ueid: &str, now: i64) -> Self {
        Self::good("switch", "SWITCH-0", "LS10", &["bios"], nonce, ueid, now)
    }

    /// With another claim about the device.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.device.insert(name.to_owned(), value.into());
        self
    }

    /// With another claim of both tokens.
    pub fn both(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.overall.insert(name.to_owned(), value.clone());
        self.claim(name, value)
    }

    fn good(
        kind: &str,
        name: &str,
        model: &str,
        manifests: &[&str],
        nonce: &[u8; 32],
        ueid: &str,
        now: i64,
    ) -> Self {
        let chain = json!({"x-nvidia-cert-ocsp-status": "good", "x-nvidia-cert-status": "valid",
            "x-nvidia-cert-expiration-date": "9999-12-31T23:59:59Z", "x-nvidia-cert-revocation-reason": null});
        let mut device = common(nonce, now);
        let mut set = |name: String, value: Value| {
            device.insert(name, value);
        };
        for (name, value) in [
            ("measres", json!("success")),
            ("secboot", json!(true)),
            ("dbgstat", json!("disabled")),
            ("hwmodel", json!(model)),
            ("oemid", json!("5703")),
            ("ueid", json!(ueid)),
            ("x-nvidia-attestation-warning", json!(null)),
        ] {
            set(name.to_owned(), value);
        }
        let prefix = format!("x-nvidia-{kind}");
        set(format!("{prefix}-arch-check"), json!(true));
        set(format!("{prefix}-attestation-report-cert-chain"), chain.clone());
        for check in [
            "cert-chain-fwid-match",
            "parsed",
            "nonce-match",
            "signature-verified",
        ] {
            set(format!("{prefix}-attestation-report-{check}"), json!(true));
        }
        for part in manifests {
            set(format!("{prefix}-{part}-rim-cert-chain"), chain.clone());
            set(format!("{prefix}-{part}-version"), json!(format!("{part} 1")));
            for check in [
                "fetched",
                "measurements-available",
                "schema-validated",
                "signature-verified",
                "version-match",
            ] {
                set(format!("{prefix}-{part}-rim-{check}"), json!(true));
            }
        }
        let mut overall = common(nonce, now);
        overall.insert("sub".to_owned(), json!("NVIDIA-PLATFORM-ATTESTATION"));
        overall.insert("x-nvidia-overall-att-result".to_owned(), json!(true));
        overall.insert("x-nvidia-ver".to_owned(), json!("3.0"));
        Self {
            name: name.to_owned(),
            overall,
            device,
            digest: None,
        }
    }
}

/// What every token says.
fn common(nonce: &[u8; 32], now: i64) -> Map<String, Value> {
    let claims = [
        ("iss", json!(ISSUER)),
        ("iat", json!(now)),
        ("nbf", json!(now)),
        ("exp", json!(now + LIFETIME)),
        ("eat_nonce", json!(hex::encode(nonce))),
    ];
    claims
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}
