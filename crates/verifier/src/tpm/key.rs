//! Attestation keys: the public half that verifies quotes.

use super::{Signature, TpmError};
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Sequence};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use x509_cert::spki::SubjectPublicKeyInfoRef;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A public key that may have signed a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AttestationKey {
    /// RSA, big-endian numbers without leading zeros. 2048 to 8192 bits, and an exponent of 3 or more: others
    /// verify nothing.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
    /// An uncompressed point of P-256 (SEC 1, 2.3.3).
    P256([u8; 65]),
}

/// RFC 8017, A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

impl AttestationKey {
    /// From the DER of a SubjectPublicKeyInfo. Nothing may follow it.
    ///
    /// # Errors
    /// [`TpmError::Key`]: not that, or of another kind than RSA and P-256.
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, TpmError> {
        let info = SubjectPublicKeyInfoRef::from_der(spki)
            .map_err(|_| TpmError::Key("it is no SubjectPublicKeyInfo"))?;
        let bits = info.subject_public_key.as_bytes();
        let bits = bits.ok_or(TpmError::Key("it is not made of bytes"))?;
        if info.algorithm.oid == RSA_ENCRYPTION {
            let key =
                RsaPublicKey::from_der(bits).map_err(|_| TpmError::Key("it is no RSA key after all"))?;
            return Ok(AttestationKey::Rsa {
                n: key.modulus.as_bytes().to_vec(),
                e: key.public_exponent.as_bytes().to_vec(),
            });
        }
        let curve = info
            .algorithm
            .parameters
            .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
        if info.algorithm.oid != EC_PUBLIC_KEY || curve != Some(SECP256R1) {
            return Err(TpmError::Key("it is neither RSA nor of P-256"));
        }
        let point: [u8; 65] = bits
            .try_into()
            .map_err(|_| TpmError::Key("it is no uncompressed point"))?;
        Ok(AttestationKey::P256(point))
    }

    /// Did this key sign `message`?
    ///
    /// # Errors
    /// [`TpmError::Signature`], or [`TpmError::OtherScheme`] for a signature that such a key does not make.
    pub(super) fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), TpmError> {
        let outcome = match (self, signature) {
            (AttestationKey::Rsa { n, e }, Signature::RsaSsa(signature)) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (AttestationKey::P256(point), Signature::EcdsaP256(signature)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            _ => return Err(TpmError::OtherScheme),
        };
        outcome.map_err(|_| TpmError::Signature)
    }
}
