//! Public keys: of platforms (JWK, from the trust anchors) and of realms (in the realm token).

use super::cbor;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coset::iana::{self, EnumI64};
use coset::{Algorithm, AsCborValue, CoseKey, KeyOperation, KeyType, Label};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;

/// The curves in use, each with the one signature algorithm that goes with it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
}

impl Curve {
    /// Bytes of a coordinate.
    fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    fn algorithm(self) -> Algorithm {
        Algorithm::Assigned(match self {
            Self::P256 => iana::Algorithm::ES256,
            Self::P384 => iana::Algorithm::ES384,
        })
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
        }
    }
}

/// A public key. That the point is on the curve is checked with each signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    curve: Curve,
    /// SEC 1, uncompressed.
    point: Vec<u8>,
}

/// The members of a JSON Web Key (RFC 7517) that count here.
#[derive(Deserialize)]
pub(super) struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    alg: Option<String>,
}

impl PublicKey {
    /// RFC 7518, section 6.2: coordinates of the curve's full width.
    pub(super) fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let (curve, alg) = match (jwk.kty.as_str(), jwk.crv.as_str()) {
            ("EC", "P-256") => (Curve::P256, "ES256"),
            ("EC", "P-384") => (Curve::P384, "ES384"),
            _ => return None,
        };
        if jwk.alg.as_deref().is_some_and(|named| named != alg) {
            return None;
        }
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        Self::new(curve, &decode(&jwk.x)?, &decode(&jwk.y)?)
    }

    /// The form without profile: a P-384 point, uncompressed (SEC 1).
    pub(super) fn from_point(point: &[u8]) -> Option<Self> {
        let (format, coordinates) = point.split_first()?;
        let (x, y) = coordinates.split_at_checked(Curve::P384.width())?;
        (*format == 4).then(|| Self::new(Curve::P384, x, y))?
    }

    /// An encoded COSE_Key (RFC 9052, section 7), for verifying.
    pub(super) fn from_cose(bytes: &[u8]) -> Option<Self> {
        let key = CoseKey::from_cbor_value(cbor::item(bytes).ok()?).ok()?;
        let param = |label: iana::Ec2KeyParameter| {
            let label = Label::Int(label.to_i64());
            let found = key.params.iter().find(|(name, _)| *name == label);
            found.map(|(_, value)| value)
        };
        let number = i64::try_from(param(iana::Ec2KeyParameter::Crv)?.as_integer()?).ok()?;
        let curve = match iana::EllipticCurve::from_i64(number)? {
            iana::EllipticCurve::P_256 => Curve::P256,
            iana::EllipticCurve::P_384 => Curve::P384,
            _ => return None,
        };
        let verifies = KeyOperation::Assigned(iana::KeyOperation::Verify);
        let fits = key.kty == KeyType::Assigned(iana::KeyType::EC2)
            && key.alg.as_ref().is_none_or(|alg| *alg == curve.algorithm())
            && (key.key_ops.is_empty() || key.key_ops.contains(&verifies));
        let x = param(iana::Ec2KeyParameter::X)?.as_bytes()?;
        let y = param(iana::Ec2KeyParameter::Y)?.as_bytes()?;
        fits.then(|| Self::new(curve, x, y))?
    }

    fn new(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        let fits = x.len() == curve.width() && y.len() == curve.width();
        fits.then(|| Self {
            curve,
            point: [&[4], x, y].concat(),
        })
    }

    /// The only algorithm that this key verifies.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.curve.algorithm()
    }

    /// `signature` is r and s, each of the curve's width (RFC 9053, section 2.1).
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(self.curve.verification(), &self.point);
        key.verify(message, signature).is_ok()
    }
}
