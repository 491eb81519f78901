//! Why Arm CCA evidence is refused.

use crate::Fault;
use std::fmt;

/// One of the two tokens in a CCA token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CcaToken {
    /// About the machine, signed by the CPAK.
    Platform,
    /// About the realm, signed by the RAK.
    Realm,
}

impl fmt::Display for CcaToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CcaToken::Platform => "platform",
            CcaToken::Realm => "realm",
        })
    }
}

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CcaError {
    /// No trust anchors and reference values are configured. The operator's affair.
    #[error("no trust anchors and reference values for Arm CCA are configured (`cca_verifier`)")]
    NotConfigured,
    /// The trust anchors and reference values that are configured cannot be used. The operator's affair.
    #[error("the trust anchors and reference values for Arm CCA cannot be used: {0}")]
    NotUsable(String),
    /// The token is longer than any platform's.
    #[error("the token has {0} bytes, too many")]
    TooLong(usize),
    /// The token is not a collection of two tokens.
    #[error("the token is no CCA token: {0}")]
    Collection(&'static str),
    /// The collection's CBOR tag is of another kind of token.
    #[error("CBOR tag {0} is of no CCA token")]
    CollectionTag(u64),
    /// The collection lacks one of its tokens.
    #[error("the {0} token is missing")]
    MissingToken(CcaToken),
    /// A token is no COSE_Sign1 message with a payload.
    #[error("the {token} token is no signed message: {reason}")]
    Envelope {
        /// Which token.
        token: CcaToken,
        /// What is wrong.
        reason: &'static str,
    },
    /// The protected header must name ES256 or ES384, and that of the key.
    #[error("the signature algorithm of the {0} token is not supported, or is not that of its key")]
    Algorithm(CcaToken),
    /// The payload is no map of claims.
    #[error("the claims of the {token} token are malformed: {reason}")]
    Claims {
        /// Which token.
        token: CcaToken,
        /// What is wrong.
        reason: &'static str,
    },
    /// A claim that must be there is not.
    #[error("the {token} token has no claim {claim}")]
    MissingClaim {
        /// Which token.
        token: CcaToken,
        /// Which claim.
        claim: &'static str,
    },
    /// A claim is there twice.
    #[error("the {token} token has claim {claim} twice")]
    DuplicateClaim {
        /// Which token.
        token: CcaToken,
        /// Which claim.
        claim: &'static str,
    },
    /// A claim has another type, another length or another value than it may have.
    #[error("claim {claim} of the {token} token is not {expected}")]
    Claim {
        /// Which token.
        token: CcaToken,
        /// Which claim.
        claim: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The token's profile is none of those that this verifier knows.
    #[error("the profile of the {0} token is not supported")]
    Profile(CcaToken),
    /// No trust anchor for this implementation and instance.
    #[error("no trust anchor for the platform (instance {instance_id}, implementation {implementation_id})")]
    UnknownPlatform {
        /// Instance id of the platform, hex.
        instance_id: String,
        /// Implementation id of the platform, hex.
        implementation_id: String,
    },
    /// The platform token is not signed by the key that its instance id names.
    #[error("the signature of the platform token is not valid")]
    PlatformSignature,
    /// The public key in the realm token is none that can be used.
    #[error("the realm token's public key is malformed")]
    RealmKey,
    /// The realm token is not signed by the key in it.
    #[error("the signature of the realm token is not valid")]
    RealmSignature,
    /// The platform token vouches for another realm key than that in the realm token.
    #[error("the platform token does not vouch for the realm token's key")]
    RealmKeyBinding,
    /// No reference values for this implementation of the platform.
    #[error("no reference values for the platform (implementation {implementation_id})")]
    UnknownImplementation {
        /// Implementation id of the platform, hex.
        implementation_id: String,
    },
    /// Configuration or software of the platform is none of those that are known to be good.
    #[error("configuration and software components of the platform match no reference value")]
    PlatformMismatch,
}

impl CcaError {
    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        match self {
            CcaError::NotConfigured | CcaError::NotUsable(_) => Fault::Operator,
            _ => Fault::Attester,
        }
    }
}
