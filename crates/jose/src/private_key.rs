//! Private keys as they come in PEM files: PKCS#8, SEC1, PKCS#1.

use der::asn1::{BitStringRef, OctetStringRef};
use der::{Decode, Sequence, oid::ObjectIdentifier};
use p256::pkcs8::PrivateKeyInfo;
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::pem;
use crate::public_key::{EC_PUBLIC_KEY, ED25519, RSA_ENCRYPTION};

/// A private key taken out of its wrapping.
pub(crate) enum PrivateKeyDer {
    /// Curve, big-endian scalar, and the SEC1 point if the file has it.
    Ec {
        curve: ObjectIdentifier,
        scalar: Zeroizing<Vec<u8>>,
        point: Option<Vec<u8>>,
    },
    /// The 32-byte seed.
    Ed25519 { seed: Zeroizing<[u8; 32]> },
    /// PKCS#1 `RSAPrivateKey`.
    Rsa { pkcs1: Zeroizing<Vec<u8>> },
}

impl PrivateKeyDer {
    /// The first private key of a PEM file. Encrypted ones are refused.
    pub(crate) fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        for block in pem::blocks(text).ok_or(KeyError::NotPem)? {
            match block.label.as_str() {
                "PRIVATE KEY" => return Self::from_pkcs8(&block.der),
                "EC PRIVATE KEY" => return Self::from_sec1(&block.der, None),
                "RSA PRIVATE KEY" => return Ok(Self::Rsa { pkcs1: block.der }),
                // `openssl ecparam -genkey` puts `EC PARAMETERS` first.
                _ => {}
            }
        }
        Err(KeyError::NotPrivate)
    }

    /// RFC 5958, RFC 8410.
    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfo::try_from(der).map_err(|_| KeyError::Malformed)?;
        match info.algorithm.oid {
            EC_PUBLIC_KEY => {
                let curve = info
                    .algorithm
                    .parameters_oid()
                    .map_err(|_| KeyError::Unsupported)?;
                Self::from_sec1(info.private_key, Some(curve))
            }
            RSA_ENCRYPTION => Ok(Self::Rsa {
                pkcs1: Zeroizing::new(info.private_key.to_vec()),
            }),
            ED25519 => {
                let seed = OctetStringRef::from_der(info.private_key).map_err(|_| KeyError::Malformed)?;
                let seed: [u8; 32] = seed.as_bytes().try_into().map_err(|_| KeyError::WrongWidth)?;
                Ok(Self::Ed25519 {
                    seed: Zeroizing::new(seed),
                })
            }
            _ => Err(KeyError::Unsupported),
        }
    }

    /// RFC 5915. The curve stands in the key itself, or in what wraps it.
    fn from_sec1(der: &[u8], outer_curve: Option<ObjectIdentifier>) -> Result<Self, KeyError> {
        let key = EcPrivateKey::from_der(der).map_err(|_| KeyError::Malformed)?;
        let curve = match (outer_curve, key.parameters) {
            (Some(outer), Some(inner)) if outer != inner => return Err(KeyError::Inconsistent),
            (outer, inner) => outer.or(inner).ok_or(KeyError::Unsupported)?,
        };
        Ok(Self::Ec {
            curve,
            scalar: Zeroizing::new(key.private_key.as_bytes().to_vec()),
            point: key
                .public_key
                .and_then(|bits| bits.as_bytes())
                .map(<[u8]>::to_vec),
        })
    }
}

/// A scalar at the width of its curve: some tools leave leading zeros out.
pub(crate) fn fixed_scalar<const N: usize>(scalar: &[u8]) -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut fixed = Zeroizing::new([0; N]);
    let start = N.checked_sub(scalar.len()).ok_or(KeyError::WrongWidth)?;
    fixed
        .get_mut(start..)
        .ok_or(KeyError::WrongWidth)?
        .copy_from_slice(scalar);
    Ok(fixed)
}

#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: OctetStringRef<'a>,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", optional = "true", tag_mode = "EXPLICIT")]
    public_key: Option<BitStringRef<'a>>,
}
