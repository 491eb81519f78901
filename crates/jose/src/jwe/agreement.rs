//! ECDH-ES: an ephemeral key agrees on a key-encryption key with the guest's.

use p256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use rand_core::OsRng;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{CONTENT_ENCRYPTION, JweError, kdf};
use crate::encoding::{decode_fixed, encode};
use crate::public_key::sec1_point;
use crate::tee_key::ECDH_ES_A256KW;

/// A key-encryption key.
pub(super) type WrappingKey = Zeroizing<[u8; 32]>;

/// The sender's public key as it stands in the header.
#[derive(Deserialize)]
pub(crate) struct EphemeralKey {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

/// Agrees with a P-256 key. Gives the header and the wrapping key.
pub(super) fn send_p256(peer: &[u8; 65], random: &SystemRandom) -> Result<(String, WrappingKey), JweError> {
    let ephemeral = EphemeralPrivateKey::generate(&ECDH_P256, random).map_err(|_| JweError::Provider)?;
    let public = ephemeral.compute_public_key().map_err(|_| JweError::Provider)?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, peer);
    let key = agree_ephemeral(ephemeral, &peer, |secret| {
        kdf::derive(secret, ECDH_ES_A256KW, b"", b"")
    })
    .map_err(|_| JweError::Provider)?;
    Ok((header("P-256", public.as_ref()), key))
}

/// Agrees with a P-521 key.
pub(super) fn send_p521(peer: &p521::PublicKey) -> (String, WrappingKey) {
    let ephemeral = p521::SecretKey::random(&mut OsRng);
    let shared = p521::ecdh::diffie_hellman(ephemeral.to_nonzero_scalar(), peer.as_affine());
    let key = kdf::derive(shared.raw_secret_bytes(), ECDH_ES_A256KW, b"", b"");
    (
        header("P-521", ephemeral.public_key().to_encoded_point(false).as_bytes()),
        key,
    )
}

/// The guest's side on P-256.
pub(super) fn receive_p256(
    key: &p256::SecretKey,
    sender: &EphemeralKey,
    apu: &[u8],
    apv: &[u8],
) -> Result<WrappingKey, JweError> {
    let point = sender.point::<32>("P-256")?;
    let encoded = p256::EncodedPoint::from_bytes(point).map_err(|_| JweError::Malformed("epk"))?;
    let sender = Option::<p256::PublicKey>::from(p256::PublicKey::from_encoded_point(&encoded));
    let sender = sender.ok_or(JweError::Malformed("epk"))?;
    let shared = p256::ecdh::diffie_hellman(key.to_nonzero_scalar(), sender.as_affine());
    Ok(kdf::derive(shared.raw_secret_bytes(), ECDH_ES_A256KW, apu, apv))
}

/// The guest's side on P-521.
pub(super) fn receive_p521(
    key: &p521::SecretKey,
    sender: &EphemeralKey,
    apu: &[u8],
    apv: &[u8],
) -> Result<WrappingKey, JweError> {
    let point = sender.point::<66>("P-521")?;
    let encoded = p521::EncodedPoint::from_bytes(point).map_err(|_| JweError::Malformed("epk"))?;
    let sender = Option::<p521::PublicKey>::from(p521::PublicKey::from_encoded_point(&encoded));
    let sender = sender.ok_or(JweError::Malformed("epk"))?;
    let shared = p521::ecdh::diffie_hellman(key.to_nonzero_scalar(), sender.as_affine());
    Ok(kdf::derive(shared.raw_secret_bytes(), ECDH_ES_A256KW, apu, apv))
}

impl EphemeralKey {
    fn point<const N: usize>(&self, curve: &str) -> Result<Vec<u8>, JweError> {
        match (decode_fixed::<N>(&self.x), decode_fixed::<N>(&self.y)) {
            (Some(x), Some(y)) if self.kty == "EC" && self.crv == curve => Ok(sec1_point(&x, &y)),
            _ => Err(JweError::Malformed("epk")),
        }
    }
}

/// The protected header: compact, members in the order that clients reproduce.
fn header(curve: &str, point: &[u8]) -> String {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    format!(
        r#"{{"alg":"{ECDH_ES_A256KW}","enc":"{CONTENT_ENCRYPTION}","epk":{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}}}"#,
        encode(x),
        encode(y),
    )
}
