//! The Attestation Service as this service sees it: built in, over gRPC, Intel's, or none at all.

pub mod built_in;
pub mod grpc;
pub mod none;
pub mod trust_authority;

mod hash;
mod management;
mod policies;
mod reference_values;
mod trial;

use async_trait::async_trait;
use daemon::causes::causes;
use kbs_types::Tee;
use serde_json::Value;
use serde_json::value::RawValue;

pub use hash::{HashChoice, HashChoiceError};
pub use management::AttestationManagement;
pub use policies::{DeletedPolicy, PolicyChange, PolicySet, PolicySummary, StoredPolicy};
pub use reference_values::{
    Change, Left, Message, ReferenceValueHistory, Registrar, Revocation, RevokeWhat, ServedValue,
    ValueVersion,
};
pub use storage::{Author, Version};
pub use trial::{PolicyTrial, Tried, TriedAppraisal, TriedClaims, TriedResult};

use crate::admin::AdminGrant;
use crate::decisions::Refusal;
use crate::error::{Cause, KbsError};
use crate::token::FreshToken;

/// The policy the evidence is appraised under where nothing says otherwise.
pub const POLICY_ID: &str = "default";

/// The longest explanation that is taken, in bytes.
const MAX_EXPLANATION: usize = 512 * 1024;

/// What appraises evidence.
#[async_trait]
pub trait AttestationClient: Send + Sync {
    /// Chooses among the hash algorithms that a client offers for its evidence: the JSON value of
    /// `supported-hash-algorithms`, if there is one.
    fn choose_hash(&self, tee: Tee, offered: Option<&Value>) -> Result<HashChoice, HashChoiceError> {
        hash::of_coco(tee, offered)
    }

    /// The keys that verify its tokens, as the JSON text of a JWK Set, if this process signs them.
    fn published_keys(&self) -> Option<&str> {
        None
    }

    /// What only the operator may see of it (it names chips), if it is in this process.
    fn status(&self) -> Option<Value> {
        None
    }

    /// What it counts, likewise, in the text format of Prometheus.
    fn counters(&self) -> Option<String> {
        None
    }

    /// Appraises all items; one that does not hold fails them all.
    async fn evaluate(&self, evaluation: Evaluation) -> Result<Evaluated, AttestationError>;

    // What a client does not say otherwise about, it does not offer.

    /// A TEE's own challenge, or an empty text if the TEE has none.
    async fn challenge(&self, _tee: Tee, _extra_params: &str) -> Result<String, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    /// What administrators do with it.
    fn management(&self, _grant: &AdminGrant) -> Result<&dyn AttestationManagement, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    /// Whether evidence could be appraised now. Cheap enough to be asked every few seconds.
    async fn is_ready(&self) -> bool;
}

/// What one guest presents.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The CPU's evidence first, then that of each device.
    pub items: Vec<EvaluationItem>,
    /// The policy that the client chose, and may; without it, [`POLICY_ID`].
    pub policy_id: Option<String>,
    /// Whether the result should be explained, if the service can do that.
    pub explain: bool,
}

/// What the Attestation Service says of a guest.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// Signed.
    pub token: FreshToken,
    /// Why the result is what it is, if it was asked for and the service can say it (docs/explanations.md). Holds
    /// claims and reference values; not for the guest.
    pub explanation: Option<Box<RawValue>>,
}

impl Evaluated {
    /// `explanation` is JSON text; what is none, or is too long to be kept, counts as not said.
    pub fn new(token: impl Into<FreshToken>, explanation: Option<String>) -> Self {
        let explanation = explanation.filter(|text| text.len() <= MAX_EXPLANATION);
        Self {
            token: token.into(),
            explanation: explanation.and_then(|text| RawValue::from_string(text).ok()),
        }
    }
}

/// The evidence of one attester.
#[derive(Debug, Clone)]
pub struct EvaluationItem {
    /// Its kind.
    pub tee: Tee,
    /// JSON text.
    pub evidence: String,
    /// JSON text whose canonical form is hashed and must be found in the evidence.
    pub runtime_data: String,
    /// The hash.
    pub hash: HashAlgorithm,
    /// The init-data document whose hash must be found in the evidence.
    pub init_data_toml: Option<String>,
}

/// How runtime data is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum HashAlgorithm {
    Sha384,
    Sha512,
}

impl HashAlgorithm {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// Why the Attestation Service did not do what it was asked, sorted by whose fault that is.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// The attester's: the evidence does not hold. Or the request's: the service cannot take it.
    #[error("the attestation service refused: {0}")]
    Refused(String),
    /// The attester's: the evidence does not hold, and the service says which check it failed.
    #[error("the attestation service refused: {0}")]
    RefusedEvidence(#[source] Box<Refusal>),
    /// The request's: there is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The operator's: a policy is missing or broken, or the credentials are not accepted.
    #[error("the attestation service is not set up for this: {0}")]
    Setup(#[source] Cause),
    /// The same, of what an administrator asked for, who may read why.
    #[error("the attestation service is not set up for this: {0}")]
    NotSetUp(String),
    /// The service in use does not know the operation.
    #[error("the attestation service does not offer this")]
    NotOffered,
    /// It cannot be reached, or did not answer in time.
    #[error("the attestation service, or what it depends on, is unavailable: {0}")]
    Unavailable(#[source] Cause),
    /// It, or the way to it, failed.
    #[error("the attestation service failed: {0}")]
    Failed(#[source] Cause),
}

impl AttestationError {
    /// The same for an administrator, who may read what the operator has to mend.
    fn for_administrator(self) -> Self {
        match self {
            Self::Setup(cause) => Self::NotSetUp(bounded(&causes(&*cause))),
            error => error,
        }
    }

    /// The error of the request that needed the service. `refused` says what a refusal means there.
    pub fn into_kbs_error(self, refused: impl FnOnce(String) -> KbsError) -> KbsError {
        match self {
            Self::Refused(reason) => refused(reason),
            Self::RefusedEvidence(refusal) => refused(refusal.reason),
            Self::NotFound(reason) => KbsError::NotFound(reason),
            Self::NotOffered => KbsError::NotOffered,
            Self::NotSetUp(reason) => KbsError::NotSetUp(reason),
            error @ Self::Setup(_) => KbsError::AttestationSetup(error.into()),
            error @ Self::Unavailable(_) => KbsError::AttestationUnavailable(error.into()),
            error @ Self::Failed(_) => KbsError::AttestationFailed(error.into()),
        }
    }
}

/// A message of another service, short enough for a log line and without line breaks.
fn bounded(message: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    message.chars().take(512).map(clean).collect()
}
