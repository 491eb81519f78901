//! Keys that sign tokens.

use std::fmt;

use p256::elliptic_curve::sec1::ToEncodedPoint;
use ring::rand::{SecureRandom, SystemRandom};
use ring::rsa::PublicKeyComponents;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::jwt::IssuedToken;
use crate::key::{KeyError, VerificationKey};
use crate::private_key::{PrivateKeyDer, fixed_scalar};
use crate::public_key::{PublicKey, SECP256R1, SECP384R1};
use crate::{Jwk, SignatureAlgorithm, encoding, pem};

/// A private key for signing, and the algorithm it signs with: `ES256`, `ES384`, `EdDSA`, and `RS256` for RSA.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
    algorithm: SignatureAlgorithm,
    /// PKCS#8, kept for keys that were generated here.
    generated: Option<Zeroizing<Vec<u8>>>,
    random: SystemRandom,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<ring::rsa::KeyPair>),
}

impl SigningKey {
    /// The first private key of a PEM file: PKCS#8, SEC1 or PKCS#1; EC P-256 or P-384, Ed25519, or RSA of 2048 to
    /// 4096 bits. A P-384 key must carry its public part, as the usual tools write it.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        match PrivateKeyDer::from_pem(text)? {
            PrivateKeyDer::Ec {
                curve: SECP256R1,
                scalar,
                point,
            } => Self::p256(&scalar, point, random),
            PrivateKeyDer::Ec {
                curve: SECP384R1,
                scalar,
                point,
            } => Self::p384(&scalar, point, random),
            PrivateKeyDer::Ec { .. } => Err(KeyError::Unsupported),
            PrivateKeyDer::Ed25519 { seed } => Self::ed25519(&seed, random),
            PrivateKeyDer::Rsa { pkcs1 } => Self::rsa(&pkcs1, random),
        }
    }

    /// A new key on P-256.
    pub fn generate_p256() -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| KeyError::Provider)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random)
            .map_err(|_| KeyError::Provider)?;
        Ok(Self {
            public: PublicKey::p256(pair.public_key().as_ref())?,
            pair: Pair::Ecdsa(pair),
            algorithm: SignatureAlgorithm::ES256,
            generated: Some(Zeroizing::new(document.as_ref().to_vec())),
            random,
        })
    }

    /// A new Ed25519 key.
    pub fn generate_ed25519() -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(&mut *seed).map_err(|_| KeyError::Provider)?;
        // RFC 8410 section 10.3, the form without the public key: the one that every tool reads.
        let mut document = Zeroizing::new(ED25519_PKCS8_PREFIX.to_vec());
        document.extend_from_slice(&*seed);
        Ok(Self {
            generated: Some(document),
            ..Self::ed25519(&seed, random)?
        })
    }

    /// The algorithm that [`SigningKey::sign_compact`] signs with; the header must name it.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The public half as a JWK that names its algorithm.
    pub fn public_jwk(&self) -> Jwk {
        Jwk::new(self.public.clone(), self.algorithm)
    }

    /// The public half for verifying, bound to the algorithm.
    pub fn verification_key(&self) -> VerificationKey {
        VerificationKey::new(self.public.clone(), Some(self.algorithm))
    }

    /// The public half as PEM `SubjectPublicKeyInfo`.
    pub fn public_key_pem(&self) -> Result<String, KeyError> {
        Ok(pem::encode("PUBLIC KEY", &self.public.to_spki()?).to_string())
    }

    /// The private key as PEM PKCS#8; `None` unless it was generated here.
    pub fn private_key_pem(&self) -> Option<Zeroizing<String>> {
        self.generated
            .as_ref()
            .map(|document| pem::encode("PRIVATE KEY", document))
    }

    /// Signs `header` and `payload`, serialised as they are, in the compact form.
    pub fn sign_compact(
        &self,
        header: &impl Serialize,
        payload: &impl Serialize,
    ) -> Result<String, SignError> {
        self.sign_compact_raw(
            &serde_json::to_vec(header).map_err(SignError::Json)?,
            &serde_json::to_vec(payload).map_err(SignError::Json)?,
        )
    }

    /// Signs a header and a payload that are JSON already.
    pub fn sign_compact_raw(&self, header_json: &[u8], payload_json: &[u8]) -> Result<String, SignError> {
        let mut token = String::with_capacity((header_json.len() + payload_json.len()) * 4 / 3 + 700);
        encoding::encode_onto(header_json, &mut token);
        token.push('.');
        encoding::encode_onto(payload_json, &mut token);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        encoding::encode_onto(&signature, &mut token);
        Ok(token)
    }

    /// Signs a header and claims that are JSON already. Beside the token, this process then knows that it signed it.
    pub fn issue(&self, header_json: &[u8], claims_json: String) -> Result<IssuedToken, SignError> {
        let compact = self.sign_compact_raw(header_json, claims_json.as_bytes())?;
        Ok(IssuedToken::new(compact, claims_json, self.verification_key()))
    }

    /// Signs a message; the signature is in the JWS form.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair
                    .sign(&self.random, message)
                    .map_err(|_| SignError::Provider)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &signature::RSA_PKCS1_SHA256,
                    &self.random,
                    message,
                    &mut signature,
                )
                .map_err(|_| SignError::Provider)?;
                Ok(signature)
            }
        }
    }

    fn p256(scalar: &[u8], point: Option<Vec<u8>>, random: SystemRandom) -> Result<Self, KeyError> {
        let scalar = fixed_scalar::<32>(scalar)?;
        let derived = p256::SecretKey::from_slice(&*scalar).map_err(|_| KeyError::Malformed)?;
        let derived = derived.public_key().to_encoded_point(false);
        let point = point
            .filter(|point| point.first() == Some(&4))
            .unwrap_or(derived.as_bytes().to_vec());
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &*scalar, &point, &random)
            .map_err(|_| KeyError::Inconsistent)?;
        let public = PublicKey::p256(&point)?;
        Ok(Self {
            pair: Pair::Ecdsa(pair),
            public,
            algorithm: SignatureAlgorithm::ES256,
            generated: None,
            random,
        })
    }

    fn p384(scalar: &[u8], point: Option<Vec<u8>>, random: SystemRandom) -> Result<Self, KeyError> {
        let scalar = fixed_scalar::<48>(scalar)?;
        let point = point.ok_or(KeyError::Inconsistent)?;
        let algorithm = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &*scalar, &point, &random)
            .map_err(|_| KeyError::Inconsistent)?;
        let public = PublicKey::p384(&point)?;
        Ok(Self {
            pair: Pair::Ecdsa(pair),
            public,
            algorithm: SignatureAlgorithm::ES384,
            generated: None,
            random,
        })
    }

    fn ed25519(seed: &[u8; 32], random: SystemRandom) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Malformed)?;
        let public = PublicKey::ed25519(pair.public_key().as_ref())?;
        Ok(Self {
            pair: Pair::Ed25519(pair),
            public,
            algorithm: SignatureAlgorithm::EdDSA,
            generated: None,
            random,
        })
    }

    fn rsa(pkcs1: &[u8], random: SystemRandom) -> Result<Self, KeyError> {
        let pair = ring::rsa::KeyPair::from_der(pkcs1).map_err(|_| KeyError::Malformed)?;
        let components = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let public = PublicKey::rsa(&components.n, &components.e)?;
        Ok(Self {
            pair: Pair::Rsa(Box::new(pair)),
            public,
            algorithm: SignatureAlgorithm::RS256,
            generated: None,
            random,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, redacted)", self.algorithm)
    }
}

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The header or the payload cannot be written as JSON.
    #[error("the token cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The provider failed, for lack of randomness for instance.
    #[error("the cryptographic provider failed")]
    Provider,
}

/// `PrivateKeyInfo` version 0 for Ed25519 up to the seed.
const ED25519_PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

#[cfg(test)]
mod tests;
