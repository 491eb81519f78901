//! The claims of the platform token (Arm DEN0137, section A7.2.3.2; draft-ffm-rats-cca-token, section 4.6).

use super::cbor::Claims;
use super::error::{CcaError, CcaToken};
use super::hash::HashAlgorithm;

/// More components than any platform has.
const MAX_COMPONENTS: usize = 64;

/// Profiles: before the RMM specification 1.0, of 1.0, and of draft-ffm-rats-cca-token-03.
const PROFILES: [&str; 3] = [
    "http://arm.com/CCA-SSD/1.0.0",
    "tag:arm.com,2023:cca_platform#1.0.0",
    PROFILE_2024,
];
const PROFILE_2024: &str = "tag:arm.com,2024:cca_platform#2.0.0";

/// The first byte of an instance id: a random UEID (RFC 9711, section 4.2.1).
const UEID_RAND: u8 = 1;

/// What the platform says of itself. Believed only after its signature was checked.
pub(super) struct PlatformClaims {
    pub(super) profile: String,
    /// Vouches for the realm's key: its hash.
    pub(super) challenge: Vec<u8>,
    pub(super) implementation_id: [u8; 32],
    pub(super) instance_id: [u8; 33],
    pub(super) config: Vec<u8>,
    pub(super) lifecycle: Lifecycle,
    pub(super) components: Vec<Component>,
    pub(super) verification_service: Option<String>,
    pub(super) hash: HashAlgorithm,
}

/// A measured piece of firmware.
pub(super) struct Component {
    pub(super) kind: Option<String>,
    pub(super) measurement: Vec<u8>,
    pub(super) version: Option<String>,
    pub(super) signer: Vec<u8>,
    pub(super) hash: Option<HashAlgorithm>,
}

impl PlatformClaims {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, CcaError> {
        let claims = Claims::parse(CcaToken::Platform, payload)?;
        let profile = claims.text(265, "profile")?;
        if !PROFILES.contains(&profile.as_str()) {
            return Err(CcaError::Profile(CcaToken::Platform));
        }
        if profile == PROFILE_2024 && claims.integer(2394, "client-id")? != 1 {
            return Err(claims.not("client-id", "1"));
        }
        let instance_id: [u8; 33] = claims.array(256, "instance-id", "a byte string of 33 bytes")?;
        if instance_id.first() != Some(&UEID_RAND) {
            return Err(claims.not("instance-id", "a random UEID"));
        }
        Ok(Self {
            profile,
            challenge: claims.hash(10, "challenge")?,
            implementation_id: claims.array(2396, "implementation-id", "a byte string of 32 bytes")?,
            instance_id,
            config: claims.bytes(2401, "config")?,
            lifecycle: Lifecycle::new(claims.integer(2395, "lifecycle")?)
                .ok_or_else(|| claims.not("lifecycle", "a known state"))?,
            components: components(&claims)?,
            verification_service: claims.text_if_any(2400, "verification-service")?,
            hash: HashAlgorithm::from_name(&claims.text(2402, "hash-algo-id")?)
                .ok_or_else(|| claims.not("hash-algo-id", "sha-256, sha-384 or sha-512"))?,
        })
    }
}

fn components(claims: &Claims) -> Result<Vec<Component>, CcaError> {
    const CLAIM: &str = "sw-components";
    match claims.require(2399, CLAIM)?.as_array() {
        Some(list) if (1..=MAX_COMPONENTS).contains(&list.len()) => list
            .iter()
            .map(|entry| Component::parse(Claims::of(CcaToken::Platform, entry.clone())?))
            .collect(),
        _ => Err(claims.not(CLAIM, "a list of 1 to 64 components")),
    }
}

impl Component {
    fn parse(claims: Claims) -> Result<Self, CcaError> {
        const HASH: &str = "sw-component hash-algo-id";
        claims.only(&[1, 2, 4, 5, 6])?;
        let hash = claims.text_if_any(6, HASH)?.map(|name| {
            HashAlgorithm::from_name(&name).ok_or_else(|| claims.not(HASH, "sha-256, sha-384 or sha-512"))
        });
        Ok(Self {
            kind: claims.text_if_any(1, "sw-component type")?,
            measurement: claims.hash(2, "sw-component measurement-value")?,
            version: claims.text_if_any(4, "sw-component version")?,
            signer: claims.hash(5, "sw-component signer-id")?,
            hash: hash.transpose()?,
        })
    }
}

/// The platform's security lifecycle: the state in the upper byte, the lower is the implementation's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifecycle(u16);

impl Lifecycle {
    fn new(value: i128) -> Option<Self> {
        let value = u16::try_from(value).ok()?;
        (value & 0x0f00 == 0 && value >> 12 <= 6).then_some(Self(value))
    }

    pub(super) fn value(self) -> u16 {
        self.0
    }

    /// The state's name.
    pub(super) fn state(self) -> &'static str {
        match self.0 >> 12 {
            1 => "assembly-and-test",
            2 => "platform-rot-provisioning",
            3 => "secured",
            4 => "non-platform-rot-debug",
            5 => "recoverable-platform-rot-debug",
            6 => "decommissioned",
            _ => "unknown",
        }
    }
}
