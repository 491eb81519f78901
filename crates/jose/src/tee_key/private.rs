//! The private half, which never leaves the guest.

use std::fmt;

use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use rand_core::OsRng;
use rsa::pkcs1::DecodeRsaPrivateKey;
use zeroize::Zeroizing;

use super::public::{PublicKind, TeePublicJwk, TeePublicKey, check_p256};
use crate::key::KeyError;
use crate::private_key::{PrivateKeyDer, fixed_scalar};
use crate::public_key::{SECP256R1, SECP521R1};

/// Which key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TeeKeyKind {
    /// EC P-256, the usual choice.
    #[default]
    P256,
    /// EC P-521.
    P521,
    /// RSA of 2048 bits. Making one takes a second or so.
    Rsa,
}

/// A guest's private key.
pub struct TeePrivateKey(pub(crate) PrivateKind);

/// The key by type. Each erases itself when dropped.
pub(crate) enum PrivateKind {
    P256(p256::SecretKey),
    P521(p521::SecretKey),
    Rsa(Box<rsa::RsaPrivateKey>),
}

impl TeePrivateKey {
    /// A new key.
    pub fn generate(kind: TeeKeyKind) -> Result<Self, KeyError> {
        Ok(Self(match kind {
            TeeKeyKind::P256 => PrivateKind::P256(p256::SecretKey::random(&mut OsRng)),
            TeeKeyKind::P521 => PrivateKind::P521(p521::SecretKey::random(&mut OsRng)),
            TeeKeyKind::Rsa => {
                let key = rsa::RsaPrivateKey::new(&mut OsRng, 2048).map_err(|_| KeyError::Provider)?;
                PrivateKind::Rsa(Box::new(key))
            }
        }))
    }

    /// The first private key of a PEM file: PKCS#8, SEC1 or PKCS#1; EC P-256 or P-521, or RSA from 2048 bits.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let key = match PrivateKeyDer::from_pem(text)? {
            PrivateKeyDer::Ec {
                curve: SECP256R1,
                scalar,
                ..
            } => {
                let scalar = fixed_scalar::<32>(&scalar)?;
                PrivateKind::P256(p256::SecretKey::from_slice(&*scalar).map_err(|_| KeyError::Malformed)?)
            }
            PrivateKeyDer::Ec {
                curve: SECP521R1,
                scalar,
                ..
            } => {
                let scalar = fixed_scalar::<66>(&scalar)?;
                PrivateKind::P521(p521::SecretKey::from_slice(&*scalar).map_err(|_| KeyError::Malformed)?)
            }
            PrivateKeyDer::Rsa { pkcs1 } => {
                let key = rsa::RsaPrivateKey::from_pkcs1_der(&pkcs1).map_err(|_| KeyError::Malformed)?;
                PrivateKind::Rsa(Box::new(key))
            }
            PrivateKeyDer::Ec { .. } | PrivateKeyDer::Ed25519 { .. } => return Err(KeyError::Unsupported),
        };
        let key = Self(key);
        // A key that no KBS would seal for is refused here already.
        key.public_key()?;
        Ok(key)
    }

    /// The key as PEM PKCS#8.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let pem = match &self.0 {
            PrivateKind::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            PrivateKind::P521(key) => key.to_pkcs8_pem(LineEnding::LF),
            PrivateKind::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        pem.map_err(|_| KeyError::Malformed)
    }

    /// The public half as it stands on the wire.
    pub fn public_jwk(&self) -> TeePublicJwk {
        TeePublicJwk::of(&self.public_kind())
    }

    /// The public half for sealing, under the rules for keys that come from elsewhere.
    pub fn public_key(&self) -> Result<TeePublicKey, KeyError> {
        use rsa::traits::PublicKeyParts;
        let kind = self.public_kind();
        match &kind {
            PublicKind::P256(point) => drop(check_p256(point).map_err(|_| KeyError::NotOnCurve)?),
            PublicKind::P521(_) => {}
            PublicKind::Rsa(key) => {
                let (modulus, exponent) = (key.n().to_bytes_be(), key.e().to_bytes_be());
                crate::public_key::check_rsa(&modulus, &exponent, rsa::RsaPublicKey::MAX_SIZE)?;
            }
        }
        Ok(TeePublicKey(kind))
    }

    fn public_kind(&self) -> PublicKind {
        match &self.0 {
            PrivateKind::P256(key) => {
                let point = key.public_key().to_encoded_point(false);
                let mut bytes = [0; 65];
                // An uncompressed point of P-256 has 65 bytes: SEC1 section 2.3.3.
                bytes
                    .iter_mut()
                    .zip(point.as_bytes())
                    .for_each(|(to, from)| *to = *from);
                PublicKind::P256(bytes)
            }
            PrivateKind::P521(key) => PublicKind::P521(Box::new(key.public_key())),
            PrivateKind::Rsa(key) => PublicKind::Rsa(Box::new(key.to_public_key())),
        }
    }
}

impl fmt::Debug for TeePrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TeePrivateKey(redacted)")
    }
}
