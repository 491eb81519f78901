//! The one place where errors become gRPC statuses. Each error is logged here, once, with its causes; evaluations
//! are logged by the audit.

use storage::StorageError;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::error::{EvaluateError, Fault, numbered_causes};
use crate::failed_check::FailedCheck;
use crate::policies::PolicyStoreError;
use crate::reference_values::ReferenceValueError;
use crate::service::TrialError;

/// The status of an evaluation that has no result. Clients look for the evaluation's text, and for ABORTED. Who asked
/// for an explanation gets the check that failed in the metadata.
pub(crate) fn evaluate(error: &EvaluateError, explain: bool) -> Status {
    let text = format!("Attestation evaluation failed: {}", numbered_causes(error));
    let status = Status::new(code(error.fault()), text);
    match explain {
        true => with_check(status, error),
        false => status,
    }
}

/// The same with the check that failed in the metadata.
fn with_check(mut status: Status, error: &EvaluateError) -> Status {
    if let Ok(check) = serde_json::to_vec(&FailedCheck::of(error)) {
        let check = MetadataValue::from_bytes(&check);
        status.metadata_mut().insert_bin(protos::FAILED_CHECK, check);
    }
    status
}

/// The status of a challenge that cannot be made.
pub(crate) fn challenge(error: &EvaluateError) -> Status {
    let text = match error {
        EvaluateError::UnknownTee(_) => format!("Error parse TEE type: {error}"),
        error => format!("Challenge: {error}"),
    };
    tracing::info!(causes = numbered_causes(error), "no challenge");
    with_check(Status::new(code(error.fault()), text), error)
}

/// The status of a policy that cannot be set or read.
pub(crate) fn policy(context: &str, error: &PolicyStoreError) -> Status {
    let causes = numbered_causes(error);
    tracing::warn!(causes, "attestation policy not set or not read");
    let code = match error {
        PolicyStoreError::NotFound(_) | PolicyStoreError::NoVersion(_) => Code::NotFound,
        error => code(error.fault()),
    };
    let text = match error {
        // Who may set policies may read why it cannot be.
        PolicyStoreError::Storage(reason @ StorageError::NotWritable { .. }) => format!("{error}: {reason}"),
        error => error.to_string(),
    };
    Status::new(code, format!("{context}{text}"))
}

/// The status of a trial that cannot be made.
pub(crate) fn trial(error: &TrialError) -> Status {
    let causes = numbered_causes(error);
    tracing::info!(causes, "policies not tried");
    Status::new(code(error.fault()), error.to_string())
}

/// The status of reference values that cannot be read or registered.
pub(crate) fn reference_value(context: &str, error: &ReferenceValueError) -> Status {
    tracing::warn!(%error, "reference values not read or not registered");
    let code = match error {
        ReferenceValueError::NotOffered => Code::Unimplemented,
        error => code(error.fault()),
    };
    Status::new(code, format!("{context}{error}"))
}

fn code(fault: Fault) -> Code {
    match fault {
        Fault::Request => Code::InvalidArgument,
        Fault::Attester => Code::Aborted,
        Fault::Operator => Code::FailedPrecondition,
        Fault::Dependency => Code::Unavailable,
        Fault::Internal => Code::Internal,
    }
}
