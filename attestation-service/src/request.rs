//! What a relying party asks for, parsed once at the edge.

use std::str::FromStr;

use sha2::{Digest, Sha256, Sha384, Sha512};

pub use verifier::Tee;

/// Evidence of one attester: the primary TEE first, then the devices attached to it.
///
/// Every item must hold, or the whole request fails: there is no partial token.
#[derive(Debug, Clone, Default)]
pub struct AttestationRequest {
    /// At least one, at most [`MAX_ITEMS`].
    pub items: Vec<IndividualRequest>,
    /// Ids without the class suffix. The first one counts; empty means `default`.
    pub policy_ids: Vec<String>,
}

/// One piece of evidence and what it must be bound to.
#[derive(Debug, Clone)]
pub struct IndividualRequest {
    /// Which verifier judges the evidence.
    pub tee: Tee,
    /// The evidence as JSON text, in the shape its verifier documents.
    pub evidence: Vec<u8>,
    /// What the report data must be.
    pub runtime_data: RuntimeData,
    /// What the host data (MRCONFIGID, CONFIGID, PCR 8 …) must be.
    pub init_data: InitData,
    /// How structured runtime data is hashed.
    pub hash: HashAlgorithm,
}

/// What may be sent for one attester, in bytes, for it to count as little work.
const SMALL: usize = 16 << 10;

impl IndividualRequest {
    /// Whether it is so small that whatever is made of it is made quickly.
    pub(crate) fn is_small(&self) -> bool {
        let runtime_data = match &self.runtime_data {
            RuntimeData::None => 0,
            RuntimeData::Raw(bytes) => bytes.len(),
            RuntimeData::Structured(text) => text.len(),
        };
        let init_data = match &self.init_data {
            InitData::None => 0,
            InitData::Digest(bytes) => bytes.len(),
            InitData::Toml(text) => text.len(),
        };
        self.evidence.len() + runtime_data + init_data <= SMALL
    }
}

/// Where the expected report data comes from.
#[derive(Debug, Clone, Default)]
pub enum RuntimeData {
    /// Not given: the report data is not compared.
    #[default]
    None,
    /// The expected bytes themselves.
    Raw(Vec<u8>),
    /// JSON text; the expected bytes are the digest of its RFC 8785 form, and it becomes
    /// `runtime_data_claims`.
    Structured(String),
}

/// Where the expected init-data digest comes from.
#[derive(Debug, Clone, Default)]
pub enum InitData {
    /// Not given: the init-data register is not compared.
    #[default]
    None,
    /// The expected bytes themselves.
    Digest(Vec<u8>),
    /// An init-data document; the expected bytes are the digest of its exact text, and it becomes
    /// `init_data_claims`.
    Toml(String),
}

/// A hash that runtime data or init data may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashAlgorithm {
    /// SHA-256, FIPS 180-4.
    Sha256,
    /// SHA-384, FIPS 180-4: what is meant when none is named.
    #[default]
    Sha384,
    /// SHA-512, FIPS 180-4.
    Sha512,
    /// SM3, GB/T 32905-2016.
    Sm3,
}

/// The most pieces of evidence one request may hold: a node has a TEE, 8 GPUs, 4 switches and room to spare.
pub const MAX_ITEMS: usize = 32;

impl HashAlgorithm {
    /// The digest of `message`: 32, 48, 64 or 32 bytes.
    #[must_use]
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
            Self::Sm3 => sm3::Sm3::digest(message).to_vec(),
        }
    }
}

/// The name is none of `sha256`, `sha384`, `sha512`, `sm3`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown hash algorithm `{0}`: one of sha256, sha384, sha512, sm3 is meant")]
pub struct UnknownHashAlgorithm(String);

impl FromStr for HashAlgorithm {
    type Err = UnknownHashAlgorithm;

    /// Upper and lower case are the same.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.to_ascii_lowercase().as_str() {
            "sha256" => Ok(Self::Sha256),
            "sha384" => Ok(Self::Sha384),
            "sha512" => Ok(Self::Sha512),
            "sm3" => Ok(Self::Sm3),
            _ => Err(UnknownHashAlgorithm(name.chars().take(32).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_names_are_read_in_any_case() {
        for (name, algorithm, length) in [
            ("sha256", HashAlgorithm::Sha256, 32),
            ("SHA384", HashAlgorithm::Sha384, 48),
            ("Sha512", HashAlgorithm::Sha512, 64),
            ("SM3", HashAlgorithm::Sm3, 32),
        ] {
            assert_eq!(name.parse(), Ok(algorithm));
            assert_eq!(algorithm.digest(b"x").len(), length);
        }
    }

    #[test]
    fn an_unknown_hash_name_is_an_error() {
        for name in ["", "sha1", "md5", "sha-256", " sha256"] {
            assert!(name.parse::<HashAlgorithm>().is_err(), "{name}");
        }
    }

    #[test]
    fn sm3_gives_the_value_of_its_standard() {
        // GB/T 32905-2016, A.1: the message `abc`.
        let digest = hex::encode(HashAlgorithm::Sm3.digest(b"abc"));
        assert_eq!(
            digest,
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
    }
}
