//! The wire contracts of the services, generated from `proto/*.proto`.
//!
//! - [`attestation`]: what the Attestation Service offers to a relying party.
//! - [`reference`]: what the Reference Value Provider Service offers.

/// The metadata of the status of an `AttestationEvaluate` that asked for an explanation and was refused: JSON, the check
/// that failed (docs/decisions.md).
pub const FAILED_CHECK: &str = "trustee-failed-check-bin";

/// `attestation.proto`: evidence in, signed token out.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod attestation {
    tonic::include_proto!("attestation");
}

/// `reference.proto`: reference values, registered and queried.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod reference {
    tonic::include_proto!("reference");
}
