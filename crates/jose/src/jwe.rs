//! Sealing a secret for one guest: JWE in the flattened JSON form (RFC 7516 section 7.2.2).
//!
//! Content: AES-256-GCM under a fresh key, the `protected` text as additional data. The key is wrapped by
//! `ECDH-ES+A256KW` (RFC 7518 section 4.6) or `RSA-OAEP-256` (section 4.3). Clients re-serialise the header and
//! use that as additional data, so its members stand in one order: `alg`, `enc`, then the others sorted.

mod agreement;
mod kdf;
mod key_wrap;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Secret;
use crate::encoding::{decode, decode_fixed, encode};
use crate::tee_key::{TeePrivateKey, TeePublicKey};
use key_wrap::Wrapping;

/// A sealed secret: the only form in which a secret leaves the KBS for a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwe {
    /// The header: base64url of compact JSON.
    pub protected: String,
    /// The wrapped content key, base64url.
    pub encrypted_key: String,
    /// 12 bytes, base64url.
    pub iv: String,
    /// As long as the secret, base64url.
    pub ciphertext: String,
    /// 16 bytes, base64url.
    pub tag: String,
}

/// A key that secrets are sealed to.
///
/// Behind an EC key stands one key agreement with one fresh ephemeral key (RFC 7518, section 4.6), made when
/// the recipient is: it costs more than all the rest of sealing. Every secret still has a content key and an
/// IV of its own. A recipient lives as long as one guest's session, and is never shared between guests.
pub struct Recipient {
    protected: String,
    wrapping: Wrapping,
}

impl Recipient {
    /// Gets ready to seal to `key`.
    pub fn new(key: &TeePublicKey) -> Result<Self, JweError> {
        let (header, wrapping) = Wrapping::prepare(key, &SystemRandom::new())?;
        Ok(Self {
            protected: encode(header),
            wrapping,
        })
    }

    /// Seals `secret` so that only the holder of the key's private half can open it.
    pub fn seal(&self, secret: &Secret) -> Result<Jwe, JweError> {
        // One call for both: each is a system call.
        let mut fresh = Zeroizing::new([0; CONTENT_KEY_LENGTH + NONCE_LEN]);
        SystemRandom::new()
            .fill(&mut *fresh)
            .map_err(|_| JweError::Provider)?;
        let (content_key, iv) = fresh
            .split_first_chunk::<CONTENT_KEY_LENGTH>()
            .ok_or(JweError::Provider)?;
        let iv = *iv.first_chunk::<NONCE_LEN>().ok_or(JweError::Provider)?;

        let encrypted_key = self.wrapping.wrap(content_key)?;
        let mut text = secret.expose().to_vec();
        let tag = cipher(content_key)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(iv),
                Aad::from(self.protected.as_bytes()),
                &mut text,
            )
            .map_err(|_| JweError::Provider)?;
        Ok(Jwe {
            protected: self.protected.clone(),
            encrypted_key: encode(encrypted_key),
            iv: encode(iv),
            ciphertext: encode(text),
            tag: encode(tag.as_ref()),
        })
    }
}

/// Shows nothing of the agreed key.
impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").finish_non_exhaustive()
    }
}

/// Seals one `secret` so that only the holder of `key`'s private half can open it.
pub fn seal(secret: &Secret, key: &TeePublicKey) -> Result<Jwe, JweError> {
    Recipient::new(key)?.seal(secret)
}

/// Opens what was sealed for `key`. The additional data is the `protected` text as it came.
pub fn open(jwe: &Jwe, key: &TeePrivateKey) -> Result<Secret, JweError> {
    let header = decode(&jwe.protected).ok_or(JweError::Malformed("protected"))?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| JweError::Malformed("protected"))?;
    if header.crit.is_some() || header.zip.is_some() || header.enc != CONTENT_ENCRYPTION {
        return Err(JweError::Unsupported);
    }
    let encrypted_key = decode(&jwe.encrypted_key).ok_or(JweError::Malformed("encrypted_key"))?;
    let iv = decode_fixed(&jwe.iv).ok_or(JweError::Malformed("iv"))?;
    let tag = decode_fixed::<16>(&jwe.tag).ok_or(JweError::Malformed("tag"))?;
    let mut text = decode(&jwe.ciphertext).ok_or(JweError::Malformed("ciphertext"))?;
    text.extend_from_slice(&tag);
    let mut text = Zeroizing::new(text);

    let content_key = key_wrap::unwrap(&encrypted_key, &header, key)?;
    let opened = cipher(&content_key)?
        .open_in_place(
            Nonce::assume_unique_for_key(iv),
            Aad::from(jwe.protected.as_bytes()),
            &mut text,
        )
        .map_err(|_| JweError::NotForThisKey)?
        .len();
    text.truncate(opened);
    Ok(Secret::from(std::mem::take(&mut *text)))
}

/// Why something cannot be sealed or opened. No variant carries key or content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// A member is not what it should be.
    #[error("member `{0}` of the sealed secret is malformed")]
    Malformed(&'static str),
    /// An algorithm, an encryption or a header extension that is not supported.
    #[error("the secret is sealed in a way that is not supported")]
    Unsupported,
    /// Sealed for another key, or changed on the way.
    #[error("the sealed secret cannot be opened with this key")]
    NotForThisKey,
    /// The provider failed, for lack of randomness for instance.
    #[error("the cryptographic provider failed")]
    Provider,
}

/// The protected header as it is read; unknown members are ignored.
#[derive(Deserialize)]
pub(crate) struct Header {
    alg: String,
    enc: String,
    epk: Option<agreement::EphemeralKey>,
    #[serde(default)]
    apu: String,
    #[serde(default)]
    apv: String,
    crit: Option<serde::de::IgnoredAny>,
    zip: Option<serde::de::IgnoredAny>,
}

fn cipher(content_key: &[u8; CONTENT_KEY_LENGTH]) -> Result<LessSafeKey, JweError> {
    let key = UnboundKey::new(&AES_256_GCM, content_key).map_err(|_| JweError::Provider)?;
    Ok(LessSafeKey::new(key))
}

/// The only `enc` there is.
const CONTENT_ENCRYPTION: &str = "A256GCM";
/// Bytes of a content key of `A256GCM`.
const CONTENT_KEY_LENGTH: usize = 32;

#[cfg(test)]
mod tests;
