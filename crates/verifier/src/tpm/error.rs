//! Why a TPM's quote is refused.

use crate::Fault;

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TpmError {
    /// The attestation key cannot be used.
    #[error("the attestation key cannot be used: {0}")]
    Key(&'static str),
    /// Only RSASSA (0x14) and ECDSA (0x18) are supported.
    #[error("signature scheme {0:#06x} is not supported")]
    SignatureScheme(u16),
    /// Only SHA-256 (0x0b) is supported.
    #[error("signature hash {0:#06x} is not supported")]
    SignatureHash(u16),
    /// The signature has not the TPM's form.
    #[error("the quote's signature is malformed: {0}")]
    SignatureForm(&'static str),
    /// The attestation key does not make such signatures.
    #[error("the quote's signature is of another scheme than the attestation key")]
    OtherScheme,
    /// The signature is not the attestation key's signature of the quote.
    #[error("the quote's signature is not valid")]
    Signature,
    /// What is signed was not made by a TPM.
    #[error("the signed message begins with {0:#010x} and was not made by a TPM")]
    Magic(u32),
    /// What is signed is another attestation than a quote.
    #[error("the signed message is of type {0:#06x}, which is no quote")]
    NotAQuote(u16),
    /// What is signed has not the form of a quote.
    #[error("the quote is malformed: {0}")]
    Message(&'static str),
    /// The quote selects PCRs of no bank, or of several, or of one twice.
    #[error("the quote has {0} selections of PCRs, not one")]
    PcrBanks(u32),
    /// The quote is over another bank than SHA-256 (0x0b).
    #[error("the quote is over the PCR bank {0:#06x}, not over that of SHA-256")]
    PcrBank(u16),
    /// The quote is not over all 24 PCRs.
    #[error("the quote is not over all 24 PCRs")]
    PcrSelection,
    /// The PCRs in the evidence are not those that were quoted.
    #[error("the PCRs in the evidence are not those in the quote")]
    PcrDigest,
    /// A certificate cannot be read.
    #[error("certificate {position} of the attestation key's chain is malformed: {reason}")]
    Certificate {
        /// Its place in the chain, from 0.
        position: usize,
        /// What is wrong.
        reason: String,
    },
    /// The chain's first certificate is of another key.
    #[error("the certificate is of another key than the attestation key")]
    CertificateOfOtherKey,
    /// The chain's first certificate is neither for attestation keys nor for endorsement keys, or not for
    /// signatures.
    #[error("the certificate is not one of an attestation key or of an endorsement key that signs")]
    CertificatePurpose,
    /// A certificate of the chain does not follow from the next one.
    #[error("certificate {0} of the attestation key's chain is not signed by the next")]
    ChainSignature(usize),
    /// The chain does not end at a root that is trusted for its purpose.
    #[error("the attestation key's certificate chain ends at no trusted root")]
    UntrustedChain,
    /// A certificate of the chain is not valid at this time.
    #[error("a certificate of the attestation key's chain is expired or not yet valid")]
    Validity,
}

impl TpmError {
    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        Fault::Attester
    }
}
