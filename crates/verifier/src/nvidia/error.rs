//! Why evidence of NVIDIA devices is refused.

use crate::Fault;

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NvidiaError {
    /// Only Hopper can be judged without NVIDIA's service.
    #[error("a {0} device can only be judged by NVIDIA's Remote Attestation Service")]
    Architecture(&'static str),
    /// The list has the same device twice.
    #[error("the same device is there twice")]
    SameDevice,
    /// No report data is expected, so nothing shows that the evidence is fresh.
    #[error("the evidence of a device needs a nonce to be compared with")]
    NoNonce,

    /// A member of the SPDM exchange has another value than it must have.
    #[error("the report's {0} is not what it must be")]
    Spdm(&'static str),
    /// The report ends too early, or goes on after its end.
    #[error("the report's {0} has another length than it says")]
    Length(&'static str),
    /// A measurement block is not in DMTF's form, or an index is there twice.
    #[error("the measurement of index {0} is malformed or there twice")]
    Measurement(u8),
    /// A field of the opaque data is there twice or has not its form.
    #[error("field {0} of the report's opaque data is malformed or there twice")]
    OpaqueField(u16),
    /// A field of the opaque data that every report must have.
    #[error("the report's opaque data has no {0}")]
    OpaqueFieldMissing(&'static str),

    /// A certificate of the chain cannot be read, or there are too few or too many.
    #[error("the certificate chain is malformed: {0}")]
    Chain(String),
    /// The last certificate of the chain is no trusted root.
    #[error("the certificate chain does not end in NVIDIA's Device Identity CA")]
    UnknownRoot,
    /// A certificate of the chain is not signed by the next one's key.
    #[error("a certificate of the chain is not signed by the next one")]
    ChainSignature,
    /// A certificate of the chain may not do what it does there.
    #[error("a certificate of the chain may not stand where it stands: {0}")]
    Constraint(&'static str),
    /// A certificate of the chain is not valid at this time.
    #[error("a certificate of the chain is expired or not yet valid")]
    Validity,
    /// The chain is of another kind of device than the evidence says.
    #[error("the certificate chain is not of a Hopper GPU")]
    OtherArchitecture,
    /// The extension with the firmware's digest is missing, there twice or malformed.
    #[error("the device certificate's firmware id is missing, malformed or there twice")]
    FwidExtension,
    /// The certificate was made for other firmware than the report names.
    #[error("the firmware id in the report is not that of the device certificate")]
    FwidMismatch,
    /// The signature is not the device's signature of this report.
    #[error("the report's signature is not valid")]
    ReportSignature,

    /// The service's answer has not its form.
    #[error("the service's answer is malformed: {0}")]
    Answer(&'static str),
    /// The service's key set has not its form.
    #[error("the service's key set is malformed: {0}")]
    KeySet(&'static str),
    /// No key of the service's key set has this id.
    #[error("the service's key set has no key for its answer")]
    UnknownKey,
    /// A token of the answer is not signed by the key that it names.
    #[error("the signature of a token of the service is not valid")]
    TokenSignature,
    /// A token of the answer is expired, or not yet valid.
    #[error("a token of the service is expired or not yet valid")]
    TokenTime,
    /// A token of the answer is issued by someone else.
    #[error("a token of the service has another issuer")]
    TokenIssuer,
    /// The device's token is not the one that the overall token vouches for.
    #[error("the device's token is not the one that the service's overall token names")]
    TokenDigest,
    /// A token of the answer is for another nonce than was asked about.
    #[error("a token of the service is for another nonce")]
    TokenNonce,
}

impl NvidiaError {
    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        match self {
            NvidiaError::NoNonce => Fault::Caller,
            NvidiaError::Answer(_)
            | NvidiaError::KeySet(_)
            | NvidiaError::UnknownKey
            | NvidiaError::TokenSignature
            | NvidiaError::TokenTime
            | NvidiaError::TokenIssuer
            | NvidiaError::TokenDigest
            | NvidiaError::TokenNonce => Fault::Endorsement,
            _ => Fault::Attester,
        }
    }
}
