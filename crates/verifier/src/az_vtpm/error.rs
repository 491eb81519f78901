//! Why the evidence of an Azure guest is refused, beyond what processor and TPM say.

use crate::Fault;

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AzVtpmError {
    /// The HCL report has not the form of one.
    #[error("the HCL report is malformed: {0}")]
    HclReport(&'static str),
    /// The runtime data is digested in another way than with SHA-256 (1).
    #[error("the HCL report names digest {0} for its runtime data, which is not SHA-256")]
    DigestType(u32),
    /// The HCL report holds the report of another kind of processor.
    #[error("the HCL report is not of {0}")]
    OtherProcessor(&'static str),
    /// The TD report in the HCL report is not the one that was quoted.
    #[error("the TD report in the HCL report is not the quoted one")]
    OtherTdReport,
    /// The processor's report is not about this runtime data.
    #[error("the digest of the runtime data is not in the processor's report")]
    RuntimeDataBinding,
    /// The runtime data is not the JSON that it should be.
    #[error("the runtime data is malformed: {0}")]
    RuntimeData(String),
    /// The runtime data has no attestation key, or two, or one of another kind.
    #[error("the runtime data does not hold one RSA attestation key")]
    AttestationKey,
    /// The runtime data's `user-data` is not the expected report data.
    #[error("the user data in the runtime data is not the expected report data")]
    UserDataMismatch,
}

impl AzVtpmError {
    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        Fault::Attester
    }
}
