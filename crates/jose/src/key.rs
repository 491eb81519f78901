//! Keys that verify a signature.

use crate::public_key::PublicKey;
use crate::{Jwk, SignatureAlgorithm, pem};

/// A public key and, where its source names one, the only algorithm it may be used with.
///
/// A key verifies algorithms of its own type only, so that a token cannot choose how its key is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationKey {
    key: PublicKey,
    only: Option<SignatureAlgorithm>,
}

impl VerificationKey {
    /// From a PEM file whose first block is a `PUBLIC KEY` (`SubjectPublicKeyInfo`: EC P-256 or P-384, RSA,
    /// Ed25519) or a `CERTIFICATE`, of which only the key is taken.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let blocks = pem::blocks(text).ok_or(KeyError::NotPem)?;
        let block = blocks.first().ok_or(KeyError::NotPem)?;
        match block.label.as_str() {
            "PUBLIC KEY" => Ok(PublicKey::from_spki(&block.der)?.into()),
            "CERTIFICATE" => Self::from_certificate_der(&block.der),
            _ => Err(KeyError::NotPublic),
        }
    }

    /// The key of an X.509 certificate in DER. Nothing of the certificate is verified: see [`crate::x5c`].
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, KeyError> {
        use der::{Decode, Encode};
        let certificate = x509_cert::Certificate::from_der(der).map_err(|_| KeyError::Malformed)?;
        let spki = certificate.tbs_certificate.subject_public_key_info.to_der();
        Ok(PublicKey::from_spki(&spki.map_err(|_| KeyError::Malformed)?)?.into())
    }

    /// The algorithm this key is bound to by its source, if any.
    pub fn algorithm(&self) -> Option<SignatureAlgorithm> {
        self.only
    }

    /// Whether this key may verify signatures of `algorithm`.
    pub fn allows(&self, algorithm: SignatureAlgorithm) -> bool {
        self.key.fits(algorithm) && self.only.is_none_or(|only| only == algorithm)
    }

    /// Verifies a signature in the JWS form (ECDSA: `r || s` of fixed width, RFC 7518 section 3.4).
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        self.judge(algorithm, |key| key.verify(algorithm, message, signature))
    }

    /// [`VerificationKey::verify`] for formats that write an ECDSA signature in ASN.1 (RFC 3279 section 2.2.3).
    pub fn verify_asn1(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        self.judge(algorithm, |key| key.verify_asn1(algorithm, message, signature))
    }

    /// Asks the key only if it may verify signatures of `algorithm`.
    fn judge(
        &self,
        algorithm: SignatureAlgorithm,
        holds: impl FnOnce(&PublicKey) -> bool,
    ) -> Result<(), KeyError> {
        if !self.allows(algorithm) {
            return Err(KeyError::AlgorithmNotAllowed);
        }
        match holds(&self.key) {
            true => Ok(()),
            false => Err(KeyError::BadSignature),
        }
    }

    /// The algorithm to take where a format names none: the key's only one, or for RSA `RS256`.
    pub fn usual_algorithm(&self) -> SignatureAlgorithm {
        self.only.unwrap_or(match self.key {
            PublicKey::P256(_) => SignatureAlgorithm::ES256,
            PublicKey::P384(_) => SignatureAlgorithm::ES384,
            PublicKey::Ed25519(_) => SignatureAlgorithm::EdDSA,
            PublicKey::Rsa { .. } => SignatureAlgorithm::RS256,
        })
    }

    /// SHA-256 of the DER `SubjectPublicKeyInfo`, in hex: a name for the key.
    pub fn fingerprint(&self) -> Result<String, KeyError> {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(self.key.to_spki()?);
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn new(key: PublicKey, only: Option<SignatureAlgorithm>) -> Self {
        Self { key, only }
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

impl From<PublicKey> for VerificationKey {
    fn from(key: PublicKey) -> Self {
        Self { key, only: None }
    }
}

impl TryFrom<&Jwk> for VerificationKey {
    type Error = KeyError;

    fn try_from(jwk: &Jwk) -> Result<Self, KeyError> {
        jwk.verification_key()
    }
}

/// Why a key, or a signature under it, is refused. No variant carries key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM block, or a broken one.
    #[error("the file is not PEM")]
    NotPem,
    /// A PEM block of another kind where a public key is expected.
    #[error("the PEM file holds no public key")]
    NotPublic,
    /// A PEM block of another kind, or an encrypted one, where a private key is expected.
    #[error("the PEM file holds no private key in the clear")]
    NotPrivate,
    /// The structure cannot be read.
    #[error("the key cannot be read")]
    Malformed,
    /// A member that the key type needs is missing or not base64url.
    #[error("member `{0}` of the key is missing or not base64url")]
    Member(&'static str),
    /// A type, curve or use that is not supported here.
    #[error("the type, the curve or the use of the key is not supported")]
    Unsupported,
    /// Private or secret members where only public ones belong.
    #[error("the key has private members where a public key is expected")]
    PrivateMembers,
    /// A coordinate that does not have the width of its curve.
    #[error("a coordinate does not have the width of its curve")]
    WrongWidth,
    /// A point off its curve, or at infinity.
    #[error("the point is not on its curve")]
    NotOnCurve,
    /// RSA modulus under 2048 bits, too long, or even.
    #[error("an RSA modulus of {bits} bits is not acceptable")]
    RsaModulus {
        /// Length of the modulus.
        bits: usize,
    },
    /// RSA exponent 1, even, or over 33 bits.
    #[error("the RSA public exponent is not acceptable")]
    RsaExponent,
    /// The two halves of a key pair do not belong together, or one is missing that cannot be derived.
    #[error("the private key does not fit its public key, or lacks it")]
    Inconsistent,
    /// Two keys of a set have the same `kid`.
    #[error("two keys have the same `kid`")]
    DuplicateKeyId,
    /// The algorithm is not one that this key may be used with.
    #[error("the key may not be used with this algorithm")]
    AlgorithmNotAllowed,
    /// The signature is not this key's.
    #[error("the signature does not verify")]
    BadSignature,
    /// The provider failed, for lack of randomness for instance.
    #[error("the cryptographic provider failed")]
    Provider,
}
