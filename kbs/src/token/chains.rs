//! Certificate chains that were verified before.
//!
//! An issuer puts the same chain into every token, and its verification costs
//! a signature check a certificate. So a verdict is remembered beside the
//! header key it is about, chain and all, for as long as the certificates
//! are valid.

use std::sync::{Mutex, PoisonError};

use jose::jwk::Jwk;
use jose::key::VerificationKey;
use jose::x5c::{TrustAnchors, VerifiedChain, X5cError};

/// How many chains are remembered. Only chains to a trusted root are, so this
/// is more than any set of issuers needs, and few enough to look through.
const MAX_CHAINS: usize = 64;

/// Trust anchors, and the chains to them that were verified before.
pub(super) struct Chains {
    anchors: TrustAnchors,
    verified: Mutex<Vec<Remembered>>,
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
            verified: Mutex::default(),
        }
    }

    /// The key of a token header, if its own chain leads to an anchor at `now`
    /// and is for this very key.
    pub(super) fn verify(&self, header_key: &Jwk, now: i64) -> Result<VerificationKey, X5cError> {
        if let Some(key) = self.remembered(header_key, now) {
            return Ok(key);
        }
        let chain = self.anchors.verify_jwk(header_key, now)?;
        let key = chain.key.clone();
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.retain(|known| known.header_key != *header_key);
        if verified.len() >= MAX_CHAINS {
            verified.clear();
        }
        let header_key = header_key.clone();
        verified.push(Remembered { header_key, chain });
        Ok(key)
    }

    fn remembered(&self, header_key: &Jwk, now: i64) -> Option<VerificationKey> {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        // The verdict is about a chain and a key together.
        let known = verified.iter().find(|known| known.header_key == *header_key)?;
        known.chain.is_current(now).then(|| known.chain.key.clone())
    }

    /// How many chains are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.verified.lock().unwrap().len()
    }
}
