//! What ties evidence to one handshake and to one configuration: report data and init-data.

use std::collections::BTreeMap;
use std::str::FromStr;

use jose::tee_key::TeePublicJwk;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha384, Sha512};
use sm3::Sm3;

/// A hash that a KBS or an init-data document may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashAlgorithm {
    /// 32 bytes.
    Sha256,
    /// 48 bytes; what is used when nothing is said.
    #[default]
    Sha384,
    /// 64 bytes.
    Sha512,
    /// 32 bytes.
    Sm3,
}

impl HashAlgorithm {
    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
            Self::Sm3 => Sm3::digest(bytes).to_vec(),
        }
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Sm3 => "sm3",
        }
    }

    /// The names of all of them, as they are offered to a KBS.
    pub(crate) const NAMES: [&'static str; 4] = ["sha256", "sha384", "sha512", "sm3"];
}

impl FromStr for HashAlgorithm {
    type Err = InitDataError;

    /// Upper and lower case are the same.
    fn from_str(name: &str) -> Result<Self, InitDataError> {
        match name.to_ascii_lowercase().as_str() {
            "sha256" => Ok(Self::Sha256),
            "sha384" => Ok(Self::Sha384),
            "sha512" => Ok(Self::Sha512),
            "sm3" => Ok(Self::Sm3),
            _ => Err(InitDataError::Algorithm),
        }
    }
}

/// The report data of primary evidence: the digest of the RFC 8785 form of nonce, TEE key and additional evidence.
pub(crate) fn report_data(
    algorithm: HashAlgorithm,
    nonce: &str,
    tee_pubkey: &TeePublicJwk,
    additional_evidence: &str,
) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct RuntimeData<'a> {
        additional_evidence: &'a str,
        nonce: &'a str,
        tee_pubkey: &'a TeePublicJwk,
    }
    let data = RuntimeData {
        additional_evidence,
        nonce,
        tee_pubkey,
    };
    Ok(algorithm.digest(&serde_json_canonicalizer::to_vec(&data)?))
}

/// The report data of a device's evidence: the digest of the RFC 8785 form of nonce and TEE key.
pub(crate) fn device_report_data(
    algorithm: HashAlgorithm,
    nonce: &str,
    tee_pubkey: &TeePublicJwk,
) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct RuntimeData<'a> {
        nonce: &'a str,
        tee_pubkey: &'a TeePublicJwk,
    }
    let data = RuntimeData { nonce, tee_pubkey };
    Ok(algorithm.digest(&serde_json_canonicalizer::to_vec(&data)?))
}

/// A checked init-data document: TOML with `version`, `algorithm` and a table `data` of strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitData {
    text: String,
    algorithm: HashAlgorithm,
    digest: Vec<u8>,
}

impl InitData {
    /// The document as it was given; it is hashed and sent to the byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hash that the document names.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// What the platform's host data, or its like, must be bound to (see [`crate::init_data`]).
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

impl FromStr for InitData {
    type Err = InitDataError;

    fn from_str(text: &str) -> Result<Self, InitDataError> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(rename = "version")]
            _version: String,
            algorithm: String,
            #[serde(rename = "data")]
            _data: BTreeMap<String, String>,
        }
        let document: Document = toml::from_str(text).map_err(|_| InitDataError::Malformed)?;
        let algorithm: HashAlgorithm = document.algorithm.parse()?;
        Ok(Self {
            digest: algorithm.digest(text.as_bytes()),
            algorithm,
            text: text.to_owned(),
        })
    }
}

/// Why an init-data document is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InitDataError {
    /// Not TOML with the three members.
    #[error("the init-data is not TOML text with `version`, `algorithm` and a table `data` of strings")]
    Malformed,
    /// A hash that does not exist.
    #[error("the hash algorithm is none of sha256, sha384, sha512, sm3")]
    Algorithm,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a recorded handshake of the existing client.
    #[test]
    fn the_report_data_of_a_recorded_handshake_is_reproduced() {
        let key = TeePublicJwk::Ec {
            kty: "EC",
            crv: "P-256",
            alg: "ECDH-ES+A256KW",
            x: "NERNydz2sUdLFER6QR4zdyP_kCPUsI4L9AD1ONgppUk".into(),
            y: "3SwWswbpDLU0A43p33DVQkxZxg8zF6P5E1RmQ9AwCWk".into(),
        };
        let nonce = "7O12+sTloUQlo5AREGCJEl2IoRi90JkhUsZsl6eztGk=";
        let digest = report_data(HashAlgorithm::Sha384, nonce, &key, "").unwrap();
        let recorded = "155cef0b35f984605d5f096f58e536d930a601745c6aa69787fb159b1299717465748c0679bd453d2bf0d4e301bb496f";
        assert_eq!(hex::encode(digest), recorded);
    }

    #[test]
    fn the_report_data_of_a_device_leaves_the_additional_evidence_out() {
        let key = TeePublicJwk::Ec {
            kty: "EC",
            crv: "P-256",
            alg: "ECDH-ES+A256KW",
            x: "x".into(),
            y: "y".into(),
        };
        let canonical =
            r#"{"nonce":"n","tee-pubkey":{"alg":"ECDH-ES+A256KW","crv":"P-256","kty":"EC","x":"x","y":"y"}}"#;
        let digest = device_report_data(HashAlgorithm::Sha384, "n", &key).unwrap();
        assert_eq!(digest, HashAlgorithm::Sha384.digest(canonical.as_bytes()));
    }

    #[test]
    fn init_data_is_hashed_as_it_was_written() {
        let text = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"aa.toml\" = \"x\"\n";
        let data: InitData = text.parse().unwrap();
        assert_eq!(data.text(), text);
        assert_eq!(data.digest(), HashAlgorithm::Sha256.digest(text.as_bytes()));
    }

    #[test]
    fn init_data_that_a_kbs_would_refuse_is_refused_before_it_is_sent() {
        let cases = [
            ("", InitDataError::Malformed),
            (
                "version = 1\nalgorithm = \"sha256\"\n[data]\n",
                InitDataError::Malformed,
            ),
            (
                "version = \"0.1.0\"\nalgorithm = \"sha256\"\n",
                InitDataError::Malformed,
            ),
            (
                "version = \"0.1.0\"\nalgorithm = \"md5\"\n[data]\n",
                InitDataError::Algorithm,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<InitData>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn every_offered_hash_is_known() {
        for name in HashAlgorithm::NAMES {
            assert_eq!(name.parse::<HashAlgorithm>(), name.to_uppercase().parse());
            assert_eq!(name.parse::<HashAlgorithm>().unwrap().name(), name);
        }
        assert_eq!(
            hex::encode(HashAlgorithm::Sm3.digest(b"abc")),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
    }
}
