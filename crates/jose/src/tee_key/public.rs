//! The public half, checked when it is read.

use p256::elliptic_curve::sec1::FromEncodedPoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::encoding::{decode, decode_fixed, encode};
use crate::key::KeyError;
use crate::public_key::{check_rsa, sec1_point};

/// A public key that a secret may be sealed for. It is of the right width, on its curve, strong enough, and names
/// the one algorithm that its type is used with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeePublicKey(pub(crate) PublicKind);

/// The key by type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKind {
    /// SEC1 uncompressed point.
    P256([u8; 65]),
    /// The point.
    P521(Box<p521::PublicKey>),
    /// 2048 to 4096 bits.
    Rsa(Box<rsa::RsaPublicKey>),
}

impl TeePublicKey {
    /// Reads a `tee-pubkey` from JSON text.
    pub fn from_json(text: &str) -> Result<Self, TeeKeyError> {
        let members: Members = serde_json::from_str(text).map_err(|_| TeeKeyError::Malformed)?;
        members.check()
    }

    /// The key as it stands on the wire.
    pub fn to_jwk(&self) -> TeePublicJwk {
        TeePublicJwk::of(&self.0)
    }
}

impl TryFrom<&Value> for TeePublicKey {
    type Error = TeeKeyError;

    fn try_from(value: &Value) -> Result<Self, TeeKeyError> {
        Members::deserialize(value)
            .map_err(|_| TeeKeyError::Malformed)?
            .check()
    }
}

/// A public key on the wire: EC with `kty`, `crv`, `alg`, `x`, `y`, RSA with `kty`, `alg`, `n`, `e`, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TeePublicJwk {
    /// An elliptic curve key; coordinates base64url at the width of the curve.
    Ec {
        /// Always `EC`.
        kty: &'static str,
        /// `P-256` or `P-521`.
        crv: &'static str,
        /// Always `ECDH-ES+A256KW`.
        alg: &'static str,
        /// The x coordinate.
        x: String,
        /// The y coordinate.
        y: String,
    },
    /// An RSA key; numbers base64url, big-endian.
    Rsa {
        /// Always `RSA`.
        kty: &'static str,
        /// Always `RSA-OAEP-256`.
        alg: &'static str,
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
}

impl TeePublicJwk {
    pub(crate) fn of(key: &PublicKind) -> Self {
        use p521::elliptic_curve::sec1::ToEncodedPoint;
        use rsa::traits::PublicKeyParts;
        match key {
            PublicKind::P256(point) => Self::ec("P-256", point),
            PublicKind::P521(key) => Self::ec("P-521", key.to_encoded_point(false).as_bytes()),
            PublicKind::Rsa(key) => Self::Rsa {
                kty: "RSA",
                alg: RSA_OAEP_256,
                n: encode(key.n().to_bytes_be()),
                e: encode(key.e().to_bytes_be()),
            },
        }
    }

    fn ec(crv: &'static str, point: &[u8]) -> Self {
        let coordinates = point.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        Self::Ec {
            kty: "EC",
            crv,
            alg: ECDH_ES_A256KW,
            x: encode(x),
            y: encode(y),
        }
    }
}

/// Why a `tee-pubkey` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeeKeyError {
    /// Not an object with the members that the type needs.
    #[error("the TEE key is malformed")]
    Malformed,
    /// A type or a curve that nothing is sealed for.
    #[error("the type or the curve of the TEE key is not supported")]
    Unsupported,
    /// An algorithm that is not the one of the key's type.
    #[error("the algorithm of the TEE key is not allowed")]
    AlgorithmNotAllowed,
    /// The key itself is not acceptable: width, curve, strength.
    #[error("the TEE key is refused")]
    Key(#[from] KeyError),
}

/// The members as they stand in the JSON; others are ignored.
#[derive(Deserialize)]
struct Members {
    kty: String,
    alg: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Members {
    fn check(&self) -> Result<TeePublicKey, TeeKeyError> {
        let kind = (self.kty.as_str(), self.crv.as_deref());
        let expected = match kind {
            ("EC", Some("P-256" | "P-521")) => ECDH_ES_A256KW,
            ("RSA", _) => RSA_OAEP_256,
            _ => return Err(TeeKeyError::Unsupported),
        };
        if self.alg != expected {
            return Err(TeeKeyError::AlgorithmNotAllowed);
        }
        match kind {
            ("EC", Some("P-256")) => check_p256(&self.point::<32>()?),
            ("EC", _) => check_p521(&self.point::<66>()?),
            _ => self.rsa(),
        }
        .map(TeePublicKey)
    }

    fn rsa(&self) -> Result<PublicKind, TeeKeyError> {
        let number = |value: &Option<String>| value.as_deref().and_then(decode).ok_or(TeeKeyError::Malformed);
        let (modulus, exponent) = (number(&self.n)?, number(&self.e)?);
        let (modulus, exponent) = check_rsa(&modulus, &exponent, rsa::RsaPublicKey::MAX_SIZE)?;
        let numbers = [modulus, exponent].map(rsa::BigUint::from_bytes_be);
        let [modulus, exponent] = numbers;
        let key = rsa::RsaPublicKey::new(modulus, exponent).map_err(|_| KeyError::Malformed)?;
        Ok(PublicKind::Rsa(Box::new(key)))
    }

    fn point<const N: usize>(&self) -> Result<Vec<u8>, TeeKeyError> {
        let coordinate = |value: &Option<String>| {
            let text = value.as_deref().ok_or(TeeKeyError::Malformed)?;
            decode_fixed::<N>(text).ok_or(TeeKeyError::Key(KeyError::WrongWidth))
        };
        Ok(sec1_point(&coordinate(&self.x)?, &coordinate(&self.y)?))
    }
}

/// An uncompressed SEC1 point that must be on P-256.
pub(crate) fn check_p256(point: &[u8]) -> Result<PublicKind, TeeKeyError> {
    match crate::public_key::PublicKey::p256(point)? {
        crate::public_key::PublicKey::P256(point) => Ok(PublicKind::P256(point)),
        _ => Err(TeeKeyError::Unsupported),
    }
}

/// An uncompressed SEC1 point that must be on P-521.
pub(crate) fn check_p521(point: &[u8]) -> Result<PublicKind, TeeKeyError> {
    let encoded = p521::EncodedPoint::from_bytes(point).map_err(|_| KeyError::NotOnCurve)?;
    let key = Option::<p521::PublicKey>::from(p521::PublicKey::from_encoded_point(&encoded));
    Ok(PublicKind::P521(Box::new(key.ok_or(KeyError::NotOnCurve)?)))
}

/// `alg` of EC keys (RFC 7518 section 4.6).
pub(crate) const ECDH_ES_A256KW: &str = "ECDH-ES+A256KW";
/// `alg` of RSA keys (RFC 7518 section 4.3).
pub(crate) const RSA_OAEP_256: &str = "RSA-OAEP-256";
