//! The runtime data: JSON by the paravisor, with the vTPM's keys and the machine's configuration.

use super::AzVtpmError;
use crate::tpm::AttestationKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The name of the attestation key in the key set.
const ATTESTATION_KEY: &str = "HCLAkPub";

/// Runtime data that a processor's report is about.
pub(super) struct RuntimeData {
    /// The vTPM's attestation key.
    pub(super) key: AttestationKey,
    /// What the guest gave to the paravisor before the report was made.
    pub(super) user_data: Option<Vec<u8>>,
    /// How the machine was set up, for policies.
    pub(super) vm_configuration: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Wire {
    keys: Vec<Jwk>,
    #[serde(rename = "user-data", default)]
    user_data: Option<String>,
    #[serde(rename = "vm-configuration", default)]
    vm_configuration: Option<Map<String, Value>>,
}

/// A key of the set (RFC 7517; RFC 7518, 6.3.1). Others than RSA lack `n` and `e`.
#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    kid: Option<String>,
    kty: String,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
}

impl RuntimeData {
    pub(super) fn parse(json: &[u8]) -> Result<Self, AzVtpmError> {
        let wire: Wire = serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            AzVtpmError::RuntimeData(format!("unexpected JSON at line {line} column {column}"))
        })?;
        let user_data = wire.user_data.map(hex::decode).transpose();
        Ok(Self {
            key: attestation_key(&wire.keys).ok_or(AzVtpmError::AttestationKey)?,
            user_data: user_data.map_err(|_| AzVtpmError::RuntimeData("user-data is not hex".to_owned()))?,
            vm_configuration: wire.vm_configuration,
        })
    }
}

/// The only key of the name, if it is RSA.
fn attestation_key(keys: &[Jwk]) -> Option<AttestationKey> {
    let mut named = keys
        .iter()
        .filter(|key| key.kid.as_deref() == Some(ATTESTATION_KEY));
    let (Some(key), None) = (named.next(), named.next()) else {
        return None;
    };
    let number = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
    (key.kty == "RSA").then_some(())?;
    Some(AttestationKey::Rsa {
        n: number(&key.n)?,
        e: number(&key.e)?,
    })
}
