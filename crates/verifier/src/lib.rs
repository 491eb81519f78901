//! Evidence to verified claims. Pure: no IO, no async, no clock; time is a parameter.
//!
//! A verifier is reached through [`Verifiers`]. Its [`EvidenceVerifier::parse`] turns what a client sent into
//! [`ParsedEvidence`], which first names the [`EndorsementId`]s it could use and then, given those, the
//! [`ExpectedBinding`] and the time, either gives [`VerifiedClaims`] or says which check failed
//! ([`VerifyError`]). Nothing outside this crate can make a [`VerifiedClaims`].
//!
//! Modules in reading order: the contract first, then one module for each TEE.

mod binding;
mod cache;
mod check;
#[cfg(test)]
mod claim_paths;
mod claims;
mod digits;
mod endorsement;
mod error;
mod evidence;
mod tee;
#[cfg(test)]
mod testing;
mod validity;
mod verifiers;
mod x509;

pub mod az_vtpm;
pub mod cca;
pub mod csv;
pub mod dcap;
pub mod nvidia;
pub mod sample;
pub mod sgx;
pub mod snp;
pub mod tdx;
pub mod tpm;

pub use az_vtpm::AzVtpmError;
pub use binding::ExpectedBinding;
pub use cca::{CcaError, CcaOptions, CcaStoreError, CcaStores};
pub use check::Expectation;
pub use claims::VerifiedClaims;
pub use csv::{CsvChipId, CsvError, CsvOptions, CsvRoot, CsvRootError};
pub use dcap::{DcapError, DcapOptions, DcapRoot, DcapRootError, DcapTee, Fmspc, PckCa};
pub use endorsement::{Endorsement, EndorsementId, Endorsements};
pub use error::{Fault, VerifyError};
pub use evidence::{EvidenceVerifier, ParsedEvidence, UnverifiedEvidence};
pub use snp::{HwId, SnpError, SnpOptions, SnpProduct, SnpRoot, SnpRootError, SnpTcb};
pub use tdx::TdxError;
pub use tee::{Tee, TeeClass, UnknownTee};
pub use tpm::{TpmError, TpmOptions, TpmRootError};
pub use validity::{FormError, Validity};
pub use verifiers::{OptionsError, VerifierOptions, Verifiers};
