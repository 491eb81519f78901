//! Certificate chains that vouch for a key that signs tokens (`x5c`, RFC 7515 section 4.1.6).
//!
//! A small, strict path check after RFC 5280 section 6.1, against the configured anchors only: names, signatures,
//! validity, who may issue, what the leaf's key is for. No revocation, no policies, no name constraints: a
//! certificate with a critical extension that is not known here is refused.

mod certificate;
mod extensions;
mod signature;

use certificate::ParsedCertificate;

use crate::key::{KeyError, VerificationKey};
use crate::{Jwk, encoding, pem};

/// The certificates that are trusted as such. The system's are never among them.
#[derive(Debug, Clone, Default)]
pub struct TrustAnchors(Vec<ParsedCertificate>);

impl TrustAnchors {
    /// The certificates of a PEM file; there must be one at least.
    pub fn from_pem(text: &[u8]) -> Result<Self, X5cError> {
        let chain = certificates_of_pem(text)
            .filter(|chain| !chain.is_empty())
            .ok_or(X5cError::NotPem)?;
        chain
            .into_iter()
            .map(ParsedCertificate::from_der)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Adds the anchors of another set.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether nothing is trusted at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The leaf's key if the chain (leaf first, each certifying the one before) leads to an anchor at `now`.
    pub fn verify(&self, x5c: &[String], now: i64) -> Result<VerificationKey, X5cError> {
        self.verify_chain(x5c, now).map(|chain| chain.key)
    }

    /// The key of a token's header if its own `x5c` leads to an anchor and its leaf has the same key.
    pub fn verify_jwk(&self, jwk: &Jwk, now: i64) -> Result<VerifiedChain, X5cError> {
        let chain = self.verify_chain(jwk.x5c(), now)?;
        if chain.key.public_key() != jwk.public_key() {
            return Err(X5cError::AnotherKey);
        }
        Ok(VerifiedChain {
            key: VerificationKey::new(jwk.public_key().clone(), jwk.alg()),
            ..chain
        })
    }

    /// [`TrustAnchors::verify`], with the times between which the result stands, for those who remember it.
    pub fn verify_chain(&self, x5c: &[String], now: i64) -> Result<VerifiedChain, X5cError> {
        self.verify_chain_for(Purpose::Tokens, x5c, now)
    }

    /// [`TrustAnchors::verify_chain`] for a leaf that signs what `purpose` says.
    pub fn verify_chain_for(
        &self,
        purpose: Purpose,
        x5c: &[String],
        now: i64,
    ) -> Result<VerifiedChain, X5cError> {
        if x5c.is_empty() {
            return Err(X5cError::NoChain);
        }
        if x5c.len() > MAX_CHAIN_LENGTH {
            return Err(X5cError::TooLong);
        }
        let chain = x5c
            .iter()
            .map(|text| parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        let (leaf, issuers) = chain.split_first().ok_or(X5cError::NoChain)?;

        let mut verified = VerifiedChain {
            key: VerificationKey::from(leaf.key().map_err(X5cError::Key)?),
            not_before: i64::MIN,
            not_after: i64::MAX,
        };
        let pinned = self.0.contains(leaf);
        verified.narrow(leaf, now)?;
        leaf.may_sign(purpose, pinned)?;
        if pinned {
            return Ok(verified);
        }

        self.follow(leaf, issuers, &mut verified, now)
            .map_err(|error| self.unusable_issuer(&chain).unwrap_or(error))?;
        Ok(verified)
    }

    /// From the leaf to an anchor.
    fn follow(
        &self,
        leaf: &ParsedCertificate,
        issuers: &[ParsedCertificate],
        verified: &mut VerifiedChain,
        now: i64,
    ) -> Result<(), X5cError> {
        let mut child = leaf;
        for (below, offered) in issuers.iter().map(Some).chain([None]).enumerate() {
            if let Some(anchor) = self.issuer_of(child, below, now) {
                return verified.narrow(anchor, now);
            }
            let Some(issuer) = offered else { break };
            issuer.may_issue(below)?;
            issuer.has_issued(child)?;
            verified.narrow(issuer, now)?;
            if self.0.contains(issuer) {
                return Ok(());
            }
            child = issuer;
        }
        Err(X5cError::Untrusted)
    }

    /// What to say of a chain that was refused, if it names an anchor whose key can verify nothing here.
    fn unusable_issuer(&self, chain: &[ParsedCertificate]) -> Option<X5cError> {
        let unusable = |anchor: &ParsedCertificate| {
            chain
                .iter()
                .find_map(|certificate| anchor.is_unusable_issuer_of(certificate))
        };
        self.0.iter().find_map(unusable).map(X5cError::AnchorKey)
    }

    /// The anchor that has issued `child`, if it may have; of several (a renewed root), one that is valid now is
    /// preferred. `below`: certificates between it and the leaf.
    fn issuer_of(&self, child: &ParsedCertificate, below: usize, now: i64) -> Option<&ParsedCertificate> {
        let mut issuers = self
            .0
            .iter()
            .filter(|anchor| anchor.has_issued(child).is_ok() && anchor.may_issue_as_anchor(below).is_ok())
            .peekable();
        let first = issuers.peek().copied();
        issuers.find(|anchor| anchor.is_valid(now)).or(first)
    }
}

/// What the leaf of a chain signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Tokens.
    Tokens,
    /// Statements about software, such as provenance: a certificate for signing code will do, too.
    Statements,
}

/// A key that a chain vouches for, and for how long.
#[derive(Debug, Clone)]
pub struct VerifiedChain {
    /// The leaf's key.
    pub key: VerificationKey,
    /// The latest start of validity in the chain: seconds since the Unix epoch.
    pub not_before: i64,
    /// The earliest end of validity in the chain: seconds since the Unix epoch.
    pub not_after: i64,
}

impl VerifiedChain {
    /// Whether the verdict stands at `now`.
    pub fn is_current(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    fn narrow(&mut self, certificate: &ParsedCertificate, now: i64) -> Result<(), X5cError> {
        let (not_before, not_after) = certificate.validity()?;
        match now {
            now if now < not_before => Err(X5cError::NotYetValid),
            now if now > not_after => Err(X5cError::Expired),
            _ => {
                self.not_before = self.not_before.max(not_before);
                self.not_after = self.not_after.min(not_after);
                Ok(())
            }
        }
    }
}

/// Why a chain does not vouch for its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum X5cError {
    /// A file of anchors holds none, or a broken one.
    #[error("the file holds no PEM certificate, or a broken one")]
    NotPem,
    /// There is no `x5c`.
    #[error("the key comes without a certificate chain")]
    NoChain,
    /// More certificates, or a longer one, than any honest chain has.
    #[error("the certificate chain is too long")]
    TooLong,
    /// A certificate cannot be read.
    #[error("a certificate of the chain is malformed")]
    Malformed,
    /// The leaf's key is not one that can verify tokens.
    #[error("the key of the leaf certificate is refused")]
    Key(#[source] KeyError),
    /// The chain leads to a trusted certificate whose key can verify nothing here.
    #[error(
        "the trusted certificate that the chain leads to has a key that cannot be used here: RSA from 2048 bits, P-256, \
         P-384 and Ed25519 can"
    )]
    AnchorKey(#[source] KeyError),
    /// The key in the header is not the leaf's.
    #[error("the leaf certificate is for another key")]
    AnotherKey,
    /// The names of issuer and child differ.
    #[error("a certificate is not of the issuer that the chain shows")]
    WrongIssuer,
    /// The issuer's signature does not verify, or is made in a way that is not accepted (SHA-1, MD5, …).
    #[error("a certificate's signature does not verify")]
    BadSignature,
    /// A certificate is not valid yet.
    #[error("a certificate of the chain is not valid yet")]
    NotYetValid,
    /// A certificate has expired.
    #[error("a certificate of the chain has expired")]
    Expired,
    /// An issuer is no certification authority, or not for a chain of this length.
    #[error("a certificate of the chain may not issue certificates")]
    NotAnIssuer,
    /// The leaf is for something else: a certification authority, or a TLS server for instance.
    #[error("the leaf certificate is not for signing this")]
    NotForSigning,
    /// A critical extension that is not known here, or one that appears twice.
    #[error("a certificate has an extension that cannot be honoured")]
    Extension,
    /// The chain does not lead to an anchor.
    #[error("the certificate chain does not lead to a trusted certificate")]
    Untrusted,
}

/// The certificates of a PEM file in DER, in order. `None`: broken.
pub(crate) fn certificates_of_pem(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let blocks = pem::blocks(text)?;
    Some(
        blocks
            .into_iter()
            .filter(|block| block.label == "CERTIFICATE")
            .map(|block| block.der.to_vec())
            .collect(),
    )
}

fn parse(text: &str) -> Result<ParsedCertificate, X5cError> {
    if text.len() > MAX_CERTIFICATE_LENGTH {
        return Err(X5cError::TooLong);
    }
    ParsedCertificate::from_der(encoding::decode_certificate(text).ok_or(X5cError::Malformed)?)
}

/// Certificates in a chain, the anchor included.
const MAX_CHAIN_LENGTH: usize = 8;
/// Characters of one certificate in base64.
const MAX_CERTIFICATE_LENGTH: usize = 16 << 10;

#[cfg(test)]
mod tests;
