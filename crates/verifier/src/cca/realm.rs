//! The claims of the realm token (Arm DEN0137, section A7.2.3.1; draft-ffm-rats-cca-token, section 4.8).

use super::cbor::Claims;
use super::error::{CcaError, CcaToken};
use super::hash::HashAlgorithm;
use super::key::PublicKey;

/// Of the RMM specification 1.0: the realm's key is a COSE_Key.
const PROFILE_2023: &str = "tag:arm.com,2023:realm#1.0.0";
/// Of draft-ffm-rats-cca-token-03: beside that, an instance id and a policy for memory encryption contexts.
const PROFILE_2024: &str = "tag:arm.com,2024:realm#2.0.0";

/// What the realm's manager says of the realm. Believed only after signature and key were checked.
pub(super) struct RealmClaims {
    /// None before the RMM specification 1.0.
    pub(super) profile: Option<String>,
    pub(super) challenge: [u8; 64],
    pub(super) personalization_value: [u8; 64],
    pub(super) initial_measurement: Vec<u8>,
    pub(super) extensible_measurements: [Vec<u8>; 4],
    pub(super) hash: HashAlgorithm,
    /// The realm's key as the token has it: its hash is in the platform token.
    pub(super) public_key: Vec<u8>,
    pub(super) public_key_hash: HashAlgorithm,
    pub(super) key: PublicKey,
    pub(super) instance_id: Option<[u8; 33]>,
    pub(super) mec_policy: Option<String>,
}

impl RealmClaims {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, CcaError> {
        let claims = Claims::parse(CcaToken::Realm, payload)?;
        let profile = claims.text_if_any(265, "profile")?;
        let public_key = claims.bytes(44237, "public-key")?;
        let key = match profile.as_deref() {
            None => PublicKey::from_point(&public_key),
            Some(PROFILE_2023 | PROFILE_2024) => PublicKey::from_cose(&public_key),
            Some(_) => return Err(CcaError::Profile(CcaToken::Realm)),
        };
        let is_2024 = profile.as_deref() == Some(PROFILE_2024);
        Ok(Self {
            challenge: claims.array(10, "challenge", "a byte string of 64 bytes")?,
            personalization_value: claims.array(
                44235,
                "personalization-value",
                "a byte string of 64 bytes",
            )?,
            initial_measurement: claims.hash(44238, "initial-measurement")?,
            extensible_measurements: extensible_measurements(&claims)?,
            hash: hash(&claims, 44236, "hash-algo-id")?,
            public_key_hash: hash(&claims, 44240, "public-key-hash-algo-id")?,
            key: key.ok_or(CcaError::RealmKey)?,
            public_key,
            instance_id: is_2024
                .then(|| claims.array(256, "instance-id", "a byte string of 33 bytes"))
                .transpose()?,
            mec_policy: is_2024.then(|| mec_policy(&claims)).transpose()?,
            profile,
        })
    }
}

fn hash(claims: &Claims, label: i128, claim: &'static str) -> Result<HashAlgorithm, CcaError> {
    HashAlgorithm::from_name(&claims.text(label, claim)?)
        .ok_or_else(|| claims.not(claim, "sha-256, sha-384 or sha-512"))
}

fn extensible_measurements(claims: &Claims) -> Result<[Vec<u8>; 4], CcaError> {
    const CLAIM: &str = "extensible-measurements";
    let Some([a, b, c, d]) = claims.require(44239, CLAIM)?.as_array().map(Vec::as_slice) else {
        return Err(claims.not(CLAIM, "a list of 4 byte strings"));
    };
    let measurement = |value| claims.as_hash(value, CLAIM);
    Ok([measurement(a)?, measurement(b)?, measurement(c)?, measurement(d)?])
}

fn mec_policy(claims: &Claims) -> Result<String, CcaError> {
    let policy = claims.text(44243, "mec-policy")?;
    match policy.as_str() {
        "private" | "shared" => Ok(policy),
        _ => Err(claims.not("mec-policy", "private or shared")),
    }
}
