//! Wrapping the content key: RFC 3394 under an agreed key, or RSA-OAEP.

use aes_kw::KekAes256;
use rand_core::OsRng;
use ring::rand::SystemRandom;
use rsa::{Oaep, RsaPublicKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::agreement::{self, WrappingKey};
use super::{CONTENT_ENCRYPTION, CONTENT_KEY_LENGTH, Header, JweError};
use crate::encoding::decode;
use crate::tee_key::{ECDH_ES_A256KW, PrivateKind, PublicKind, RSA_OAEP_256, TeePrivateKey, TeePublicKey};

/// A content key of `A256GCM`.
type ContentKey = Zeroizing<[u8; CONTENT_KEY_LENGTH]>;

/// How content keys are wrapped for one key.
pub(super) enum Wrapping {
    /// Under the outcome of a key agreement.
    Agreed(WrappingKey),
    /// Encrypted to the key itself.
    Rsa(Box<RsaPublicKey>),
}

impl Wrapping {
    /// Agrees with `key`, if it is one to agree with. Gives the protected header as JSON, too.
    pub(super) fn prepare(key: &TeePublicKey, random: &SystemRandom) -> Result<(String, Self), JweError> {
        let (header, wrapping_key) = match &key.0 {
            PublicKind::P256(point) => agreement::send_p256(point, random)?,
            PublicKind::P521(point) => agreement::send_p521(point),
            PublicKind::Rsa(key) => {
                let header = format!(r#"{{"alg":"{RSA_OAEP_256}","enc":"{CONTENT_ENCRYPTION}"}}"#);
                return Ok((header, Self::Rsa(Box::new(key.as_ref().clone()))));
            }
        };
        Ok((header, Self::Agreed(wrapping_key)))
    }

    /// Wraps a content key.
    pub(super) fn wrap(&self, content_key: &[u8; CONTENT_KEY_LENGTH]) -> Result<Vec<u8>, JweError> {
        match self {
            Self::Agreed(wrapping_key) => {
                let mut encrypted = vec![0; CONTENT_KEY_LENGTH + 8];
                let wrapped = kek(wrapping_key).wrap(content_key, &mut encrypted);
                wrapped.map_err(|_| JweError::Provider)?;
                Ok(encrypted)
            }
            Self::Rsa(key) => {
                let encrypted = key.encrypt(&mut OsRng, Oaep::new::<Sha256>(), content_key);
                encrypted.map_err(|_| JweError::Provider)
            }
        }
    }
}

/// The content key that was wrapped for `key`.
pub(super) fn unwrap(encrypted: &[u8], header: &Header, key: &TeePrivateKey) -> Result<ContentKey, JweError> {
    let epk = header.epk.as_ref().ok_or(JweError::Malformed("epk"));
    let apu = decode(&header.apu).ok_or(JweError::Malformed("apu"))?;
    let apv = decode(&header.apv).ok_or(JweError::Malformed("apv"))?;
    let wrapping_key = match (&key.0, header.alg.as_str()) {
        (PrivateKind::P256(key), ECDH_ES_A256KW) => agreement::receive_p256(key, epk?, &apu, &apv)?,
        (PrivateKind::P521(key), ECDH_ES_A256KW) => agreement::receive_p521(key, epk?, &apu, &apv)?,
        (PrivateKind::Rsa(key), RSA_OAEP_256) => {
            let opened = key.decrypt_blinded(&mut OsRng, Oaep::new::<Sha256>(), encrypted);
            let opened = Zeroizing::new(opened.map_err(|_| JweError::NotForThisKey)?);
            let opened: [u8; CONTENT_KEY_LENGTH] = opened
                .as_slice()
                .try_into()
                .map_err(|_| JweError::NotForThisKey)?;
            return Ok(Zeroizing::new(opened));
        }
        _ => return Err(JweError::Unsupported),
    };
    let mut content_key = Zeroizing::new([0; CONTENT_KEY_LENGTH]);
    if encrypted.len() != CONTENT_KEY_LENGTH + 8 {
        return Err(JweError::Malformed("encrypted_key"));
    }
    kek(&wrapping_key)
        .unwrap(encrypted, &mut *content_key)
        .map_err(|_| JweError::NotForThisKey)?;
    Ok(content_key)
}

fn kek(key: &WrappingKey) -> KekAes256 {
    KekAes256::from(**key)
}
