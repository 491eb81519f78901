//! Certificate chains that were verified before.
//!
//! An issuer puts the same chain into every token, and its verification costs
//! a signature check a certificate. So a verdict is remembered under the
//! chain's digest, for as long as the certificates are valid.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jose::jwk::Jwk;
use jose::key::VerificationKey;
use jose::x5c::{TrustAnchors, VerifiedChain, X5cError};
use ring::digest;

/// How many chains are remembered. Only chains to a trusted root are, so this
/// is more than any set of issuers needs.
const MAX_CHAINS: usize = 64;

type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// Trust anchors, and the chains to them that were verified before.
pub(super) struct Chains {
    anchors: TrustAnchors,
    verified: Mutex<HashMap<Digest, Remembered>>,
}

/// A header key whose chain was verified, and the verdict.
struct Remembered {
    header_key: Jwk,
    chain: VerifiedChain,
}

impl Chains {
    pub(super) fn new(anchors: TrustAnchors) -> Self {
        Self {
            anchors,
            verified: Mutex::new(HashMap::new()),
        }
    }

    /// The key of a token header, if its own chain leads to an anchor at `now`
    /// and is for this very key.
    pub(super) fn verify(&self, header_key: &Jwk, now: i64) -> Result<VerificationKey, X5cError> {
        let digest = digest_of(header_key.x5c());
        if let Some(key) = self.remembered(&digest, header_key, now) {
            return Ok(key);
        }
        let chain = self.anchors.verify_jwk(header_key, now)?;
        let key = chain.key.clone();
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= MAX_CHAINS {
            verified.clear();
        }
        let header_key = header_key.clone();
        verified.insert(digest, Remembered { header_key, chain });
        Ok(key)
    }

    fn remembered(&self, digest: &Digest, header_key: &Jwk, now: i64) -> Option<VerificationKey> {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let known = verified.get(digest)?;
        // The verdict is about a chain and a key together.
        let stands = known.header_key == *header_key && known.chain.is_current(now);
        stands.then(|| known.chain.key.clone())
    }

    /// How many chains are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.verified.lock().unwrap().len()
    }
}

/// Over each certificate's text with its length, so that no two chains have
/// the same digest.
fn digest_of(x5c: &[String]) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for certificate in x5c {
        context.update(&(certificate.len() as u64).to_be_bytes());
        context.update(certificate.as_bytes());
    }
    let mut bytes = [0; digest::SHA256_OUTPUT_LEN];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}
